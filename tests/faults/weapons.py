"""What hostile clients of HTTP/2 send, each with how the connection must end.

Theory: every one of these took some server down. A name says what it is and whom it met; the bytes are as they would be
sent, endless where it is endless. `word` is the cause in `gateway_http2_closed_total`, `code` what GOAWAY says. A weapon
without a word is blunt: it does nothing that is forbidden or cheap, and the gateway only has to bear it.
"""

# ruff: noqa: E501  (a table reads best with one case per line)

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.e2e.http2 import (
    ACK,
    END_STREAM,
    PREFACE,
    Code,
    Kind,
    Setting,
    block,
    data,
    frame,
    goaway,
    ping,
    priority,
    pseudo,
    request,
    reset,
    settings,
    settings_ack,
    window,
)
from tests.faults.attacker import Weapon

BEGIN: Final = PREFACE + settings() + settings_ack()

ROUNDS: Final = 3000
"""Streams of those that need one after the other: far beyond every budget."""


class Hostile(NamedTuple):
    """A weapon, and what becomes of its connection."""

    name: str
    weapon: Weapon
    word: str | None
    code: int | None = Code.ENHANCE_YOUR_CALM


def streams(each: Callable[[int], bytes]) -> bytes:
    """One after the other."""
    return b"".join(each(stream) for stream in range(1, 2 * ROUNDS, 2))


def endless(again: bytes, opening: bytes = b"") -> Weapon:
    """The same for ever."""
    return Weapon(BEGIN + opening, again * (65536 // len(again) + 1))


def referring(count: int) -> Weapon:
    """A large entry in the table, and heads that refer to it again and again."""
    entry = b"\x40\x01x" + b"\x7f" + bytes([(3000 - 127) % 128 | 128, (3000 - 127) // 128]) + b"a" * 3000
    first = frame(Kind.HEADERS, 5, 1, block(pseudo()) + entry)
    again = block(pseudo()) + b"\xbe" * count
    return Weapon(BEGIN + first + streams(lambda stream: frame(Kind.HEADERS, 5, stream + 2, again)))


def churning() -> Weapon:
    """Heads that fill the table anew with entries of their own."""

    def fields(stream: int) -> bytes:
        return block(pseudo()) + b"".join(b"\x40\x02%c%c\x00" % (97 + stream % 26, 97 + at % 26) for at in range(90))

    return Weapon(BEGIN + streams(lambda stream: frame(Kind.HEADERS, 5, stream, fields(stream))))


def continued(piece: bytes, first: bytes = b"") -> Weapon:
    """A head that never ends."""
    opening = frame(Kind.HEADERS, END_STREAM, 1, first)
    return endless(frame(Kind.CONTINUATION, 0, 1, piece), opening)


OPEN: Final = request(1, method="POST", path="/sink", end=False)

FLOODS: Final = [
    Hostile("rapid reset (CVE-2023-44487)", Weapon(BEGIN + streams(lambda s: request(s, path="/hello") + reset(s))), "reset_flood"),
    Hostile("made you reset, by a window that grows by nothing (CVE-2025-8671)", Weapon(BEGIN + streams(lambda s: request(s, path="/hello") + window(s, 0))), "provoked_flood"),
    Hostile("made you reset, by data after the end", Weapon(BEGIN + streams(lambda s: request(s, path="/slow") + data(s, b"x"))), "provoked_flood"),
    Hostile("made you reset, by heads that are malformed", Weapon(BEGIN + streams(lambda s: request(s, ("connection", "close")))), "provoked_flood"),
    Hostile("CONTINUATION without end, large (VU#421644)", continued(b"\0\x01a\x01b" * 3000, block(pseudo())), "head_too_large"),
    Hostile("CONTINUATION without end, one byte each (VU#421644)", continued(b"\0"), "continuation_flood"),
    Hostile("CONTINUATION without end, empty (CVE-2019-9518)", continued(b""), "continuation_flood"),
    Hostile("one entry referred to again and again", referring(200), None),
    Hostile("heads that churn the table", churning(), "compression_flood"),
    Hostile("PING (CVE-2019-9512)", endless(ping()), "ping_flood"),
    Hostile("PING whose answers are not read (CVE-2019-9517)", Weapon(BEGIN, ping() * 4000, reads=False), None, None),
    Hostile("SETTINGS (CVE-2019-9515)", endless(settings({Setting.INITIAL_WINDOW_SIZE: 70_000})), "settings_flood"),
    Hostile("acknowledgements of SETTINGS", endless(settings_ack()), "settings_flood"),
    Hostile("acknowledgements of PING", endless(ping(flags=ACK)), "settings_flood"),
    Hostile("GOAWAY", endless(goaway(0)), "settings_flood"),
    Hostile("empty DATA (CVE-2019-9518)", endless(data(1, b""), OPEN), "empty_flood"),
    Hostile("DATA of a byte each", endless(data(1, b"x"), OPEN), None, None),
    Hostile("WINDOW_UPDATE (CVE-2019-9511)", endless(window(0, 1)), "window_flood"),
    Hostile("PRIORITY (CVE-2019-9513)", endless(priority(1, 3)), "priority_flood"),
    Hostile("frames of unknown type", endless(frame(0xFA, 0, 0, b"grease")), "unknown_flood"),
]  # fmt: skip
