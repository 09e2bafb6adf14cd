"""slowhttptest in all its modes: while thousands of connections dawdle, a well-behaved client succeeds every time."""

from __future__ import annotations

import resource
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.client import fetch
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.programs import nginx, program

pytestmark = pytest.mark.alone

MODES = {"H": "slow heads", "B": "slow bodies", "R": "ranges", "X": "slow reading"}

PATHS = {"H": "/page", "B": "/sink", "R": "/page", "X": "/page"}


def attack(mode: str, port: int, path: str, seconds: int) -> subprocess.Popen[bytes]:
    """Start slowhttptest with 4,000 connections."""
    arguments = ["-c", "4000", f"-{mode}", "-r", "2000", "-l", str(seconds), "-p", "3", "-i", "2"]
    if mode == "X":
        arguments += ["-w", "512", "-y", "1024", "-n", "1", "-z", "32", "-k", "3"]
    url = f"http://127.0.0.1:{port}{path}"
    return subprocess.Popen(
        [program("slowhttptest"), *arguments, "-u", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


SECONDS = [
    pytest.param(4, id="short"),
    pytest.param(40, id="full", marks=[pytest.mark.soak, pytest.mark.timeout(180)]),
]


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("mode", MODES, ids=MODES.get)
def test_well_behaved_client_succeeds_every_time_during(tmp_path: Path, mode: str, seconds: int) -> None:
    program("slowhttptest")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 10_000:
        pytest.skip("needs 10,000 descriptors: ulimit -n 20000")
    listeners = [{"name": "web", "listen": LISTEN, "timeout": {"header": "2s", "idle": "5s"}}]
    with nginx(tmp_path) as server:
        (server.files / "page").write_bytes(b"x" * 200_000)
        rule = {"timeout": {"idle": "3s"}}
        with Gateway(forward_to(server.address, rule=rule, listeners=listeners), tmp_path) as gateway:
            before = gateway.pss()
            attacker = attack(mode, gateway.port(), PATHS[mode], seconds)
            try:
                until(lambda: begun(gateway, mode), "the attack has begun")
                deadline, asked, most = time.monotonic() + seconds, 0, 0
                while time.monotonic() < deadline:
                    assert len(fetch(gateway.port(), "GET", "/page").body) == 200_000
                    asked += 1
                    most = max(most, gateway.pss() - before)
            finally:
                attacker.terminate()
                attacker.wait(20)
            assert asked >= 1  # every one within the client's patience; slow reading keeps all cores busy with packets
            assert gateway.status()["panics"] == 0
            until(lambda: connections(gateway) == 0, "nothing of it stays")
            print(f"{MODES[mode]}: {asked} requests answered, memory grew by {most / 1048576:.1f} MiB")


def begun(gateway: Gateway, mode: str) -> bool:
    """Whether it is under way. Range requests are answered and end; the others stay open."""
    if mode == "R":
        return gateway.metrics().sum("gateway_requests_total", listener="web") > 0
    return connections(gateway) > 300


def connections(gateway: Gateway) -> float:
    """Open now, on the listener that is attacked."""
    return gateway.metrics().sum("gateway_connections_open", listener="web")
