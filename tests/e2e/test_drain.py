"""The end: SIGTERM lets what is in flight finish, a second signal does not wait."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.client import Client, fetch, head, refuses
from tests.e2e.configuration import forward_to, rules
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.load import Load
from tests.e2e.origin import Connection, ScriptedOrigin, TellingOrigin
from tests.e2e.programs import nginx


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_sigterm_under_load_fails_no_request(tmp_path: Path, pause: float) -> None:
    with nginx(tmp_path) as server, Gateway(forward_to(server.address), tmp_path) as gateway:
        (server.files / "load").write_bytes(b"x" * 10_000)
        with Load(gateway.port(), 32, pause=pause) as load:
            until(lambda: load.answered > 300, "the load runs")
            began = time.monotonic()
            gateway.signal(signal.SIGTERM)
            assert gateway.wait() == 0
            took = time.monotonic() - began
        assert load.failed == []
        assert load.never_taken <= 2  # of 32 that all come back at that moment
        assert load.answered > 300
        assert load.said_close >= 1  # clients are told, rather than cut
        assert took < 5


def test_request_in_flight_finishes_after_sigterm(tmp_path: Path) -> None:
    go, asked = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.read_head()
        asked.set()
        go.wait(20)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    with ScriptedOrigin(slow) as origin:
        with Gateway(forward_to(origin.address), tmp_path) as gateway:
            with Client(gateway.port()) as client:
                client.send(head("GET", "/"))
                asked.wait(20)
                gateway.signal(signal.SIGTERM)
                until(lambda: gateway.get("/readyz")[0] == 503, "/readyz says it drains")
                assert gateway.get("/healthz")[0] == 200
                assert gateway.status()["state"] == "draining"
                until(lambda: refuses(gateway.port()), "the listener is closed")
                go.set()
                found = client.read()
                assert (found.body, found.header("connection")) == (b"done", "close")
                assert client.closed()
            assert gateway.wait() == 0


def test_second_signal_ends_now(tmp_path: Path) -> None:
    stop = threading.Event()

    def silent(connection: Connection) -> None:
        connection.read_head()
        stop.wait(20)

    with ScriptedOrigin(silent) as origin:
        with Gateway(forward_to(origin.address), tmp_path) as gateway:
            with Client(gateway.port()) as client:
                client.send(head("GET", "/"))
                until(lambda: origin.accepted == 1, "the request is under way")
                gateway.signal(signal.SIGTERM)
                gateway.wait_said("draining")
                began = time.monotonic()
                gateway.signal(signal.SIGTERM)
                assert gateway.wait() == 1
                assert time.monotonic() - began < 2
            stop.set()


def test_drain_timeout_cuts_what_does_not_end(tmp_path: Path) -> None:
    stop = threading.Event()

    def silent(connection: Connection) -> None:
        connection.read_head()
        stop.wait(20)

    with ScriptedOrigin(silent) as origin:
        with Gateway(forward_to(origin.address, drain={"timeout": "300ms"}), tmp_path) as gateway:
            with Client(gateway.port()) as client:
                client.send(head("GET", "/"))
                until(lambda: origin.accepted == 1, "the request is under way")
                gateway.signal(signal.SIGTERM)
                assert gateway.wait() == 0
            stop.set()


def test_drain_delay_goes_on_accepting_while_not_ready(tmp_path: Path) -> None:
    config = rules({"respond": {"body": "ok"}}, upstreams={}, drain={"delay": "600ms"})
    with Gateway(config, tmp_path) as gateway:
        gateway.signal(signal.SIGTERM)
        until(lambda: gateway.get("/readyz")[0] == 503, "/readyz says it drains")
        assert fetch(gateway.port(), "GET", "/").body == b"ok"
        assert gateway.wait() == 0


def test_sigint_drains_too(tmp_path: Path) -> None:
    with TellingOrigin() as origin:
        with Gateway(forward_to(origin.address), tmp_path) as gateway:
            assert fetch(gateway.port(), "GET", "/").status == 200
            gateway.signal(signal.SIGINT)
            assert gateway.wait() == 0
            gateway.assert_no_complaint()


def test_a_sleeping_keep_alive_client_that_returns_in_time_is_answered_and_told_to_leave(tmp_path: Path) -> None:
    with Gateway(rules({"respond": {"body": "ok"}}, upstreams={}), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            assert client.ask("GET", "/").header("connection") is None
            gateway.signal(signal.SIGTERM)
            until(lambda: refuses(gateway.port()), "the listener is closed")
            found = client.ask("GET", "/")
            assert (found.status, found.header("connection")) == (200, "close")
            assert client.closed()
        assert gateway.wait() == 0
