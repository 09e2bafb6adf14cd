"""The bars: what this gateway must reach, in one table. A missed bar is shown, never lowered."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.candidates import FLOOR, PEERS, RIVALS, RIVALS_HTTP2
from bench.results import Table

SUBJECT = "gateway"


@dataclass(frozen=True)
class Bar:
    """`metric` of the gateway in `scenario`, less what it is in the scenario `beyond`, is at most `limit`, or at most
    `limit` × the best of `against`."""

    words: str
    scenario: str
    metric: str
    limit: float
    against: tuple[str, ...] = ()
    beyond: str | None = None


HTTP1 = (
    Bar(
        "CPU, 64 connections, × better of nginx and HAProxy",
        "h1-64",
        "cpu_us",
        0.85,
        RIVALS,
    ),
    Bar("CPU, 64 connections, × relay floor", "h1-64", "cpu_us", 1.15, (FLOOR,)),
    Bar("user CPU, 64 connections, µs", "h1-64", "user_us", 1.5),
    Bar(
        "CPU, 500 connections, × better of nginx and HAProxy",
        "h1-500",
        "cpu_us",
        0.85,
        RIVALS,
    ),
    Bar("CPU, 500 connections, × relay floor", "h1-500", "cpu_us", 1.15, (FLOOR,)),
    Bar(
        "CPU, ten routes and metrics, × better of nginx and HAProxy",
        "h1-10routes-metrics",
        "cpu_us",
        0.85,
        RIVALS,
    ),
    Bar(
        "CPU, ten routes and metrics, × relay floor",
        "h1-10routes-metrics",
        "cpu_us",
        1.15,
        (FLOOR,),
    ),
    Bar(
        "CPU, a new connection per request, × nginx",
        "new-conn",
        "cpu_us",
        1.0,
        ("nginx",),
    ),
    Bar("CPU, 1 MiB answers, × best peer", "big", "cpu_us", 1.0, PEERS),
    Bar("p99 at one rate, × best peer", "rate", "p99_us", 1.0, PEERS),
    Bar("memory when idle, MiB", "memory", "idle_mib", 40.0),
    Bar("memory of an idle connection, bytes", "memory", "connection_bytes", 1024.0),
    Bar("start, ms", "start", "start_ms", 400.0),
)

SECURE = (
    Bar("CPU, h2c to HTTP/1.1, × best of HAProxy, nghttpx and h2o", "h2c-h1", "cpu_us", 0.85, RIVALS_HTTP2),
    Bar("CPU, h2 over TLS to HTTP/1.1, × the same", "h2-tls-h1", "cpu_us", 0.85, RIVALS_HTTP2),
    Bar("CPU, h2c to h2c, × relay floor of HTTP/1.1", "h2c-h2c", "cpu_us", 0.5, (FLOOR,)),
    Bar("CPU, HTTP/1.1 over TLS, × best peer", "h1-tls", "cpu_us", 0.9, PEERS),
    Bar("CPU, a new TLS connection per request, × best peer", "tls-new", "cpu_us", 1.0, PEERS),
    Bar("CPU, a resumed TLS connection per request, × best peer", "tls-resume", "cpu_us", 1.0, PEERS),
    Bar("CPU, 1 MiB over TLS, HTTP/1.1, × best peer", "big-tls-h1", "cpu_us", 1.0, PEERS),
    Bar("CPU, 1 MiB over TLS, HTTP/2, × best peer", "big-tls-h2", "cpu_us", 1.0, PEERS),
)

RATES = tuple(
    Bar(f"p99 at one rate, {words}, × best peer", f"rate-{name}", "p99_us", 1.0, PEERS)
    for name, words in {
        "h2c": "h2c to HTTP/1.1",
        "h2-tls": "h2 over TLS to HTTP/1.1",
        "h2c-h2c": "h2c to h2c",
        "h1-tls": "HTTP/1.1 over TLS",
        "tls-new": "a new TLS connection per request",
        "tls-resume": "a resumed TLS connection per request",
        "big-tls-h1": "1 MiB over TLS, HTTP/1.1",
        "big-tls-h2": "1 MiB over TLS, HTTP/2",
    }.items()
)

KIB = 1024.0
MEMORY = (
    Bar("memory of an idle TLS connection, bytes", "memory-tls", "connection_bytes", 16 * KIB),
    Bar("the same of HTTP/2, bytes more", "memory-h2", "connection_bytes", 12 * KIB, beyond="memory-tls"),
)

ALL = (*HTTP1, *SECURE, *RATES, *MEMORY)


@dataclass(frozen=True)
class Verdict:
    """A bar and where the gateway stands."""

    words: str
    limit: float
    reached: float

    @property
    def passed(self) -> bool:
        return self.reached <= self.limit


def judge(tables: Mapping[str, Table]) -> list[Verdict]:
    """The bars that can be judged from these tables."""
    verdicts = []
    for bar in ALL:
        table = tables.get(bar.scenario)
        reached = table.median(SUBJECT, bar.metric) if table else None
        if table is None or reached is None:
            continue
        if bar.beyond:
            base = tables.get(bar.beyond)
            less = base.median(SUBJECT, bar.metric) if base else None
            if less is None:
                continue
            reached -= less
        if bar.against:
            best = table.best(bar.against, bar.metric)
            if not best:
                continue
            reached /= best
        verdicts.append(Verdict(bar.words, bar.limit, reached))
    return verdicts
