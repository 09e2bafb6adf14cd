"""What Trio counts of HTTP/2 connections: the workers tell it of each, so nobody else need count them."""

from __future__ import annotations

import msgspec


class GroupCount(msgspec.Struct, frozen=True):
    """Connections of one owner."""

    role: str
    """Ours: `server` towards clients, `client` towards upstreams."""
    owner: str
    """Name of the listener or of the upstream."""
    open: int
    """A level."""


class Http2Counts(msgspec.Struct, frozen=True):
    """Since the start of the process; pairs have the role first."""

    groups: tuple[GroupCount, ...] = ()
    settings: dict[str, int] = {}
    """SETTINGS of peers, by role."""
    keepalive_failures: dict[str, int] = {}
    """Peers that did not answer in time, by role."""
    closed: dict[tuple[str, str], int] = {}
    """Connections that have ended, by role and reason."""
    abusers: int = 0
    """Addresses that are remembered for what they did."""
