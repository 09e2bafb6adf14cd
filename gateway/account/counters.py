"""The counters of all workers as they cross the border: `rust/core/src/account/totals.rs`, read back.

Everything counts from the start of the process; what is a level rather than a count says so.
"""

from __future__ import annotations

import msgspec


class Series(msgspec.Struct, frozen=True, gc=False):
    """Requests that have all labels in common."""

    listener: str
    route: str
    rule: str
    upstream: str
    method: str
    code: int
    requests: int
    duration_buckets: tuple[int, ...]
    """Requests per bucket (not added up); bucket i ends at `Totals.buckets_ns[i]`, the last one has no end."""
    duration_sum_ns: int
    bytes_in: int
    bytes_out: int


class ReasonCount(msgspec.Struct, frozen=True, gc=False):
    """How often an exchange ended for this reason."""

    reason: str
    count: int
    listener: str = ""


class Connections(msgspec.Struct, frozen=True, gc=False):
    """Client connections of one listener."""

    listener: str
    accepted: int
    open: int
    """A level."""
    refused: int


class EndpointCount(msgspec.Struct, frozen=True, gc=False):
    """One endpoint of an upstream."""

    upstream: str
    endpoint: str
    in_flight: int
    """A level."""
    idle: int
    """A level."""
    open: int
    """A level."""
    connects: int
    connect_failures: int
    requests: int
    reused: int
    replayed: int


class WorkerCount(msgspec.Struct, frozen=True, gc=False):
    """One worker."""

    turns: int
    panics: int
    asks: int
    """A level."""
    log_dropped: int
    log_lines: int
    timers: int
    """A level."""
    events_lost: int = 0
    downstreams: int = 0
    """A level."""
    upstreams: int = 0
    """A level."""
    accept_pauses: int = 0


class Totals(msgspec.Struct, frozen=True, gc=False):
    """All counters of the process at one moment."""

    series: tuple[Series, ...]
    reasons: tuple[ReasonCount, ...]
    connections: tuple[Connections, ...]
    upstreams: tuple[EndpointCount, ...]
    workers: tuple[WorkerCount, ...]
    buckets_ns: tuple[int, ...]


_decoder = msgspec.msgpack.Decoder(Totals)


def decode(counters: bytes) -> Totals:
    """Read what `_engine.Engine.counters` gives."""
    return _decoder.decode(counters)
