"""Connections that switch protocols: WebSockets of the `websockets` library, and raw tunnels with half-close.

Each WebSocket test runs twice, straight to the server and through the gateway: what is seen must be the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from tests.e2e.client import PART, Client
from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.origin import Connection, ScriptedOrigin

MIB = 1024 * 1024

SWITCH = b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"


class Room:
    """A WebSocket server that echoes, and obeys `close CODE REASON`."""

    def __init__(self) -> None:
        self.closed_by_client: list[tuple[int, str]] = []
        self.server: Server = serve(self._serve, "127.0.0.1", 0, max_size=None)
        self.port: int = self.server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def _serve(self, connection: ServerConnection) -> None:
        try:
            for message in connection:
                if isinstance(message, str) and message.startswith("close "):
                    _, code, reason = message.split(" ", 2)
                    connection.close(int(code), reason)
                    return
                connection.send(message)
        except ConnectionClosed:
            pass
        finally:
            self.closed_by_client.append((connection.close_code or 0, connection.close_reason or ""))

    def stop(self) -> None:
        """End it."""
        self.server.shutdown()
        self._thread.join(10)


@contextmanager
def websocket_room() -> Iterator[Room]:
    room = Room()
    try:
        yield room
    finally:
        room.stop()


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with websocket_room() as found:
        yield found


@pytest.fixture(scope="module", params=["straight", "gateway"])
def url(request: pytest.FixtureRequest, room: Room, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "straight":
        yield f"ws://127.0.0.1:{room.port}/"
        return
    with Gateway(forward_to(f"127.0.0.1:{room.port}"), tmp_path_factory.mktemp("ws")) as gateway:
        yield f"ws://127.0.0.1:{gateway.port()}/"


def test_text_and_binary_are_echoed(url: str) -> None:
    with connect(url) as socket:
        for message in ("hello", "grüße", "", b"\x00\xff", b"", "x" * 70_000):
            socket.send(message)
            assert socket.recv(timeout=10) == message


def test_fragmented_message_arrives_as_one(url: str) -> None:
    with connect(url) as socket:
        socket.send(iter(["a", "bc", "", "d" * 100_000]))
        assert socket.recv(timeout=10) == "abc" + "d" * 100_000


def test_ping_is_answered(url: str) -> None:
    with connect(url) as socket:
        assert socket.ping(b"are you there").wait(10)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_large_message_arrives_whole(url: str, compression: str | None) -> None:
    message = bytes(range(256)) * (8 * MIB // 256)
    with connect(url, compression=compression, max_size=None) as socket:
        assert bool(socket.protocol.extensions) == (compression is not None)
        socket.send(message)
        assert socket.recv(timeout=20) == message


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1001, "away"), (4321, "ours")])
def test_close_code_of_the_server_reaches_the_client(url: str, code: int, reason: str) -> None:
    with connect(url) as socket:
        socket.send(f"close {code} {reason}")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
        assert (socket.close_code, socket.close_reason) == (code, reason)


def test_close_code_of_the_client_reaches_the_server(url: str, room: Room) -> None:
    before = len(room.closed_by_client)
    with connect(url) as socket:
        socket.close(4000, "enough")
    until(lambda: (4000, "enough") in room.closed_by_client[before:], "the server sees code and reason")


def test_many_messages_keep_their_order(url: str) -> None:
    with connect(url) as socket:
        for number in range(2000):
            socket.send(str(number))
        assert [socket.recv(timeout=10) for _ in range(2000)] == [str(number) for number in range(2000)]


def test_open_tunnels_are_counted_and_leave_nothing_behind(tmp_path: Path, room: Room) -> None:
    with Gateway(forward_to(f"127.0.0.1:{room.port}"), tmp_path) as gateway:
        gateway.metrics()  # the first scrape opens what stays open
        before = gateway.descriptors()
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(connect(f"ws://127.0.0.1:{gateway.port()}/"))
            assert gateway.metrics().sum("gateway_connections_open", listener="web") == 20
        until(lambda: gateway.metrics().sum("gateway_connections_open", listener="web") == 0, "all are gone")
        until(lambda: gateway.descriptors() <= before, "descriptors are back")


def tunnel(connection: Connection) -> None:
    """Switch, then echo until the client's end; then say goodbye and end."""
    connection.read_head()
    connection.send(SWITCHED)
    while part := connection.read_some():
        connection.send(part)
    connection.send(b"goodbye")


def switched(client: Client) -> None:
    """Ask to switch, and see it done."""
    client.send(SWITCH)
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nupgrade: raw\r\n" in head.lower()
    assert b"\r\nconnection: upgrade\r\n" in head.lower()


def test_end_of_the_client_passes_through_and_the_server_may_still_answer(tmp_path: Path) -> None:
    with ScriptedOrigin(tunnel) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            switched(client)
            client.send(b"hello")
            client.half_close()
            assert client.rest() == b"hellogoodbye"


def test_end_of_the_server_passes_through_and_the_client_may_still_send(tmp_path: Path) -> None:
    got: list[bytes] = []

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(SWITCHED + b"first words")
        connection.half_close()
        while part := connection.read_some():
            got.append(part)

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            switched(client)
            assert client.rest() == b"first words"
            client.send(b"last words")
            client.half_close()
            until(lambda: b"".join(got) == b"last words", "the server hears the last words")


def test_bytes_sent_with_the_request_reach_the_other_side_of_the_tunnel(tmp_path: Path) -> None:
    with ScriptedOrigin(tunnel) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(SWITCH + b"too early")
            seen = b""
            while not seen.endswith(b"too early"):
                seen += client.sock.recv(PART)
            client.half_close()
            assert client.rest() == b"goodbye"


def test_only_101_opens_a_tunnel(tmp_path: Path) -> None:
    """Envoy, CVE-2024-23326: a 200 to an upgrade is an answer, and what follows is the next request."""

    def script(connection: Connection) -> None:
        while connection.read_head():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(SWITCH)
            assert client.read().body == b"no"
            client.send(b"\x00\x01 this is no request\r\n\r\n")
            assert client.read().status == 400


def test_101_that_nobody_asked_for_is_502(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(SWITCHED)

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            found = client.ask("GET", "/")
            assert found.status == 502
            assert "upstream_invalid" in (found.header("proxy-status") or "")


def test_tunnel_is_held_back_by_a_side_that_does_not_read(tmp_path: Path) -> None:
    stop = threading.Event()

    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(SWITCHED)
        stop.wait(20)

    with ScriptedOrigin(script) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        before = gateway.pss()
        with Client(gateway.port()) as client:
            switched(client)
            client.sock.settimeout(0.5)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 64 * MIB:
                    sent += client.sock.send(b"x" * PART)
            assert gateway.pss() - before < 8 * MIB
        stop.set()
