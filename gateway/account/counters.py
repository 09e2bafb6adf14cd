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
    buckets: tuple[int, ...]
    """Requests per bucket of duration (not added up); bucket i ends at `Totals.bounds_ns[i]`, the last has no end."""
    sum_ns: int
    """All durations."""
    bytes_in: int
    bytes_out: int
    grpc: tuple[int, ...]
    """Of gRPC, by number of its outcome; empty if none was gRPC."""


class Connections(msgspec.Struct, frozen=True, gc=False):
    """Client connections of one listener."""

    listener: int
    """Its key; names may change with a reload."""
    open: int
    """A level."""
    accepted: int
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
    """Exchanges that wait for Python, a level."""
    events_lost: int
    log_lines: int
    """Handed to the log's writer."""
    log_dropped: int
    """Not handed over: the writer was behind."""
    timers: int
    """A level."""
    downstreams: int
    """Client connections, a level."""
    upstreams: int
    """Upstream connections, a level."""
    accept_pauses: int
    untold_connections: int
    """HTTP/2 connections that Trio was too far behind to be told of."""


class Totals(msgspec.Struct, frozen=True, gc=False):
    """All counters of the process at one moment."""

    series: tuple[Series, ...]
    reasons: tuple[tuple[str, int], ...]
    """How often exchanges ended for which reason; those that occurred."""
    connections: tuple[Connections, ...]
    endpoints: tuple[EndpointCount, ...]
    workers: tuple[WorkerCount, ...]
    bounds_ns: tuple[int, ...]
    """Upper bounds of the duration buckets."""
    log_failed: int
    """Access log lines that could not be written."""
    handshakes: tuple[tuple[str, str, int], ...] = ()
    """Ends of TLS handshakes: with whom (`downstream`, `upstream`), how, how often; those that occurred."""
    proxy_headers: tuple[tuple[str, int], ...] = ()
    """Connections that had to begin with a PROXY header: what became of it, and how often; those that occurred."""


class Levels(msgspec.Struct, frozen=True, gc=False):
    """The part that does not grow with traffic; the rest is passed over while reading."""

    connections: tuple[Connections, ...]
    endpoints: tuple[EndpointCount, ...]


_totals = msgspec.msgpack.Decoder(Totals)
_levels = msgspec.msgpack.Decoder(Levels)


def decode(counters: bytes) -> Totals:
    """Read what `_engine.Engine.counters` gives. Thousands of series take tens of milliseconds."""
    return _totals.decode(counters)


def decode_levels(counters: bytes) -> Levels:
    """Read the small part only."""
    return _levels.decode(counters)
