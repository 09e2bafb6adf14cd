"""A task per upstream: who owns the connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.serve.http2_connections import Connections
from gateway.serve.upstreams import FAREWELL, Upstreams
from tests.unit.serve.double import LAST_PROCESSED, EngineDouble, connections_of, workers_of
from tests.unit.serve.http2_peer import Peer
from tests.unit.serve.plans import HTTP2

pytestmark = pytest.mark.trio


class House:
    """Upstreams `app` and `next`."""

    def __init__(self, native: EngineDouble, nursery: trio.Nursery) -> None:
        self.native = native
        workers = workers_of(native)
        nursery.start_soon(workers.run)
        self.connections: Connections = connections_of(workers)
        self.nursery = nursery
        self.upstreams = Upstreams(self.connections, nursery)
        self.upstreams.add({"app": HTTP2, "next": HTTP2})

    async def connect(self, conn: int, name: str = "app") -> None:
        peer = Peer(conn, "client")
        self.native.peers[conn] = peer
        self.native.say(("opened", conn, "client", name, "192.0.2.80:80"), *peer.begin())
        await wait_all_tasks_blocked()

    async def close(self, conn: int) -> None:
        self.native.say(("closed", conn, "drained", 1))
        await wait_all_tasks_blocked()

    def open(self) -> dict[str, int]:
        return {each.owner: each.open for each in self.connections.counts().groups}

    def tasks(self) -> list[str]:
        return sorted(task.name for task in self.nursery.child_tasks if "upstream" in task.name)


@pytest.fixture
async def house(native: EngineDouble, nursery: trio.Nursery) -> AsyncIterator[House]:
    house = House(native, nursery)
    await wait_all_tasks_blocked()
    yield house
    house.upstreams.hurry()


async def test_connections_are_owned_by_their_upstream(house: House) -> None:
    await house.connect(1)
    await house.connect(2, "next")
    await house.connect(3)
    assert house.open() == {"app": 2, "next": 1}
    await house.close(1)
    assert house.open() == {"app": 1, "next": 1}
    assert house.native.calls("go_away") == []


async def test_an_upstream_that_is_removed_lets_its_connections_finish(house: House, autojump_clock: MockClock) -> None:
    await house.connect(1)
    await house.connect(2, "next")
    house.upstreams.keep({"next": HTTP2})
    await wait_all_tasks_blocked()
    assert house.native.calls("go_away") == [(1, LAST_PROCESSED, 0)]  # one step: it is we who open no more streams
    await trio.sleep(10_000)
    assert house.native.calls("end") == []
    assert house.tasks() == ["end of upstream app", "upstream app", "upstream next"]
    await house.close(1)
    assert house.tasks() == ["upstream next"]
    assert house.open() == {"next": 1}


async def test_an_upstream_that_comes_back_is_another_owner(house: House) -> None:
    await house.connect(1)
    house.upstreams.keep({})
    await wait_all_tasks_blocked()
    house.upstreams.add({"app": HTTP2})
    await wait_all_tasks_blocked()
    await house.connect(2)
    assert house.open() == {"app": 2}
    await house.close(1)
    assert house.open() == {"app": 1}
    assert house.native.calls("go_away") == [(1, LAST_PROCESSED, 0)]


async def test_a_connection_that_a_removed_upstream_still_got_is_asked_to_go(house: House) -> None:
    house.upstreams.keep({"next": HTTP2})
    await wait_all_tasks_blocked()
    await house.connect(1)
    assert house.native.calls("go_away") == [(1, LAST_PROCESSED, 0)]
    assert house.open() == {"app": 1, "next": 0}
    await house.close(1)
    assert house.open() == {"next": 0}


async def test_the_end_of_the_process_waits_a_moment_and_closes_what_is_left(
    house: House, autojump_clock: MockClock
) -> None:
    await house.connect(1)
    await house.connect(2, "next")
    began = trio.current_time()
    house.native.say(("closed", 2, "drained", 0))
    await house.upstreams.end()
    await wait_all_tasks_blocked()
    assert trio.current_time() - began == pytest.approx(FAREWELL)
    assert house.native.calls("end") == [(1, 0)]
    assert house.tasks() == []


async def test_without_connections_the_end_takes_no_time(house: House, autojump_clock: MockClock) -> None:
    began = trio.current_time()
    await house.upstreams.end()
    assert trio.current_time() == began
    assert house.tasks() == []


async def test_a_plan_that_changed_is_for_connections_to_come(house: House) -> None:
    changed = HTTP2.__class__(1.0, 1.0, 1.0)
    house.upstreams.keep({"app": changed, "next": HTTP2})
    assert house.upstreams.current["app"].group.plan == changed
