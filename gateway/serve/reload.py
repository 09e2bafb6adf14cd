"""A new configuration, whole or not at all.

    load        read, check, compile, import handlers      in a thread: a slow disk or a large file stalls nothing
    prepare     open the sockets and the log that are new   may fail; then they are closed again
    apply       the engine builds its tables and swaps      may refuse; then nothing has changed
    follow      hand over new listeners, then drain removed ones; ask connections to removed upstreams to go
    settle      wait until every worker goes by it and no removed listener accepts: then it is what it says

Up to `apply` every step can be taken back; after it none can fail. What did not change is not touched: a listener is
found again by its key, so its sockets and connections never notice. Reloads are one at a time, and the generation
counts those that succeeded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from gateway.account.access_log import open_log
from gateway.errors import ConfigError, GatewayError
from gateway.serve import sockets
from gateway.serve.engine import Workers
from gateway.serve.listener import Listener, Listeners
from gateway.serve.plan import Plan
from gateway.serve.request import AskedRequests
from gateway.serve.sockets import Sockets
from gateway.serve.upstreams import Upstreams

APPLY_PATIENCE: Final = 5.0
"""Seconds that a reload waits for every worker to say that it runs on the new snapshot and accepts for no listener that
was removed, before it answers. A turn of a worker takes microseconds; a worker that needs longer is stopped in a
debugger, and the reload stands anyway."""


class Load(Protocol):
    """Reads the configuration anew. Raises GatewayError. Called in a thread."""

    def __call__(self, generation: int, open_keys: Mapping[str, int]) -> Plan:
        """`open_keys`: the keys of listeners that are open, by `ListenerPlan.identity`."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reload ended."""

    ok: bool
    generation: int
    """The one that is in force now."""
    at: float
    """Unix time."""
    seconds: float
    errors: tuple[str, ...] = ()
    """In words, empty if it went well."""
    warnings: tuple[str, ...] = ()


def words(error: GatewayError) -> tuple[str, ...]:
    """What is wrong, one text per error; those of a configuration with their source lines."""
    if not isinstance(error, ConfigError):
        return (str(error),)
    from gateway.config.report import report  # only a refused configuration pays for it

    return tuple(report((each,)).rstrip() for each in error.findings if each.severity == "error")


class Reloader:
    """Holds the plan that is in force and replaces it."""

    def __init__(
        self,
        plan: Plan,
        load: Load,
        workers: Workers,
        listeners: Listeners,
        upstreams: Upstreams,
        asked: AskedRequests,
        *,
        wall_clock: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self.plan = plan
        self.last: Outcome | None = None
        """None until the first reload."""
        self.succeeded = 0
        self.failed = 0
        self._load = load
        self._workers = workers
        self._listeners = listeners
        self._upstreams = upstreams
        self._asked = asked
        self._wall_clock = wall_clock
        self._say = say
        self._one_at_a_time = trio.Lock()
        self._one_waits = False

    async def reload(self) -> Outcome:
        """Load and apply. Never raises for a bad configuration: the outcome says it."""
        async with self._one_at_a_time:
            with trio.CancelScope(shield=True):  # who asked may go away; half a reload must not stay behind
                outcome = await self._reload()
        return outcome

    async def reload_soon(self) -> None:
        """For signals: any number of them while one waits is one reload."""
        if self._one_waits:
            return
        self._one_waits = True
        try:
            await self._one_at_a_time.acquire()
        finally:
            self._one_waits = False
        try:
            with trio.CancelScope(shield=True):
                await self._reload()
        finally:
            self._one_at_a_time.release()

    async def _reload(self) -> Outcome:
        began = trio.current_time()
        errors: tuple[str, ...] = ()
        warnings: tuple[str, ...] = ()
        try:
            keys = {each.plan.identity: key for key, each in self._listeners.open.items()}
            plan = await trio.to_thread.run_sync(self._load, self.plan.generation + 1, keys)
            warnings = plan.warnings + self._cannot_change(plan)
            await self._swap(plan)
        except GatewayError as error:
            errors = words(error)
        except Exception as error:  # a fault of ours in loading must not end a process that forwards
            errors = (f"the gateway failed while loading: {type(error).__name__}: {error}",)
        outcome = Outcome(
            ok=not errors,
            generation=self.plan.generation,
            at=self._wall_clock(),
            seconds=round(trio.current_time() - began, 6),
            errors=errors,
            warnings=warnings,
        )
        self._record(outcome)
        return outcome

    def _record(self, outcome: Outcome) -> None:
        self.last = outcome
        self.succeeded += outcome.ok
        self.failed += not outcome.ok
        for warning in outcome.warnings:
            self._say(warning)
        if outcome.ok:
            self._say(f"reloaded: generation {outcome.generation} in {outcome.seconds * 1000:.0f} ms")
        else:
            text = "\n".join(outcome.errors)
            self._say(f"reload refused, generation {outcome.generation} stays in force:\n{text}")

    def _cannot_change(self, plan: Plan) -> tuple[str, ...]:
        if plan.workers == self._workers.count:
            return ()
        return (f"workers: {plan.workers} needs a restart; {self._workers.count} go on running",)

    async def _swap(self, plan: Plan) -> None:
        old, handlers = self.plan, self._asked.handlers
        opened = await trio.to_thread.run_sync(self._open_sockets, plan)
        log: int | None = None
        try:
            if plan.access_log is not None and plan.access_log != old.access_log:
                log = open_log(plan.access_log, plan.directory)
            self._asked.handlers = {**handlers, **old.handlers, **plan.handlers}
            self._upstreams.add(plan.upstreams)
            await trio.to_thread.run_sync(self._apply, plan)
        except BaseException:
            self._asked.handlers = handlers
            self._upstreams.keep(old.upstreams)
            sockets.close_all(opened)
            if log is not None:
                os.close(log)
            raise
        self.plan = plan
        if log is not None:
            self._workers.native.access_log(log)
        removed = self._follow(plan, opened)
        with trio.move_on_after(APPLY_PATIENCE):
            await self._workers.until_applied(plan.generation)
            for listener in removed:
                await listener.refuses.wait()
            if not self._listeners.draining:  # else the next reload: their clients may still ask what they could before
                self._asked.handlers = plan.handlers

    def _open_sockets(self, plan: Plan) -> dict[int, Sockets]:
        new = {each.key: each.target for each in plan.listeners if each.key not in self._listeners.open}
        return sockets.listen_all(new, self._workers.count)

    def _apply(self, plan: Plan) -> None:
        try:
            self._workers.native.apply(plan.snapshot)
        except ValueError as error:
            raise GatewayError(f"the engine refuses the configuration: {error}") from error

    def _follow(self, plan: Plan, opened: Mapping[int, Sockets]) -> list[Listener]:
        """Gives back the listeners that were removed."""
        wanted = {each.key: each for each in plan.listeners}
        for key, listener in wanted.items():
            if key in opened:
                self._listeners.add(listener, opened[key])
            else:
                self._listeners.open[key].keep(listener)
        removed = [self._listeners.end(key) for key in set(self._listeners.open) - set(wanted)]
        self._upstreams.keep(plan.upstreams)
        return removed
