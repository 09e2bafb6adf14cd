"""The root nursery: everything that lives in the process hangs below it.

    root
      events of the workers           (engine)    outlives all below
      signals                         (drain)
      upstreams                       a task per upstream; owns its HTTP/2 connections
      asked                           a task per request that Python answers; outlives the listeners
      listeners                       a task per listener; each drains when it ends, and owns its HTTP/2 connections

The order of ending is the order of ownership, from below: listeners drain, then upstreams are left and what was asked
is over, then the events, then the threads. An exception that nobody expected ends the root, cuts what is open, and is
shown.
"""

from __future__ import annotations

import gc
import random
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from gateway.account.access_log import open_log
from gateway.account.counters import Levels, Totals, decode, decode_levels
from gateway.account.http2 import Http2Counts
from gateway.admin.gateway import running
from gateway.config.document import Document
from gateway.errors import ExitCode, GatewayError
from gateway.serve import engine, sockets
from gateway.serve.drain import Ending, obey_signals
from gateway.serve.engine import Workers
from gateway.serve.hints import hints
from gateway.serve.http2_connections import Connections
from gateway.serve.listener import Listener, Listeners
from gateway.serve.notice import Tracebacks, say
from gateway.serve.plan import Plan, PlanLoader
from gateway.serve.reload import Outcome, Reloader
from gateway.serve.request import AskedRequests
from gateway.serve.sockets import Sockets
from gateway.serve.tasks import SpawnTimes, as_text, tree
from gateway.serve.upstreams import Upstreams
from gateway.serve.watch import Watch

if TYPE_CHECKING:
    from gateway.config.tls.certificate import Shown


def run(file: str, *, state: Path, program: str | None = None) -> ExitCode:
    """Serve this configuration file until a signal ends it. Raises GatewayError if it cannot be served.

    `state`: a directory for what outlives the process; it is made when something has to be kept. `program`: how the
    command was called, to say once what can be tried next; None says nothing of it.
    """
    load = PlanLoader(file, clock=time.time, state=state)
    plan = load(1, {})
    times = SpawnTimes()
    return trio.run(serve, plan, load, times, program, instruments=[times])


async def serve(plan: Plan, load: PlanLoader, times: SpawnTimes, program: str | None = None) -> ExitCode:
    """The life of the process, from open sockets to the last connection."""
    _raise_descriptor_limit()
    opened = sockets.listen_all({each.key: each.target for each in plan.listeners}, plan.workers)
    try:
        log = None if plan.access_log is None else open_log(plan.access_log, plan.directory)
        workers = _start(plan)
    except BaseException:
        sockets.close_all(opened)
        raise
    try:
        if log is not None:
            workers.native.access_log(log)
        async with (
            trio.open_nursery() as root,
            trio.open_nursery() as upstreams,
            trio.open_nursery() as asked,
            trio.open_nursery() as listeners,
        ):
            app = App(plan, load, workers, times, upstreams=upstreams, asked=asked, listeners=listeners)
            running.set(app)
            try:
                await app.live(opened, root, program)
                await app.all_upstreams.end()
            except BaseException:
                app.all_listeners.hurry()
                app.all_upstreams.hurry()
                raise
            asked.cancel_scope.cancel()
            root.cancel_scope.cancel()
        return ExitCode.FAILED if app.ending.hurried else ExitCode.OK
    finally:
        workers.native.stop()


def _start(plan: Plan) -> Workers:
    try:
        return engine.start(plan.workers, plan.snapshot, say)
    except ValueError as error:
        raise GatewayError(f"the engine refuses the configuration: {error}") from error


def _raise_descriptor_limit() -> None:
    """Two descriptors per proxied request: take all that may be had (the soft limit is often 1,024)."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class App:
    """The running gateway: what owns what, and what the admin API may know (`gateway.admin.gateway.Running`)."""

    def __init__(
        self,
        plan: Plan,
        load: PlanLoader,
        workers: Workers,
        times: SpawnTimes,
        *,
        upstreams: trio.Nursery,
        asked: trio.Nursery,
        listeners: trio.Nursery,
    ) -> None:
        self.started_at = time.time()
        self.version = engine.version()
        self.config_file = load.file
        self._connections = Connections(workers, draw=random.random, say=say)
        self.all_upstreams = Upstreams(self._connections, upstreams)
        self.all_listeners = Listeners(workers, self._connections, listeners, lambda: self.reloader.plan.drain_timeout)
        self.ending = Ending(self.all_listeners, say=say)
        self._asked = AskedRequests(workers, asked, Tracebacks(say, trio.current_time))
        self._asked.handlers = plan.handlers
        self.reloader = Reloader(
            plan, load, workers, self.all_listeners, self.all_upstreams, self._asked, wall_clock=time.time, say=say
        )
        self._watch = Watch(self.reloader, wall_clock=time.time, say=say)
        self._workers = workers
        self._times = times
        self._began = trio.current_time()
        self._top = trio.lowlevel.current_task()

    async def live(self, opened: Mapping[int, Sockets], root: trio.Nursery, program: str | None) -> None:
        """Start everything, run until a signal, drain."""
        plan = self.reloader.plan
        self.all_upstreams.add(plan.upstreams)
        root.start_soon(self._workers.run, name="events of the workers")
        await root.start(obey_signals, self.ending, self.reloader.reload_soon, self._reopen_log, root, name="signals")
        for each in plan.listeners:
            self.all_listeners.add(each, opened[each.key])
        self._announce(plan)
        if program is not None:
            ca_file = plan.credentials.ca_file
            say(hints(program, self.config_file, self.all_listeners.open.values(), plan.admin, ca_file))
        gc.collect()
        gc.freeze()  # what is there now stays: later collections need not look at it again
        self.ending.state = "ready"
        async with trio.open_nursery() as awake:  # what a drain has no use for
            awake.start_soon(self._watch.run, name="watch of certificates")
            await self.ending.asked_for.wait()
            awake.cancel_scope.cancel()
        plan = self.reloader.plan
        await self.ending.drain(plan.drain_delay, plan.admin)

    def _announce(self, plan: Plan) -> None:
        for warning in plan.warnings:
            say(warning)
        for listener in self.all_listeners.open.values():
            what = "admin API" if listener.plan.key == plan.admin else f"listener {listener.plan.name}"
            say(f"{what} on {_url(listener)}")
        if plan.credentials.ca_file is not None:
            say(f"tls: internal is signed by {plan.credentials.ca_file}: trust that where you try it")
        say(f"ready: {plan.workers} workers, generation {plan.generation}")

    def _reopen_log(self) -> None:
        plan = self.reloader.plan
        if plan.access_log is None:
            return
        try:
            self._workers.native.access_log(open_log(plan.access_log, plan.directory))
        except GatewayError as error:
            say(f"{error}; the old file stays open")
        else:
            say(f"access log {plan.access_log} reopened")

    # ── what the admin API may know ──────────────────────────────────────────────────────────────────────────────────

    @property
    def state(self) -> str:
        """`starting`, `ready` or `draining`."""
        return self.ending.state

    @property
    def uptime(self) -> float:
        """Seconds."""
        return trio.current_time() - self._began

    @property
    def generation(self) -> int:
        """Of the configuration in force."""
        return self.reloader.plan.generation

    @property
    def document(self) -> Document:
        """The configuration in force, as the engine has it."""
        return self.reloader.plan.document

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of the configuration in force."""
        return self.reloader.plan.warnings

    @property
    def certificates(self) -> tuple[Shown, ...]:
        """Which listener shows which certificates, the default first, and what upstreams are shown."""
        return self.reloader.plan.credentials.shown

    @property
    def workers(self) -> int:
        """Threads that forward."""
        return self._workers.count

    @property
    def applied(self) -> list[int]:
        """The generation that each worker runs on."""
        return [self._workers.applied.get(number, 1) for number in range(self._workers.count)]

    @property
    def asked(self) -> int:
        """Requests for Python handlers that are open."""
        return self._asked.count + self._asked.count_own

    @property
    def http2(self) -> Http2Counts:
        """HTTP/2 connections, and what became of them."""
        return self._connections.counts()

    @property
    def panics(self) -> int:
        """Contained; each cost one connection."""
        return self._workers.panics

    @property
    def last_reload(self) -> Outcome | None:
        """How the last one ended."""
        return self.reloader.last

    @property
    def reloads(self) -> tuple[int, int]:
        """(succeeded, failed)"""
        return self.reloader.succeeded, self.reloader.failed

    def listeners(self) -> list[Listener]:
        """Open ones first, then those that drain after a reload."""
        return self.all_listeners.all()

    def counters(self) -> Totals:
        """Everything that the workers count."""
        return decode(self._workers.native.counters())

    def levels(self) -> Levels:
        """Connections and endpoints."""
        return decode_levels(self._workers.native.counters())

    def rendered_config(self) -> str:
        """The configuration in force as YAML, defaults filled in, secrets masked."""
        return self.reloader.plan.rendered()

    def task_tree(self) -> tuple[object, str]:
        """The live tasks, for JSON and as text."""
        view = tree(self._top, self._times)
        return view, as_text(view)

    def explain(self, question: bytes) -> bytes:
        """The engine's own answer. Raises ValueError for what is no question."""
        return engine.explain(self.reloader.plan.snapshot, question)

    async def reload(self) -> Outcome:
        """Read the configuration file anew."""
        return await self.reloader.reload()


def _url(listener: Listener) -> str:
    return listener.address if listener.address.startswith("unix:") else f"{listener.plan.scheme}://{listener.address}"
