"""Upstreams that fail at every stage: the client gets one clear answer or a visible cut, and nothing stays behind."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Answer, Client, IncompleteError, fetch, head
from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.origin import Connection, Script, ScriptedOrigin, answer


def reason_of(found: Answer) -> str:
    """The word in Proxy-Status, which must be the one in the body."""
    status = found.header("proxy-status") or ""
    assert status.startswith("gateway; error="), status
    word = status.split('details="')[1].split(":")[0]
    assert found.body.decode().startswith(f"{found.status} {word}: ")
    return word


def accept_and_close(connection: Connection) -> None:
    connection.read_head()


def accept_and_reset(connection: Connection) -> None:
    connection.read_head()
    connection.reset()


def close_in_the_head(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")


def reset_in_the_head(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.until_taken()
    connection.reset()


def speak_another_protocol(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"220 mail.test ESMTP\r\n\r\n")


def two_lengths(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")


def length_and_coding(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


def huge_head(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: %s\r\n" % (b"x" * 8000) * 20 + b"\r\n")


def bare_lf(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n")


BEFORE_THE_HEAD: list[tuple[Script, int, str]] = [
    (accept_and_close, 502, "upstream_closed"),
    (accept_and_reset, 502, "upstream_closed"),
    (close_in_the_head, 502, "upstream_closed"),
    (reset_in_the_head, 502, "upstream_closed"),
    (speak_another_protocol, 502, "upstream_invalid"),
    (two_lengths, 502, "upstream_invalid"),
    (length_and_coding, 502, "upstream_invalid"),
    (huge_head, 502, "upstream_invalid"),
    (bare_lf, 502, "upstream_invalid"),
]


@pytest.mark.parametrize(
    ("script", "status", "reason"), BEFORE_THE_HEAD, ids=lambda each: getattr(each, "__name__", "")
)
def test_upstream_that_fails_before_its_head_is_one_answer_with_a_reason(
    tmp_path: Path, script: Script, status: int, reason: str
) -> None:
    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            for number in range(3):  # the client's connection goes on
                found = client.ask("GET", "/")
                assert (found.status, reason_of(found)) == (status, reason)
                assert origin.accepted == number + 1, "sent once: a fresh connection is no reason to send again"
        metrics = gateway.metrics()
        assert metrics.reasons()[reason] == 3
        assert metrics.sum("gateway_upstream_connections_open", upstream="app") == 0


def test_upstream_that_refuses_is_502(tmp_path: Path) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        with Gateway(forward_to(address), tmp_path) as gateway:
            found = fetch(gateway.port(), "GET", "/")
            assert (found.status, reason_of(found)) == (502, "connect_refused")
            assert gateway.metrics().sum("gateway_upstream_connect_failures_total", upstream="app") == 1


def test_upstream_socket_that_does_not_exist_is_502(tmp_path: Path) -> None:
    with Gateway(forward_to(f"unix:{tmp_path}/none.sock"), tmp_path) as gateway:
        found = fetch(gateway.port(), "GET", "/")
        assert (found.status, reason_of(found)) == (502, "connect_refused")


def body_cut(kind: str, reset: bool) -> Script:
    heads = {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "inside a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf",
        "inside the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        "broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfXX0\r\n\r\n",
    }

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(heads[kind])
        if reset:
            connection.until_taken()
            connection.reset()

    return script


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("kind", ["length", "chunked", "inside a chunk", "inside the last chunk", "broken chunk"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_truncated_answer_never_looks_complete(tmp_path: Path, kind: str, reset: bool, version: str) -> None:
    with ScriptedOrigin(body_cut(kind, reset)) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
            if version == "1.0" and kind != "length":
                with pytest.raises(ConnectionResetError):  # the only way to say "not whole" where close is the end
                    client.rest()
            else:
                with pytest.raises(IncompleteError):
                    client.read()
        reasons = gateway.metrics().reasons()
        wanted = "upstream_invalid" if kind == "broken chunk" else "upstream_truncated"
        assert reasons.get(wanted) == 1, reasons


def test_answer_that_ends_at_close_is_whole_after_fin_and_cut_after_reset(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nall there is")
        if connection.number:
            connection.until_taken()
            connection.reset()

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        assert fetch(gateway.port(), "GET", "/").body == b"all there is"
        with pytest.raises(IncompleteError):
            fetch(gateway.port(), "GET", "/")


STALLS: dict[str, tuple[Callable[[Connection], None], dict[str, str], int, str]] = {
    "request deadline": (lambda c: None, {"request": "200ms"}, 504, "request_timeout"),
    "per try": (lambda c: None, {"per_try": "200ms"}, 504, "per_try_timeout"),
    "idle": (lambda c: None, {"idle": "200ms"}, 504, "idle_timeout"),
    "inside the head": (lambda c: c.send(b"HTTP/1.1 200 OK\r\nA"), {"per_try": "200ms"}, 504, "per_try_timeout"),
}


@pytest.mark.parametrize("name", STALLS)
def test_stalled_upstream_is_504_with_a_reason(tmp_path: Path, name: str) -> None:
    begin, timeout, status, reason = STALLS[name]
    stop = threading.Event()

    def script(connection: Connection) -> None:
        connection.read_head()
        begin(connection)
        stop.wait(20)

    with ScriptedOrigin(script) as origin:
        with Gateway(forward_to(origin.address, rule={"timeout": timeout}), tmp_path) as gateway:
            began = time.monotonic()
            with Client(gateway.port()) as client:
                found = client.ask("GET", "/")
                assert 0.15 < time.monotonic() - began < 3
                assert (found.status, reason_of(found)) == (status, reason)
                assert "timeout" in (found.header("proxy-status") or "").split(";")[1]
                assert client.ask("GET", "/").status == status  # the connection goes on
            until(lambda: gateway.metrics().sum("gateway_upstream_connections_open") == 0, "its connections are closed")
            stop.set()


@pytest.mark.parametrize("timeout", [{"request": "300ms"}, {"idle": "300ms"}])
def test_upstream_that_stalls_inside_the_body_is_a_visible_cut(tmp_path: Path, timeout: dict[str, str]) -> None:
    stop = threading.Event()

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        stop.wait(20)

    with ScriptedOrigin(script) as origin:
        with Gateway(forward_to(origin.address, rule={"timeout": timeout}), tmp_path) as gateway:
            with pytest.raises(IncompleteError):
                fetch(gateway.port(), "GET", "/")
            stop.set()


def test_connect_that_is_not_answered_is_504(tmp_path: Path) -> None:
    """A listening socket with a full backlog drops further SYNs: the connect neither succeeds nor fails."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        config = forward_to(f"127.0.0.1:{port}", rule={"timeout": {"connect": "300ms"}})
        with Gateway(config, tmp_path) as gateway:
            found = fetch(gateway.port(), "GET", "/")
            assert (found.status, reason_of(found)) == (504, "connect_timeout")
        for each in waiting:
            each.close()


class Pooled:
    """An origin that answers one request per connection and then ends it as it is told."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.requests: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        while request := connection.read_head():
            self.requests.append(request.split(b"\r\n")[0])
            if self.how == "when the next request comes" and connection.number == 0 and len(self.requests) == 2:
                connection.reset()
                return
            connection.send(answer(b"fine"))
            if self.how == "at once" and connection.number == 0:
                return


@pytest.mark.parametrize("how", ["at once", "when the next request comes"])
def test_pooled_connection_found_dead_is_replaced_without_the_client_seeing_it(tmp_path: Path, how: str) -> None:
    script = Pooled(how)
    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address, workers=1), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            for _ in range(5):
                assert client.ask("GET", "/").body == b"fine"
        assert origin.accepted == 2


def test_request_that_cannot_be_replayed_is_not_sent_twice(tmp_path: Path) -> None:
    """Nothing is forwarded twice unless the retry rule allows it: POST on a pooled connection that dies is 502."""
    script = Pooled("when the next request comes")
    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address, workers=1), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            assert client.ask("GET", "/1").body == b"fine"
            found = client.ask("POST", "/2", body=b"once")
            assert (found.status, reason_of(found)) == (502, "upstream_closed")
            assert client.ask("GET", "/3").body == b"fine"
    assert script.requests == [b"GET /1 HTTP/1.1", b"POST /2 HTTP/1.1", b"GET /3 HTTP/1.1"]


def test_bytes_that_come_unasked_on_a_pooled_connection_never_reach_a_client(tmp_path: Path) -> None:
    """An answer never reaches another client's request."""
    answered, sent = threading.Event(), threading.Event()

    def script(connection: Connection) -> None:
        number = 0
        while connection.read_head():
            connection.send(answer(b"mine"))
            if connection.number == 0 and number == 0:
                assert answered.wait(10), "not with the answer: on the pooled connection"
                connection.send(answer(b"stolen"))
                sent.set()
            number += 1

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address, workers=1), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            assert client.ask("GET", "/").body == b"mine"
            answered.set()
            assert sent.wait(10)
            for _ in range(5):
                assert client.ask("GET", "/").body == b"mine"


def test_more_than_was_announced_never_reaches_a_client(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(answer(b"mine") + answer(b"stolen"))

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address, workers=1), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            assert [client.ask("GET", "/").body for _ in range(5)] == [b"mine"] * 5


def test_upstream_that_half_closes_after_its_answer_is_served_and_not_pooled(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(answer(b"fine"))
        connection.half_close()
        connection.read_some()

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            assert [client.ask("GET", "/").body for _ in range(3)] == [b"fine"] * 3
        until(lambda: gateway.metrics().sum("gateway_upstream_connections_open") == 0, "none is kept")


def test_answer_before_the_request_has_ended_does_not_poison_the_pool(tmp_path: Path) -> None:
    """The upstream answers early and keeps its connection: what is left of the request must not become the next one."""
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        request = connection.read_head()
        seen.append(request.split(b"\r\n")[0])
        connection.send(answer(b"early"))
        while part := connection.read_some():
            seen.append(part)

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address, workers=1), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
            assert client.read("POST").body == b"early"
        assert fetch(gateway.port(), "GET", "/2").body == b"early"
    heads = [each for each in seen if each.endswith(b"HTTP/1.1")]
    assert heads == [b"POST /1 HTTP/1.1", b"GET /2 HTTP/1.1"]
    assert origin.accepted == 2


def test_endpoints_that_come_back_are_used_again(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with Gateway(forward_to(f"127.0.0.1:{port}"), tmp_path) as gateway:
            assert fetch(gateway.port(), "GET", "/").status == 502
            bound.listen()
            served = threading.Thread(target=_serve_one, args=(bound,))
            served.start()
            assert fetch(gateway.port(), "GET", "/").body == b"back"
            served.join()


def _serve_one(listener: socket.socket) -> None:
    sock, _ = listener.accept()
    with sock:
        sock.recv(65536)
        sock.sendall(answer(b"back"))


def test_every_reason_is_the_same_word_in_log_metrics_and_proxy_status(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    extra: dict[str, Any] = {"access_log": {"path": str(log)}}
    with ScriptedOrigin(accept_and_close) as origin:
        with Gateway(forward_to(origin.address, **extra), tmp_path) as gateway:
            with Client(gateway.port()) as client:
                word = reason_of(client.ask("GET", "/logged?a=b", "User-Agent: test"))

            def lines() -> list[dict[str, Any]]:
                """Of the listener in question: the admin API's requests are logged too."""
                found = [json.loads(each) for each in log.read_text().splitlines()]
                return [each for each in found if each["listener"] == "web"]

            until(lambda: len(lines()) == 1, "the line is written")
            (line,) = lines()
            assert line["reason"] == word == "upstream_closed"
            assert gateway.metrics().reasons()[word] == 1
    assert (line["status"], line["target"], line["user_agent"]) == (502, "/logged?a=b", "test")
    assert (line["route"], line["rule"], line["upstream"], line["endpoint"]) == ("all", "all", "app", origin.address)


def test_requests_of_one_client_are_not_mixed_when_upstream_answers_slowly(tmp_path: Path) -> None:
    """Two clients, one pool: each gets its own answer, whatever the order in which they come."""

    def script(connection: Connection) -> None:
        while request := connection.read_head():
            target = request.split(b" ")[1]
            time.sleep(0.001 * (len(target) % 5))  # answers overtake each other
            connection.send(answer(target))

    wrong: list[str] = []

    def ask(client_number: int, port: int) -> None:
        with Client(port) as client:
            for number in range(40):
                target = f"/{client_number}/x{'x' * (number % 7)}/{number}"
                if client.ask("GET", target).body.decode() != target:
                    wrong.append(target)

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        threads = [threading.Thread(target=ask, args=(number, gateway.port())) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_head_request_whose_answer_carries_a_body_does_not_poison_the_pool(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"))

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address, workers=1), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(head("HEAD", "/"))
            assert client.read("HEAD").body == b""
            assert client.ask("GET", "/").body.startswith(b"HTTP/1.1 200 OK")
        assert origin.accepted == 2
