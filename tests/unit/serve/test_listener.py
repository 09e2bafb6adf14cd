"""A listener's task: its cancellation is the drain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.config.addresses import parse_listen
from gateway.serve import sockets
from gateway.serve.listener import UNLISTEN_PATIENCE, Listeners
from gateway.serve.plan import ListenerPlan
from tests.unit.serve.double import EngineDouble, connections_of, workers_of
from tests.unit.serve.http2_peer import LAST_STREAM, Peer
from tests.unit.serve.plans import HTTP2

pytestmark = pytest.mark.trio

PATIENCE = 30.0


def plan(key: int = 1, name: str = "web") -> ListenerPlan:
    return ListenerPlan(key, name, parse_listen("127.0.0.1:0"), "http", HTTP2)


@pytest.fixture
async def listeners(native: EngineDouble, nursery: trio.Nursery) -> AsyncIterator[Listeners]:
    workers = workers_of(native)
    nursery.start_soon(workers.run)
    listeners = Listeners(workers, connections_of(workers), nursery, lambda: PATIENCE)
    yield listeners
    listeners.hurry()


def add(listeners: Listeners, which: ListenerPlan) -> None:
    listeners.add(which, sockets.listen(which.target, 2))


async def connect(native: EngineDouble) -> Peer:
    """A client of HTTP/2 that comes by listener 1."""
    native.peers[7] = peer = Peer(7)
    await wait_all_tasks_blocked()
    native.say(("opened", 7, "server", 1, "192.0.2.1"), *peer.begin())
    await wait_all_tasks_blocked()
    return peer


async def test_a_listener_hands_over_one_socket_per_worker(native: EngineDouble, listeners: Listeners) -> None:
    add(listeners, plan())
    assert native.told == [("listen", 1, 2)]
    assert listeners.open[1].address.startswith("127.0.0.1:")
    assert not listeners.open[1].address.endswith(":0")


async def test_the_end_is_a_drain_and_it_is_over_when_all_workers_say_so(
    native: EngineDouble, listeners: Listeners
) -> None:
    native.drains_at_once = False
    add(listeners, plan())
    listener = listeners.end(1)
    await wait_all_tasks_blocked()
    assert (listener.state, listeners.open, listeners.draining) == ("draining", {}, {listener})
    native.say(("drained", 0, 1), ("drained", 1, 1))
    await listener.done.wait()
    await wait_all_tasks_blocked()
    assert (listener.state, listeners.draining) == ("closed", set())
    assert native.told[1:] == [("unlisten", 1), ("drain", 1)]


async def test_nobody_is_asked_to_go_while_a_worker_accepts(native: EngineDouble, listeners: Listeners) -> None:
    native.unlistens_at_once = native.drains_at_once = False
    add(listeners, plan())
    peer = await connect(native)
    listener = listeners.end(1)
    await wait_all_tasks_blocked()
    native.say(("unlistened", 1, 1), ("unlistened", 1, 1), ("unlistened", 0, 2))
    await wait_all_tasks_blocked()
    assert (listener.state, listener.refuses.is_set(), peer.last_streams) == ("draining", False, [])
    assert native.told[1:] == [("unlisten", 1)]
    native.say(("unlistened", 0, 1))
    await wait_all_tasks_blocked()
    assert listener.refuses.is_set()
    assert peer.last_streams == [LAST_STREAM, 0]
    assert native.calls("drain") == [(1,)]


async def test_a_worker_that_stands_still_keeps_nobody_from_being_asked_to_go(
    native: EngineDouble, listeners: Listeners, autojump_clock: MockClock
) -> None:
    native.unlistens_at_once = native.drains_at_once = False
    add(listeners, plan())
    began = trio.current_time()
    await listeners.end(1).refuses.wait()
    assert trio.current_time() - began == pytest.approx(UNLISTEN_PATIENCE)
    await wait_all_tasks_blocked()
    assert native.told[1:] == [("unlisten", 1), ("drain", 1)]


async def test_what_has_not_ended_when_patience_is_over_is_cut(
    native: EngineDouble, listeners: Listeners, autojump_clock: MockClock
) -> None:
    native.drains_at_once = False
    add(listeners, plan())
    began = trio.current_time()
    listener = listeners.end(1)
    await listener.done.wait()
    assert trio.current_time() - began == pytest.approx(PATIENCE)
    assert native.told[1:] == [("unlisten", 1), ("drain", 1), ("abort", 1)]


async def test_http2_connections_are_asked_to_go_and_the_drain_waits_for_them(
    native: EngineDouble, listeners: Listeners, autojump_clock: MockClock
) -> None:
    native.drains_at_once = False
    add(listeners, plan())
    peer = await connect(native)
    listener = listeners.end(1)
    await wait_all_tasks_blocked()
    assert peer.last_streams == [LAST_STREAM, 0]
    native.say(("drained", 0, 1), ("drained", 1, 1))
    await wait_all_tasks_blocked()
    assert not listener.done.is_set()  # the two queues of a worker are no one order
    native.say(("closed", 7, "drained", 1))
    await listener.done.wait()
    assert native.calls("abort") == []


async def test_http2_connections_are_closed_when_patience_is_over(
    native: EngineDouble, listeners: Listeners, autojump_clock: MockClock
) -> None:
    native.drains_at_once = False
    add(listeners, plan())
    await wait_all_tasks_blocked()
    native.say(("opened", 7, "server", 1, "192.0.2.1"))
    await wait_all_tasks_blocked()
    began = trio.current_time()
    await listeners.end(1).done.wait()
    assert trio.current_time() - began == pytest.approx(PATIENCE)
    assert native.told[-2:] == [("end", 7, 0), ("abort", 1)]


async def test_a_connection_that_comes_while_its_listener_drains_is_asked_to_go(
    native: EngineDouble, listeners: Listeners
) -> None:
    native.drains_at_once = False
    add(listeners, plan())
    await wait_all_tasks_blocked()
    listeners.end(1)
    peer = await connect(native)
    assert peer.last_streams == [LAST_STREAM, 0]


@pytest.mark.parametrize("unlistens", [True, False])
async def test_hurry_cuts_at_once(native: EngineDouble, listeners: Listeners, unlistens: bool) -> None:
    native.unlistens_at_once = unlistens
    native.drains_at_once = False
    add(listeners, plan())
    add(listeners, plan(2, "other"))
    draining = listeners.end(2)
    await wait_all_tasks_blocked()
    open_one = listeners.open[1]
    listeners.hurry()
    await open_one.done.wait()
    await draining.done.wait()
    assert sorted(native.calls("abort")) == [(1,), (2,)]


async def test_cancelling_the_nursery_drains_too(native: EngineDouble) -> None:
    workers = workers_of(native)
    async with trio.open_nursery() as outer:
        outer.start_soon(workers.run)
        async with trio.open_nursery() as inner:
            add(Listeners(workers, connections_of(workers), inner, lambda: PATIENCE), plan())
            await wait_all_tasks_blocked()
            inner.cancel_scope.cancel()
        outer.cancel_scope.cancel()
    assert native.told[1:] == [("unlisten", 1), ("drain", 1)]


async def test_a_listener_that_is_kept_takes_its_new_name(listeners: Listeners) -> None:
    add(listeners, plan())
    await wait_all_tasks_blocked()
    listeners.open[1].keep(plan(name="renamed"))
    assert listeners.open[1].name == "renamed"
    names = {task.name for nursery in trio.lowlevel.current_task().child_nurseries for task in nursery.child_tasks}
    assert all("web" not in name for name in names)
