"""Stream 0 of one HTTP/2 connection, and the task that owns it. RFC 9113 itself parts a connection from its streams.

The worker forwards streams, answers PING, applies and acknowledges SETTINGS without asking. The task says what the
connection itself has to say:

    SETTINGS      of the peer are judged by `h2` too
    keep-alive    a PING now and then; a peer that does not answer in time is gone
    age           an old connection is asked to go, and goes after its last stream
    drain         the task is cancelled with its nursery: the same, until its owner's patience ends

To ask a client to go takes two GOAWAYs (RFC 9113 §6.8): the first is a warning and refuses nothing; a round trip later
the client has read it, and the second names the last stream that is served. An upstream's connection needs one: it is
we who open no more streams.

Rules: nothing that a peer may send often wakes the task: only the answer to its own PING, the end of the connection,
and its timers do. A word to a worker that is behind waits here, never there. However it ends, it ends once: `closed` is
the worker's last word and `give_up` the owner's, and the task is over after either.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

import trio
from h2.errors import ErrorCodes

from gateway.serve.http2_control import Role, judge

if TYPE_CHECKING:
    from gateway.serve.http2_connections import Connections, Group

ROUND_TRIP: Final = 1.0
"""Seconds that the answer to the PING between two GOAWAYs may take. Go's server waits 1 s, gRPC's up to 20 s."""

BEHIND: Final = 0.1
"""Seconds until a worker that takes no more commands is told again. It carries out 256 in a turn, so a worker that runs
has room after milliseconds."""

LATE: Final = 1.0
"""Seconds that a timer may be late before it proves nothing: this process stood still, and the peer's answer may lie in
a socket that nobody has read."""

AGE_SPREAD: Final = 0.2
"""Share of the age over which connections that began together go: a tenth before it, a tenth after it. Envoy and gRPC
spread by a tenth each way too."""


class Connection:
    """One connection; `run` is its task."""

    __slots__ = (
        "_all", "_awaited", "_ends_as", "_group", "_last_said", "_owed", "_rung", "_task", "_warned",
        "id", "over", "peer",
    )  # fmt: skip

    def __init__(self, conn: int, peer: str, group: Group, connections: Connections) -> None:
        self.id = conn
        self.peer = peer
        self.over = False
        """Nothing can be said on it any more."""
        self._group = group
        self._all = connections
        self._task: trio.lowlevel.Task | None = None
        self._rung = False
        self._owed: tuple[Callable[[], None], ...] = ()
        """What a worker that is behind has still to be told."""
        self._awaited: bytes | None = None
        """What the answer to our PING has to carry."""
        self._warned = False
        self._last_said = False
        self._ends_as = ""
        """Why we end it, if it is we who do."""

    @property
    def role(self) -> Role:
        """Our side."""
        return self._group.role

    @property
    def name(self) -> str:
        """What the task is called."""
        return f"http2 {'from' if self.role == 'server' else 'to'} {self.peer}"

    # ── what the worker says ─────────────────────────────────────────────────────────────────────────────────────────

    def settings(self, payload: bytes) -> None:
        """The peer's SETTINGS, which the worker has taken."""
        code = judge(self.role, payload)
        if code is not None:
            self._end("settings_refused", code)

    def ping_ack(self, data: bytes) -> None:
        """The answer to a PING; late ones and those that nobody waits for are passed over."""
        if data == self._awaited:
            self._awaited = None
            self._ring()

    def closed(self, reason: str) -> str:
        """The connection is gone: the worker's last word. Gives back why."""
        self._stop()
        return self._ends_as or reason

    # ── what the owner says ──────────────────────────────────────────────────────────────────────────────────────────

    def give_up(self) -> None:
        """No more patience: close it, whatever it does, and do not wait for that."""
        if not self.over:
            self._end("drained", ErrorCodes.NO_ERROR)
            self._stop()

    def orphaned(self) -> None:
        """Its owner has gone while it came: no task will have it, so it is asked to go at once."""
        self._ends_as = "drained"
        self._soon(lambda: self._all.native.go_away(self.id, self._all.last_processed, ErrorCodes.NO_ERROR))

    # ── the task ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Until the connection is gone, or the owner's patience with it."""
        try:
            await self._live()
        finally:
            if not self.over:
                with trio.CancelScope(shield=True):
                    await self._leave("drained")
                    while await self._until(inf):
                        pass

    async def _live(self) -> None:
        plan = self._group.plan
        now = trio.current_time()
        old_at = now + plan.max_age * (1 + AGE_SPREAD * (self._all.draw() - 0.5))
        ping_at = now + plan.keepalive_interval
        while await self._until(min(old_at, ping_at)):
            now = trio.current_time()
            if now >= old_at:
                old_at = inf
                await self._leave("max_age")
            elif now >= ping_at:
                ping_at = now + plan.keepalive_interval
                if not await self._answers(plan.keepalive_timeout):
                    self._all.tally.keepalive_failed(self.role)
                    self._end("keepalive_timeout", ErrorCodes.NO_ERROR)
                    ping_at = inf

    async def _leave(self, why: str) -> None:
        """Ask the peer to go; said already, it is not said again."""
        native, conn = self._all.native, self.id
        self._ends_as = self._ends_as or why
        if self.role == "server" and not self._warned:
            await self._say(lambda: native.go_away(conn, None, ErrorCodes.NO_ERROR))
            self._warned = True
            await self._answers(ROUND_TRIP)
        if not self._last_said:
            await self._say(lambda: native.go_away(conn, self._all.last_processed, ErrorCodes.NO_ERROR))
            self._last_said = True

    async def _answers(self, patience: float) -> bool:
        """Send a PING: is it answered in time? When the connection ends before, nobody waits for an answer."""
        while not self.over:
            self._awaited, frame = self._all.pings.next()
            await self._say(partial(self._all.native.control, self.id, frame))
            deadline = trio.current_time() + patience
            while self._waits() and trio.current_time() < deadline:
                await self._until(deadline)
            if trio.current_time() - deadline < LATE:
                self._all.catch_up()  # the answer may wait among the events
                return not self._waits()
        return True

    def _waits(self) -> bool:
        return self._awaited is not None

    async def _until(self, deadline: float) -> bool:
        """Wait for the deadline, or until something was said that matters. False: the connection is over."""
        with trio.CancelScope(deadline=deadline):
            while self._owed:
                await self._say(self._owed[0])
                self._owed = self._owed[1:]
            if not (self._rung or self.over):
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._stop_waiting)
        self._rung = False
        return not self.over

    def _stop_waiting(self, _raise: Callable[[], None]) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _stop(self) -> None:
        self.over = True
        self._awaited = None
        self._ring()

    def _ring(self) -> None:
        """Wake the task. (`trio.Event` does so once only and costs 700 bytes.)"""
        self._rung = True
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    # ── words to the worker ──────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, why: str, code: int) -> None:
        self._ends_as = why
        self._soon(lambda: self._all.native.end(self.id, code))

    def _soon(self, word: Callable[[], None]) -> None:
        """Say it now, or leave it to the task to say it when the worker has room."""
        try:
            word()
        except RuntimeError:
            self._owed = (*self._owed, word)
            self._ring()

    async def _say(self, word: Callable[[], None]) -> None:
        """Say it as soon as the worker has room, unless the connection ends before."""
        while not self.over:
            try:
                word()
            except RuntimeError:
                await trio.sleep(BEHIND)
            else:
                return
