"""What is measured. A scenario is data; how each kind is measured is in measure.py."""

from dataclasses import dataclass
from typing import Literal

from bench.upstream import LARGE, SMALL

Kind = Literal["cpu", "rate", "memory", "start"]


@dataclass(frozen=True)
class Scenario:
    """One table of the report."""

    title: str
    kind: Kind
    path: str = SMALL
    connections: int = 64
    connection: Literal["keep", "new"] = "keep"
    routes: int = 1  # of the gateway's table
    rules: int = 1  # of the route that takes the request; the last one fits
    metrics: bool = False  # of the gateway: on, and scraped every second
    without: tuple[str, ...] = ()  # candidates that it says nothing about


MOST = ("relay", "haproxy", "envoy")  # the curve over rules compares the gateway with itself; nginx is its control

ALL: dict[str, Scenario] = {
    "h1-64": Scenario("64 keep-alive connections, 1 KiB answers", "cpu"),
    "h1-500": Scenario("500 keep-alive connections, 1 KiB answers", "cpu", connections=500),
    "h1-10routes-metrics": Scenario(
        "64 keep-alive connections, 1 KiB answers; the gateway with ten routes and metrics scraped every second",
        "cpu",
        routes=10,
        metrics=True,
    ),
    "new-conn": Scenario(
        "a new connection for each request, 64 at a time, 1 KiB answers",
        "cpu",
        connection="new",
    ),
    "big": Scenario("1 MiB answers, 16 keep-alive connections", "cpu", path=LARGE, connections=16),
    "rules-10": Scenario("one host with 10 rules, 64 connections", "cpu", rules=10, without=MOST),
    "rules-1000": Scenario("one host with 1,000 rules, 64 connections", "cpu", rules=1_000, without=MOST),
    "rules-10000": Scenario("one host with 10,000 rules, 64 connections", "cpu", rules=10_000, without=MOST),
    "rate": Scenario(
        "one offered rate over 64 connections, 1 KiB answers; latency from the intended time",
        "rate",
    ),
    # The relay would need two descriptors for each idle connection, and keeps nothing that could be compared.
    "memory": Scenario(
        "memory (PSS): idle, and for each of 10,000 idle connections",
        "memory",
        without=("relay",),
    ),
    "start": Scenario("from exec to the first answer", "start"),
}

IDLE_CONNECTIONS = 10_000  # for which the descriptor limit must be a little higher
OFFERED_RATE = 10_000.0  # requests per second, unless a candidate cannot hold it
RATE_SHARE = 0.6  # of the slowest candidate's throughput is what every candidate can hold
