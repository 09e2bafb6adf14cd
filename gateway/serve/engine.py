"""Trio's face of the workers: the one place where Python meets `gateway._engine` while running.

A worker puts events into its queue and writes one eventfd; one task here waits until that is readable, takes the
events in batches and hands each to whom it concerns. Taking an event never waits and never runs a handler: a slow
handler must not keep the events of the others. Nothing here is called from a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

import trio

if TYPE_CHECKING:
    from gateway import _engine

EVENT_BATCH: Final = 1024
"""Events that the engine gives at once (`_engine.Engine.events`): a full batch means that more may wait."""


class Asked(Protocol):
    """Someone who follows one asked exchange."""

    def body(self, data: bytes) -> None:
        """Part of the request body came."""

    def body_end(self) -> None:
        """The request body is whole."""

    def sent(self, count: int) -> None:
        """So many bytes of the answer were taken by the socket."""

    def over(self, reason: str) -> None:
        """The exchange ended; it is forgotten before this is called."""


@dataclass(frozen=True, slots=True)
class Words:
    """What both sides of the border agree on."""

    window: int
    """Bytes of an answer that may be under way to the socket (`_engine.ASK_WINDOW`)."""
    last_processed: int
    """What `go_away` says for a stream that only the worker knows (`_engine.LAST_PROCESSED`)."""
    abuses: frozenset[str]
    """Why a connection ended, if its peer exhausted a budget (`_engine.ABUSES`)."""


class Workers:
    """The workers of this process, as Trio sees them."""

    def __init__(self, native: _engine.Engine, count: int, words: Words, say: Callable[[str], None]) -> None:
        self.native = native
        self.count = count
        self.window = words.window
        self.last_processed = words.last_processed
        self.abuses = words.abuses
        self.panics = 0
        """Panics contained so far, over all workers."""
        self.applied: dict[int, int] = {}
        """Generation that each worker has said it runs on."""
        self.on_ask: Callable[[int, _engine.AskHead], None] = self._nobody
        """Takes requests for handlers; set before `run`."""
        self.on_connections: Callable[[list[_engine.Event]], None] = _unheard
        """Takes events about HTTP/2 connections, batch by batch; set before `run`."""
        self.asks: dict[int, Asked] = {}
        """Asked exchanges that are open. Who takes one enters it and removes it."""
        self._awaited: dict[tuple[_Word, int], _Answers] = {}
        self._applied = trio.Event()
        self._say = say

    def _nobody(self, ask: int, _head: _engine.AskHead) -> None:
        self.native.fail(ask, "handlers_busy")

    async def run(self) -> None:
        """Take events for ever. The task that runs this outlives every listener and every asked request."""
        descriptor = self.native.fileno()
        while True:
            await trio.lowlevel.wait_readable(descriptor)
            batch = self.native.events()
            self._dispatch(batch)
            while len(batch) == EVENT_BATCH:
                await trio.lowlevel.checkpoint()
                batch = self.native.events()
                self._dispatch(batch)

    def catch_up(self) -> None:
        """Take now what waits, for who has to know whether something has come."""
        batch = self.native.events()
        while batch:
            self._dispatch(batch)
            batch = self.native.events()

    def _dispatch(self, batch: list[_engine.Event]) -> None:
        about_connections: list[_engine.Event] = []
        for event in batch:
            match event:
                case ("opened" | "settings" | "settings_ack" | "ping_ack" | "gone_away" | "closed", *_):
                    about_connections.append(event)
                case ("ask", ask, head):
                    self.on_ask(ask, head)
                case ("over", ask, reason):
                    if asked := self.asks.pop(ask, None):
                        asked.over(reason)
                case ("unlistened" | "drained" as word, worker, key):
                    self._answered(word, worker, key)
                case ("applied", worker, generation):
                    self._applied_by(worker, generation)
                case ("panicked", worker, text):
                    self.panics += 1
                    self._say(f"worker {worker}: a panic was contained, one connection is lost: {text}")
                case _:
                    self._tell(event)
        if about_connections:
            self.on_connections(about_connections)

    def _tell(self, event: _engine.Event) -> None:
        """Hand what belongs to one asked exchange to whoever follows it; it may have ended meanwhile."""
        asked = self.asks.get(event[1])
        if asked is None:
            return
        match event:
            case ("body", _, data):
                asked.body(data)
            case ("body_end", _):
                asked.body_end()
            case ("sent", _, count):
                asked.sent(count)

    def unlisten(self, key: int) -> trio.Event:
        """Accept no more connections of a listener; the event is set when no worker does."""
        done = self._await("unlistened", key)
        self.native.unlisten(key)
        return done

    def drain(self, key: int) -> trio.Event:
        """Drain a listener; the event is set when its last connection is gone from every worker."""
        done = self._await("drained", key)
        self.native.drain(key)
        return done

    def forget(self, key: int) -> None:
        """Nobody waits for the end of this listener any more."""
        self._awaited.pop(("unlistened", key), None)
        self._awaited.pop(("drained", key), None)

    def _await(self, word: _Word, key: int) -> trio.Event:
        return self._awaited.setdefault((word, key), _Answers(set(range(self.count)), trio.Event())).done

    def _answered(self, word: _Word, worker: int, key: int) -> None:
        answers = self._awaited.get((word, key))
        if answers is None:
            return
        answers.left.discard(worker)
        if not answers.left:
            del self._awaited[word, key]
            answers.done.set()

    def _applied_by(self, worker: int, generation: int) -> None:
        self.applied[worker] = generation
        self._applied.set()
        self._applied = trio.Event()

    async def until_applied(self, generation: int) -> None:
        """Wait until every worker runs on this generation or a later one."""
        while any(self.applied.get(worker, 0) < generation for worker in range(self.count)):
            await self._applied.wait()


def _unheard(_events: list[_engine.Event]) -> None:
    """Nobody listens yet."""


_Word: TypeAlias = Literal["unlistened", "drained"]
"""What every worker says once of a listener that ends."""


class _Answers:
    """The workers that have not said a word yet, and what is set when all have."""

    __slots__ = ("done", "left")

    def __init__(self, left: set[int], done: trio.Event) -> None:
        self.left = left
        self.done = done


def start(count: int, snapshot: bytes, say: Callable[[str], None]) -> Workers:
    """Start the threads. Raises ValueError if the snapshot is refused."""
    from gateway import _engine

    words = Words(_engine.ASK_WINDOW, _engine.LAST_PROCESSED, frozenset(_engine.ABUSES))
    return Workers(_engine.Engine(count, snapshot), count, words, say)


def version() -> str:
    """Of the extension, equal to the package's."""
    from gateway import _engine

    return _engine.VERSION


def explain(snapshot: bytes, question: bytes) -> bytes:
    """Decide a question with a trace, MessagePack both ways. Raises ValueError for what is no question."""
    from gateway import _engine

    return _engine.explain(snapshot, question)
