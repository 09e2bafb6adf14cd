"""The first five minutes: the quickstart configuration answers curl, and the file says how to go on."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.client import fetch
from tests.e2e.gateway_process import GATEWAY, ROOT, Gateway, free_port
from tests.e2e.programs import run


def quickstart(admin: int, web: int, embedded: int) -> str:
    """The example with other ports: those of the file may be in use on the machine that tests."""
    text = (ROOT / "examples" / "quickstart.yaml").read_text()
    for written, port in (("9901", admin), ("8080", web), ("8081", embedded)):
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
    return text


def test_quickstart_answers_curl_through_a_real_upstream(tmp_path: Path) -> None:
    web = free_port()
    with Gateway(quickstart(free_port(), web, free_port()), tmp_path) as gateway:
        done = run("curl", "-sS", "-i", f"http://127.0.0.1:{web}/")
        assert done.stdout.startswith("HTTP/1.1 200 OK")
        assert done.stdout.endswith("Hello from behind the gateway.\n")
        assert gateway.metrics().sum("gateway_upstream_requests_total", upstream="app") == 1


def test_quickstart_says_on_stderr_where_it_listens(tmp_path: Path) -> None:
    admin, web, embedded = free_port(), free_port(), free_port()
    with Gateway(quickstart(admin, web, embedded), tmp_path) as gateway:
        assert gateway.ports == {"web": web, "embedded": embedded, "admin": admin}
        assert fetch(web, "GET", "/").status == 200


def test_commands_about_the_running_gateway_find_it_by_its_file(tmp_path: Path) -> None:
    with Gateway(quickstart(free_port(), free_port(), free_port()), tmp_path) as gateway:
        for name in ("status", "routes", "upstreams", "reload"):
            done = subprocess.run([GATEWAY, name, "-c", gateway.file], capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip(), name
