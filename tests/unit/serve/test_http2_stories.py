"""Stream 0 under any order of events: what must hold however a connection lives and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import trio
from h2.exceptions import ProtocolError
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.serve.http2 import BEHIND
from gateway.serve.http2_connections import Group
from gateway.serve.http2_control import Role, judge
from gateway.serve.plan import Http2Plan
from tests.unit.serve.double import LAST_PROCESSED, EngineDouble, connections_of, workers_of
from tests.unit.serve.http2_peer import LAST_STREAM, Peer

if TYPE_CHECKING:
    from gateway._engine import Event

PLAN: Final = Http2Plan(keepalive_interval=3, keepalive_timeout=2, max_age=10)

FOREVER: Final = 10_000

EVENTS: Final = (
    "settings", "settings_twice", "unacceptable", "silent", "answering", "late_answer", "gone_away", "close",
    "full", "room", "drain", "release", "frozen",
)  # fmt: skip
"""Methods of `Story`."""

ACTIONS: Final = st.sampled_from(EVENTS) | st.sampled_from([0.05, 0.5, 1.0, 2.0, 3.0, 10.0])
"""What happens next; a number is time that passes."""


class Story:
    """One connection from its beginning to its end."""

    def __init__(self, role: Role, clock: MockClock) -> None:
        self.clock = clock
        self.native = EngineDouble()
        self.workers = workers_of(self.native)
        self.connections = connections_of(self.workers)
        self.group = Group(role, "it", PLAN)
        self.peer = Peer(1, role)
        self.native.peers[1] = self.peer
        self.sent = 1
        """SETTINGS of the peer that h2 accepts."""
        self.told_when_closed: list[tuple[Any, ...]] | None = None
        self.is_released = False
        self.home: trio.Nursery

    async def live(self, actions: list[str | float]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.workers.run)
            async with trio.open_nursery() as home:
                self.group.nursery = self.home = home
                try:
                    await self._tell(actions)
                except BaseException:
                    self.clock.autojump_threshold = 0
                    self.connections.release(self.group)
                    home.cancel_scope.cancel()
                    raise
            nursery.cancel_scope.cancel()
        self.native.stop()

    async def _tell(self, actions: list[str | float]) -> None:
        owner: int | str = 1 if self.group.role == "server" else "it"
        self.connections.enter(owner, self.group)
        self.native.say(cast("Event", ("opened", 1, self.group.role, owner, "192.0.2.1")), *self.peer.begin())
        for action in actions:
            if isinstance(action, float):
                self.clock.jump(action)
            elif self.told_when_closed is None or action in ("drain", "release"):
                getattr(self, action)()
            await wait_all_tasks_blocked()
            if action == "close":
                self.told_when_closed = self.told_when_closed or list(self.native.told)
        await self._end()

    # ── what may happen ──────────────────────────────────────────────────────────────────────────────────────────────

    def settings(self) -> None:
        self.sent += self.peer.answers
        self.native.say(*self.peer.set(initial_window_size=70_000))

    def settings_twice(self) -> None:
        self.settings()
        self.settings()

    def unacceptable(self) -> None:
        self.native.say(("settings", 1, b"\x00\x04\xff\xff\xff\xff"))

    def silent(self) -> None:
        self.peer.answers = False

    def answering(self) -> None:
        self.peer.answers = True

    def late_answer(self) -> None:
        self.native.say(*[("ping_ack", 1, data[9:17]) for _, data in self.native.calls("control")[-2:]])

    def gone_away(self) -> None:
        self.native.say(("gone_away", 1, 0, 0))

    def close(self) -> None:
        self.native.say(("closed", 1, "client_gone", 0))

    def full(self) -> None:
        self.native.full = True

    def room(self) -> None:
        self.native.full = False

    def drain(self) -> None:
        self.home.cancel_scope.cancel()

    def release(self) -> None:
        self.is_released = True
        self.connections.release(self.group)

    def frozen(self) -> None:
        self.clock.jump(FOREVER)

    # ── what must hold ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _end(self) -> None:
        self.native.full = False
        await self._pass_a_moment()
        if self.told_when_closed is None:
            self.judge_open()
            self.close()
            await wait_all_tasks_blocked()
            self.told_when_closed = list(self.native.told)
        await self._pass_a_moment()
        assert not self.home.child_tasks, "its task has ended with it"
        self.judge_end()

    async def _pass_a_moment(self) -> None:
        """What is owed to a worker that was behind is said."""
        for _ in range(4):
            self.clock.jump(BEHIND)
            await wait_all_tasks_blocked()

    def judge_open(self) -> None:
        """What holds as long as nobody has ended it."""
        if not self.is_released and not self.native.calls("end"):
            assert self.connections.counts().settings == {self.group.role: self.sent}

    def judge_end(self) -> None:
        told = self.native.told
        assert told == self.told_when_closed, "nothing is said of a connection that is gone"
        lasts = [last for _, last, _ in self.native.calls("go_away")]
        allowed: list[list[int | None]] = [[], [LAST_PROCESSED]]
        if self.group.role == "server":
            allowed += [[None], [None, LAST_PROCESSED]]
            allowed.remove([LAST_PROCESSED])
        assert lasts in allowed, "each step is taken once, the warning first"
        assert self.peer.last_streams == [LAST_STREAM if last is None else 0 for last in lasts]
        assert self.group.count == 0
        assert sum(self.connections.counts().closed.values()) == 1


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["server", "client"]), st.lists(ACTIONS, max_size=25))
def test_every_order_of_events_ends_well(role: Role, actions: list[str | float]) -> None:
    clock = MockClock()
    trio.run(Story(role, clock).live, actions, clock=clock)


@given(st.sampled_from(["server", "client"]), st.binary(max_size=300))
def test_any_payload_has_a_verdict(role: Role, payload: bytes) -> None:
    code = judge(role, payload)
    assert code is None or 0 < code < 16


SETTING = st.tuples(st.integers(0, 10), st.integers(0, 2**32 - 1) | st.integers(0, 2) | st.integers(16_384, 70_000))


@given(st.sampled_from(["server", "client"]), st.lists(SETTING, max_size=32))
def test_what_h2_refuses_on_a_connection_of_its_own_is_refused(role: Role, values: list[tuple[int, int]]) -> None:
    payload = b"".join(code.to_bytes(2, "big") + value.to_bytes(4, "big") for code, value in values)
    peer = Peer(1, "client" if role == "server" else "server")  # it hears what our peer says
    frame = len(payload).to_bytes(3, "big") + b"\x04\x00" + bytes(4) + payload
    try:
        peer.hear((b"" if role == "client" else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame)
    except ProtocolError as error:
        expected: int | None = error.error_code
    else:
        expected = None
    assert judge(role, payload) == expected
