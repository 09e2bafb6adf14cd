"""Frames of stream 0, judged and written by `h2`.

Theory: what `h2` says to a SETTINGS frame depends on the frame and on whose it is, not on what the connection did
before, and clients of one make all send the same. So the verdict is a function, and a connection need not keep an
`H2Connection` (16 KiB) for the few times in its life that it has something to say. docs/decisions/stream-zero.md has
the numbers. The worker has applied the frame and acknowledged it; this is a second opinion.

Rules: every payload is judged by an `H2Connection` of its role that has seen nothing else; every byte that goes out was
written by one. What is remembered is bounded, in number and in length.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

Role = Literal["server", "client"]
"""Our side of the connection."""

SETTING_BYTES: Final = 6
"""Of one setting in a payload (RFC 9113 §6.5.1)."""

SETTINGS_PER_FRAME: Final = 32
"""Entries of one SETTINGS frame. Seven are defined, browsers send up to six; a frame full of them would cost `h2` five
milliseconds. nghttp2: 32."""

KNOWN_PAYLOADS: Final = 256
"""Payloads whose verdict is remembered, the least recently used is forgotten. A popular site sees some dozens."""

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends before its first frame (RFC 9113 §3.4); the worker has taken it."""

_SETTINGS: Final = 4
"""Type of the frame (RFC 9113 §6.5)."""

_CONFIGURATION: Final = {role: H2Configuration(client_side=role == "client") for role in ("server", "client")}


def judge(role: Role, payload: bytes) -> int | None:
    """The error code that the peer's SETTINGS deserve (RFC 9113 §7); None if they are as they should be."""
    if len(payload) > SETTINGS_PER_FRAME * SETTING_BYTES:
        return ErrorCodes.ENHANCE_YOUR_CALM
    return _verdict(role, payload)


@lru_cache(KNOWN_PAYLOADS)
def _verdict(role: Role, payload: bytes) -> int | None:
    connection = _fresh(role)
    head = len(payload).to_bytes(3, "big") + bytes((_SETTINGS, 0)) + bytes(4)
    hello = _PREFACE if role == "server" else b""
    try:
        connection.receive_data(hello + head + payload)
    except ProtocolError as error:
        return int(error.error_code)
    return None


def _fresh(role: Role) -> H2Connection:
    """A connection whose first flight is out."""
    connection = H2Connection(_CONFIGURATION[role])
    connection.initiate_connection()
    connection.clear_outbound_data_buffer()
    return connection


class PingWriter:
    """Writes PING frames, for any number of connections: there is nothing in one that belongs to a connection."""

    def __init__(self) -> None:
        self._connection = _fresh("client")
        self._number = 0

    def next(self) -> tuple[bytes, bytes]:
        """A PING that is like no other of this process: (its 8 bytes, the frame)."""
        self._number += 1
        data = self._number.to_bytes(8, "big")
        self._connection.ping(data)
        return data, self._connection.data_to_send()
