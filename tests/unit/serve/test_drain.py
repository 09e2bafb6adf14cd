"""How the process ends."""

from __future__ import annotations

import os
import signal

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.serve import sockets
from gateway.serve.drain import ADMIN_PATIENCE, Ending, obey_signals
from gateway.serve.listener import Listeners
from tests.unit.serve.double import EngineDouble, connections_of, workers_of
from tests.unit.serve.plans import make_plan

pytestmark = pytest.mark.trio

PATIENCE = 30.0


class House:
    def __init__(self, native: EngineDouble, nursery: trio.Nursery) -> None:
        workers = workers_of(native)
        nursery.start_soon(workers.run)
        self.listeners = Listeners(workers, connections_of(workers), nursery, lambda: PATIENCE)
        for each in make_plan(1, "web", "other", "admin").listeners:
            self.listeners.add(each, sockets.listen(each.target, 2))
        self.said: list[str] = []
        self.ending = Ending(self.listeners, say=self.said.append)
        native.told.clear()


async def test_the_delay_passes_first_then_all_drain_and_the_admin_listener_is_last(
    native: EngineDouble, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    house = House(native, nursery)
    began = trio.current_time()
    await house.ending.drain(5.0, admin=3)
    assert trio.current_time() - began == pytest.approx(5.0)
    drained = [key for (key,) in native.calls("drain")]
    assert sorted(drained[:2]) == [1, 2]
    assert drained[2:] == [3]
    assert native.calls("abort") == []
    assert house.ending.state == "draining"


async def test_nothing_waits_longer_than_the_timeouts(
    native: EngineDouble, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    native.drains_at_once = False
    house = House(native, nursery)
    began = trio.current_time()
    await house.ending.drain(0, admin=3)
    assert trio.current_time() - began == pytest.approx(PATIENCE + ADMIN_PATIENCE)
    assert sorted(native.calls("abort")) == [(1,), (2,), (3,)]


async def test_a_second_signal_cuts_the_delay(native: EngineDouble, nursery: trio.Nursery) -> None:
    native.drains_at_once = False
    house = House(native, nursery)
    house.ending.ask()
    assert house.ending.asked_for.is_set()
    done = trio.Event()

    async def drain() -> None:
        await house.ending.drain(3600, admin=3)
        done.set()

    nursery.start_soon(drain)
    await wait_all_tasks_blocked()
    house.ending.ask()
    await done.wait()
    assert house.ending.hurried
    assert sorted(native.calls("abort")) == [(1,), (2,), (3,)]


async def test_a_second_signal_cuts_the_drain(native: EngineDouble, nursery: trio.Nursery) -> None:
    native.drains_at_once = False
    house = House(native, nursery)
    house.ending.ask()
    done = trio.Event()

    async def drain() -> None:
        await house.ending.drain(0, admin=None)
        done.set()

    nursery.start_soon(drain)
    await wait_all_tasks_blocked()
    assert sorted(native.calls("drain")) == [(1,), (2,), (3,)]
    house.ending.ask()
    await done.wait()
    assert sorted(native.calls("abort")) == [(1,), (2,), (3,)]


async def test_signals_do_what_they_say(native: EngineDouble, nursery: trio.Nursery) -> None:
    house = House(native, nursery)
    did: list[str] = []

    async def reload() -> None:
        did.append("reload")

    await nursery.start(obey_signals, house.ending, reload, lambda: did.append("reopen"), nursery)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
        os.kill(os.getpid(), number)
        await wait_all_tasks_blocked()
    await house.ending.asked_for.wait()
    await wait_all_tasks_blocked()
    assert sorted(did) == ["reload", "reopen"]
    assert not house.ending.hurried
    os.kill(os.getpid(), signal.SIGINT)
    while not house.ending.hurried:
        await trio.lowlevel.checkpoint()
