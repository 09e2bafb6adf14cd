"""An engine without threads: notes what it is told, and says what the test has it say."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from gateway.serve.engine import Words, Workers
from gateway.serve.http2_connections import Connections

if TYPE_CHECKING:
    from gateway._engine import AskHead, Engine, Event
    from tests.unit.serve.http2_peer import Peer

WINDOW = 100
"""Small, so that a test sees where it ends."""

BATCH = 1024

LAST_PROCESSED = 2**32 - 1

ABUSES = frozenset({"reset_flood", "settings_flood", "ping_flood", "unread_answers"})

WORDS = Words(WINDOW, LAST_PROCESSED, ABUSES)


class EngineDouble:
    """The methods of `_engine.Engine`; `test_double` holds them against the stub."""

    def __init__(self, workers: int = 2, snapshot: bytes = b"") -> None:
        self.workers = workers
        self.snapshot = snapshot
        self.told: list[tuple[Any, ...]] = []
        """Every call, in order: (method, arguments)."""
        self.refuse_with: str | None = None
        """What `apply` raises, if anything."""
        self.unlistens_at_once = True
        self.drains_at_once = True
        self.full = False
        """Commands to connections do not fit."""
        self.peers: dict[int, Peer] = {}
        """Who is at the other end of connections, and hears what is told to them."""
        self.applies_at_once = True
        self._waiting: deque[Event] = deque()
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def say(self, *events: Event) -> None:
        """Have events wait."""
        self._waiting.extend(events)
        os.eventfd_write(self._fd, 1)

    def calls(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of all calls of one method."""
        return [call[1:] for call in self.told if call[0] == method]

    def fileno(self) -> int:
        return self._fd

    def events(self) -> list[Event]:
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)
        return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def apply(self, snapshot: bytes) -> None:
        if self.refuse_with is not None:
            raise ValueError(self.refuse_with)
        self.told.append(("apply", snapshot))
        if self.applies_at_once:
            generation = int(snapshot.decode())
            self.say(*[("applied", worker, generation) for worker in range(self.workers)])

    def listen(self, listener: int, fds: list[int]) -> None:
        self.told.append(("listen", listener, len(fds)))
        for fd in fds:
            os.close(fd)

    def unlisten(self, listener: int) -> None:
        self.told.append(("unlisten", listener))
        if self.unlistens_at_once:
            self.say(*[("unlistened", worker, listener) for worker in range(self.workers)])

    def drain(self, listener: int) -> None:
        self.told.append(("drain", listener))
        if self.drains_at_once:
            self.say(*[("drained", worker, listener) for worker in range(self.workers)])

    def abort(self, listener: int) -> None:
        self.told.append(("abort", listener))

    def answer(
        self,
        ask: int,
        status: int,
        fields: list[tuple[bytes, bytes]],
        data: bytes,
        end: bool,
        length: int | None,
    ) -> None:
        if any(name == b"connection" for name, _ in fields):
            raise ValueError("connection is the gateway's")
        self.told.append(("answer", ask, status, fields, data, end, length))

    def send(self, ask: int, data: bytes, end: bool) -> None:
        self.told.append(("send", ask, data, end))

    def credit(self, ask: int, consumed: int) -> None:
        self.told.append(("credit", ask, consumed))

    def fail(self, ask: int, reason: str) -> None:
        self.told.append(("fail", ask, reason))

    def control(self, conn: int, data: bytes) -> None:
        self._conduct("control", conn, data)
        if conn in self.peers:
            self.say(*self.peers[conn].hear(data))

    def go_away(self, conn: int, last: int | None, code: int) -> None:
        self._conduct("go_away", conn, last, code)
        if conn in self.peers:
            self.say(*self.peers[conn].hear_go_away(last, code))

    def end(self, conn: int, code: int) -> None:
        self._conduct("end", conn, code)

    def _conduct(self, *call: Any) -> None:
        if self.full:
            raise RuntimeError("a worker takes no more commands")
        self.told.append(call)

    def access_log(self, fd: int) -> None:
        self.told.append(("access_log",))
        os.close(fd)

    def counters(self) -> bytes:
        return b""

    def stop(self) -> None:
        os.close(self._fd)


def workers_of(double: EngineDouble, said: list[str] | None = None) -> Workers:
    """The face of these workers; notices go to `said`."""
    say = (said if said is not None else []).append
    return Workers(cast("Engine", double), double.workers, WORDS, say)


def connections_of(workers: Workers, said: list[str] | None = None) -> Connections:
    """Connections that all have the same age; notices go to `said`."""
    return Connections(workers, draw=lambda: 0.5, say=(said if said is not None else []).append)


def head(
    handler: str = "rules:hello",
    *,
    method: bytes = b"GET",
    body: bool = False,
    deadline_ms: int = 0,
    length: int | None = None,
) -> AskHead:
    """A request that a handler is asked about."""
    fields = [(b"accept", b"text/plain"), (b"x-a", b"1"), (b"x-a", b"2")]
    return (
        handler, "web", "all", "hello", "http", method, b"example.com:80", b"/hello", b"a=1&b=%20",
        fields, "192.0.2.1", "id-1", length, body, deadline_ms,
    )  # fmt: skip
