"""Clients that vanish or dawdle at every stage: nothing of them stays behind."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.client import Client, fetch, head
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import ROOT, Gateway, until
from tests.e2e.origin import Connection, ScriptedOrigin, answer

CLIENTS = 25
"""How many vanish at each stage: enough that one leaked thing each is seen beside the noise of the process."""

BLOCK = b"x" * 65536


@dataclass(frozen=True)
class Holdings:
    """Everything of which a request may hold some. No more after than before, or something leaks."""

    descriptors: int
    connections: float
    upstream_connections: float
    in_flight: float
    timers: float
    asked: float
    tasks: int


def more(after: Holdings, before: Holdings) -> dict[str, float]:
    """What there is more of, and how much. (Less is what the test before had not given back yet.)"""
    pairs = ((name, getattr(after, name) - getattr(before, name)) for name in before.__dataclass_fields__)
    return {name: grown for name, grown in pairs if grown > 0}


class Scene:
    """A gateway with an origin for every stage, and Python."""

    def __init__(self, gateway: Gateway, asked: threading.Semaphore) -> None:
        self.gateway = gateway
        self.asked = asked
        """Released once per request that has reached the origin."""

    def holdings(self) -> Holdings:
        """Counted now, idle pooled connections apart: those are kept on purpose and closed here by a reload."""
        metrics = self.gateway.metrics()
        tree = self.gateway.get("/debug/tasks")[1].decode()
        return Holdings(
            descriptors=self.gateway.descriptors(),
            connections=metrics.sum("gateway_connections_open", listener="web"),
            upstream_connections=metrics.sum("gateway_upstream_connections_open"),
            in_flight=metrics.sum("gateway_upstream_requests_in_flight"),
            timers=metrics.sum("gateway_worker_timers"),
            asked=metrics.sum("gateway_asked_requests"),
            tasks=len(tree.splitlines()),
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("clients")
    shutil.copy(ROOT / "tests" / "e2e" / "handlers_of_the_tests.py", directory)
    asked = threading.Semaphore(0)

    def origin(connection: Connection) -> None:
        request = connection.read_head()
        asked.release()
        if request.startswith(b"GET /pour "):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.send(BLOCK)
        if request.startswith(b"GET /switch "):
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
        connection.read_until(b"never")

    with ScriptedOrigin(origin) as server:
        rules = [
            {"name": "app", "to": "app"},
            {"name": "forever", "match": "/forever", "handler": "handlers_of_the_tests:forever"},
            {"name": "drip", "match": "/drip", "handler": "handlers_of_the_tests:drip"},
            {"name": "swallow", "match": "/swallow", "handler": "handlers_of_the_tests:swallow"},
        ]
        config = {
            "listeners": [{"name": "web", "listen": LISTEN}],
            "routes": [{"name": "all", "rules": rules}],
            "upstreams": {"app": {"endpoints": [server.address], "pool": {"max_idle": 0}}},
        }
        with Gateway(config, directory) as gateway:
            yield Scene(gateway, asked)


SWITCH = b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n"

STAGES: dict[str, tuple[bytes, str]] = {
    # name: what is sent, what is waited for before the client vanishes
    "before a byte": (b"", "nothing"),
    "inside the head": (b"GET / HTTP/1.1\r\nHo", "nothing"),
    "inside the body, by length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf", "origin"),
    "inside the body, in chunks": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        "origin",
    ),
    "awaiting the answer": (head("GET", "/"), "origin"),
    "awaiting, with more requests behind": (head("GET", "/") * 5, "origin"),
    "inside the answer": (head("GET", "/pour"), "answer"),
    "inside a tunnel": (SWITCH, "answer"),
    "awaiting Python": (head("GET", "/forever"), "asked"),
    "inside an answer of Python": (head("GET", "/drip"), "answer"),
    "inside a body for Python": (b"POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "asked"),
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stage", STAGES)
def test_client_that_vanishes_leaves_nothing_behind(scene: Scene, stage: str, how: str) -> None:
    data, awaited = STAGES[stage]
    until(lambda: scene.holdings().connections == 0, "a quiet beginning")
    before = scene.holdings()
    while scene.asked.acquire(blocking=False):
        pass
    clients = [Client(scene.gateway.port()) for _ in range(CLIENTS)]
    for client in clients:
        client.send(data)
    for client in clients:
        if awaited == "origin":
            assert scene.asked.acquire(timeout=10)
        elif awaited == "answer":
            client.sock.recv(10)
    if awaited == "asked":
        until(lambda: scene.gateway.metrics().sum("gateway_asked_requests") == CLIENTS + 1, "Python has them all")
    until(lambda: scene.holdings().connections == CLIENTS, "they are all there")
    for client in clients:
        client.close() if how == "close" else client.reset()
    found = before

    def back() -> bool:
        nonlocal found
        found = scene.holdings()
        return not more(found, before)

    try:
        until(back, "everything is given back", seconds=15)
    except AssertionError:
        assert more(found, before) == {}
    assert scene.gateway.status()["panics"] == 0


def config_with_timeouts(address: str) -> dict[str, object]:
    """Short ones, so that a test sees them pass."""
    return {
        "listeners": [{"name": "web", "listen": LISTEN, "timeout": {"header": "300ms", "idle": "400ms"}}],
        "routes": [{"name": "all", "rules": [{"name": "all", "to": "app", "timeout": {"idle": "500ms"}}]}],
        "upstreams": {"app": {"endpoints": [address]}},
    }


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    def script(connection: Connection) -> None:
        while request := connection.read_head():
            if request.startswith(b"POST"):
                connection.read_exactly(10)
            connection.send(answer(b"fine"))

    with ScriptedOrigin(script) as origin:
        with Gateway(config_with_timeouts(origin.address), tmp_path_factory.mktemp("hasty")) as gateway:
            yield gateway


def test_head_that_drips_is_ended_with_408(hasty: Gateway) -> None:
    """Slowloris: a byte now and then does not buy more time."""
    with Client(hasty.port()) as client:
        began = time.monotonic()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        client.sock.settimeout(0.05)
        seen = b""
        while not seen and time.monotonic() - began < 5:
            try:
                client.send(b"X-A: b\r\n")
                seen = client.sock.recv(65536)
            except TimeoutError:
                continue
        assert seen.startswith(b"HTTP/1.1 408 ")
        assert 0.2 < time.monotonic() - began < 2


def test_connection_without_a_byte_is_closed_after_the_header_timeout(hasty: Gateway) -> None:
    with Client(hasty.port()) as client:
        began = time.monotonic()
        assert client.closed()
        assert 0.2 < time.monotonic() - began < 2


def test_kept_connection_is_closed_after_the_idle_timeout(hasty: Gateway) -> None:
    with Client(hasty.port()) as client:
        for _ in range(3):
            assert client.ask("GET", "/").status == 200
        began = time.monotonic()
        assert client.closed()
        assert 0.3 < time.monotonic() - began < 2


def test_body_that_stops_is_ended_with_a_timeout(hasty: Gateway) -> None:
    with Client(hasty.port()) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        found = client.read("POST")
        assert found.status == 408
        assert "body_timeout" in (found.header("proxy-status") or "")
        assert client.closed()


def test_others_do_not_notice_a_thousand_dripping_clients(hasty: Gateway) -> None:
    before = hasty.pss()
    crowd = [Client(hasty.port()) for _ in range(1000)]
    for each in crowd:
        each.send(b"GET / HTTP/1.1\r\nHos")
    for _ in range(100):
        assert fetch(hasty.port(), "GET", "/").body == b"fine"
    assert hasty.pss() - before < 16 * 1024 * 1024
    for each in crowd:
        each.close()
    until(lambda: hasty.metrics().sum("gateway_connections_open", listener="web") == 0, "they are gone")
