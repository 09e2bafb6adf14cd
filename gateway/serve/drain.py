"""Signals, and how the process ends.

    SIGTERM, SIGINT     drain and exit 0; a second one cuts what is left and exits 1
    SIGHUP              reload
    SIGUSR1             reopen the access log

To drain is: say "not ready" (`/readyz` answers 503), go on accepting for `drain.delay` so that a load balancer can
notice, then end every listener at once and wait for their exchanges until `drain.timeout`. The admin listener comes
last, so that a probe or a person can watch.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import trio

from gateway.serve.listener import Listener, Listeners

ADMIN_PATIENCE: Final = 1.0
"""Seconds that requests of the admin API get after everything else is gone: they answer within milliseconds."""

State = Literal["starting", "ready", "draining"]


class Ending:
    """Knows whether the process begins, runs or ends, and does the ending."""

    def __init__(self, listeners: Listeners, *, say: Callable[[str], None]) -> None:
        self.state: State = "starting"
        self.hurried = False
        """A second signal came."""
        self.asked_for = trio.Event()
        """Set when the process shall end."""
        self._listeners = listeners
        self._delay = trio.CancelScope()
        self._say = say

    def ask(self) -> None:
        """End the process; asked twice, end it now."""
        if not self.asked_for.is_set():
            self.asked_for.set()
            return
        self._say("second signal: ending now")
        self.hurried = True
        self._delay.cancel()
        self._listeners.hurry()

    async def drain(self, delay: float, admin: int | None) -> None:
        """End every listener; return when the last connection is gone or cut. `admin`: the key of its listener."""
        self.state = "draining"
        self._say(f"draining: {_plural(len(self._listeners.open), 'listener')}")
        with self._delay:
            await trio.sleep(delay)
        for key in [key for key in self._listeners.open if key != admin]:
            self._end(key)
        for listener in list(self._listeners.draining):
            await listener.done.wait()
        if admin is not None and admin in self._listeners.open:
            last = self._end(admin)
            with trio.move_on_after(ADMIN_PATIENCE):
                await last.done.wait()
            last.hurry()
            await last.done.wait()

    def _end(self, key: int) -> Listener:
        listener = self._listeners.end(key)
        if self.hurried:
            listener.hurry()
        return listener


async def obey_signals(
    ending: Ending,
    reload: Callable[[], Awaitable[None]],
    reopen_log: Callable[[], None],
    nursery: trio.Nursery,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Take signals for ever."""
    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    with trio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            match number:
                case signal.SIGHUP:
                    nursery.start_soon(reload, name="reload by signal")
                case signal.SIGUSR1:
                    reopen_log()
                case _:
                    ending.ask()


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
