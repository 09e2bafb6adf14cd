"""The access log tells of every request, those that were refused before they were understood among them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.client import Client, fetch
from tests.e2e.configuration import rules
from tests.e2e.gateway_process import Gateway, until


def test_refused_request_has_a_line_with_its_reason(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    config = rules({"respond": {"body": "ok"}}, upstreams={}, access_log={"path": str(log)})
    with Gateway(config, tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
            assert client.read().status == 400
        assert fetch(gateway.port(), "GET", "/fine").status == 200
        until(lambda: log.exists() and log.read_text().count('"listener":"web"') == 2, "both lines are written")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
    # Two workers may hand their lines over in either order.
    mine = (line for line in lines if line["listener"] == "web")
    fine, refused = sorted(mine, key=lambda line: line["status"])
    assert (refused["status"], refused["reason"], refused["listener"]) == (400, "request_invalid", "web")
    assert (fine["status"], fine["reason"], fine["target"]) == (200, "ok", "/fine")
