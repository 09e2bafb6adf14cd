"""Trio's face of the workers."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.serve.engine import EVENT_BATCH
from tests.unit.serve.double import EngineDouble, head, workers_of

pytestmark = pytest.mark.trio


class Follower:
    """Follows one asked exchange."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def body(self, data: bytes) -> None:
        self.heard.append(data)

    def body_end(self) -> None:
        self.heard.append("end")

    def sent(self, count: int) -> None:
        self.heard.append(count)

    def over(self, reason: str) -> None:
        self.heard.append(reason)


async def test_events_reach_whom_they_concern_and_over_is_the_last(native: EngineDouble, nursery: trio.Nursery) -> None:
    workers = workers_of(native)
    nursery.start_soon(workers.run)
    one, other = Follower(), Follower()
    workers.asks = {1: one, 2: other}
    native.say(("body", 1, b"x"), ("sent", 2, 7), ("body_end", 1), ("over", 1, "client_gone"), ("body", 1, b"late"))
    await wait_all_tasks_blocked()
    assert one.heard == [b"x", "end", "client_gone"]
    assert other.heard == [7]
    assert list(workers.asks) == [2]


async def test_events_of_an_unknown_exchange_are_nothing(native: EngineDouble, nursery: trio.Nursery) -> None:
    workers = workers_of(native)
    nursery.start_soon(workers.run)
    native.say(("sent", 9, 1), ("over", 9, "ok"), ("drained", 0, 9))
    await wait_all_tasks_blocked()
    assert workers.asks == {}


async def test_more_events_than_a_batch_are_all_taken(native: EngineDouble, nursery: trio.Nursery) -> None:
    workers = workers_of(native)
    follower = Follower()
    workers.asks[1] = follower
    nursery.start_soon(workers.run)
    native.say(*[("sent", 1, number) for number in range(2 * EVENT_BATCH + 3)])
    await wait_all_tasks_blocked()
    assert follower.heard == list(range(2 * EVENT_BATCH + 3))


async def test_a_drain_is_over_when_every_worker_says_so(native: EngineDouble, nursery: trio.Nursery) -> None:
    native.drains_at_once = False
    workers = workers_of(native)
    nursery.start_soon(workers.run)
    done = workers.drain(5)
    native.say(("drained", 0, 5), ("drained", 0, 5), ("drained", 1, 6))
    await wait_all_tasks_blocked()
    assert not done.is_set()
    native.say(("drained", 1, 5))
    await done.wait()
    assert native.calls("drain") == [(5,)]


async def test_applied_is_waited_for_over_all_workers(native: EngineDouble, nursery: trio.Nursery) -> None:
    workers = workers_of(native)
    nursery.start_soon(workers.run)
    reached = trio.Event()

    async def wait() -> None:
        await workers.until_applied(3)
        reached.set()

    nursery.start_soon(wait)
    native.say(("applied", 0, 3), ("applied", 1, 2))
    await wait_all_tasks_blocked()
    assert not reached.is_set()
    native.say(("applied", 1, 4))
    await reached.wait()


async def test_a_panic_is_counted_and_said(native: EngineDouble, nursery: trio.Nursery) -> None:
    said: list[str] = []
    workers = workers_of(native, said)
    nursery.start_soon(workers.run)
    native.say(("panicked", 1, "index out of bounds at x.rs:3"))
    await wait_all_tasks_blocked()
    assert workers.panics == 1
    assert "worker 1" in said[0]
    assert "x.rs:3" in said[0]


async def test_before_anybody_takes_requests_they_are_refused(native: EngineDouble, nursery: trio.Nursery) -> None:
    nursery.start_soon(workers_of(native).run)
    native.say(("ask", 1, head()))
    await wait_all_tasks_blocked()
    assert native.calls("fail") == [(1, "handlers_busy")]
