"""What Trio does on stream 0 of real HTTP/2 connections, seen by a client that is Python's `h2`."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from shutil import copy
from types import TracebackType
from typing import Any, Final, Self

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, Event, PingReceived, SettingsAcknowledged, StreamEnded
from hyperframe.frame import PingFrame

from tests.e2e import handlers_of_the_tests
from tests.e2e.configuration import LISTEN, forward_to, rules
from tests.e2e.gateway_process import PATIENCE, Gateway, until
from tests.e2e.origin import Connection, ScriptedOrigin

LAST_STREAM: Final = 2**31 - 1

FROZEN: Final = 2.0
"""Seconds that Python stands still."""


class Http2Client:
    """A connection with prior knowledge. What the gateway sends is kept; what `h2` answers is sent."""

    def __init__(self, port: int, *, answers: bool = True) -> None:
        """`answers`: say what `h2` has to say, PING and SETTINGS acknowledged."""
        self.happened: list[Event] = []
        self.goaways: list[int | None] = []
        self._input = b""
        self._answers = answers
        self._sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._h2.initiate_connection()
        self._sock.sendall(self._h2.data_to_send())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, _error: object, _at: TracebackType | None) -> None:
        self._sock.close()

    def request(self, path: str) -> int:
        """GET. Gives back the stream."""
        stream = self._h2.get_next_available_stream_id()
        head = [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "a")]
        self._h2.send_headers(stream, head, end_stream=True)
        self._sock.sendall(self._h2.data_to_send())
        return stream

    def send(self, frames: bytes) -> None:
        """Bytes as they are."""
        self._sock.sendall(frames)

    def hear(self) -> bool:
        """Take what comes next. False: the connection has ended."""
        try:
            data = self._sock.recv(65_536)
        except ConnectionResetError:
            data = b""
        self._input += data
        while len(self._input) >= 9 and len(self._input) >= (size := 9 + int.from_bytes(self._input[:3], "big")):
            frame, self._input = self._input[:size], self._input[size:]
            self._take(frame)
        if self._answers and data:
            with suppress(BrokenPipeError, ConnectionResetError):
                self._sock.sendall(self._h2.data_to_send())
        return bool(data)

    def _take(self, frame: bytes) -> None:
        state = self._h2.state_machine.state
        for event in self._h2.receive_data(frame):
            self.happened.append(event)
            if isinstance(event, ConnectionTerminated):
                self.goaways.append(event.last_stream_id)
                self._h2.state_machine.state = state  # h2 takes any GOAWAY for the end; RFC 9113 §6.8 does not

    def until(self, kind: type[Event], count: int = 1) -> None:
        """Until so many of these have happened."""
        while self.count(kind) < count:
            assert self.hear(), f"the connection ended; {self.happened}"

    def rest(self) -> None:
        """Until the connection ends."""
        while self.hear():
            pass

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(each, kind) for each in self.happened)

    def body(self, stream: int) -> bytes:
        """What has come of this answer."""
        parts = (each for each in self.happened if isinstance(each, DataReceived) and each.stream_id == stream)
        return b"".join(each.data or b"" for each in parts)

    def ask(self, path: str) -> bytes:
        """Ask and wait for the answer."""
        stream, before = self.request(path), self.count(StreamEnded)
        self.until(StreamEnded, before + 1)
        return self.body(stream)


def listening(**http2: Any) -> list[dict[str, Any]]:
    return [{"name": "web", "listen": LISTEN, "http2": http2}]


def hello(**http2: Any) -> dict[str, Any]:
    return rules({"respond": {"body": "hello\n"}}, upstreams={}, listeners=listening(**http2))


class SlowOrigin(ScriptedOrigin):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), threading.Event()
        super().__init__(self._slow)

    def _slow(self, connection: Connection) -> None:
        while connection.read_head():
            self.asked.set()
            self.go.wait(PATIENCE)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")


def test_a_connection_has_a_task_and_is_counted(tmp_path: Path) -> None:
    with Gateway(hello(), tmp_path) as gateway, Http2Client(gateway.port()) as client:
        assert client.ask("/") == b"hello\n"
        client.until(SettingsAcknowledged)
        until(lambda: gateway.status()["http2"]["clients"] == 1, "the connection is known")
        assert re.search(r"listener web .*\n +http2 from 127.0.0.1 ", gateway.get("/debug/tasks")[1].decode())
        assert gateway.metrics().sum("gateway_http2_connections", listener="web", role="server") == 1
        assert gateway.metrics().sum("gateway_http2_settings_total", role="server") == 1
        client.__exit__(None, None, None)
        until(lambda: gateway.status()["http2"]["clients"] == 0, "its end is known")
        assert gateway.metrics().sum("gateway_http2_closed_total", reason="client_gone") == 1
        assert "http2 from" not in gateway.get("/debug/tasks")[1].decode()


def test_a_client_that_vanished_is_found_and_one_that_answers_is_kept(tmp_path: Path) -> None:
    config = hello(keepalive={"interval": "1s", "timeout": "1s"})
    with Gateway(config, tmp_path) as gateway:
        with Http2Client(gateway.port()) as alive:
            alive.until(PingReceived, 3)
            assert alive.goaways == []
            assert alive.ask("/") == b"hello\n"
        with Http2Client(gateway.port(), answers=False) as gone:
            gone.rest()
            assert gone.count(PingReceived) == 1
        metrics = gateway.metrics()
        assert metrics.sum("gateway_http2_keepalive_failures_total", role="server") == 1
        assert metrics.sum("gateway_http2_closed_total", reason="keepalive_timeout") == 1


def test_an_old_connection_goes_after_its_last_stream(tmp_path: Path) -> None:
    with SlowOrigin() as origin:
        config = forward_to(origin.address, listeners=listening(max_age="1s"))
        with Gateway(config, tmp_path) as gateway, Http2Client(gateway.port()) as client:
            stream = client.request("/")
            client.until(ConnectionTerminated, 2)
            assert client.goaways == [LAST_STREAM, stream]
            assert client.count(PingReceived) == 1  # between the two
            origin.go.set()
            client.rest()
            assert client.body(stream) == b"done"
            until(
                lambda: gateway.metrics().sum("gateway_http2_closed_total", reason="max_age") == 1, "its end is counted"
            )


def test_a_drain_lets_streams_finish_and_takes_those_of_the_last_round_trip(tmp_path: Path) -> None:
    with SlowOrigin() as origin:
        with Gateway(forward_to(origin.address), tmp_path) as gateway, Http2Client(gateway.port()) as client:
            early = client.request("/early")
            assert origin.asked.wait(PATIENCE)
            gateway.signal(signal.SIGTERM)
            client.until(ConnectionTerminated)
            assert client.goaways == [LAST_STREAM]
            client.until(ConnectionTerminated, 2)
            assert client.goaways == [LAST_STREAM, early]
            origin.go.set()
            client.rest()
            assert client.body(early) == b"done"
            assert gateway.wait() == 0


def test_a_stream_that_crosses_the_warning_is_served(tmp_path: Path) -> None:
    with Gateway(hello(), tmp_path) as gateway, Http2Client(gateway.port(), answers=False) as client:
        client.ask("/")
        gateway.signal(signal.SIGTERM)
        client.until(ConnectionTerminated)
        assert client.ask("/") == b"hello\n"  # the PING is not answered, so the warning stands for its second
        client.rest()
        assert client.goaways == [LAST_STREAM, 3]
        assert gateway.wait() == 0


def test_a_drain_that_loses_patience_ends_with_goaway(tmp_path: Path) -> None:
    with SlowOrigin() as origin:
        config = forward_to(origin.address, drain={"timeout": "1s"})
        with Gateway(config, tmp_path) as gateway, Http2Client(gateway.port()) as client:
            client.request("/")
            assert origin.asked.wait(PATIENCE)
            gateway.signal(signal.SIGTERM)
            client.rest()
            assert client.goaways[0] == LAST_STREAM
            assert gateway.wait() == 0
            origin.go.set()


def test_a_flood_is_ended_said_and_counted(tmp_path: Path) -> None:
    with Gateway(hello(), tmp_path) as gateway, Http2Client(gateway.port()) as client:
        client.ask("/")
        client.send(PingFrame(0, b"flooding").serialize() * 2_000)
        client.rest()
        (ended,) = [each for each in client.happened if isinstance(each, ConnectionTerminated)]
        assert ended.error_code == 11  # ENHANCE_YOUR_CALM
        gateway.wait_said(r"listener web: an HTTP/2 connection with 127.0.0.1 was ended: \w+_flood")
        assert gateway.status()["http2"]["abusers"] == 1


def test_connections_to_upstreams_have_tasks_too_and_a_reload_lets_them_go(tmp_path: Path) -> None:
    with Gateway(hello(), tmp_path) as server:
        (tmp_path / "front").mkdir()
        config = forward_to(f"127.0.0.1:{server.port()}")
        config["upstreams"]["app"]["protocol"] = "h2"
        with Gateway(config, tmp_path / "front") as gateway, Http2Client(gateway.port()) as client:
            assert client.ask("/") == b"hello\n"
            until(lambda: gateway.status()["http2"]["upstreams"] == 1, "the connection is known")
            assert re.search(r"upstream app .*\n +http2 to 127.0.0.1", gateway.get("/debug/tasks")[1].decode())
            assert gateway.metrics().sum("gateway_http2_connections", upstream="app", role="client") == 1
            assert gateway.reload(hello())[0] == 200
            until(lambda: gateway.status()["http2"]["upstreams"] == 0, "it has gone")
            assert "upstream app" not in gateway.get("/debug/tasks")[1].decode()
            assert client.ask("/") == b"hello\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_python_that_stands_still_delays_no_stream_and_no_new_connection(tmp_path: Path, workers: int) -> None:
    copy(handlers_of_the_tests.__file__, tmp_path / "frozen_handlers.py")
    config = rules(
        {"match": "/spin", "handler": "frozen_handlers:spin"},
        {"match": "/", "respond": {"body": "hello\n"}},
        upstreams={}, workers=workers,
    )  # fmt: skip
    with Gateway(config, tmp_path) as gateway:
        with Http2Client(gateway.port()) as blocker, Http2Client(gateway.port()) as client:
            assert client.ask("/") == b"hello\n"
            began, longest, asked = time.monotonic(), 0.0, 0
            blocked = blocker.request(f"/spin?seconds={FROZEN}")
            thawed = threading.Event()

            def wait() -> None:
                blocker.until(StreamEnded)
                thawed.set()

            waiter = threading.Thread(target=wait)
            waiter.start()
            while not thawed.is_set():
                at = time.monotonic()
                assert client.ask("/") == b"hello\n"
                with Http2Client(gateway.port()) as new:
                    assert new.ask("/") == b"hello\n"
                longest = max(longest, time.monotonic() - at)
                asked += 1
            waiter.join()
            assert blocker.body(blocked) == b"spun\n"
            assert time.monotonic() - began >= FROZEN
            assert longest < FROZEN / 4
            assert asked > 10
        until(lambda: gateway.status()["http2"]["clients"] == 0, "all ends are known")
