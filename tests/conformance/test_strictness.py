"""What is no valid request is refused with its status, the connection is closed, and nothing is forwarded."""

# ruff: noqa: E501  (a table reads best with one case per line)

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.invalid_requests import ALL, CHUNKS, Invalid
from tests.e2e.client import Client, fetch, head
from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway
from tests.e2e.origin import TellingOrigin

Strict = tuple[Gateway, TellingOrigin]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    with TellingOrigin() as origin, Gateway(forward_to(origin.address), tmp_path_factory.mktemp("strict")) as gateway:
        yield gateway, origin


def names(case: Invalid) -> str:
    return case.name


@pytest.mark.parametrize("case", ALL, ids=names)
def test_invalid_request_is_refused_closed_and_not_forwarded(strict: Strict, case: Invalid) -> None:
    gateway, origin = strict
    before = len(origin.requests)
    with Client(gateway.port()) as client:
        client.send(case.data)
        found = client.read()
        assert found.status == case.status, found
        assert found.header("connection") == "close"
        assert (found.header("proxy-status") or "").startswith("gateway; error=http_request_"), found.headers
        assert client.closed()
    assert len(origin.requests) == before, "the origin was sent a request"


@pytest.mark.parametrize("case", [case for case in ALL if case not in CHUNKS], ids=names)
def test_what_follows_an_invalid_head_is_never_a_request(strict: Strict, case: Invalid) -> None:
    gateway, origin = strict
    before = len(origin.requests)
    with Client(gateway.port()) as client:
        client.send(case.data + head("GET", "/smuggled"))
        assert client.read().status == case.status
        assert client.closed()
    assert len(origin.requests) == before


ENDLESS = "a bare CR as line end"
"""Its end never comes when it comes byte by byte: that is the header timeout's to refuse."""

SHORT = [case for case in ALL if len(case.data) < 300 and case.name != ENDLESS]


@pytest.mark.parametrize("case", SHORT, ids=names)
def test_invalid_request_is_refused_when_it_comes_byte_by_byte(strict: Strict, case: Invalid) -> None:
    gateway, origin = strict
    before = len(origin.requests)
    with Client(gateway.port()) as client:
        try:
            for byte in case.data:
                client.send(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before its end
        assert client.read().status == case.status
    assert len(origin.requests) == before


def test_the_connection_before_an_invalid_request_was_fine(strict: Strict) -> None:
    gateway, origin = strict
    before = len(origin.requests)
    with Client(gateway.port()) as client:
        client.send(head("GET", "/good") + b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + head("GET", "/never"))
        assert client.read().told["target"] == "/good"
        assert client.read().status == 400
        assert client.closed()
    assert len(origin.requests) == before + 1


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/a/./b", "/a/b"),
        ("/a/x/../b", "/a/b"),
        ("/a//b", "/a/b"),
        ("/%61/%2e/b", "/a/b"),
        ("/a/%2E%2e/b", "/b"),
        ("/~%7euser", "/~~user"),
        ("/%20%c3%a4", "/%20%C3%A4"),
        ("/a/b/..", "/a/"),
        ("/a;x=..%3b/b", "/a;x=..%3B/b"),
        ("/a?x=/../%2f", "/a?x=/../%2f"),
    ],
)
def test_what_was_checked_is_what_is_forwarded(strict: Strict, sent: str, arrives: str) -> None:
    gateway, _ = strict
    assert fetch(gateway.port(), "GET", sent).told["target"] == arrives


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"

PAIRS = {
    "CL.TE": b"POST /front HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s",
    "TE.CL": b"POST /front HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
    "CL.0": b"POST /front HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
    "TE.TE": b"POST /front HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\nX: %d\r\n\r\n%s",
    "folded TE": b"POST /front HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: %d\r\n\r\n%s",
    "TE with a bare CR": b"POST /front HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n%s",
    "GET with a body": b"GET /front HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
    "HEAD with a body": b"HEAD /front HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
    "body after 1.0": b"POST /front HTTP/1.0\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
    "no colon then length": b"POST /front HTTP/1.1\r\nHost: a\r\nContent-Length\x00: 0\r\nContent-Length: %d\r\n\r\n%s",
    "upgrade to h2c with a body": (
        b"POST /front HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: %d\r\n\r\n%s"
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_smuggling_pair_is_at_most_one_request_to_the_origin(strict: Strict, name: str) -> None:
    """The origin sees the outer request (where it is valid) or nothing; never what was hidden in its body."""
    gateway, origin = strict
    before = len(origin.requests)
    with Client(gateway.port()) as client:
        client.send(PAIRS[name] % (len(SMUGGLED), SMUGGLED))
        first = client.read(name.partition(" ")[0])
        if first.header("connection") == "close":
            assert client.closed()
        else:
            assert client.ask("GET", "/after").told["target"] == "/after"
    arrived = [told["target"] for told in origin.requests[before:]]
    assert arrived in ([], ["/front"], ["/front", "/after"])
