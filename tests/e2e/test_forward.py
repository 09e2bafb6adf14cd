"""Requests and answers, through the gateway and back: bytes in are bytes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, fetch, head
from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway
from tests.e2e.origin import Connection, ScriptedOrigin, TellingOrigin, answer


class Pair:
    """A gateway in front of a telling origin."""

    def __init__(self, gateway: Gateway, origin: TellingOrigin) -> None:
        self.gateway = gateway
        self.origin = origin
        self.port = gateway.port()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory = tmp_path_factory.mktemp("forward")
    with TellingOrigin() as origin, Gateway(forward_to(origin.address), directory) as gateway:
        yield Pair(gateway, origin)


def test_get_is_forwarded_with_target_query_and_fields(pair: Pair) -> None:
    told = fetch(pair.port, "GET", "/a/b?x=1&y=%20", "X-One: 1", "X-Two: zwei", "x-one: again", host="shop.test").told
    assert (told["method"], told["target"], told["version"]) == ("GET", "/a/b?x=1&y=%20", "1.1")
    assert told.header("host") == ["shop.test"]
    assert told.header("x-one") == ["1", "again"]
    assert told.header("x-two") == ["zwei"]


def test_head_answer_has_the_length_of_get_and_no_body(pair: Pair) -> None:
    with Client(pair.port) as client:
        found = client.ask("HEAD", "/", "x-answer-bytes: 12345")
        assert (found.status, found.header("content-length"), found.body) == (200, "12345", b"")
        assert client.ask("GET", "/", "x-answer-bytes: 5").body == b"01234"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body_end_at_their_head(pair: Pair, status: int) -> None:
    with Client(pair.port) as client:
        found = client.ask("GET", "/", f"x-answer-status: {status}")
        assert (found.status, found.body) == (status, b"")
        assert found.header("transfer-encoding") is None
        assert client.ask("GET", "/").status == 200


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1_000_000])
def test_post_with_content_length_arrives_whole(pair: Pair, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    told = fetch(pair.port, "POST", "/", body=body).told
    assert told["body_bytes"] == size
    assert told["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert told.header("content-length") == [str(size)]


def test_post_in_chunks_arrives_whole_and_extensions_are_not_forwarded(pair: Pair) -> None:
    with Client(pair.port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"5;name=value\r\nhello\r\n")
        client.send(b"6\r\n world\r\n")
        client.send(b"0\r\n\r\n")
        told = client.read("POST").told
    assert told["body_bytes"] == 11
    assert told["body_sha256"] == hashlib.sha256(b"hello world").hexdigest()
    assert told.header("transfer-encoding") == ["chunked"]
    assert told.header("content-length") == []


def test_many_requests_use_one_client_and_one_upstream_connection(pair: Pair) -> None:
    with Client(pair.port) as client:
        connections = {client.ask("GET", f"/{number}").told["connection"] for number in range(50)}
    assert len(connections) == 1


def test_pipelined_requests_are_answered_in_order(pair: Pair) -> None:
    with Client(pair.port) as client:
        client.send(b"".join(head("GET", f"/{number}") for number in range(100)))
        targets = [client.read().told["target"] for _ in range(100)]
    assert targets == [f"/{number}" for number in range(100)]


def test_pipelined_bodies_do_not_run_into_each_other(pair: Pair) -> None:
    with Client(pair.port) as client:
        first = head("POST", "/1", body=b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        second = head("POST", "/2", body=b"")
        client.send(first + second + head("GET", "/3"))
        assert [client.read().told["target"] for _ in range(3)] == ["/1", "/2", "/3"]


def test_a_head_that_comes_byte_by_byte_is_the_same_request(pair: Pair) -> None:
    with Client(pair.port) as client:
        for byte in head("GET", "/slow?a=b", "X-Name: value"):
            client.send(bytes([byte]))
        told = client.read().told
    assert told["target"] == "/slow?a=b"
    assert told.header("x-name") == ["value"]


def test_http_1_0_client_gets_an_answer_it_understands(pair: Pair) -> None:
    with Client(pair.port) as client:
        client.send(b"GET /old HTTP/1.0\r\n\r\n")
        text = client.rest()
    assert text.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in text.lower()
    assert b'"target": "/old"' in text


def test_http_1_0_client_that_asks_for_it_keeps_its_connection(pair: Pair) -> None:
    with Client(pair.port) as client:
        for number in range(3):
            client.send(b"GET /%d HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" % number)
            found = client.read()
            assert (found.told["target"], found.header("connection")) == (f"/{number}", "keep-alive")


def test_http_1_0_client_gets_a_chunked_answer_ended_by_close(tmp_path: Path) -> None:
    def chunked(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")

    with ScriptedOrigin(chunked) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            text = client.rest()
    assert b"chunked" not in text
    assert text.endswith(b"\r\n\r\nhello")


def test_absolute_form_decides_the_host(pair: Pair) -> None:
    with Client(pair.port) as client:
        client.send(b"GET http://real.example:8080/path?q HTTP/1.1\r\nHost: other.example\r\n\r\n")
        told = client.read().told
    assert told["target"] == "/path?q"
    assert told.header("host") == ["real.example:8080"]  # RFC 9112 §3.2.2


def test_options_asterisk_reaches_the_upstream_as_asterisk(pair: Pair) -> None:
    assert fetch(pair.port, "OPTIONS", "*").told["target"] == "*"


def test_hop_by_hop_and_connection_named_fields_stay_here(pair: Pair) -> None:
    told = fetch(
        pair.port, "GET", "/", "Connection: x-private, keep-alive", "X-Private: 1", "Keep-Alive: timeout=5", "TE: gzip",
        "Proxy-Connection: keep-alive", "X-Public: 1",
    ).told  # fmt: skip
    names = {name for name, _ in told["headers"]}
    assert names.isdisjoint({"x-private", "keep-alive", "te", "proxy-connection", "connection"})
    assert "x-public" in names


def test_connection_cannot_name_away_what_the_gateway_adds(pair: Pair) -> None:
    """Traefik, CVE-2024-45410."""
    told = fetch(pair.port, "GET", "/", "Connection: x-forwarded-for, x-forwarded-host, via, x-request-id").told
    assert told.header("x-forwarded-for") == ["127.0.0.1"]
    assert told.header("x-forwarded-host") == ["test"]
    assert len(told.header("via")) == 1
    assert len(told.header("x-request-id")) == 1


def test_claims_of_an_untrusted_client_are_replaced(pair: Pair) -> None:
    told = fetch(
        pair.port, "GET", "/", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
        "Forwarded: for=6.6.6.6", "X-Request-Id: mine", host="shop.example",
    ).told  # fmt: skip
    assert told.header("x-forwarded-for") == ["127.0.0.1"]
    assert told.header("x-forwarded-proto") == ["http"]
    assert told.header("x-forwarded-host") == ["shop.example"]
    assert told.header("forwarded") == []
    assert told.header("x-request-id") not in ([], ["mine"])
    assert told.header("via") == ["1.1 gateway"]


def test_claims_of_a_trusted_client_are_extended(tmp_path: Path) -> None:
    listeners = [{"name": "web", "listen": "127.0.0.1:0", "trust": {"forwarded": True}}]
    with TellingOrigin() as origin, Gateway(forward_to(origin.address, listeners=listeners), tmp_path) as gateway:
        told = fetch(
            gateway.port(), "GET", "/", "X-Forwarded-For: 10.1.1.1", "X-Forwarded-Proto: https", "X-Request-Id: mine"
        ).told
    assert told.header("x-forwarded-for") == ["10.1.1.1, 127.0.0.1"]
    assert told.header("x-forwarded-proto") == ["https"]
    assert told.header("x-request-id") == ["mine"]


def test_request_ids_differ_between_requests(pair: Pair) -> None:
    with Client(pair.port) as client:
        ids = {client.ask("GET", "/").told.header("x-request-id")[0] for _ in range(20)}
    assert len(ids) == 20


def test_trailers_of_an_answer_reach_the_client(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
            b"3\r\nabc\r\n0\r\nX-Sum: 900150\r\nContent-Length: 7\r\n\r\n"
        )

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        found = fetch(gateway.port(), "GET", "/")
    assert found.body == b"abc"
    assert found.trailers == [("x-sum", "900150")]  # never a field that frames or routes (RFC 9110 §6.5.1)


def test_trailers_of_a_request_reach_the_upstream(pair: Pair) -> None:
    with Client(pair.port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"3\r\nabc\r\n0\r\nX-Sum: 900150\r\nHost: evil\r\n\r\n")
        told = client.read("POST").told
    assert told["trailers"] == [["x-sum", "900150"]]


def test_early_hints_come_before_the_answer(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </more.css>; rel=preload\r\n\r\n")
        connection.send(answer(b"done"))

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        found = fetch(gateway.port(), "GET", "/")
        assert [each.header("link") for each in found.informational] == [
            "</style.css>; rel=preload",
            "</more.css>; rel=preload",
        ]
        assert found.body == b"done"
        with Client(gateway.port()) as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert client.rest().startswith(b"HTTP/1.1 200 ")  # RFC 9110 §15.2: no 1xx for HTTP/1.0


def test_answer_without_length_ends_with_its_connection_and_arrives_whole(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            for _ in range(2):  # the client's connection outlives the upstream's
                found = client.ask("GET", "/")
                assert found.body == b"x" * 100_000
                assert found.header("transfer-encoding") == "chunked"


def test_expect_continue_is_asked_of_the_upstream(pair: Pair) -> None:
    with Client(pair.port) as client:
        client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        interim = client.sock.recv(100)
        assert interim.startswith(b"HTTP/1.1 100 ")
        client.send(b"hello")
        assert client.read("PUT").told["body_bytes"] == 5
