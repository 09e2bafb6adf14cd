"""Everything at once for a while: load, reloads good and bad, a handler, scrapes. Nothing may fail or grow.

`make soak SECONDS=3600` runs it for an hour; `make test` for ten seconds, so that it cannot rot. What must hold: no
request fails, no connection is closed by a reload, no reload is refused that should not be, and after a first fifth of
the time memory and descriptors stay where they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bench import tool
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway, free_port

SECONDS: Final = float(os.environ.get("SOAK_SECONDS", "10"))

GROWTH_BYTES: Final = 16 * 1024 * 1024
"""What memory may grow by, whatever the time: allocators keep some of what they had; a leak of 100 bytes per request
passes this within seconds."""

GROWTH_DESCRIPTORS: Final = 64
"""The pools of both generations at the moment in which it is looked."""

pytestmark = [pytest.mark.alone, pytest.mark.timeout(SECONDS * 3 + 120)]


def configuration(server: int, weight: int) -> dict[str, Any]:
    """Forwarded to a second listener of the same gateway; `weight` is what a reload changes."""
    handler = {"name": "ask", "match": "/ask", "handler": "soaked:answer"}
    return {
        "listeners": [{"name": "web", "listen": LISTEN}, {"name": "server", "listen": f"127.0.0.1:{server}"}],
        "routes": [
            {"name": "web", "listeners": ["web"], "rules": [handler, {"name": "all", "to": "app"}]},
            {"name": "server", "listeners": ["server"], "rules": [{"name": "all", "respond": {"body": "x" * 1024}}]},
        ],
        "upstreams": {"app": {"endpoints": [{"address": f"127.0.0.1:{server}", "weight": weight}]}},
        "access_log": {"path": "access.log"},
    }


@dataclass
class Looked:
    """The process at one moment."""

    memory: int
    descriptors: int


def look(gateway: Gateway) -> Looked:
    return Looked(gateway.pss(), gateway.descriptors())


def load(binary: Path, port: int, path: str, *options: str) -> dict[str, Any]:
    """Run the load generator to its end."""
    line = [str(binary), f"http://127.0.0.1:{port}{path}", "--json", "-d", f"{SECONDS:g}s", *options]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def reload_until(gateway: Gateway, server: int, over: Callable[[], bool]) -> int:
    """Change a weight again and again; every tenth file is broken and must be refused. Gives how many were applied."""
    applied, tries = 0, 0
    while not over():
        tries += 1
        if tries % 10 == 0:
            status, _ = gateway.reload("version: 1\nlisteners: nonsense\n")
            assert status == 422
        else:
            status, outcome = gateway.reload(configuration(server, 1 + tries % 3))
            assert status == 200, outcome
            applied += 1
        gateway.metrics()
        time.sleep(min(0.2, SECONDS / 50))
    return applied


def test_nothing_fails_and_nothing_grows(tmp_path: Path) -> None:
    server = free_port()
    (tmp_path / "soaked.py").write_text(
        "from gateway.policy import Request, Response\n\n\n"
        "async def answer(request: Request) -> Response:\n    return Response(200, (), await request.read(1024))\n"
    )
    binary = tool.find()
    with Gateway(configuration(server, 1), tmp_path) as gateway, ThreadPoolExecutor(4) as threads:
        port = gateway.port()
        shapes = [
            threads.submit(load, binary, port, "/", "-c", "32"),
            threads.submit(load, binary, port, "/new", "-c", "8", "--connection", "new"),
            threads.submit(load, binary, port, "/ask", "-c", "4", "-m", "POST", "--body", "100", "--rate", "200"),
        ]
        began = time.monotonic()
        reload_until(gateway, server, lambda: time.monotonic() - began > SECONDS / 5)
        before = look(gateway)
        applied = reload_until(gateway, server, lambda: all(each.done() for each in shapes))
        after = look(gateway)
        reports = [each.result() for each in shapes]
        reasons = gateway.metrics().reasons()
    print(f"{applied} reloads, {reports[0]['requests']} requests, {before} → {after}, reasons {reasons}")
    assert [report["errors"] for report in reports] == [dict.fromkeys(reports[0]["errors"], 0)] * 3
    assert set(reasons) <= {"ok", "client_gone"}
    assert after.memory - before.memory <= GROWTH_BYTES
    assert after.descriptors - before.descriptors <= GROWTH_DESCRIPTORS
