"""Commands that ask a running gateway, against an admin API made of a table."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.cli.status import duration
from gateway.errors import ExitCode

STATUS = {
    "version": "0.1.0", "state": "ready", "pid": 7, "uptime_seconds": 90061, "workers": 2, "generation": 3,
    "config_file": "gw.yaml",
    "last_reload": {"ok": False, "seconds": 0.1, "errors": ["gw.yaml:1:1: error: no"]},
    "listeners": [
        {"name": "web", "address": "127.0.0.1:80", "state": "open", "connections": 4, "certificates": []},
        {
            "name": "https", "address": "127.0.0.1:443", "state": "open", "connections": 9,
            "certificates": [
                {"names": ["shop.example.com"], "not_after": 1_803_044_360.0},
                {"names": [], "not_after": 1_802_044_360.0},
            ],
        },
    ],
}  # fmt: skip


class Answers(BaseHTTPRequestHandler):
    """Answers from a table: (method, path) → (status, JSON)."""

    table: dict[tuple[str, str], tuple[int, Any]]

    def do_GET(self) -> None:
        status, value = self.table.get((self.command, self.path), (404, "none"))
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  (the name that http.server looks for)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def admin() -> Iterator[str]:
    Answers.table = {("GET", "/api/v1/status"): (200, STATUS)}
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_status_is_told_in_words(admin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--admin", admin]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "gateway 0.1.0  ready  pid 7" in text
    assert "up 1d 1h, 2 workers" in text
    assert "last reload refused:\ngw.yaml:1:1: error: no" in text
    assert "web       127.0.0.1:80   open   4            -" in text
    assert "shop.example.com and 1 more, the first ends 2027-02-07" in text


def test_status_is_json_for_programs(admin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--admin", admin, "-o", "json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == STATUS


def test_the_address_is_found_in_the_configuration(
    admin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gw.yaml").write_text(f'version: 1\nadmin: {{listen: "{admin}"}}\n')
    assert main(["status", "-c", str(tmp_path / "gw.yaml")]) == ExitCode.OK


def test_a_configuration_without_admin_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gw.yaml").write_text("version: 1\n")
    assert main(["status", "-c", str(tmp_path / "gw.yaml")]) == ExitCode.USAGE
    assert "--admin" in capsys.readouterr().err


def test_a_reload_that_went_well_says_the_generation(admin: str, capsys: pytest.CaptureFixture[str]) -> None:
    Answers.table["POST", "/api/v1/reload"] = (200, {"generation": 4, "warnings": ["careful"]})
    assert main(["reload", "--admin", admin]) == ExitCode.OK
    printed = capsys.readouterr()
    assert printed.out == "reloaded: generation 4\n"
    assert printed.err == "careful\n"


def test_a_reload_that_was_refused_says_every_error(admin: str, capsys: pytest.CaptureFixture[str]) -> None:
    Answers.table["POST", "/api/v1/reload"] = (422, {"generation": 3, "errors": ["one", "two"], "warnings": []})
    assert main(["reload", "--admin", admin]) == ExitCode.CONFIG
    assert capsys.readouterr().err == "one\ntwo\nrefused: generation 3 stays in force\n"


def test_nobody_there_is_69_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert main(["routes", "--admin", f"127.0.0.1:{port}"]) == ExitCode.UNAVAILABLE
    assert f"no gateway answers on 127.0.0.1:{port}: connection refused" in capsys.readouterr().err


def test_nobody_on_a_unix_socket_is_69_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upstreams", "--admin", f"unix:{tmp_path}/no.sock"]) == ExitCode.UNAVAILABLE


def test_somebody_else_there_is_69(admin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upstreams", "--admin", admin]) == ExitCode.UNAVAILABLE
    assert "404" in capsys.readouterr().err


def test_an_address_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--admin", "nonsense"]) == ExitCode.USAGE


@pytest.mark.parametrize("command", ["run", "explain", "reload", "status", "routes", "upstreams"])
def test_every_help_text_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == ExitCode.OK
    assert f"\n  gateway {command} " in capsys.readouterr().out


def test_durations_have_their_two_largest_units() -> None:
    assert [duration(seconds) for seconds in (0, 0.4, 12, 3720, 90061)] == ["0s", "0s", "12s", "1h 2m", "1d 1h"]
