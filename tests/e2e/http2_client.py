"""A client of HTTP/2 made of the h2 library, which is strict about whoever answers.

with Http2Client(gateway.port()) as client:
    answer = client.ask("POST", "/", body=b"…")
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from tests.e2e.client import PART, PATIENCE, Answer, IncompleteError

Fields = list[tuple[str, str]]

WINDOW: Final = 1 << 20
"""Bytes of every stream that may be on their way to us."""


@dataclass
class Exchange:
    """One request, and what has come of it."""

    stream: int
    left: bytes
    """What is still to be sent of its body."""
    trailers: Fields
    ended: bool
    """All of it was sent."""
    answer: Answer = field(default_factory=lambda: Answer(0, "", [], b""))
    over: bool = False
    reset: int | None = None
    """The code with which the gateway reset it."""


class Http2Client:
    """One connection."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, name: str = "test") -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.scheme = "http"
        if tls is not None:
            self.scheme = "https"
            self.sock = tls.wrap_socket(self.sock, server_hostname=name)
            assert self.sock.selected_alpn_protocol() == "h2"
        self.conn = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self.conn.initiate_connection()
        self.exchanges: dict[int, Exchange] = {}
        self.events: list[Event] = []
        """What came that belongs to no exchange."""
        self.away: ConnectionTerminated | None = None
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self.sock.close()

    def start(
        self,
        method: str,
        path: str,
        fields: Fields | None = None,
        body: bytes | None = None,
        trailers: Fields | None = None,
        *,
        authority: str = "test",
        end: bool = True,
    ) -> Exchange:
        """Send a request; `end=False` leaves it open."""
        stream = self.conn.get_next_available_stream_id()
        head = [(":method", method), (":scheme", self.scheme), (":authority", authority), (":path", path)]
        bare = end and not body and not trailers
        self.conn.send_headers(stream, [*head, *(fields or [])], end_stream=bare)
        exchange = Exchange(stream, body or b"", trailers or [], ended=bare or not end)
        self.exchanges[stream] = exchange
        self._send(exchange)
        self._flush()
        return exchange

    def finish(self, exchange: Exchange) -> Answer:
        """Read until its answer is whole. Raises IncompleteError if it does not come to that."""
        while not exchange.over:
            self.hear()
        if exchange.reset is not None:
            raise IncompleteError(f"reset with code {exchange.reset}")
        return exchange.answer

    def ask(
        self,
        method: str,
        path: str,
        *fields: tuple[str, str],
        body: bytes | None = None,
        trailers: Fields | None = None,
    ) -> Answer:
        """A request and its answer."""
        return self.finish(self.start(method, path, list(fields), body, trailers))

    def hear(self) -> None:
        """Take what came, and send what may be sent since."""
        part = self.sock.recv(PART)
        if not part:
            raise IncompleteError(f"the connection ended: {self.away}")
        for event in self.conn.receive_data(part):
            self._take(event)
        for exchange in self.exchanges.values():
            self._send(exchange)
        self._flush()

    def _send(self, exchange: Exchange) -> None:
        conn, stream = self.conn, exchange.stream
        while not exchange.ended and not exchange.over:
            room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, len(exchange.left))
            if exchange.left and not room:
                return
            piece, exchange.left = exchange.left[:room], exchange.left[room:]
            exchange.ended = not exchange.left
            conn.send_data(stream, piece, end_stream=exchange.ended and not exchange.trailers)
            if exchange.ended and exchange.trailers:
                conn.send_headers(stream, exchange.trailers, end_stream=True)

    def _flush(self) -> None:
        if waiting := self.conn.data_to_send():
            self.sock.sendall(waiting)

    def _take(self, event: Event) -> None:
        exchange = self.exchanges.get(getattr(event, "stream_id", None) or 0)
        match event:
            case ConnectionTerminated():
                self.away = event
            case _ if exchange is None:
                self.events.append(event)
            case InformationalResponseReceived():
                exchange.answer.informational.append(_answer(event.headers))
            case ResponseReceived():
                before = exchange.answer.informational
                exchange.answer = _answer(event.headers)
                exchange.answer.informational = before
            case DataReceived():
                exchange.answer.body += event.data
                self.conn.acknowledge_received_data(event.flow_controlled_length, exchange.stream)
            case TrailersReceived():
                exchange.answer.trailers = _pairs(event.headers)
            case StreamEnded():
                exchange.over = True
            case StreamReset() if not exchange.over:
                exchange.over, exchange.reset = True, int(event.error_code)


def _pairs(headers: object) -> Fields:
    assert isinstance(headers, list)
    return [(str(name), str(value)) for name, value in headers]


def _answer(headers: object) -> Answer:
    fields = _pairs(headers)
    return Answer(int(fields[0][1]), "", fields[1:], b"")
