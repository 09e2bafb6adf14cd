"""Clients of HTTP/2 that stall or vanish at every stage: deadlines end it, and nothing of them stays behind."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.e2e.client import fetch
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.http2 import Kind, RawClient, RawServer, Setting, data, frame, head, pseudo, request, reset, response
from tests.e2e.origin import Connection, ScriptedOrigin, answer

MIB: Final = 1024 * 1024
STREAMS: Final = 100
CLIENTS: Final = 10

BLOCK: Final = b"x" * 65536


def pour(connection: Connection) -> None:
    """Over HTTP/1.1: a small answer to `/fine`, an endless one to `/pour`, none to anything else."""
    while top := connection.read_head():
        if top.startswith(b"GET /fine "):
            connection.send(answer(b"fine"))
        elif top.startswith(b"GET /pour "):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.send(BLOCK)
        else:
            connection.read_until(b"never")


def hush(connection: Connection) -> None:
    """Over HTTP/2: the same, as far as a stream's first window goes."""
    server = RawServer(connection.sock)
    while (found := server.receive()) is not None:
        if found.kind != Kind.HEADERS:
            continue
        match server.path(found.stream):
            case "/fine":
                server.answer(found.stream)
            case "/pour":
                server.send(response(found.stream), data(found.stream, bytes(16_384)))


@pytest.fixture(scope="module", params=["h1", "h2"], ids=lambda name: f"to-{name}")
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with ScriptedOrigin(pour if request.param == "h1" else hush) as origin:
        upstream = {"endpoints": [origin.address], "pool": {"max_idle": 0}}
        if request.param == "h2":
            upstream = {"endpoints": [origin.address], "protocol": "h2"}
        rules = [  # an origin that has just lost two hundred clients may take its time to answer the one that is fine
            {"name": "fine", "match": {"path": {"exact": "/fine"}}, "to": "app"},
            {"name": "all", "to": "app", "timeout": {"idle": "600ms"}},
        ]
        config = {
            "listeners": [{"name": "web", "listen": LISTEN, "timeout": {"header": "300ms", "idle": "500ms"}}],
            "routes": [{"name": "all", "rules": rules}],
            "upstreams": {"app": upstream},
        }
        with Gateway(config, tmp_path_factory.mktemp("stalls")) as running:
            assert fetch(running.port(), "GET", "/fine").body == b"fine"
            yield running


@dataclass(frozen=True)
class Left:
    """What there is of clients, and of what they asked for."""

    connections: float
    in_flight: float
    timers: float

    @classmethod
    def by(cls, gateway: Gateway) -> Left:
        """As of now."""
        metrics = gateway.metrics()
        return cls(
            metrics.sum("gateway_connections_open", listener="web"),
            metrics.sum("gateway_upstream_requests_in_flight"),
            metrics.sum("gateway_worker_timers"),
        )


def nothing_stays(gateway: Gateway, before: Left) -> None:
    def gone() -> bool:
        now = Left.by(gateway)
        return (now.connections, now.in_flight) == (0, 0) and now.timers <= before.timers + 1

    until(gone, f"nothing of them is left; it began with {before}")
    assert fetch(gateway.port(), "GET", "/fine").body == b"fine"
    assert gateway.status()["panics"] == 0


def quiet(gateway: Gateway) -> Left:
    until(lambda: Left.by(gateway).connections == 0, "a quiet beginning")
    return Left.by(gateway)


def test_streams_whose_windows_stay_shut_end_at_the_idle_limit(gateway: Gateway) -> None:
    """Zero-window stall: everything is asked for, nothing taken; the socket is read, so only windows hold back."""
    before, memory = quiet(gateway), gateway.pss()
    with RawClient(gateway.port(), {Setting.INITIAL_WINDOW_SIZE: 0}) as client:
        client.send(*(request(2 * number + 1, path="/pour") for number in range(STREAMS)))
        ended = client.end()
    assert gateway.pss() - memory < 16 * MIB
    outcomes = [client.messages[2 * number + 1] for number in range(STREAMS)]
    assert all(each.reset is not None or not each.whole for each in outcomes), "a cut answer never looks complete"
    assert ended.code == 0
    nothing_stays(gateway, before)


def test_a_connection_window_that_stays_shut_ends_at_the_idle_limit(gateway: Gateway) -> None:
    before, memory = quiet(gateway), gateway.pss()
    with RawClient(gateway.port(), {Setting.INITIAL_WINDOW_SIZE: 2**31 - 1}) as client:
        client.send(*(request(2 * number + 1, path="/pour") for number in range(STREAMS)))
        client.end()
    assert gateway.pss() - memory < 16 * MIB
    assert sum(len(each.body) for each in client.messages.values()) <= 65_535
    nothing_stays(gateway, before)


def test_client_that_reads_nothing_at_all_is_held_back_and_ended(gateway: Gateway) -> None:
    before, memory = quiet(gateway), gateway.pss()
    with RawClient(gateway.port(), {Setting.INITIAL_WINDOW_SIZE: 2**31 - 1}) as client:
        client.send(frame(Kind.WINDOW_UPDATE, 0, 0, (2**31 - 70_000).to_bytes(4, "big")))
        client.send(*(request(2 * number + 1, path="/pour") for number in range(STREAMS)))
        until(lambda: Left.by(gateway).in_flight > 0, "they are under way")
        until(lambda: Left.by(gateway).connections == 0, "it is ended")
        assert gateway.pss() - memory < 16 * MIB
    nothing_stays(gateway, before)


def test_streams_that_stay_half_open_are_ended(gateway: Gateway) -> None:
    """Requests whose bodies never end: each is told 408, or reset, and the connection then ends for being idle."""
    before, memory = quiet(gateway), gateway.pss()
    with RawClient(gateway.port()) as client:
        client.send(*(head(2 * number + 1, pseudo("POST"), end=False) for number in range(STREAMS)))
        client.end()
    assert gateway.pss() - memory < 16 * MIB
    for number in range(STREAMS):
        found = client.messages[2 * number + 1]
        assert found.status in (408, 504) or found.reset is not None, (number, found)
    nothing_stays(gateway, before)


def test_connection_without_a_stream_is_ended_in_order(gateway: Gateway) -> None:
    before = quiet(gateway)
    with RawClient(gateway.port()) as client:
        assert client.ask(path="/fine").status == 200
        assert client.end().code == 0
    nothing_stays(gateway, before)


def test_preface_that_never_ends_is_ended(gateway: Gateway) -> None:
    before = quiet(gateway)
    for first in (b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n"):
        with RawClient(gateway.port(), first=first) as client:
            client.sock.settimeout(5)
            while client.sock.recv(65536):
                pass
    nothing_stays(gateway, before)


STAGES: Final = {
    "after the preface": b"",
    "inside a frame": frame(Kind.HEADERS, 5, 1, bytes(100))[:50],
    "inside a field block": frame(Kind.HEADERS, 1, 1, b"\x82\x86\x84"),
    "awaiting answers": b"".join(request(2 * number + 1, path="/never") for number in range(20)),
    "inside answers": b"".join(request(2 * number + 1, path="/pour") for number in range(20)),
    "inside bodies": b"".join(head(2 * n + 1, pseudo("POST"), end=False) + data(2 * n + 1, b"half") for n in range(20)),
    "after resetting": b"".join(request(s, path="/never") + reset(s) for s in range(1, 40, 2)),
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stage", STAGES)
def test_client_that_vanishes_leaves_nothing_behind(gateway: Gateway, stage: str, how: str) -> None:
    before, descriptors = quiet(gateway), gateway.descriptors()
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(gateway.port())) for _ in range(CLIENTS)]
        for client in clients:
            client.send(STAGES[stage])
            client.await_frame(Kind.SETTINGS)
        if how == "reset":
            for client in clients:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    nothing_stays(gateway, before)
    until(lambda: gateway.descriptors() <= descriptors + 2, "descriptors are back")
