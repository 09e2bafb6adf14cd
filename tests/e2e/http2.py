"""HTTP/2 as bytes: frames that say what a test says, right or wrong, and a peer that reads what comes back.

Theory: a library that writes frames writes valid ones, so hostile peers are made here, by hand. What comes back is
read frame by frame and decoded by `hpack`, which nobody here wrote. For peers that behave see `http2_client.py` and
`http2_origin.py`.

    with RawClient(gateway.port()) as client:
        client.send(request(1), reset(1, CANCEL))
        assert client.end().code == ENHANCE_YOUR_CALM
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from types import TracebackType
from typing import Final, Self

import hpack

PATIENCE: Final = 20.0
"""Seconds that the other side may be silent before a test fails."""

PART: Final = 64 * 1024

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Field = tuple[bytes | str, bytes | str]


class Kind(IntEnum):
    """RFC 9113 §6."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Code(IntEnum):
    """RFC 9113 §7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class Setting(IntEnum):
    """RFC 9113 §6.5.2, RFC 8441 §3."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8


END_STREAM: Final = 1
ACK: Final = 1
END_HEADERS: Final = 4
PADDED: Final = 8

LARGEST_WINDOW: Final = 2**31 - 1

# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Any frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values: dict[int, int] | None = None) -> bytes:
    """SETTINGS with these values."""
    entries = (struct.pack(">HI", name, value) for name, value in (values or {}).items())
    return frame(Kind.SETTINGS, 0, 0, b"".join(entries))


def settings_ack() -> bytes:
    """Our side of the handshake."""
    return frame(Kind.SETTINGS, ACK, 0)


def ping(payload: bytes = bytes(8), flags: int = 0) -> bytes:
    """PING."""
    return frame(Kind.PING, flags, 0, payload)


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    """RST_STREAM."""
    return frame(Kind.RST_STREAM, 0, stream, struct.pack(">I", code))


def window(stream: int, increment: int) -> bytes:
    """WINDOW_UPDATE."""
    return frame(Kind.WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def priority(stream: int, depends_on: int) -> bytes:
    """PRIORITY."""
    return frame(Kind.PRIORITY, 0, stream, struct.pack(">IB", depends_on, 15))


def goaway(last: int, code: int = Code.NO_ERROR) -> bytes:
    """GOAWAY."""
    return frame(Kind.GOAWAY, 0, 0, struct.pack(">II", last, code))


def data(stream: int, payload: bytes, *, end: bool = False) -> bytes:
    """DATA."""
    return frame(Kind.DATA, END_STREAM if end else 0, stream, payload)


def block(fields: Iterable[Field]) -> bytes:
    """A field block of literals without index: any bytes, and no table."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)


def _string(text: bytes | str) -> bytes:
    octets = text.encode("latin-1") if isinstance(text, str) else text
    length, prefix = len(octets), bytearray()
    if length < 127:
        return bytes([length]) + octets
    prefix.append(127)
    length -= 127
    while length >= 128:
        prefix.append(length % 128 | 128)
        length //= 128
    return bytes([*prefix, length]) + octets


def head(stream: int, fields: Iterable[Field], *, end: bool = True) -> bytes:
    """HEADERS with a whole block."""
    return frame(Kind.HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(fields))


def pseudo(method: str = "GET", path: str = "/", authority: str = "test") -> list[Field]:
    """What every request has."""
    return [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]


def request(stream: int, *fields: Field, method: str = "GET", path: str = "/", end: bool = True) -> bytes:
    """HEADERS of a plain request."""
    return head(stream, [*pseudo(method, path), *fields], end=end)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Frame:
    """One frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def ended(self) -> bool:
        """END_STREAM is set."""
        return self.kind in (Kind.DATA, Kind.HEADERS) and bool(self.flags & END_STREAM)

    @property
    def number(self) -> int:
        """The error code of RST_STREAM, the increment of WINDOW_UPDATE."""
        found: int = struct.unpack(">I", self.payload[:4])[0]
        return found

    def values(self) -> dict[int, int]:
        """The entries of SETTINGS."""
        return dict(struct.iter_unpack(">HI", self.payload))


@dataclass
class Message:
    """What one stream has brought."""

    heads: list[dict[str, str]] = field(default_factory=list)
    """The field blocks in order: informational ones, the head, trailers."""
    body: bytes = b""
    whole: bool = False
    reset: int | None = None
    """The code of RST_STREAM."""

    @property
    def status(self) -> int:
        """Of the final head; 0 if there is none."""
        found = [int(each[":status"]) for each in self.heads if ":status" in each]
        return next((status for status in found if status >= 200), 0)

    @property
    def over(self) -> bool:
        """Nothing more comes."""
        return self.whole or self.reset is not None


@dataclass(frozen=True)
class End:
    """How a connection ended."""

    code: int | None
    """Of the last GOAWAY; None if there was none."""
    last: int
    frames: list[Frame]
    """Everything that came since it was looked at last."""


class RawPeer:
    """One end of a connection. SETTINGS are acknowledged; everything else is said by the test."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.messages: dict[int, Message] = {}
        """What has come so far, by stream."""
        self.settings: dict[int, int] = {}
        """What the other side has offered."""
        self.away: Frame | None = None
        """The last GOAWAY."""
        self._decoder = hpack.Decoder()
        self._decoder.max_header_list_size = 2**20
        self._buffer = b""
        self._open: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None) -> None:
        self.sock.close()

    def send(self, *frames: bytes) -> None:
        """Send these bytes at once."""
        self.sock.sendall(b"".join(frames))

    def receive(self) -> Frame | None:
        """The next frame; None at the end of the connection."""
        octets = self._exactly(9)
        if len(octets) < 9:
            return None
        length = int.from_bytes(octets[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", octets[3:])
        found = Frame(kind, flags, stream, self._exactly(length))
        self._note(found)
        return found

    def frames(self) -> Iterator[Frame]:
        """Frame after frame, to the end of the connection."""
        while (found := self.receive()) is not None:
            yield found

    def await_frame(self, kind: int, stream: int | None = None) -> Frame:
        """Read until such a frame."""
        for found in self.frames():
            if found.kind == kind and stream in (None, found.stream):
                return found
        raise AssertionError(f"the connection ended without {Kind(kind).name}: {self.away}")

    def await_message(self, stream: int) -> Message:
        """Read until this stream is over."""
        while not self.messages.setdefault(stream, Message()).over:
            assert self.receive() is not None, f"the connection ended: {self.away}"
        return self.messages[stream]

    def await_round_trip(self) -> None:
        """Read until all that was sent before has been looked at."""
        self.send(ping(b"all read"))
        while (found := self.receive()) is not None:
            if found.kind == Kind.PING and found.flags & ACK and found.payload == b"all read":
                return
        raise AssertionError(f"the connection ended: {self.away}")

    def end(self) -> End:
        """Read to the end of the connection."""
        frames: list[Frame] = []
        with suppress(ConnectionResetError):  # what we still sent was not wanted any more
            frames.extend(self.frames())
        if self.away is None:
            return End(None, 0, frames)
        last, code = struct.unpack(">II", self.away.payload[:8])
        return End(code, last, frames)

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            part = self.sock.recv(PART)
            if not part:
                break
            self._buffer += part
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def _note(self, found: Frame) -> None:
        if found.kind == Kind.SETTINGS and not found.flags & ACK:
            self.settings |= found.values()
            self.send(settings_ack())
        elif found.kind == Kind.GOAWAY:
            self.away = found
        elif found.kind in (Kind.HEADERS, Kind.CONTINUATION):
            self._open.append(found.payload)
            if found.flags & END_HEADERS:
                self._head(found.stream)
        message = self.messages.setdefault(found.stream, Message())
        if found.kind == Kind.DATA:
            message.body += found.payload
        elif found.kind == Kind.RST_STREAM:
            message.reset = found.number
        message.whole |= found.ended

    def _head(self, stream: int) -> None:
        fields = self._decoder.decode(b"".join(self._open), raw=True)
        self._open.clear()
        decoded: dict[str, str] = {}
        for each in fields:
            name, value = bytes(each[0]).decode("latin-1"), bytes(each[1]).decode("latin-1")
            decoded[name] = f"{decoded[name]}, {value}" if name in decoded else value
        self.messages.setdefault(stream, Message()).heads.append(decoded)


class RawClient(RawPeer):
    """A client: connects, and sends the preface and these SETTINGS."""

    def __init__(self, port: int, offered: dict[int, int] | None = None, *, first: bytes | None = None) -> None:
        sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock)
        self.send(PREFACE + settings(offered) if first is None else first)

    def ask(self, stream: int = 1, *fields: Field, path: str = "/", method: str = "GET") -> Message:
        """One request without a body, and its answer."""
        self.send(request(stream, *fields, method=method, path=path))
        return self.await_message(stream)


class RawServer(RawPeer):
    """A server on a connection that the gateway has made: reads the preface, and offers these SETTINGS."""

    def __init__(self, sock: socket.socket, offered: dict[int, int] | None = None) -> None:
        super().__init__(sock)
        assert self._exactly(len(PREFACE)) == PREFACE
        self.send(settings(offered))

    def await_request(self) -> int:
        """Read until the head of a request is there: its stream."""
        return self.await_frame(Kind.HEADERS).stream

    def path(self, stream: int) -> str:
        """What was asked for."""
        return self.messages[stream].heads[0][":path"]

    def answer(self, stream: int, body: bytes = b"fine") -> None:
        """A whole answer."""
        self.send(response(stream, ("content-length", str(len(body)))), data(stream, body, end=True))


def response(stream: int, *fields: Field, status: str = "200", end: bool = False) -> bytes:
    """HEADERS of an answer."""
    return head(stream, [(":status", status), *fields], end=end)
