"""A server of HTTP/2 made of the h2 library, which tells what it was asked as `origin.TellingOrigin` does.

It is strict about whoever asks: what breaks a rule raises in the thread of the connection, and the test fails. Servers
that misbehave are scripts of `origin.ScriptedOrigin` that speak through `http2.RawPeer`.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from tests.e2e.origin import PART, Connection, ScriptedOrigin, Told

BLOCK: Final = b"0123456789abcdef"


@dataclass
class Asked:
    """A request that has begun, and the answer that is owed."""

    headers: list[tuple[str, str]]
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes | None = None
    """What is still to be sent, once the request is whole."""

    def header(self, name: str) -> str | None:
        """The first value of a field."""
        return next((value for found, value in self.headers if found == name), None)


class TellingHttp2Origin(ScriptedOrigin):
    """Answers every request with an account of it, as JSON, and keeps all accounts in `requests`.

    Request fields steer it: `x-answer-status`; `x-answer-bytes` (a body of so many bytes instead of the account);
    `x-answer-early` (103 first); `x-answer-trailer` (a trailer with this value); `x-answer-reset` (reset with this code
    instead of answering); `x-answer-close` (GOAWAY after the answer, and close).
    """

    def __init__(
        self, name: str = "origin", *, offered: dict[int, int] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(self._serve)
        self.name = name
        self.requests: list[Told] = []
        self.resets: list[int] = []
        """Codes of streams that the other side reset."""
        self._offered = offered or {}
        self._tls = tls

    def _serve(self, connection: Connection) -> None:
        if self._tls is not None:
            connection.sock = self._tls.wrap_socket(connection.sock, server_side=True)
        conn = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        conn.local_settings.update(self._offered)
        conn.initiate_connection()
        asked: dict[int, Asked] = {}
        while True:
            connection.send(conn.data_to_send())
            part = connection.sock.recv(PART)
            if not part:
                return
            events = conn.receive_data(part)
            gone = {event.stream_id for event in events if isinstance(event, StreamReset)}
            for event in events:
                if isinstance(event, ConnectionTerminated):
                    return
                if not (isinstance(event, StreamEnded) and event.stream_id in gone):
                    self._take(conn, asked, event, connection.number)
            self._pour(conn, asked)

    def _take(self, conn: H2Connection, asked: dict[int, Asked], event: Event, number: int) -> None:
        match event:
            case RequestReceived():
                asked[event.stream_id] = Asked([(str(name), str(value)) for name, value in event.headers])
            case DataReceived():
                request = asked[event.stream_id]
                request.digest.update(event.data)
                request.size += len(event.data)
                with suppress(ProtocolError):  # the stream may have been answered already
                    conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case TrailersReceived():
                asked[event.stream_id].trailers = [(str(name), str(value)) for name, value in event.headers]
            case StreamReset():
                self.resets.append(int(event.error_code))
                asked.pop(event.stream_id, None)
            case StreamEnded():
                self._answer(conn, event.stream_id, asked[event.stream_id], number)

    def _answer(self, conn: H2Connection, stream: int, request: Asked, number: int) -> None:
        told = self._account(request, number)
        self.requests.append(told)
        if (code := request.header("x-answer-reset")) is not None:
            conn.reset_stream(stream, ErrorCodes(int(code)))
            return
        if request.header("x-answer-early"):
            conn.send_headers(stream, [(":status", "103"), ("link", "</style.css>")])
        status = request.header("x-answer-status") or "200"
        size = int(request.header("x-answer-bytes") or -1)
        request.answer = (BLOCK * (size // len(BLOCK) + 1))[:size] if size >= 0 else json.dumps(told).encode()
        if told["method"] == "HEAD" or status in ("204", "304"):
            request.answer = b""
        fields = [(":status", status), ("content-type", "application/json"), ("x-origin", self.name)]
        bare = not request.answer and not request.header("x-answer-trailer")
        conn.send_headers(stream, fields, end_stream=bare)
        if bare:
            request.answer = None

    def _account(self, request: Asked, number: int) -> Told:
        pseudo = {name: value for name, value in request.headers if name.startswith(":")}
        return Told(
            origin=self.name,
            connection=number,
            method=pseudo[":method"],
            target=pseudo.get(":path"),
            authority=pseudo.get(":authority"),
            scheme=pseudo.get(":scheme"),
            version="2",
            headers=[(name, value) for name, value in request.headers if not name.startswith(":")],
            body_bytes=request.size,
            body_sha256=request.digest.hexdigest(),
            trailers=request.trailers,
        )

    def _pour(self, conn: H2Connection, asked: dict[int, Asked]) -> None:
        for stream, request in asked.items():
            while request.answer is not None:
                left = len(request.answer)
                room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, left)
                if left and not room:
                    break
                piece, request.answer = request.answer[:room], request.answer[room:] or None
                trailer = request.header("x-answer-trailer")
                conn.send_data(stream, piece, end_stream=request.answer is None and not trailer)
                if request.answer is None and trailer:
                    conn.send_headers(stream, [("x-trailer", trailer)], end_stream=True)
        if any(request.header("x-answer-close") and request.answer is None for request in asked.values()):
            conn.close_connection()
