"""`protocol: auto`: ALPN decides what is spoken with an upstream, from its first request on. It is a gateway too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.client import Client
from tests.e2e.configuration import LISTEN, rules
from tests.e2e.gateway_process import Gateway, until

UPLOAD = b"0123456789abcdef" * (512 * 1024 // 16)
REQUESTS = 5


def behind(certificates: Certificates, protocols: list[str], directory: Path) -> dict[str, Any]:
    listener = {
        "name": "tls",
        "listen": LISTEN,
        "protocols": protocols,
        "tls": certificates.tls(certificates.leaf("localhost")),
    }
    log = {"access_log": {"path": str(directory / "log")}}
    return rules({"respond": {"body": "here"}}, upstreams={}, listeners=[listener], **log)


def before(port: int, certificates: Certificates) -> dict[str, Any]:
    tls = {"ca": str(certificates.ca), "server_name": "localhost"}
    app = {"endpoints": [f"127.0.0.1:{port}"], "protocol": "auto", "tls": tls}
    rule = {"to": "app", "rewrite": {"host": "localhost"}}
    return {**rules(rule, upstreams={}, workers=1), "upstreams": {"app": app}}


@pytest.fixture(params=[["h2", "http/1.1"], ["http/1.1"]], ids=["h2", "h1"])
def spoken(request: pytest.FixtureRequest) -> list[str]:
    offered: list[str] = request.param
    return offered


def test_the_first_request_and_all_later_ones_arrive_whole(
    spoken: list[str], certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "inner").mkdir()
    with (
        Gateway(behind(certificates, spoken, tmp_path), tmp_path / "inner") as inner,
        Gateway(before(inner.port("tls"), certificates), tmp_path) as outer,
    ):
        with Client(outer.port()) as client:
            # Answered before it is whole: that is the end of this connection, and of nothing else.
            assert client.ask("POST", "/", body=UPLOAD).body == b"here"
        with Client(outer.port()) as client:
            for _ in range(REQUESTS):
                assert client.ask("GET", "/").body == b"here"
        log = tmp_path / "log"
        until(lambda: log.read_bytes().count(b'"listener":"tls"') == REQUESTS + 1, "all requests are logged")
        lines = [line for line in map(json.loads, log.read_text().splitlines()) if line["listener"] == "tls"]
    assert {line["protocol"] for line in lines} == {"HTTP/2" if "h2" in spoken else "HTTP/1.1"}
    assert [line["status"] for line in lines] == [200] * (REQUESTS + 1)
