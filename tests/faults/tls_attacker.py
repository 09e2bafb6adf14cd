"""Hostile clients of TLS as a process of their own (`attacker.py` is the one without TLS, and says why).

An order says which attack it is, where to, for how long, and what it is made of. Each connection that is held or fought
over is a line of JSON; a flood of connections is one line, in which `sent` counts them.
"""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.e2e.tls_socket import TlsSocket
from tests.faults.attacker import AGAIN, GIVE_UP, NICE, PART, Attack, Fight, Round, goaway_code
from tests.faults.tls_records import ALERT, DATA, HANDSHAKE, LARGEST, Sealed, client_hello

TOGETHER: Final = 16
"""Connections that a flood has at once."""

READY: Final = 2 * 1024 * 1024
"""Bytes of records that are sealed before the first is sent, so that they come as fast as a network brings them."""

MORE: Final = 64 * 1024
"""Bytes of records that are sealed at a time when those are gone."""

SEALING: Final = 0.2
"""Seconds that sealing may take at a time; a KeyUpdate costs a key."""


@dataclass(frozen=True)
class Order:
    """What to do."""

    attack: str
    """A key of `ATTACKS`."""
    what: str = ""
    """For `flood`: what of a handshake is done, a key of `STAGES`. For `records`: a key of `RECORDS`."""
    count: int = 0
    """For `hold`: how many connections."""
    ca: str = ""
    """File of the CA that the gateway's certificate is from."""
    opening: str = ""
    again: str = ""
    """For `frames`: what is sent once, then for ever; hex."""
    port: int = 0
    seconds: float = 0.0


class TlsAttack(Attack):
    """A running attacker."""

    def __init__(self, order: Order, port: int, seconds: float) -> None:
        self._start("tests.faults.tls_attacker", asdict(order) | {"port": port, "seconds": seconds})


def connect(port: int) -> socket.socket:
    """A new connection, which ends with a reset."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def flood(order: Order, until: float) -> Iterator[Round]:
    """Begin handshake after handshake and drop each: with its first message, or when the gateway has signed."""
    hello, began, count = client_hello(), time.monotonic(), 0
    while time.monotonic() < until:
        with ExitStack() as stack, suppress(OSError):
            socks = [stack.enter_context(connect(order.port)) for _ in range(TOGETHER)]
            for sock in socks:
                sock.sendall(hello)
            for sock in socks if order.what == "signed" else ():
                sock.recv(PART)
            count += len(socks)
    yield Round(time.monotonic() - began, count, None, False)


def hold(order: Order, until: float) -> Iterator[Round]:
    """Many connections that stand still in the middle of a handshake: with half a message, or without the last one."""
    hello = client_hello()
    with ExitStack() as stack:
        socks = []
        for _ in range(order.count):
            sock = stack.enter_context(connect(order.port))
            sock.sendall(hello if order.what == "signed" else hello[: len(hello) // 2])
            socks.append((sock, time.monotonic()))
        select.select([], [], [], max(0.0, until - time.monotonic()))
        for sock, began in socks:
            yield Round(time.monotonic() - began, len(hello), None, is_over(sock))


def is_over(sock: socket.socket) -> bool:
    """Whether the gateway has ended it."""
    sock.setblocking(False)
    try:
        while sock.recv(PART):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


UPLOAD: Final = b"POST /sink HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n"

RECORDS: Final[dict[str, Callable[[Sealed], bytes]]] = {
    "key updates": lambda sealed: sealed.key_update(wants_one=False),
    "key updates that want one": lambda sealed: sealed.key_update(wants_one=True),
    "empty": lambda sealed: sealed.seal(DATA, b""),
    "padding": lambda sealed: sealed.seal(DATA, b"", padding=LARGEST),
    "empty, and now and then a byte": lambda sealed: sealed.seal(DATA, b"x") + sealed.empty(20),
    "a byte each": lambda sealed: sealed.seal(DATA, b"x"),
    "warnings": lambda sealed: sealed.seal(ALERT, b"\x01\x5a"),
    "tickets": lambda sealed: sealed.seal(HANDSHAKE, b"\x04\x00\x00\x00"),
}
"""What goes on for ever after the head of an upload."""


class Blast(Fight):
    """A connection whose handshake is made in order, and then records of one kind."""

    def __init__(self, order: Order) -> None:
        super().__init__({"opening": "", "again": "", "reads": True, "port": order.port})
        self.order = order
        self.make = RECORDS[order.what]

    def run(self, until: float) -> Round:
        self.left, self.sent, self.heard, self.ended = b"", 0, b"", False
        with connect(self.port) as sock, tempfile.TemporaryDirectory() as directory:
            context = ssl.create_default_context(cafile=self.order.ca)
            self.sealed = Sealed(sock, context, Path(directory))
            self.left = self.sealed.data(UPLOAD) + self.some(READY)
            sock.setblocking(False)
            began = time.monotonic()
            while not self.ended and time.monotonic() < until:
                self.left = self.left or self.some(MORE)
                self.turn(sock)
        return Round(time.monotonic() - began, self.sent, None, self.ended)

    def some(self, size: int) -> bytes:
        made, until = bytearray(), time.monotonic() + SEALING
        while len(made) < size and time.monotonic() < until:
            made += self.make(self.sealed)
        return bytes(made)


class Inside(Fight):
    """A connection over TLS, on which there is HTTP/2 that `attacker.py` would send without."""

    def __init__(self, order: Order) -> None:
        super().__init__({"opening": "", "again": "", "reads": True, "port": order.port})
        self.order = order
        self.opening, self.again = bytes.fromhex(order.opening), bytes.fromhex(order.again)

    def run(self, until: float) -> Round:
        began = time.monotonic()
        self.left, self.sent, self.heard, self.ended = b"", 0, b"", False
        context = ssl.create_default_context(cafile=self.order.ca)
        context.set_alpn_protocols(["h2"])
        with connect(self.port) as sock:
            tls = TlsSocket(sock, context, "test")
            sock.setblocking(False)
            plain, said = self.opening, b""
            while not self.ended and time.monotonic() < until:
                if not self.left and (plain := plain or self.again):
                    self.left, plain = tls.seal(plain[:PART]), plain[PART:]
                self.turn(sock)
                said, self.heard = (said + tls.open(self.heard))[-PART:], b""
        return Round(time.monotonic() - began, self.sent, goaway_code(said), self.ended)


def fights(fight: Blast | Inside, until: float) -> Iterator[Round]:
    """One connection after the other."""
    while time.monotonic() < until:
        yield fight.run(until)
        select.select([], [], [], AGAIN)


ATTACKS: Final[dict[str, Callable[[Order, float], Iterator[Round]]]] = {
    "flood": flood,
    "hold": hold,
    "records": lambda order, until: fights(Blast(order), until),
    "frames": lambda order, until: fights(Inside(order), until),
}


def main() -> None:
    """Attack as ordered on standard input."""
    os.nice(NICE)
    order = Order(**json.load(sys.stdin))
    for each in ATTACKS[order.attack](order, time.monotonic() + order.seconds):
        print(json.dumps(asdict(each)), flush=True)


if __name__ == "__main__":
    main()
