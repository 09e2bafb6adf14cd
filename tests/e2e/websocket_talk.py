"""A WebSocket client without a transport of its own, and the wires that it can talk over.

Theory: what both sides see of a conversation must not depend on the way. So the client is the sans-I/O half of the
`websockets` library, fed with bytes; a wire brings them to the server: straight or through the gateway, after an
Upgrade of HTTP/1.1 (RFC 6455) or on a stream of HTTP/2 (RFC 8441), with or without TLS. What the client sees is a list
to compare.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol, Self

from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT
from websockets.protocol import Protocol as Sansio
from websockets.sync.server import Server, ServerConnection, serve

from tests.e2e.client import PART, PATIENCE
from tests.e2e.http2_client import Http2Client
from tests.e2e.tls_socket import TlsSocket

DEFLATE: Final = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a message that the server takes."""


class Wire(Protocol):
    """Bytes to the server and back."""

    extensions: str
    """What the server agreed to."""

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...
    def finish(self) -> None: ...
    def drop(self) -> None: ...


class SocketWire:
    """A connection that has switched from HTTP/1.1."""

    def __init__(self, port: int, *, compressed: bool, tls: ssl.SSLContext | None = None) -> None:
        sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.sock = sock if tls is None else TlsSocket(sock, tls, "test")
        key = base64.b64encode(bytes(range(16))).decode()
        asked = [f"Sec-WebSocket-Extensions: {DEFLATE}"] if compressed else []
        lines = ["GET /talk HTTP/1.1", "Host: test", "Connection: Upgrade", "Upgrade: websocket"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *asked, "", ""]
        self.sock.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
        assert "content-length" not in fields, "RFC 9110 §8.6: never in 1xx"
        self.extensions = fields.get("sec-websocket-extensions", "")

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(data)

    def receive(self) -> bytes:
        """What came; b"" at the end."""
        return self.sock.recv(PART)

    def finish(self) -> None:
        """Send no more."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def drop(self) -> None:
        """End it at once."""
        self.sock.close()


class StreamWire:
    """A stream of HTTP/2, beside which others may be open."""

    def __init__(self, port: int, *, compressed: bool, tls: ssl.SSLContext | None = None) -> None:
        self.client = Http2Client(port, tls=tls)
        self.waiting: list[bytes] = []
        self.over = False
        self.status = 0
        self.extensions = ""
        while not self.client.conn.remote_settings.enable_connect_protocol:
            self._hear()
        self.stream = self.client.conn.get_next_available_stream_id()
        head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.client.scheme), (":path", "/talk")]
        asked = [("sec-websocket-extensions", DEFLATE)] if compressed else []
        fields = [*head, (":authority", "test"), ("sec-websocket-version", "13"), *asked]
        self.client.conn.send_headers(self.stream, fields)
        self._flush()
        while not self.status:
            self._hear()
        assert self.status == 200, self.status

    def send(self, data: bytes) -> None:
        """Send these bytes, as the windows allow."""
        conn = self.client.conn
        while data and not self.over:
            room = min(conn.local_flow_control_window(self.stream), conn.max_outbound_frame_size, len(data))
            if not room:
                self._hear()
                continue
            piece, data = data[:room], data[room:]
            conn.send_data(self.stream, piece)
            self._flush()

    def receive(self) -> bytes:
        """What came; b"" at the end of the stream."""
        while not self.waiting and not self.over:
            self._hear()
        found = b"".join(self.waiting)
        self.waiting.clear()
        return found

    def finish(self) -> None:
        """Send no more."""
        if not self.over:
            self.client.conn.end_stream(self.stream)
            self._flush()

    def drop(self) -> None:
        """End the whole connection at once."""
        self.client.close()

    def _flush(self) -> None:
        self.client.sock.sendall(self.client.conn.data_to_send())

    def _hear(self) -> None:
        part = self.client.sock.recv(PART)
        assert part, "the connection ended"
        for event in self.client.conn.receive_data(part):
            self._take(event)
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                fields = {str(name): str(value) for name, value in event.headers}
                self.status = int(fields[":status"])
                self.extensions = fields.get("sec-websocket-extensions", "")
            case DataReceived():
                self.waiting.append(event.data)
                self.client.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamReset():
                raise AssertionError(f"the stream was reset: {event.error_code}")
            case StreamEnded():
                self.over = True


class Talk:
    """One conversation as the client sees it."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.protocol = Sansio(CLIENT, max_size=None)
        if wire.extensions:
            assert wire.extensions.startswith("permessage-deflate"), wire.extensions
            self.protocol.extensions = [PerMessageDeflate(False, False, 12, 12)]
        self.heard: list[object] = [wire.extensions]
        """Frames in order, and in the end how it ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, _error: object, _at: object) -> None:
        self.wire.drop()

    def flush(self) -> None:
        """Send what the protocol wants to say; an empty piece is its end."""
        for data in self.protocol.data_to_send():
            self.wire.send(data) if data else self.wire.finish()

    def say(self, *steps: Callable[[Sansio], None]) -> None:
        """Do these things, and send what comes of them."""
        for step in steps:
            step(self.protocol)
            self.flush()

    def hear(self, count: int = 1) -> None:
        """Wait for so many frames."""
        wanted = len(self.heard) + count
        while len(self.heard) < wanted and self._read():
            pass

    def end(self) -> None:
        """Wait for the end."""
        while self._read():
            pass
        self.heard.append((self.protocol.close_code, self.protocol.close_reason))

    def _read(self) -> bool:
        part = self.wire.receive()
        if part:
            self.protocol.receive_data(part)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)
            self.heard.append((Opcode(event.opcode).name, bytes(event.data), event.fin))
        self.flush()
        return bool(part)


class Room:
    """A WebSocket server that echoes, and obeys texts that begin with `/`; it notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[list[object]] = []
        """A list per conversation that is over."""
        self.server: Server = serve(self._serve, "127.0.0.1", 0, max_size=LIMIT, ping_interval=None, close_timeout=5)
        self.port: int = self.server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def _serve(self, connection: ServerConnection) -> None:
        heard: list[object] = []
        try:
            for message in connection:
                heard.append(message)
                if not self._obey(connection, message):
                    connection.send(message)
        except ConnectionClosed:
            pass
        finally:
            heard.append((connection.close_code, connection.close_reason))
            self.heard.append(heard)

    @staticmethod
    def _obey(connection: ServerConnection, message: str | bytes) -> bool:
        match message.split(" ", 2) if isinstance(message, str) else []:
            case ["/close", code, reason]:
                connection.close(int(code), reason)
            case ["/ping", text]:
                connection.ping(text)
            case ["/pieces", count]:
                connection.send("piece " * 3 for _ in range(int(count)))
            case ["/drop"]:
                connection.socket.shutdown(socket.SHUT_RDWR)
            case _:
                return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, _error: object, _at: object) -> None:
        self.server.shutdown()
        self._thread.join(PATIENCE)
