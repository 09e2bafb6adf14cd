"""A new configuration, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.errors import ConfigError, Finding
from gateway.policy import Request, Response
from gateway.serve import sockets
from gateway.serve.listener import Listeners
from gateway.serve.notice import Tracebacks
from gateway.serve.plan import Plan
from gateway.serve.reload import Reloader
from gateway.serve.request import AskedRequests
from gateway.serve.upstreams import Upstreams
from tests.unit.serve.double import EngineDouble, connections_of, workers_of
from tests.unit.serve.plans import make_plan

pytestmark = pytest.mark.trio

Next = Callable[[int], Plan]


class House:
    """Everything that a reload touches, on an engine double. `next` makes the next plan."""

    def __init__(self, native: EngineDouble, nursery: trio.Nursery, first: Plan) -> None:
        self.native = native
        self.said: list[str] = []
        workers = workers_of(native, self.said)
        connections = connections_of(workers, self.said)
        nursery.start_soon(workers.run)
        self.listeners = Listeners(workers, connections, nursery, lambda: 30.0)
        self.upstreams = Upstreams(connections, nursery)
        self.upstreams.add(first.upstreams)
        self.asked = AskedRequests(workers, nursery, Tracebacks(self.said.append, trio.current_time))
        self.asked.handlers = first.handlers
        for each in first.listeners:
            self.listeners.add(each, sockets.listen(each.target, workers.count))
        self.next: Next = lambda generation: make_plan(generation, *(each.name for each in first.listeners))
        self.loads = 0
        self.reloader = Reloader(
            first, self._load, workers, self.listeners, self.upstreams, self.asked,
            wall_clock=lambda: 1_700_000_000.0, say=self.said.append,
        )  # fmt: skip
        native.told.clear()

    def _load(self, generation: int, open_keys: Mapping[str, int]) -> Plan:
        self.loads += 1
        assert all(key > 0 for key in open_keys.values())
        return self.next(generation)

    def methods(self) -> list[str]:
        return [call[0] for call in self.native.told]


@pytest.fixture
async def house(native: EngineDouble, nursery: trio.Nursery) -> AsyncIterator[House]:
    house = House(native, nursery, make_plan(1, "web", "other"))
    yield house
    house.listeners.hurry()


async def test_a_reload_of_the_same_touches_no_listener(house: House) -> None:
    before = dict(house.listeners.open)
    outcome = await house.reloader.reload()
    assert (outcome.ok, outcome.generation, outcome.at) == (True, 2, 1_700_000_000.0)
    assert house.native.told == [("apply", b"2")]
    assert house.listeners.open == before
    assert (house.reloader.succeeded, house.reloader.failed) == (1, 0)


async def test_new_listeners_open_after_the_swap_and_before_removed_ones_drain(house: House) -> None:
    house.next = lambda generation: make_plan(generation, "other", "new", keys={"other": 2, "new": 3})
    assert (await house.reloader.reload()).ok
    await wait_all_tasks_blocked()
    assert house.native.told == [("apply", b"2"), ("listen", 3, 2), ("unlisten", 1), ("drain", 1)]
    assert {key: each.name for key, each in house.listeners.open.items()} == {2: "other", 3: "new"}


async def test_a_reload_is_over_when_no_worker_accepts_for_what_it_removed(house: House) -> None:
    house.native.unlistens_at_once = False
    house.next = lambda generation: make_plan(generation, "other", keys={"other": 2})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.reloader.reload)
        while ("unlisten", 1) not in house.native.told:
            await trio.lowlevel.checkpoint()
        house.native.say(("unlistened", 0, 1))
        await wait_all_tasks_blocked()
        assert house.reloader.last is None
        house.native.say(("unlistened", 1, 1))
    assert house.reloader.last is not None


async def test_a_bad_configuration_changes_nothing_and_says_why(house: House) -> None:
    def refuse(_generation: int) -> Plan:
        raise ConfigError((Finding("error", "gw.yaml", 3, 5, "no such thing", "mend it", "a: b", 1),))

    house.next = refuse
    outcome = await house.reloader.reload()
    assert (outcome.ok, outcome.generation) == (False, 1)
    assert "gw.yaml:3:5: error: no such thing" in outcome.errors[0]
    assert "mend it" in outcome.errors[0]
    assert house.native.told == []
    assert any("generation 1 stays in force" in line for line in house.said)
    assert house.reloader.last is outcome


async def test_generations_count_only_what_succeeded(house: House) -> None:
    good = house.next

    def refuse(_generation: int) -> Plan:
        raise ConfigError((Finding("error", "gw.yaml", 0, 0, "bad"),))

    house.next = refuse
    await house.reloader.reload()
    await house.reloader.reload()
    house.next = good
    assert (await house.reloader.reload()).generation == 2


async def test_a_fault_of_ours_while_loading_is_an_error_not_an_end(house: House) -> None:
    def fail(_generation: int) -> Plan:
        raise KeyError("bug")

    house.next = fail
    outcome = await house.reloader.reload()
    assert not outcome.ok
    assert "KeyError" in outcome.errors[0]


async def test_what_the_engine_refuses_leaves_no_socket_and_no_handler_behind(house: House) -> None:
    async def handler(_request: Request) -> Response:
        return Response()

    house.next = lambda generation: make_plan(generation, "web", "other", "new", handlers={"new:one": handler})
    house.native.refuse_with = "routes[a]: too many"
    descriptors = open_descriptors()
    outcome = await house.reloader.reload()
    assert outcome.errors == ("the engine refuses the configuration: routes[a]: too many",)
    assert house.native.told == []
    assert house.asked.handlers == {}
    assert open_descriptors() == descriptors
    assert sorted(house.listeners.open) == [1, 2]


async def test_an_address_that_is_taken_refuses_the_whole(house: House) -> None:
    taken = house.listeners.open[1].address
    blocker = sockets.listen(house.listeners.open[1].plan.target, 1)
    house.next = lambda generation: make_plan(
        generation, "web", "free", "new", keys={"web": 1, "free": 8, "new": 9}, addresses={"new": str(blocker.address)}
    )
    descriptors = open_descriptors()
    outcome = await house.reloader.reload()
    blocker.close()
    assert "somebody else listens there" in outcome.errors[0]
    assert taken in {each.address for each in house.listeners.open.values()}
    assert house.native.told == []
    assert open_descriptors() == descriptors - 1


async def test_a_log_that_cannot_be_opened_refuses_the_whole(house: House, tmp_path: Path) -> None:
    house.next = lambda generation: make_plan(
        generation, "web", "other", access_log="no/such/dir/log", directory=tmp_path
    )
    outcome = await house.reloader.reload()
    assert "access log no/such/dir/log" in outcome.errors[0]
    assert house.native.told == []


async def test_a_new_log_is_opened_beside_the_configuration(house: House, tmp_path: Path) -> None:
    house.next = lambda generation: make_plan(generation, "web", "other", access_log="a.log", directory=tmp_path)
    assert (await house.reloader.reload()).ok
    assert (await house.reloader.reload()).ok
    assert house.methods() == ["apply", "access_log", "apply"]
    assert (tmp_path / "a.log").exists()


async def test_handlers_of_both_generations_answer_until_every_worker_has_moved(house: House) -> None:
    async def handler(_request: Request) -> Response:
        return Response()

    house.native.applies_at_once = False
    house.reloader.plan = make_plan(1, "web", "other", handlers={"old:one": handler})
    house.next = lambda generation: make_plan(generation, "web", "other", handlers={"new:one": handler})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.reloader.reload)
        while not house.native.told:
            await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()
        assert sorted(house.asked.handlers) == ["new:one", "old:one"]
        house.native.say(("applied", 0, 2), ("applied", 1, 2))
    assert sorted(house.asked.handlers) == ["new:one"]


async def test_handlers_answer_while_a_removed_listener_drains(house: House) -> None:
    async def handler(_request: Request) -> Response:
        return Response()

    house.native.drains_at_once = False
    house.reloader.plan = make_plan(1, "web", "other", handlers={"old:one": handler})
    house.next = lambda generation: make_plan(generation, "web", handlers={"new:one": handler})
    assert (await house.reloader.reload()).ok
    assert (await house.reloader.reload()).ok
    assert sorted(house.asked.handlers) == ["new:one", "old:one"]
    house.native.say(("drained", 0, 2), ("drained", 1, 2))
    await wait_all_tasks_blocked()
    assert (await house.reloader.reload()).ok
    assert sorted(house.asked.handlers) == ["new:one"]


async def test_another_number_of_workers_is_a_warning(house: House) -> None:
    house.next = lambda generation: make_plan(generation, "web", "other", workers=8)
    outcome = await house.reloader.reload()
    assert outcome.ok
    assert outcome.warnings == ("workers: 8 needs a restart; 2 go on running",)


async def test_reloads_are_one_at_a_time_and_signals_while_one_waits_are_one(house: House) -> None:
    gate = threading.Event()
    good = house.next

    def slow(generation: int) -> Plan:
        gate.wait(10)
        return good(generation)

    house.next = slow
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.reloader.reload_soon)
        await wait_all_tasks_blocked()
        for _ in range(20):
            nursery.start_soon(house.reloader.reload_soon)
        await wait_all_tasks_blocked()
        gate.set()
    assert house.loads == 2
    assert house.reloader.plan.generation == 3


async def test_who_asked_may_go_away_and_the_reload_is_still_whole(house: House) -> None:
    gate = threading.Event()
    good = house.next

    def slow(generation: int) -> Plan:
        gate.wait(10)
        return good(generation)

    house.next = slow
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.reloader.reload)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        gate.set()
    assert house.reloader.plan.generation == 2
    assert house.native.told == [("apply", b"2")]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
