"""Clients: raw bytes out, answers read by h11 (strict, and nobody here wrote it).

with Client(gateway.port("web")) as client:
    client.send(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    answer = client.read()
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import h11

from tests.e2e.origin import Told

PATIENCE: Final = 20.0
"""Seconds that the gateway may be silent before a test fails."""

PART: Final = 64 * 1024


class IncompleteError(Exception):
    """The connection ended inside an answer."""


@dataclass
class Answer:
    """One answer."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]] = field(default_factory=list)
    informational: list[Answer] = field(default_factory=list)
    """The 1xx that came before."""

    def header(self, name: str) -> str | None:
        """The values of a field, joined; None if there is none."""
        values = [value for found, value in self.headers if found == name.lower()]
        return ", ".join(values) if values else None

    @property
    def told(self) -> Told:
        """What a TellingOrigin said it was asked."""
        return Told(json.loads(self.body))


class Client:
    """One TCP (or unix) connection."""

    def __init__(self, port: int = 0, *, host: str = "127.0.0.1", unix: str | None = None) -> None:
        if unix is not None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(PATIENCE)
            self.sock.connect(unix)
        else:
            self.sock = socket.create_connection((host, port), timeout=PATIENCE)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 * 1024)
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self.sock.close()

    def reset(self) -> None:
        """End it with RST rather than FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self) -> None:
        """Send no more, go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Send these bytes as they are."""
        self.sock.sendall(data)

    def read(self, method: str = "GET", *, body: bool = True) -> Answer:
        """The next answer, to a request with this method; `body=False` stops after the head.

        Raises IncompleteError if the connection ends before the answer does, h11.RemoteProtocolError for no HTTP.
        """
        self._expect(method)
        informational: list[Answer] = []
        while True:
            event = self._next()
            if isinstance(event, h11.InformationalResponse):
                informational.append(_answer(event))
                if event.status_code == 101:
                    return informational[-1]
            elif isinstance(event, h11.Response):
                break
            else:
                raise IncompleteError("the connection ended before a head")
        answer = _answer(event)
        answer.informational = informational
        if body:
            self._body(answer)
        return answer

    def ask(self, method: str, target: str, *fields: str, body: bytes | None = None, host: str = "test") -> Answer:
        """Send a plain request and read its answer."""
        self.send(head(method, target, *fields, body=body, host=host))
        return self.read(method)

    def closed(self) -> bool:
        """Wait for the end of the stream: True if nothing more came."""
        try:
            return self._parser.trailing_data[0] == b"" and self.sock.recv(PART) == b""
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """Everything until the end of the stream, unparsed."""
        parts = [self._parser.trailing_data[0]]
        while part := self.sock.recv(PART):
            parts.append(part)
        return b"".join(parts)

    def _expect(self, method: str) -> None:
        if self._parser.our_state is not h11.IDLE:
            self._parser.start_next_cycle()
        fields = [("host", "test")]
        if method == "CONNECT-UPGRADE":
            method, fields = "GET", [("host", "test"), ("connection", "upgrade"), ("upgrade", "raw")]
        self._parser.send(h11.Request(method=method, target="/", headers=fields))
        if not any(name == "upgrade" for name, _ in fields):
            self._parser.send(h11.EndOfMessage())

    def _body(self, answer: Answer) -> None:
        parts: list[bytes] = []
        try:
            while True:
                event = self._next()
                if isinstance(event, h11.EndOfMessage):
                    answer.trailers = [(n.decode(), v.decode("latin-1")) for n, v in event.headers]
                    break
                if not isinstance(event, h11.Data):
                    raise IncompleteError("the connection ended inside the body")
                parts.append(bytes(event.data))
        except (h11.RemoteProtocolError, ConnectionResetError) as error:
            if self._ended or isinstance(error, ConnectionResetError):
                raise IncompleteError(str(error)) from error
            raise
        answer.body = b"".join(parts)

    def _next(self) -> Any:
        while True:
            event = self._parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            part = self.sock.recv(PART)
            self._ended = not part
            self._parser.receive_data(part)


def head(method: str, target: str, *fields: str, body: bytes | None = None, host: str = "test") -> bytes:
    """A request as bytes: its head, and its body if it has one."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def fetch(port: int, method: str, target: str, *fields: str, body: bytes | None = None, host: str = "test") -> Answer:
    """One request on a connection of its own."""
    with Client(port) as client:
        return client.ask(method, target, *fields, body=body, host=host)


def refuses(port: int) -> bool:
    """Whether nobody listens there any more."""
    try:
        Client(port).close()
    except ConnectionRefusedError:
        return True
    return False


def _answer(event: h11.Response | h11.InformationalResponse) -> Answer:
    fields = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
    return Answer(event.status_code, bytes(event.reason).decode("latin-1"), fields, b"")
