"""The bars: what this gateway must reach, in one table. A missed bar is shown, never lowered."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.candidates import FLOOR, PEERS, RIVALS
from bench.results import Table

SUBJECT = "gateway"


@dataclass(frozen=True)
class Bar:
    """`metric` of the gateway in `scenario` is at most `limit`, or at most `limit` × the best of `against`."""

    words: str
    scenario: str
    metric: str
    limit: float
    against: tuple[str, ...] = ()


ALL = (
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
        if bar.against:
            best = table.best(bar.against, bar.metric)
            if not best:
                continue
            reached /= best
        verdicts.append(Verdict(bar.words, bar.limit, reached))
    return verdicts
