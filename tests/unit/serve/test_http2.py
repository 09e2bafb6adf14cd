"""Stream 0 of one connection: a real `h2` is the peer, the engine double carries what is said."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from h2.errors import ErrorCodes
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.serve.http2 import BEHIND, ROUND_TRIP
from gateway.serve.http2_connections import Connections, Group
from gateway.serve.plan import NEVER, Http2Plan
from tests.unit.serve.double import LAST_PROCESSED, EngineDouble, connections_of, workers_of
from tests.unit.serve.http2_peer import LAST_STREAM, Peer

pytestmark = pytest.mark.trio

PLAN = Http2Plan(keepalive_interval=30, keepalive_timeout=10, max_age=1000)

CONN = 1 << 48 | 7


class Stage:
    """A listener with key 1 and its connections."""

    def __init__(self, native: EngineDouble, nursery: trio.Nursery) -> None:
        self.native = native
        self.said: list[str] = []
        self.workers = workers_of(native)
        self.connections: Connections = connections_of(self.workers, self.said)
        self.group = Group("server", "web", PLAN)
        self.connections.enter(1, self.group)
        nursery.start_soon(self.workers.run)

    async def own(self, task_status: trio.TaskStatus[None]) -> None:
        """What the task of a listener does for its connections."""
        async with trio.open_nursery() as home:
            self.group.nursery = home
            task_status.started()
            await trio.sleep_forever()

    async def open(self, conn: int = CONN, *, answers: bool = True) -> Peer:
        """A client comes."""
        peer = Peer(conn)
        self.native.peers[conn] = peer
        self.native.say(("opened", conn, "server", 1, "192.0.2.1"), *peer.begin())
        await wait_all_tasks_blocked()
        peer.answers = answers
        return peer

    async def close(self, conn: int = CONN, reason: str = "client_gone") -> None:
        self.native.say(("closed", conn, reason, 3))
        await wait_all_tasks_blocked()

    def closed(self) -> dict[tuple[str, str], int]:
        return self.connections.counts().closed

    @property
    def home(self) -> trio.Nursery:
        assert self.group.nursery is not None
        return self.group.nursery

    @property
    def tasks(self) -> list[str]:
        """Tasks of connections."""
        return [task.name for task in self.home.child_tasks]


@pytest.fixture
async def stage(native: EngineDouble, nursery: trio.Nursery) -> AsyncIterator[Stage]:
    stage = Stage(native, nursery)
    await nursery.start(stage.own)
    yield stage
    stage.connections.release(stage.group)


# ── SETTINGS ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_settings_are_judged_and_counted_and_no_word_is_said(stage: Stage) -> None:
    peer = await stage.open()
    stage.native.say(*peer.set(initial_window_size=70_000), *peer.set(max_concurrent_streams=5))
    await wait_all_tasks_blocked()
    assert stage.connections.counts().settings == {"server": 3}
    assert stage.native.told == []  # the worker has acknowledged them


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x00\x04\xff\xff\xff\xff", ErrorCodes.FLOW_CONTROL_ERROR),
        (b"\x00\x05\x00\x00\x00\x01", ErrorCodes.PROTOCOL_ERROR),
        (b"\x00\x03\x00\x00\x00\x01" * 33, ErrorCodes.ENHANCE_YOUR_CALM),
    ],
)
async def test_settings_that_h2_does_not_take_end_the_connection(stage: Stage, payload: bytes, code: int) -> None:
    await stage.open()
    stage.native.say(("settings", CONN, payload))
    await wait_all_tasks_blocked()
    assert stage.native.told[-1] == ("end", CONN, code)
    await stage.close(reason="ended")
    assert stage.closed() == {("server", "settings_refused"): 1}


async def test_a_worker_that_is_behind_is_told_later(stage: Stage, autojump_clock: MockClock) -> None:
    peer = await stage.open()
    stage.native.full = True
    stage.native.say(("settings", CONN, b"\x00\x04\xff\xff\xff\xff"))
    await trio.sleep(35)
    assert (peer.pings, stage.native.told) == (0, [])
    stage.native.full = False
    await trio.sleep(2 * BEHIND)
    assert stage.native.calls("end") == [(CONN, ErrorCodes.FLOW_CONTROL_ERROR)]


# ── keep-alive ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_peer_that_answers_is_kept(stage: Stage, autojump_clock: MockClock) -> None:
    peer = await stage.open()
    await trio.sleep(95)
    assert peer.pings == 3
    assert stage.native.calls("end") == []
    assert len(set(stage.native.calls("control"))) == 3  # no two PINGs are alike


async def test_a_peer_that_does_not_answer_in_time_is_gone(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.open(answers=False)
    await trio.sleep(39.9)
    assert stage.native.calls("end") == []
    await trio.sleep(0.2)
    assert stage.native.calls("end") == [(CONN, ErrorCodes.NO_ERROR)]
    await stage.close(reason="ended")
    assert stage.closed() == {("server", "keepalive_timeout"): 1}
    assert stage.connections.counts().keepalive_failures == {"server": 1}


async def test_the_answer_to_another_ping_is_none(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.open(answers=False)
    await trio.sleep(31)
    stage.native.say(("ping_ack", CONN, b"\xff" * 8))
    await trio.sleep(10)
    assert len(stage.native.calls("end")) == 1


async def test_an_answer_that_waits_among_the_events_is_in_time(
    native: EngineDouble, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        workers = workers_of(native)  # nobody takes its events
        connections = connections_of(workers)
        group = Group("server", "web", PLAN)
        group.nursery = nursery
        connections.enter(1, group)
        native.peers[CONN] = peer = Peer(CONN)
        connections.take([("opened", CONN, "server", 1, "192.0.2.1"), *peer.begin()])
        await trio.sleep(45)
        assert peer.pings == 1
        assert native.calls("end") == []
        connections.release(group)


async def test_a_process_that_stood_still_asks_its_clock_again(stage: Stage, mock_clock: MockClock) -> None:
    peer = await stage.open(answers=False)
    mock_clock.jump(30)
    await wait_all_tasks_blocked()
    mock_clock.jump(300)  # the PING is out; nobody ran, not even the worker
    await wait_all_tasks_blocked()
    assert stage.native.calls("end") == []
    peer.answers = True
    stage.native.say(("ping_ack", CONN, stage.native.calls("control")[-1][1][9:]))
    await wait_all_tasks_blocked()
    mock_clock.jump(10)
    await wait_all_tasks_blocked()
    assert stage.native.calls("end") == []


async def test_without_a_plan_nothing_is_sent(stage: Stage, autojump_clock: MockClock) -> None:
    stage.group.plan = NEVER
    peer = await stage.open()
    await trio.sleep(80_000)
    assert (peer.pings, peer.last_streams) == (0, [])


# ── age ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_old_connection_is_asked_to_go_in_two_steps(stage: Stage, autojump_clock: MockClock) -> None:
    peer = await stage.open()
    pings = 1000 // 30
    await trio.sleep(1005)
    assert peer.last_streams == [LAST_STREAM, 0]
    assert [call[:3] for call in stage.native.told[pings:]] == [
        ("go_away", CONN, None),
        ("control", CONN, stage.native.calls("control")[-1][1]),
        ("go_away", CONN, LAST_PROCESSED),
    ]
    await trio.sleep(1005)
    assert stage.native.calls("end") == []  # its streams may take their time
    assert len(stage.native.calls("go_away")) == 2
    await stage.close(reason="drained")
    assert stage.closed() == {("server", "max_age"): 1}


@pytest.mark.parametrize(("draw", "age"), [(0.0, 900), (1.0, 1100)])
async def test_ages_are_spread(stage: Stage, autojump_clock: MockClock, draw: float, age: float) -> None:
    stage.connections.draw = lambda: draw
    peer = await stage.open()
    await trio.sleep(age - 1)
    assert peer.last_streams == []
    await trio.sleep(3)
    assert len(peer.last_streams) == 2


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_nursery_asks_its_connections_to_go(stage: Stage, autojump_clock: MockClock) -> None:
    quick, slow = await stage.open(1), await stage.open(2, answers=False)
    stage.home.cancel_scope.cancel()
    await wait_all_tasks_blocked()
    assert (quick.last_streams, slow.last_streams) == ([LAST_STREAM, 0], [LAST_STREAM])
    await trio.sleep(ROUND_TRIP + 0.1)
    assert slow.last_streams == [LAST_STREAM, 0]
    await stage.close(1, "drained")
    assert len(stage.tasks) == 1
    await trio.sleep(10_000)  # patience is the owner's
    assert len(stage.tasks) == 1
    stage.connections.release(stage.group)
    await wait_all_tasks_blocked()
    assert stage.tasks == []
    assert stage.native.calls("end") == [(2, ErrorCodes.NO_ERROR)]


async def test_what_goes_while_it_is_asked_to_is_not_asked_again(stage: Stage, autojump_clock: MockClock) -> None:
    await stage.open(answers=False)
    stage.home.cancel_scope.cancel()
    await wait_all_tasks_blocked()
    stage.native.say(("gone_away", CONN, 0, 0), ("closed", CONN, "client_gone", 0))
    await wait_all_tasks_blocked()
    assert stage.tasks == []
    assert stage.native.calls("go_away") == [(CONN, None, 0)]


async def test_what_came_and_went_in_one_batch_needs_no_task(stage: Stage) -> None:
    peer = Peer(CONN)
    stage.native.peers[CONN] = peer
    stage.native.say(("opened", CONN, "server", 1, "192.0.2.1"), *peer.begin(), ("closed", CONN, "client_gone", 0))
    await wait_all_tasks_blocked()
    assert stage.tasks == []
    assert stage.closed() == {("server", "client_gone"): 1}
    assert stage.group.count == 0


async def test_what_goes_before_its_task_has_begun_leaves_nothing(stage: Stage) -> None:
    stage.connections.take([("opened", CONN, "server", 1, "192.0.2.1")])
    assert stage.tasks == ["http2 from 192.0.2.1"]
    stage.connections.take([("closed", CONN, "client_gone", 0)])
    await wait_all_tasks_blocked()
    assert (stage.tasks, stage.native.told, stage.group.count) == ([], [], 0)


async def test_frames_that_a_peer_may_send_often_wake_nobody(stage: Stage, native: EngineDouble) -> None:
    peer = await stage.open()
    steps: list[str] = []

    class Watch(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            steps.append(task.name)

    watch = Watch()
    trio.lowlevel.add_instrument(watch)
    native.say(*peer.set(max_frame_size=20_000), ("settings_ack", CONN), ("gone_away", CONN, 0, 0))
    native.say(("ping_ack", CONN, b"unasked!"))
    await wait_all_tasks_blocked()
    trio.lowlevel.remove_instrument(watch)
    assert native.told == []
    assert not any(name.startswith("http2") for name in steps)


async def test_whose_owner_is_gone_is_asked_to_go(stage: Stage) -> None:
    stage.native.say(("opened", 5, "client", "nobody", "192.0.2.9:80"), ("opened", 6, "server", 99, "192.0.2.9"))
    await wait_all_tasks_blocked()
    assert stage.native.calls("go_away") == [(5, LAST_PROCESSED, 0), (6, LAST_PROCESSED, 0)]
    assert stage.tasks == []
    stage.native.say(("closed", 5, "drained", 0), ("closed", 6, "client_gone", 0))
    await wait_all_tasks_blocked()
    assert stage.closed() == {("client", "drained"): 1, ("server", "drained"): 1}


async def test_an_owner_whose_nursery_has_closed_has_gone_too(stage: Stage) -> None:
    async with trio.open_nursery() as nursery:
        stage.group.nursery = nursery
    await stage.open()
    assert stage.native.calls("go_away") == [(CONN, LAST_PROCESSED, 0)]
