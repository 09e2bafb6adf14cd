"""One hostile client as a process of its own, so that its work is not mistaken for the gateway's.

It connects, sends what it was given as fast as it can, and connects again soon after it is thrown out, until its time
is over. For each connection it writes a line of JSON: how long it lasted, how many bytes it could send, with which code
a GOAWAY told it why it ended, and whether the end was the gateway's.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PART: Final = 64 * 1024

AGAIN: Final = 0.1
"""Seconds between being thrown out and coming back. What a connection may cost at once is another question, with
another answer (`limits.connections`)."""

NICE: Final = 10
"""It takes the processor time that the others leave: its machine is not theirs, except in a test."""

GIVE_UP: Final = 5.0
"""Seconds after its time in which the gateway may still end the last connection."""


@dataclass(frozen=True)
class Weapon:
    """What is sent on each connection: `opening` once, then `again` for ever."""

    opening: bytes
    again: bytes = b""
    reads: bool = True
    """Whether it takes what the gateway sends."""


@dataclass(frozen=True)
class Round:
    """One connection."""

    seconds: float
    sent: int
    code: int | None
    """Of the GOAWAY; None if there was none, or if it was not read."""
    ended: bool
    """By the gateway."""


class Attack:
    """A running attacker."""

    def __init__(self, weapon: Weapon, port: int, seconds: float) -> None:
        order = asdict(weapon) | {"port": port, "seconds": seconds}
        for name in ("opening", "again"):
            order[name] = base64.b64encode(order[name]).decode()
        self._start("tests.faults.attacker", order)

    def _start(self, module: str, order: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order))
        self._process.stdin.close()
        self._process.stdin = None

    def rounds(self) -> list[Round]:
        """Wait for its end: what it has met."""
        said, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        return [Round(**json.loads(line)) for line in said.splitlines()]

    def stop(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()


class Fight:
    """One connection of the attacker."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.weapon = Weapon(base64.b64decode(order["opening"]), base64.b64decode(order["again"]), order["reads"])
        self.port: int = order["port"]

    def run(self, until: float) -> Round:
        began = time.monotonic()
        self.left, self.sent, self.heard, self.ended = self.weapon.opening, 0, b"", False
        with socket.create_connection(("127.0.0.1", self.port), timeout=GIVE_UP) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self.ended and time.monotonic() < until:
                self.turn(sock)
        return Round(time.monotonic() - began, self.sent, goaway_code(self.heard), self.ended)

    def turn(self, sock: socket.socket) -> None:
        self.left = self.left or self.weapon.again
        reads = [sock] if self.weapon.reads or not self.left else []
        readable, writable, _ = select.select(reads, [sock] if self.left else [], [], 0.1)
        try:
            if readable:
                part = sock.recv(PART)
                self.heard, self.ended = (self.heard + part)[-PART:], not part
            if writable and not self.ended:
                count = sock.send(self.left[:PART])
                self.left, self.sent = self.left[count:], self.sent + count
        except OSError:
            self.ended = True


def goaway_code(heard: bytes) -> int | None:
    """The code of the last GOAWAY: the gateway writes nothing after it."""
    at = heard.rfind(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00")
    return struct.unpack(">I", heard[at + 13 : at + 17])[0] if 0 <= at <= len(heard) - 17 else None


def main() -> None:
    """Attack as ordered on standard input."""
    os.nice(NICE)
    order = json.load(sys.stdin)
    until = time.monotonic() + order["seconds"]
    while time.monotonic() < until:
        print(json.dumps(asdict(Fight(order).run(until))), flush=True)
        select.select([], [], [], AGAIN)


if __name__ == "__main__":
    main()
