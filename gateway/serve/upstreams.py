"""A task per upstream of the running configuration. It owns the HTTP/2 connections to that upstream.

Its cancellation asks them to go: no new requests, and the end after the last that is under way. A reload that removes
the upstream does no more than that; the requests have deadlines of their own. At the end of the process, when no
request is left, what does not end at once is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio

from gateway.serve.http2_connections import Connections, Group
from gateway.serve.plan import Http2Plan

FAREWELL: Final = 1.0
"""Seconds that connections to upstreams get at the end of the process. Nothing is under way on them any more, so this
is time for a worker to write GOAWAY."""


class Upstream:
    """One upstream; `run` is its task."""

    def __init__(self, name: str, plan: Http2Plan, connections: Connections) -> None:
        self.group = Group("client", name, plan)
        self.done = trio.Event()
        """Set when its last connection is gone."""
        self._life = trio.CancelScope()
        self._connections = connections

    async def run(self) -> None:
        """Until cancelled and every connection is gone."""
        name = self.group.name
        try:
            async with trio.open_nursery() as nursery:
                self.group.nursery = nursery
                self._connections.enter(name, self.group)
                try:
                    with self._life:
                        await trio.sleep_forever()
                finally:
                    nursery.cancel_scope.cancel()
        finally:
            self._connections.leave(name, self.group)
            self.done.set()

    def end(self) -> None:
        """Ask its connections to go."""
        self._life.cancel()


class Upstreams:
    """All upstreams of the process: those of the configuration, and those whose last connections end."""

    def __init__(self, connections: Connections, nursery: trio.Nursery) -> None:
        self.current: dict[str, Upstream] = {}
        """By name."""
        self._leaving: set[Upstream] = set()
        self._connections = connections
        self._nursery = nursery

    def add(self, plans: Mapping[str, Http2Plan]) -> list[str]:
        """Own those that are new, before a worker can connect to them. Gives back which they are."""
        new = [name for name in plans if name not in self.current]
        for name in new:
            upstream = Upstream(name, plans[name], self._connections)
            self.current[name] = upstream
            self._nursery.start_soon(upstream.run, name=f"upstream {name}")
        return new

    def keep(self, plans: Mapping[str, Http2Plan]) -> None:
        """Go on with these alone."""
        for name in [name for name in self.current if name not in plans]:
            self._end(name)
        for name, upstream in self.current.items():
            upstream.group.plan = plans[name]

    def _end(self, name: str) -> None:
        upstream = self.current.pop(name)
        upstream.end()
        self._leaving.add(upstream)
        self._nursery.start_soon(self._forget, upstream, name=f"end of upstream {name}")

    async def _forget(self, upstream: Upstream) -> None:
        with trio.CancelScope(shield=True):
            await upstream.done.wait()
        self._leaving.discard(upstream)

    async def end(self) -> None:
        """The end of the process: nothing is under way."""
        self.keep({})
        with trio.move_on_after(FAREWELL):
            for upstream in list(self._leaving):
                await upstream.done.wait()
        self.hurry()

    def hurry(self) -> None:
        """No more patience."""
        for upstream in (*self.current.values(), *self._leaving):
            upstream.end()
            self._connections.release(upstream.group)
