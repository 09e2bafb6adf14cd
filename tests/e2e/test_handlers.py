"""Rules that ask Python: the examples, bodies both ways, and every way in which a request can end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import Client, IncompleteError, fetch, head
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import ROOT, Gateway, until

NAMES = ("forever", "drip", "pour", "swallow", "ignore", "fail", "fail_late", "describe")

MIB = 1024 * 1024


class Asked:
    """A gateway whose rules `/NAME` ask the handlers of the tests."""

    def __init__(self, directory: Path) -> None:
        shutil.copy(Path(__file__).with_name("handlers_of_the_tests.py"), directory)
        self.notes_file = directory / "notes"
        rules: list[dict[str, object]] = [
            {"name": name, "match": f"/{name}", "handler": f"handlers_of_the_tests:{name}"} for name in NAMES
        ]
        late = {"handler": "handlers_of_the_tests:forever", "timeout": {"request": "200ms"}}
        rules.append({"name": "late", "match": "/late", **late})
        config = {"listeners": [{"name": "web", "listen": LISTEN}], "routes": [{"name": "python", "rules": rules}]}
        self.gateway = Gateway(config, directory, may_say="RuntimeError|Traceback")

    def notes(self) -> list[str]:
        """What the handlers noted."""
        return self.notes_file.read_text().splitlines() if self.notes_file.exists() else []

    def client(self) -> Client:
        """A new connection."""
        return Client(self.gateway.port())

    def wait_for_note(self, note: str) -> None:
        """Wait until a handler noted this."""
        until(lambda: note in self.notes(), f"a handler notes: {note}")

    def wait_for_nothing_open(self) -> None:
        """Wait until no request is with Python but the one that asks."""
        until(lambda: self.gateway.status()["asked_requests"] == 1, "no request is open")
        tree = self.gateway.get("/debug/tasks")[1].decode()
        assert tree.count("request ") == 1, tree


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    found = Asked(tmp_path_factory.mktemp("asked"))
    with found.gateway:
        yield found


def test_examples_of_handlers_answer(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "handlers.py", tmp_path)
    text = (ROOT / "examples" / "handler.yaml").read_text()
    text = text.replace("127.0.0.1:9901", LISTEN).replace("127.0.0.1:8080", LISTEN)
    with Gateway(text, tmp_path) as gateway:
        assert fetch(gateway.port(), "GET", "/hello?name=you").body == b"Hello you, from 127.0.0.1\n"
        assert fetch(gateway.port(), "POST", "/shout", body=b"quiet").body == b"QUIET"
        assert fetch(gateway.port(), "GET", "/other").status == 404


def test_handler_is_told_everything(asked: Asked) -> None:
    found = fetch(asked.gateway.port(), "POST", "/describe/%41?b=c", "X-One: 1", body=b"12345", host="h.test:80")
    lines = ["POST", "/describe/A", "b'b=c'", "http", "h.test:80", "127.0.0.1", "web", "python", "describe", "5", "1"]
    assert found.body.decode().split("\n") == lines
    assert found.header("x-request-id-seen")


def test_answers_of_handlers_keep_the_connection(asked: Asked) -> None:
    with asked.client() as client:
        for number in range(50):
            assert client.ask("POST", "/swallow", body=b"x" * number).body == b"%d\n" % number


@pytest.mark.parametrize("size", [0, 1, 100_000, 50 * MIB])
def test_answer_is_streamed(asked: Asked, size: int) -> None:
    assert len(fetch(asked.gateway.port(), "GET", f"/pour?bytes={size}").body) == size


@pytest.mark.parametrize("size", [0, 1, 100_000, 50 * MIB])
def test_request_body_is_streamed(asked: Asked, size: int) -> None:
    before = asked.gateway.pss()
    assert fetch(asked.gateway.port(), "POST", "/swallow", body=b"x" * size).body == b"%d\n" % size
    assert asked.gateway.pss() - before < 16 * MIB


def test_body_in_chunks_reaches_the_handler(asked: Asked) -> None:
    with asked.client() as client:
        client.send(b"POST /swallow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            client.send(b"3\r\nabc\r\n")
        client.send(b"0\r\n\r\n")
        assert client.read("POST").body == b"300\n"


def test_answer_of_an_endless_stream_stops_at_a_client_that_does_not_read(asked: Asked) -> None:
    before = asked.gateway.pss()
    with asked.client() as client:
        client.send(head("GET", f"/pour?bytes={10_000 * MIB}"))
        client.read(body=False)
        until(lambda: asked.gateway.cpu() >= 0, "a look at the process")
        assert asked.gateway.pss() - before < 16 * MIB
        client.reset()
    asked.wait_for_nothing_open()


def test_body_that_the_handler_ignores_does_not_confuse_the_next_request(asked: Asked) -> None:
    with asked.client() as client:
        client.send(head("POST", "/ignore", body=b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n") + head("GET", "/describe"))
        assert client.read("POST").body == b"ignored\n"
        assert client.read().body.startswith(b"GET\n/describe\n")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_handler_is_cancelled_when_its_client_goes_away(asked: Asked, how: str) -> None:
    client = asked.client()
    client.send(head("GET", f"/forever/{how}"))
    asked.wait_for_note(f"begun /forever/{how}")
    client.close() if how == "close" else client.reset()
    asked.wait_for_note(f"cancelled /forever/{how}")
    asked.wait_for_nothing_open()


def test_streaming_handler_is_cancelled_when_its_client_goes_away(asked: Asked) -> None:
    with asked.client() as client:
        client.send(head("GET", "/drip"))
        client.read(body=False)
        assert b"drop\n" in client.sock.recv(100)
    asked.wait_for_note("cancelled drip")
    asked.wait_for_nothing_open()


def test_handler_is_cancelled_when_the_deadline_passes(asked: Asked) -> None:
    with asked.client() as client:
        found = client.ask("GET", "/late")
        assert found.status == 504
        assert "request_timeout" in (found.header("proxy-status") or "")
        asked.wait_for_note("cancelled /late")
        assert client.ask("GET", "/describe").status == 200


def test_failing_handler_is_500_with_a_reason_and_a_traceback_on_stderr(asked: Asked) -> None:
    found = fetch(asked.gateway.port(), "GET", "/fail")
    assert found.status == 500
    assert "handler_failed" in (found.header("proxy-status") or "")
    assert b"the handler of the test fails" not in found.body  # a traceback is for operators
    asked.gateway.wait_said("RuntimeError: the handler of the test fails$")


def test_handler_that_fails_late_never_looks_complete(asked: Asked) -> None:
    with asked.client() as client, pytest.raises(IncompleteError):
        client.ask("GET", "/fail_late")


def test_more_requests_than_the_bound_are_refused_and_the_admin_api_stays(asked: Asked) -> None:
    clients = [asked.client() for _ in range(320)]
    for number, client in enumerate(clients):
        client.send(head("GET", f"/forever/many-{number}"))
    until(lambda: asked.gateway.metrics().reasons().get("handlers_busy", 0) >= 1, "some are refused")
    assert asked.gateway.get("/healthz")[0] == 200
    assert asked.gateway.status()["asked_requests"] <= 257
    for client in clients:
        client.close()
    asked.wait_for_nothing_open()
