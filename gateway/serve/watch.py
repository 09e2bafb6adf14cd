"""Watches the files of certificates and keys, and has the configuration read anew when they change.

Theory: certificates are renewed by others (certbot, cert-manager), who tell nobody. Every file that the configuration
in force was made of has a stamp; a stamp that differs is a change. Names are looked at, not descriptors, and links are
followed, so a rename or a swapped link is seen too. A certificate and its key are written one after the other: a change
counts when two looks in a row see the same. What follows is an ordinary reload: whole or not at all, so a broken file
leaves the running certificates in force, and says so once.

Certificates of `tls: internal` are made again by the same reload, when the first of them wants it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import trio

from gateway.config.tls.files import Stamp, stamp
from gateway.serve.plan import Plan

WATCH_INTERVAL: Final = 10.0
"""Seconds between two looks. A renewal comes weeks before the end; a person who replaces a file does not want to wait.
A look at a file costs some microseconds. nginx and HAProxy do not watch; Traefik and Envoy are told by inotify."""

SETTLE: Final = 1.0
"""Seconds between looks while files are changing: certificate and key are written within that."""

SETTLE_LOOKS: Final = 10
"""Looks at files that go on changing; then they are read as they are."""

RENEW_RETRY: Final = 3_600.0
"""Seconds until a renewal of `tls: internal` that failed is tried again; there are weeks left."""

Stamps = Mapping[Path, Stamp | None]


class Reloads(Protocol):
    """Reads the configuration anew."""

    @property
    def plan(self) -> Plan:
        """In force."""
        ...

    async def reload_soon(self) -> None:
        """Load and apply; says how it went."""
        ...


class Watch:
    """One watch over the configuration in force, whichever that is."""

    def __init__(
        self,
        reloads: Reloads,
        *,
        wall_clock: Callable[[], float],
        say: Callable[[str], None],
        look: Callable[[Stamps], Awaitable[Stamps]] | None = None,
    ) -> None:
        """`look`: gives the stamps of now of the same files."""
        self._reloads = reloads
        self._wall_clock = wall_clock
        self._say = say
        self._look = look or look_in_thread
        self._tried: Stamps = {}
        self._renewed_at = 0.0

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await trio.sleep(WATCH_INTERVAL)
            await self._once()

    async def _once(self) -> None:
        credentials = self._reloads.plan.credentials
        if credentials.stamps:
            await self._compare(credentials.stamps)
        due = self._reloads.plan.credentials.renew_at
        now = self._wall_clock()
        if due is not None and due <= now and self._renewed_at + RENEW_RETRY <= now:
            self._renewed_at = now
            self._say("a certificate of `tls: internal` is close to its end: making a new one")
            await self._reloads.reload_soon()

    async def _compare(self, known: Stamps) -> None:
        now = await self._look(known)
        if now == known:
            self._tried = {}
        elif now != self._tried:
            now = await self._settled(now)
            if now == known:
                return
            self._tried = now
            changed = [str(path) for path, there in now.items() if there != known[path]]
            self._say(f"{_listed(changed)} changed: reading the configuration anew")
            await self._reloads.reload_soon()

    async def _settled(self, seen: Stamps) -> Stamps:
        """The stamps when two looks in a row agree."""
        for _ in range(SETTLE_LOOKS):
            await trio.sleep(SETTLE)
            now = await self._look(seen)
            if now == seen:
                break
            seen = now
        return seen


async def look_in_thread(files: Stamps) -> Stamps:
    """In a thread: a file may lie on a server that does not answer. Then it is left alone, and the look is over."""
    return await trio.to_thread.run_sync(lambda: {path: stamp(path) for path in files}, abandon_on_cancel=True)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more
