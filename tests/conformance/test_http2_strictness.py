"""A malformed HTTP/2 request ends its stream, and no whole request reaches the upstream; the connection goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h11
import pytest

from tests.conformance.invalid_http2_requests import BEFORE_IT_IS_FORWARDED, LATER, Malformed
from tests.e2e.client import Client
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.http2 import PREFACE, Field, RawClient, data, head, pseudo
from tests.e2e.origin import Connection, ScriptedOrigin, answer


class Recorder(ScriptedOrigin):
    """Keeps every byte that reaches it, by connection, and answers each head that it sees."""

    def __init__(self) -> None:
        self.heard: dict[int, bytes] = {}
        self.seen: dict[int, bytes] = {}
        super().__init__(self._record)

    def _record(self, connection: Connection) -> None:
        parser, heard = h11.Connection(h11.SERVER), b""
        while part := connection.read_some():
            heard += part
            self.heard[connection.number] = heard
            parser.receive_data(part)
            while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.EndOfMessage):
                    self.seen[len(self.seen)], heard = heard, b""
                    self.heard[connection.number] = b""
                    connection.send(answer(b"fine"))
                    parser.send(h11.Response(status_code=200, headers=[("content-length", "4")]))
                    parser.send(h11.Data(data=b"fine"))
                    parser.send(h11.EndOfMessage())
                    parser.start_next_cycle()
        self.heard.pop(connection.number, None)

    def whole(self) -> list[bytes]:
        """The requests that came to an end, as they came."""
        return list(self.seen.values())


Strict = tuple[Gateway, Recorder]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    with Recorder() as origin, Gateway(forward_to(origin.address), tmp_path_factory.mktemp("strict2")) as gateway:
        yield gateway, origin


def names(case: Malformed) -> str:
    return case.name


def refused(client: RawClient, case: Malformed) -> None:
    client.send(case.frames)
    found = client.await_message(1)
    if case.code is not None:
        assert (found.reset, found.status) == (case.code, 0), found
    else:
        assert found.status == case.status, found
        assert "http_request_" in found.heads[0]["proxy-status"], found


@pytest.mark.parametrize("case", BEFORE_IT_IS_FORWARDED, ids=names)
def test_malformed_request_ends_its_stream_and_is_not_forwarded(strict: Strict, case: Malformed) -> None:
    gateway, origin = strict
    before, connections = origin.whole(), origin.accepted
    with RawClient(gateway.port()) as client:
        refused(client, case)
        assert (origin.whole(), origin.accepted) == (before, connections), "the origin was sent something"
        assert client.ask(3).status == 200, "the connection goes on"
    assert len(origin.whole()) == len(before) + 1


@pytest.mark.parametrize("case", LATER, ids=names)
def test_request_whose_end_is_malformed_never_comes_to_an_end(strict: Strict, case: Malformed) -> None:
    gateway, origin = strict
    before = len(origin.whole())
    with RawClient(gateway.port()) as client:
        refused(client, case)
        assert client.ask(3, path="/after").status == 200
    assert [each.split()[1] for each in origin.whole()[before:]] == [b"/after"]
    until(lambda: all(b"smuggled" not in heard for heard in origin.heard.values()), "the beginning is cut off")


def test_body_behind_a_length_of_0_is_not_forwarded(tmp_path: Path) -> None:
    """The request is whole when its head is; what follows is no request, and ends the stream. The origin may hear of
    the first one, at any time, so it is an origin of its own."""
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
    with (
        Recorder() as origin,
        Gateway(forward_to(origin.address), tmp_path) as gateway,
        RawClient(gateway.port()) as client,
    ):
        client.send(head(1, [*pseudo("POST"), ("content-length", "0")], end=False), data(1, smuggled, end=True))
        assert client.await_message(1).reset == 1
        assert client.ask(3, path="/after").status == 200
    assert {each.split()[1] for each in origin.whole()} <= {b"/", b"/after"}
    assert not any(b"smuggled" in each for each in [*origin.whole(), *origin.heard.values()])


def forwarded(strict: Strict, *fields: Field, method: str = "POST", body: bytes | None = None) -> bytes:
    """What the upstream gets of a request."""
    gateway, origin = strict
    before = len(origin.whole())
    with RawClient(gateway.port()) as client:
        whole = [*pseudo(method), *fields]
        frames = head(1, whole) if body is None else head(1, whole, end=False) + data(1, body, end=True)
        client.send(frames)
        assert client.await_message(1).status == 200
    found = origin.whole()[before:]
    assert len(found) == 1, "one request in, one request out"
    return found[0]


def lines(request: bytes) -> tuple[list[bytes], bytes]:
    """The lines of a head in small letters, and what follows it."""
    top, _, rest = request.partition(b"\r\n\r\n")
    return [line.lower() for line in top.split(b"\r\n")], rest


def test_body_of_unknown_length_is_chunked_whatever_it_looks_like(strict: Strict) -> None:
    body = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
    top, rest = lines(forwarded(strict, body=body))
    assert [line for line in top if line.startswith((b"content-length", b"transfer-"))] == [
        b"transfer-encoding: chunked"
    ]
    assert rest == b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def test_body_of_known_length_keeps_it(strict: Strict) -> None:
    body = b"\r\nGET /smuggled HTTP/1.1\r\n\r\n"
    top, rest = lines(forwarded(strict, ("content-length", str(len(body))), body=body))
    framing = [line for line in top if line.startswith((b"content-length", b"transfer-"))]
    assert framing == [b"content-length: %d" % len(body)]
    assert rest == body


def test_body_that_comes_byte_by_byte_does_not_leave_so(strict: Strict) -> None:
    """Each byte costs its sender ten; it must not cost us a system call, or the upstream a chunk."""
    gateway, origin = strict
    before = len(origin.whole())
    with RawClient(gateway.port()) as client:
        crumbs = b"".join(data(1, b"x") for _ in range(5000))
        client.send(head(1, pseudo("POST"), end=False), crumbs, data(1, b"", end=True))
        assert client.await_message(1).status == 200
    _, rest = lines(origin.whole()[before])
    assert rest.count(b"x") == 5000
    assert rest.count(b"\r\n") / 2 < 100, "chunks"


def test_request_without_a_body_has_none(strict: Strict) -> None:
    for method in ("GET", "DELETE", "POST"):
        top, rest = lines(forwarded(strict, method=method))
        assert not rest
        assert [line for line in top if line.startswith((b"content-length", b"transfer-"))] in (
            [],
            [b"content-length: 0"],
        )


def test_authority_becomes_the_only_host_and_cookies_one_line(strict: Strict) -> None:
    crumbs = (("cookie", "a=b"), ("cookie", ""), ("cookie", "c=d; e=f"))
    top, _ = lines(forwarded(strict, ("host", "TEST"), *crumbs, ("te", "trailers"), method="GET"))
    assert top[0] == b"get / http/1.1"
    assert [line for line in top if line.startswith(b"host:")] == [b"host: test"]
    assert [line for line in top if line.startswith(b"cookie:")] == [b"cookie: a=b; c=d; e=f"]


def test_what_the_client_forges_is_replaced(strict: Strict) -> None:
    forged = (("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "bank"))
    top, _ = lines(forwarded(strict, *forged, method="GET"))
    assert b"x-forwarded-proto: http" in top
    assert not [line for line in top if b"10.0.0.1" in line or b"bank" in line]


@pytest.mark.parametrize("value", [b"\xe4\xf6\xfc", b"a\tb", b"", b'"quoted, list"; q=1', b":" * 10])
def test_odd_but_valid_values_pass_as_they_are(strict: Strict, value: bytes) -> None:
    top, _ = lines(forwarded(strict, ("x-odd", value), method="GET"))
    assert [line for line in top if line.startswith(b"x-odd:")] == [b"x-odd: " + value]


def test_every_byte_is_refused_in_a_name_or_passes_unchanged(strict: Strict) -> None:
    gateway, origin = strict
    token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
    for first in range(0, 256, 64):  # so many provoked resets are forgiven on one connection
        with RawClient(gateway.port()) as client:
            for byte in range(first, first + 64):
                stream, before = 2 * byte + 1, len(origin.whole())
                client.send(head(stream, [*pseudo(), (b"x" + bytes([byte]), "b")]))
                found = client.await_message(stream)
                if byte in token:
                    assert found.status == 200
                    assert b"\r\nx%c: b\r\n" % byte in origin.whole()[before], origin.whole()[before]
                else:
                    assert found.reset == 1, bytes([byte])
                    assert len(origin.whole()) == before


def test_where_only_http2_is_offered_nothing_else_is_spoken(tmp_path: Path) -> None:
    config = forward_to("127.0.0.1:9")
    config["listeners"] = [{"name": "web", "listen": LISTEN, "protocols": ["h2"]}]
    with Gateway(config, tmp_path) as gateway:
        with RawClient(gateway.port(), first=b"GET / HTTP/1.1\r\nHost: test\r\n\r\n") as client:
            assert client.end().code == 1
        with RawClient(gateway.port()) as client:
            assert client.ask().status == 502


def test_where_http2_is_not_offered_its_preface_is_refused(tmp_path: Path) -> None:
    config = forward_to("127.0.0.1:9")
    config["listeners"] = [{"name": "web", "listen": LISTEN, "protocols": ["http/1.1"]}]
    with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
        client.send(PREFACE)
        assert client.read().status == 505
        assert client.closed()
