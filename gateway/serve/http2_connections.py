"""Every HTTP/2 connection of the process, by the number that its worker gave it, and who owns it.

A connection's task lives in the nursery of its `Group`: a listener has one, and so has an upstream. What the workers
say about connections comes here, batch by batch; what came and went within one batch never becomes a task.

Rule: a connection is entered by its first event and removed by its last, whatever became of its task. So nothing is
counted twice, and nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import trio

from gateway.account.http2 import GroupCount, Http2Counts
from gateway.serve.http2 import Connection
from gateway.serve.http2_control import PingWriter, Role
from gateway.serve.http2_tally import Tally
from gateway.serve.plan import NEVER

if TYPE_CHECKING:
    from gateway._engine import Engine, Event
    from gateway.serve.engine import Workers
    from gateway.serve.plan import Http2Plan


class Group:
    """The HTTP/2 connections of one listener or one upstream."""

    def __init__(self, role: Role, name: str, plan: Http2Plan) -> None:
        self.role = role
        self.name = name
        self.plan = plan
        """For connections that come from now on."""
        self.count = 0
        """Connections that are open."""
        self.nursery: trio.Nursery | None = None
        """Where their tasks live; None before the owner lives, and after."""

    def start(self, connection: Connection) -> bool:
        """Give it a task, unless the owner is gone."""
        if self.nursery is None:
            return False
        try:
            self.nursery.start_soon(connection.run, name=connection.name)
        except RuntimeError:  # closed, and its owner does not run before we return
            return False
        return True


class Connections:
    """All of them."""

    def __init__(self, workers: Workers, *, draw: Callable[[], float], say: Callable[[str], None]) -> None:
        self.native: Engine = workers.native
        self.last_processed = workers.last_processed
        self.catch_up = workers.catch_up
        self.draw = draw
        """A random number from 0 to 1."""
        self.pings = PingWriter()
        self.tally = Tally(workers.abuses, say, trio.current_time)
        self._open: dict[int, tuple[Connection, Group]] = {}
        self._groups: dict[int | str, Group] = {}
        """By listener key, or name of the upstream."""
        self._all_groups: set[Group] = set()
        """Those that have an owner, and those whose last connections are not closed yet."""
        self._new: list[tuple[Connection, Group]] = []
        workers.on_connections = self.take

    def enter(self, owner: int | str, group: Group) -> None:
        """Connections of this owner belong to that group from now on."""
        self._groups[owner] = group
        self._all_groups.add(group)

    def leave(self, owner: int | str, group: Group) -> None:
        """The group's owner is gone; another may have come in its place."""
        group.nursery = None
        if self._groups.get(owner) is group:
            del self._groups[owner]
        if not group.count:
            self._all_groups.discard(group)

    def release(self, group: Group) -> None:
        """The owner's patience has ended: close what is left."""
        for connection, of in self._open.values():
            if of is group:
                connection.give_up()

    # ── what the workers say ─────────────────────────────────────────────────────────────────────────────────────────

    def take(self, batch: list[Event]) -> None:
        """Events about connections, as they came."""
        for event in batch:
            match event:
                case ("opened", conn, "server", key, peer):
                    self._opened(conn, "server", key, peer)
                case ("opened", conn, "client", name, peer):
                    self._opened(conn, "client", name, peer)
                case ("closed", conn, reason, _):
                    self._closed(conn, reason)
                case ("settings", conn, payload) if conn in self._open:
                    self.tally.settings(self._open[conn][0].role)
                    self._open[conn][0].settings(payload)
                case ("ping_ack", conn, data) if conn in self._open:
                    self._open[conn][0].ping_ack(data)
                case _:  # SETTINGS acknowledged, GOAWAY received: the worker has done what follows
                    pass
        new, self._new = self._new, []
        for connection, group in new:
            if not connection.over and not group.start(connection):
                connection.orphaned()

    def _opened(self, conn: int, role: Role, owner: int | str, peer: str) -> None:
        group = self._groups.get(owner) or Group(role, str(owner), NEVER)
        connection = Connection(conn, peer, group, self)
        self._open[conn] = connection, group
        group.count += 1
        self._all_groups.add(group)
        self._new.append((connection, group))

    def _closed(self, conn: int, reason: str) -> None:
        found = self._open.pop(conn, None)
        if found is not None:
            connection, group = found
            group.count -= 1
            if not group.count and group.nursery is None:
                self._all_groups.discard(group)
            self.tally.closed(group.role, group.name, connection.peer, connection.closed(reason))

    # ── what is counted ──────────────────────────────────────────────────────────────────────────────────────────────

    def counts(self) -> Http2Counts:
        """For /metrics and the admin API."""
        return self.tally.counts(tuple(self._by_group()))

    def _by_group(self) -> Iterator[GroupCount]:
        sums: dict[tuple[Role, str], int] = {}
        for group in self._all_groups:
            sums[group.role, group.name] = sums.get((group.role, group.name), 0) + group.count
        return (GroupCount(role, name, count) for (role, name), count in sorted(sums.items()))
