"""The whole life of the process, on an engine double."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.admin.gateway import Running, running
from gateway.errors import ExitCode, GatewayError
from gateway.policy import Request, Response
from gateway.serve import app, engine
from gateway.serve.plan import PlanLoader
from gateway.serve.tasks import SpawnTimes
from tests.unit.serve.double import EngineDouble, head, workers_of
from tests.unit.serve.plans import make_plan

if TYPE_CHECKING:
    from gateway._engine import Event

pytestmark = pytest.mark.trio

Start = Callable[[], Awaitable[None]]


class Process:
    """A gateway process without the process."""

    def __init__(self, native: EngineDouble) -> None:
        self.native = native
        self.said: list[str] = []
        self.result: ExitCode | None = None
        self.plan = make_plan(1, "web", handlers={"rules:hello": self.handler}, upstreams=("app",))
        self.gateway: Running | None = None

    async def handler(self, _request: Request) -> Response:
        self.gateway = running.get()
        return Response(200)

    async def live(self) -> None:
        self.result = await app.serve(self.plan, PlanLoader("gw.yaml", clock=lambda: 0.0), SpawnTimes())

    async def until_ready(self) -> None:
        while not any("ready" in line for line in self.said):
            await trio.lowlevel.checkpoint()


@pytest.fixture
async def process(native: EngineDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    process = Process(native)
    monkeypatch.setattr(engine, "start", lambda *_: workers_of(native, process.said))
    monkeypatch.setattr(engine, "version", lambda: "0.1.0")
    monkeypatch.setattr(app, "say", process.said.append)
    monkeypatch.setattr(native, "stop", lambda: native.told.append(("stop",)))
    yield process


async def test_a_process_starts_says_where_it_listens_and_ends_by_a_signal(process: Process) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(process.live)
        await process.until_ready()
        assert process.said[0].startswith("listener web on http://127.0.0.1:")
        os.kill(os.getpid(), signal.SIGTERM)
    assert process.result == ExitCode.OK
    assert [call[0] for call in process.native.told] == ["listen", "unlisten", "drain", "stop"]


async def test_a_second_signal_cuts_and_is_no_success(process: Process) -> None:
    process.native.drains_at_once = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(process.live)
        await process.until_ready()
        os.kill(os.getpid(), signal.SIGTERM)
        while not process.native.calls("drain"):
            await trio.lowlevel.checkpoint()
        os.kill(os.getpid(), signal.SIGINT)
    assert process.result == ExitCode.FAILED
    assert process.native.calls("abort") == [(1,)]


async def test_a_fault_of_ours_ends_the_process_without_waiting_for_patience(process: Process) -> None:
    process.native.drains_at_once = False
    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(process.live)
            await process.until_ready()
            process.native.say(cast("Event", ("no such event",)))
    assert caught.group_contains(IndexError)
    assert process.native.told[-1] == ("stop",)


async def test_handlers_descend_from_the_gateway_that_they_speak_of(process: Process) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(process.live)
        await process.until_ready()
        process.native.say(("ask", 1, head()))
        while process.gateway is None:
            await trio.lowlevel.checkpoint()
        gateway = process.gateway
        await wait_all_tasks_blocked()
        assert (gateway.state, gateway.generation, gateway.workers, gateway.asked) == ("ready", 1, 2, 0)
        assert gateway.applied == [1, 1]
        assert [each.name for each in gateway.listeners()] == ["web"]
        _, text = gateway.task_tree()
        assert "listener web 127.0.0.1:" in text
        assert "events of the workers" in text
        assert "watch of certificates" in text
        os.kill(os.getpid(), signal.SIGTERM)
    assert running.get(None) is None


async def test_a_snapshot_that_the_engine_refuses_is_told_in_words(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("routes[a]: no")

    monkeypatch.setattr(engine, "start", refuse)
    with pytest.raises(GatewayError, match=r"the engine refuses the configuration: routes\[a\]: no"):
        await process.live()
