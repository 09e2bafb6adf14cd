"""A task per listener. It owns the listening sockets and, as a group, every connection that came in through them.

The task waits until it is cancelled, and its cancellation is the drain: accepting stops, connections end with the
exchange they are in, and what has not ended when the patience is over is cut. So "close this listener" and "end the
process" are the same thing at different places of the tree, and nothing can forget to drain.

HTTP/2 connections have a task each (`http2`), in a nursery that this task holds open: they are cancelled with it, and
say their own farewell while it waits.

Rule: a listener that is ended (`end`) asks nobody to go while a worker still accepts. Each worker has a socket of its
own, and a client that is told to go by one and comes back in that moment would be taken in by another, to be told
again. Where the whole tree is cancelled, by a fault of ours, HTTP/2 connections hear of it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import trio

from gateway.serve.engine import Workers
from gateway.serve.http2_connections import Connections, Group
from gateway.serve.plan import ListenerPlan
from gateway.serve.sockets import Sockets

UNLISTEN_PATIENCE: Final = 1.0
"""Seconds that nobody is asked to go because a worker has not said that it accepts no more. It says so in its next
turn, within milliseconds; one that needs longer is stopped in a debugger, and the clients of the others do not wait."""

State = Literal["open", "draining", "closed"]


class Listener:
    """One listener; `run` is its task."""

    def __init__(
        self,
        plan: ListenerPlan,
        sockets: Sockets,
        workers: Workers,
        connections: Connections,
        patience: Callable[[], float],
    ) -> None:
        self.plan = plan
        self.address = str(sockets.address)
        """As it is: a port that the kernel chose is filled in."""
        self.state: State = "open"
        self.refuses = trio.Event()
        """Set when it has ended to accept: who connects now is refused."""
        self.done = trio.Event()
        """Set when the last connection is gone."""
        self._sockets = sockets
        self._workers = workers
        self._connections = connections
        self._group = Group("server", plan.name, plan.http2)
        self._patience = patience
        self._life = trio.CancelScope()
        self._unlisten = trio.CancelScope(shield=True)
        self._wait = trio.CancelScope(shield=True)
        self._task: trio.lowlevel.Task | None = None

    @property
    def name(self) -> str:
        """As configured."""
        return self.plan.name

    @property
    def key(self) -> int:
        """What the workers know it by."""
        return self.plan.key

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self.plan.scheme

    async def run(self) -> None:
        """Accept until cancelled, then drain."""
        self._task = trio.lowlevel.current_task()
        self._name_task()
        try:
            async with trio.open_nursery() as nursery:
                self._group.nursery = nursery
                self._connections.enter(self.plan.key, self._group)
                try:
                    with self._life:
                        await trio.sleep_forever()
                finally:
                    self.state = "draining"
                    await self._refuse()
                    nursery.cancel_scope.cancel()
                    await self._drain()
        finally:
            self._connections.leave(self.plan.key, self._group)
            self.state = "closed"
            self.done.set()

    def open(self) -> None:
        """Hand the sockets to the workers."""
        self._workers.native.listen(self.plan.key, self._sockets.take())

    def keep(self, plan: ListenerPlan) -> None:
        """The same listener in a new configuration: sockets and connections stay, the name may have changed."""
        self.plan = plan
        self._group.name = plan.name
        self._group.plan = plan.http2
        self._name_task()

    def end(self) -> None:
        """Begin to drain."""
        self._life.cancel()

    def hurry(self) -> None:
        """No more patience: what is left is cut."""
        self._life.cancel()
        self._unlisten.cancel()
        self._wait.cancel()

    def _name_task(self) -> None:
        if self._task is not None:
            self._task.name = f"listener {self.plan.name} {self.address}"

    async def _refuse(self) -> None:
        unlistened = self._workers.unlisten(self.plan.key)
        self._sockets.remove_file()
        self._unlisten.deadline = trio.current_time() + UNLISTEN_PATIENCE
        with self._unlisten:
            await unlistened.wait()
        self.refuses.set()

    async def _drain(self) -> None:
        drained = self._workers.drain(self.plan.key)
        self._wait.deadline = trio.current_time() + self._patience()
        with self._wait:
            await drained.wait()
        if self._wait.cancelled_caught:
            self._workers.forget(self.plan.key)
            self._connections.release(self._group)
            self._workers.native.abort(self.plan.key)


class Listeners:
    """All listeners of the process: those that are open and those that drain."""

    def __init__(
        self, workers: Workers, connections: Connections, nursery: trio.Nursery, patience: Callable[[], float]
    ) -> None:
        self.open: dict[int, Listener] = {}
        """By key."""
        self.draining: set[Listener] = set()
        """Removed by a reload; their last connections finish."""
        self._workers = workers
        self._connections = connections
        self._nursery = nursery
        self._patience = patience

    def add(self, plan: ListenerPlan, sockets: Sockets) -> None:
        """Start to accept. The snapshot that knows this listener has been applied before."""
        listener = Listener(plan, sockets, self._workers, self._connections, self._patience)
        self.open[plan.key] = listener
        listener.open()
        self._nursery.start_soon(listener.run, name=f"listener {plan.name} {listener.address}")

    def end(self, key: int) -> Listener:
        """Begin to drain the listener with this key."""
        listener = self.open.pop(key)
        self.draining.add(listener)
        listener.end()
        self._nursery.start_soon(self._forget, listener, name=f"drain of {listener.plan.name}")
        return listener

    async def _forget(self, listener: Listener) -> None:
        with trio.CancelScope(shield=True):
            await listener.done.wait()
        self.draining.discard(listener)

    def hurry(self) -> None:
        """No more patience with any of them."""
        for listener in (*self.open.values(), *self.draining):
            listener.hurry()

    def all(self) -> list[Listener]:
        """Open ones first."""
        return [*self.open.values(), *self.draining]
