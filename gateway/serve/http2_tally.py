"""What became of HTTP/2 connections, counted; and which addresses have abused theirs.

A connection that a worker ended because a budget was exhausted is an abuser's. It is counted against its address, and
said on stderr as long as that is not often. The memory of addresses is bounded: whoever wants to be forgotten needs as
many others.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Container
from typing import Final

from gateway.account.http2 import GroupCount, Http2Counts
from gateway.serve.http2_control import Role

ABUSERS: Final = 4_096
"""Addresses remembered, about 200 bytes each. The one that was quiet for longest is forgotten first."""

LINES_PER_MINUTE: Final = 10
"""About abusers. Whoever reads the journal needs to know that it happens and from where; the metrics know how often."""


class Tally:
    """Counts since the start of the process."""

    def __init__(self, abuses: Container[str], say: Callable[[str], None], clock: Callable[[], float]) -> None:
        """`abuses`: the reasons that are abuse."""
        self.abusers: OrderedDict[str, int] = OrderedDict()
        """Connections ended for abuse, by address; the one that was heard of last is last."""
        self._settings: Counter[Role] = Counter()
        self._keepalive_failures: Counter[Role] = Counter()
        self._closed: Counter[tuple[Role, str]] = Counter()
        self._abuses = abuses
        self._say = say
        self._clock = clock
        self._minute = -1
        self._said = 0

    def settings(self, role: Role) -> None:
        """A peer sent SETTINGS."""
        self._settings[role] += 1

    def keepalive_failed(self, role: Role) -> None:
        """A peer did not answer in time."""
        self._keepalive_failures[role] += 1

    def closed(self, role: Role, owner: str, peer: str, reason: str) -> None:
        """A connection has ended."""
        self._closed[role, reason] += 1
        if reason in self._abuses:
            self._abused(role, owner, peer, reason)

    def _abused(self, role: Role, owner: str, peer: str, reason: str) -> None:
        count = self.abusers.pop(peer, 0) + 1
        self.abusers[peer] = count
        if len(self.abusers) > ABUSERS:
            self.abusers.popitem(last=False)
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._said = minute, 0
        self._said += 1
        if self._said <= LINES_PER_MINUTE:
            place = f"listener {owner}" if role == "server" else f"upstream {owner}"
            times = "" if count == 1 else f", {count} times by now"
            self._say(f"{place}: an HTTP/2 connection with {peer} was ended: {reason}{times}")
        elif self._said == LINES_PER_MINUTE + 1:
            self._say("more HTTP/2 connections were ended for abuse; this minute's are only counted")

    def counts(self, groups: tuple[GroupCount, ...]) -> Http2Counts:
        """All of them, beside the connections that are open."""
        return Http2Counts(
            groups=groups,
            settings={str(role): count for role, count in self._settings.items()},
            keepalive_failures={str(role): count for role, count in self._keepalive_failures.items()},
            closed={(role, reason): count for (role, reason), count in self._closed.items()},
            abusers=len(self.abusers),
        )
