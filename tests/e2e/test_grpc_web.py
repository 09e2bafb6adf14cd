"""gRPC-Web as browsers speak it, over HTTP/1.1 and HTTP/2, in front of a gRPC server that knows nothing of it."""

from __future__ import annotations

import base64
import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway_process import Gateway, until
from tests.e2e.grpc_peers import PATIENCE, EchoServer, WebAnswer, message, path, take_apart, web_call, web_call_h2
from tests.e2e.origin import Connection, ScriptedOrigin

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"

Call = Callable[..., WebAnswer]

GRPC_OVER_HTTP1 = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\ntrailer: Grpc-Status\r\n\r\n"
    b"7\r\n" + message(b"ok") + b"\r\n0\r\nGrpc-Status: 0\r\nX-After: yes\r\n\r\n"
)


def config(echo: str, other: str) -> dict[str, Any]:
    """Translated, translated for a server of HTTP/1.1, and left alone."""
    cors = {"response": {"set": {"access-control-allow-origin": "*"}}}
    rules = [
        {"name": "echo", "match": "/house.Echo", "to": "echo", "headers": cors},
        {"name": "slow", "match": "/house.Echo/Wait", "to": "echo", "timeout": {"per_try": "300ms"}, "headers": cors},
        {"name": "old", "match": "/old", "to": "old"},
        {"name": "left-alone", "match": "/alone", "to": "old", "grpc_web": False},
        {"name": "nobody", "match": "/nobody", "to": "nobody", "headers": cors},
    ]
    return {
        "listeners": [{"name": "web", "listen": "127.0.0.1:0"}],
        "routes": [{"name": "all", "rules": rules, "grpc_web": True}],
        "upstreams": {
            "echo": {"endpoints": [echo], "protocol": "h2"},
            "old": {"endpoints": [other]},
            "nobody": {"endpoints": []},
        },
    }


class House:
    """A gateway between browsers, a gRPC server, and a server that answers what a test tells it to."""

    def __init__(self) -> None:
        self.answer = GRPC_OVER_HTTP1
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self.gateway: Gateway

    def script(self, connection: Connection) -> None:
        """Keep what came, in chunks or with a length, and answer."""
        while head := connection.read_head():
            self.heads.append(head)
            body = b""
            if b"chunked" in head.lower():
                while size := int(connection.read_until(b"\r\n"), 16):
                    body += connection.read_exactly(size)
                    connection.read_exactly(2)
                connection.read_until(b"\r\n")
            else:
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                body = connection.read_exactly(int(length or 0))
            self.bodies.append(body)
            connection.send(self.answer)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House()
    with EchoServer() as echo, ScriptedOrigin(house.script) as other:
        with Gateway(config(echo.address, other.address), tmp_path_factory.mktemp("web")) as gateway:
            house.port, house.gateway = gateway.port(), gateway
            yield house


both = pytest.mark.parametrize("call", [web_call, web_call_h2], ids=["http1", "http2"])
forms = pytest.mark.parametrize("kind", [BINARY, TEXT], ids=["binary", "text"])


@both
@forms
@pytest.mark.parametrize("size", [0, 1, 2, 3, 12_000])
def test_a_unary_call_in_every_form(house: House, call: Call, kind: str, size: int) -> None:
    found = call(house.port, "Unary", message(bytes(size)), kind, x_one="1")
    assert (found.status, found.content_type) == (200, kind.removesuffix("+proto"))
    assert found.messages == [bytes(size)]
    assert (found.trailers["grpc-status"], found.trailers["saw-x-one"]) == ("0", "1")
    assert "grpc-status" not in found.head
    assert "content-length" not in found.head


@both
@forms
def test_messages_of_a_stream_come_one_by_one(house: House, call: Call, kind: str) -> None:
    found = call(house.port, "Count", message(b"300"), kind)
    assert found.messages == [b"%d" % number for number in range(300)]
    assert found.trailers["grpc-status"] == "0"


@both
def test_the_answer_is_written_as_accept_says(house: House, call: Call) -> None:
    found = call(house.port, "Unary", message(b"x"), TEXT, accept="application/grpc-web+proto")
    assert (found.content_type, found.messages) == ("application/grpc-web", [b"x"])
    found = call(house.port, "Unary", message(b"x"), BINARY, accept="*/*, application/grpc-web-text")
    assert (found.content_type, found.messages) == ("application/grpc-web-text", [b"x"])


@both
@forms
def test_a_refusal_without_messages_is_a_body_of_trailers(house: House, call: Call, kind: str) -> None:
    found = call(house.port, "Fail", message(b"5 no such thing"), kind)
    assert (found.status, found.messages) == (200, [])
    assert (found.trailers["grpc-status"], found.trailers["grpc-message"]) == ("5", "no such thing")
    assert "grpc-status" not in found.head
    assert found.head["access-control-allow-origin"] == "*"


@both
@forms
def test_our_own_faults_are_trailers_too(house: House, call: Call, kind: str) -> None:
    found = call(house.port, "Wait", message(b""), kind)
    assert (found.status, found.messages) == (200, [])
    assert found.trailers["grpc-status"] == "4"
    assert found.trailers["grpc-message"] == "per_try_timeout: the upstream did not answer in time"
    assert "per_try_timeout" in found.head["proxy-status"]
    assert found.head["access-control-allow-origin"] == "*", "or the page would not see it"


@both
def test_a_deadline_is_honoured(house: House, call: Call) -> None:
    found = call(house.port, "Wait", message(b""), BINARY, grpc_timeout="100m")
    assert (found.trailers["grpc-status"], found.messages) == ("4", [])
    found = call(house.port, "Unary", message(b""), BINARY, grpc_timeout="soon")
    assert found.trailers["grpc-status"] == "13"
    assert "grpc-timeout" in found.trailers["grpc-message"]
    found = call(house.port, "Unary", message(b""), BINARY, grpc_timeout="0m")
    assert found.trailers["grpc-status"] == "4"


@both
@pytest.mark.parametrize("sent", [b"AAAA*AAA", b"AAAAAA", b"AAAAAB=="], ids=["letter", "cut", "bits"])
def test_text_that_is_no_base64_is_refused(
    house: House, call: Call, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base64, "b64encode", lambda _: sent)
    found = call(house.port, "Unary", b"", TEXT)
    assert found.trailers["grpc-status"] == "13"
    assert found.trailers["grpc-message"] == "request_invalid: the body is not base64"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_text_may_come_in_padded_runs_and_in_any_pieces(house: House, size: int) -> None:
    whole = message(b"hello world")
    runs = base64.b64encode(whole[:7]) + base64.b64encode(whole[7:])
    pieces = [runs[at : at + size] for at in range(0, len(runs), size)]
    assert raw(house.port, path("Unary"), pieces, TEXT).messages == [b"hello world"]


@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_a_server_of_http1_says_the_outcome_in_chunked_trailers(house: House, kind: str) -> None:
    house.answer = GRPC_OVER_HTTP1
    body = base64.b64encode(message(b"hello")) if kind == TEXT else message(b"hello")
    found = raw(house.port, "/old/x", body, kind)
    assert (found.messages, found.trailers) == ([b"ok"], {"grpc-status": "0", "x-after": "yes"})
    assert "trailer" not in found.head
    head = house.heads[-1].lower()
    assert b"content-type: application/grpc+proto\r\n" in head
    assert b"te: trailers\r\n" in head
    assert b"accept:" not in head
    assert house.bodies[-1] == message(b"hello")


def raw(port: int, target: str, body: bytes | list[bytes], kind: str) -> WebAnswer:
    """A call to any target; a list of pieces is sent in chunks."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("POST", target, body, {"content-type": kind, "accept": "*/*"})
        answer = connection.getresponse()
        head = {name.lower(): value for name, value in answer.getheaders()}
        return take_apart(answer.status, head, answer.read())


def test_an_answer_that_is_not_grpc_is_left_as_it_is(house: House) -> None:
    house.answer = b"HTTP/1.1 503 No\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\nbusy"
    with closing(http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)) as connection:
        connection.request("POST", "/old/x", message(b""), {"content-type": BINARY})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("content-type"), answer.read()) == (503, "text/html", b"busy")
    counted = {"rule": "old", "grpc_status": "14"}
    until(lambda: house.gateway.metrics().sum("gateway_grpc_responses_total", **counted) >= 1, "it is counted")


def test_a_call_over_http1_is_passed_on_and_counted_by_its_trailers(house: House) -> None:
    house.answer = GRPC_OVER_HTTP1.replace(b"Grpc-Status: 0", b"Grpc-Status: 9")
    head = b"POST /old/x HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", house.port), PATIENCE) as sock, sock.makefile("rb") as answer:
        sock.sendall(head)
        lines = iter(answer.readline, b"")
        assert next(lines) == b"HTTP/1.1 200 OK\r\n"
        assert b"Grpc-Status: 9\r\n" in lines
    counted = {"rule": "old", "grpc_status": "9"}
    until(lambda: house.gateway.metrics().sum("gateway_grpc_responses_total", **counted) == 1, "it is counted")


def test_a_rule_that_does_not_translate_forwards_what_comes(house: House) -> None:
    frame = message(b"grpc-status: 0\r\n", 0x80)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\ncontent-length: %d\r\n\r\n"
    house.answer = head % len(frame) + frame
    found = raw(house.port, "/alone/x", message(b"hello"), BINARY)
    assert (found.head["content-length"], found.trailers) == (str(len(frame)), {"grpc-status": "0"})
    assert b"content-type: application/grpc-web+proto\r\n" in house.heads[-1].lower()
    assert house.bodies[-1] == message(b"hello")


def test_an_answer_that_is_cut_never_looks_whole(tmp_path: Path) -> None:
    def cut(connection: Connection) -> None:
        connection.read_head()
        connection.read_exactly(len(message(b"")))
        connection.send(GRPC_OVER_HTTP1[: GRPC_OVER_HTTP1.index(b"0\r\nGrpc")])
        connection.half_close()

    with ScriptedOrigin(cut) as cutter, Gateway(config(cutter.address, cutter.address), tmp_path) as gateway:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            raw(gateway.port(), "/old/x", message(b""), BINARY)
