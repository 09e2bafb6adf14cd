"""What one hostile peer costs the others: honest traffic and the admin API are measured without it, then beside it.

Theory: while one connection misbehaves at full speed the others' p99 stays within three times its quiet value, none of
them fails, the admin API answers within 50 ms, and memory grows by 16 MiB at most and falls again. A quiet machine
answers in fractions of a millisecond and threads of a test wait for each other longer than that, so a factor alone
would measure the machine; below `FLOOR` everything is quick.

Rules: attackers are processes of their own (`attacker.py`); what is counted here are answers, failures and bytes.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.client import PART
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.http2 import PREFACE, Kind, request, settings, settings_ack
from tests.e2e.load import Load
from tests.faults.attacker import Attack, Round, Weapon

MIB: Final = 1024 * 1024

QUIET: Final = 0.7
"""Seconds in which the quiet value is taken."""

TIMES: Final = 3.0
"""How many times its quiet value the others' p99 may be."""

FLOOR: Final = 0.040
"""Seconds: what a p99 may be in any case. A test shares two cores with the gateway and the attacker."""

ADMIN: Final = 0.050
"""Seconds in which the admin API answers."""

GROWTH: Final = 16 * MIB

HONEST: Final = 4
"""Connections of honest clients over each version of HTTP."""

PAUSE: Final = 0.004
"""Seconds between two requests of an honest client."""


class Http2Load(Load):
    """Load over HTTP/2: one stream after the other on each connection."""

    def _ask_until_it_ends(self, sock: socket.socket) -> None:
        sock.sendall(PREFACE + settings() + settings_ack())
        self._streams = getattr(self, "_streams", {}) | {sock: 1}
        super()._ask_until_it_ends(sock)

    def _ask(self, sock: socket.socket) -> tuple[str, bool]:
        stream = self._streams[sock]
        self._streams[sock] += 2
        try:
            sock.sendall(request(stream, path="/hello"))
            status, ended, buffer = 0, False, b""
            while not ended:
                buffer, frames = split(buffer)
                for kind, flags, found, payload in frames:
                    if kind == Kind.HEADERS and found == stream:
                        status = payload.lstrip(NO_TABLE)[0]
                    ended |= kind in (Kind.DATA, Kind.HEADERS) and found == stream and bool(flags & 1)
                    if kind in (Kind.GOAWAY, Kind.RST_STREAM):
                        return f"{Kind(kind).name} {payload.hex()}", True
                if not ended:
                    part = sock.recv(PART)
                    if not part:
                        return "ended inside the answer", True
                    buffer += part
        except OSError as error:
            return repr(error), True
        return ("ok" if status == STATUS_200 else f"status {status:#x}"), False


STATUS_200: Final = 0x88
"""Its entry in the static table. RFC 7541, appendix A."""

NO_TABLE: Final = b"\x20"
"""A first block may begin with saying that its sender keeps no table. RFC 7541 §6.3."""


def split(buffer: bytes) -> tuple[bytes, list[tuple[int, int, int, bytes]]]:
    """Whole frames at the beginning of the buffer, and what is left."""
    frames = []
    while len(buffer) >= 9 and len(buffer) >= (end := 9 + int.from_bytes(buffer[:3], "big")):
        frames.append((buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big"), buffer[9:end]))
        buffer = buffer[end:]
    return buffer, frames


@dataclass
class Watch:
    """The admin API and the memory, looked at again and again."""

    gateway: Gateway
    answers: list[float] = field(default_factory=list)
    """Seconds per answer of `/healthz`."""
    most: int = 0
    """The most memory that was seen, bytes."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            began = time.monotonic()
            with suppress(OSError):
                assert self.gateway.get("/healthz")[0] == 200
                self.answers.append(time.monotonic() - began)
            self.most = max(self.most, self.gateway.pss())

    def usual(self) -> float:
        """Seconds in which nine of ten answers came."""
        return sorted(self.answers)[len(self.answers) * 9 // 10]

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()


@dataclass(frozen=True)
class Siege:
    """What was measured."""

    rounds: list[Round]
    quiet: float
    """p99 of the honest without the attacker, seconds."""
    loud: float
    """The same beside it."""
    answered: int
    failed: list[str]
    admin: float
    """Seconds in which nine of ten answers of the admin API came."""
    admin_quiet: float
    """The same without the attacker."""
    growth: int
    """Of memory, bytes."""

    def is_quick(self) -> bool:
        """The others were answered in time."""
        others = self.loud <= max(TIMES * self.quiet, FLOOR)
        return others and self.admin <= max(ADMIN, TIMES * self.admin_quiet)

    def assert_harmless(self) -> None:
        """The promises that do not depend on what the attacker did."""
        assert not self.failed, self.failed[:5]
        assert self.answered > 100, self
        assert self.growth <= GROWTH, self
        assert self.is_quick(), self


def honest(gateway: Gateway, seconds: float) -> list[Load]:
    """Honest clients for so long."""
    loads = [
        Load(gateway.port(), HONEST, pause=PAUSE, request=b"GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"),
        Http2Load(gateway.port(), HONEST, pause=PAUSE),
    ]
    with loads[0], loads[1]:
        threading.Event().wait(seconds)
    return loads


def besiege(gateway: Gateway, weapon: Weapon, seconds: float) -> Siege:
    """Let one attacker loose for so long, and measure the others."""
    return survey(gateway, lambda: Attack(weapon, gateway.port(), seconds), lambda span: honest(gateway, span), seconds)


def survey(
    gateway: Gateway, begin: Callable[[], Attack], others: Callable[[float], list[Load]], seconds: float
) -> Siege:
    """Measure `others`, which runs honest clients for so many seconds: without the attack that `begin` begins, then
    beside it."""
    before = gateway.pss()
    calm = Watch(gateway)
    quiet = others(QUIET)
    calm.stop()
    watch, attack = Watch(gateway), begin()
    try:
        loud = others(seconds)
        rounds = attack.rounds()
    finally:
        attack.stop()
        watch.stop()
    until(lambda: gateway.pss() - before <= GROWTH / 2, "memory falls again")
    return Siege(
        rounds=rounds,
        quiet=p99(quiet),
        loud=p99(loud),
        answered=sum(load.answered for load in loud),
        failed=[each for load in quiet + loud for each in load.failed],
        admin=watch.usual(),
        admin_quiet=calm.usual(),
        growth=watch.most - before,
    )


def besiege_twice(gateway: Gateway, weapon: Weapon, seconds: float) -> Siege:
    """What made the others wait once may have been the machine's; what does so twice is the attacker's."""
    first = besiege(gateway, weapon, seconds)
    return first if first.is_quick() else besiege(gateway, weapon, seconds)


def p99(loads: list[Load]) -> float:
    """Of all together."""
    ordered = sorted(taken for load in loads for taken in load.durations)
    return ordered[len(ordered) * 99 // 100]
