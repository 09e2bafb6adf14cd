"""What is measured. A scenario is data; how each kind is measured is in measure.py."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from bench.candidates import PEERS, RIVALS, RIVALS_HTTP2
from bench.upstream import GRPC, LARGE, LARGE_BYTES, SMALL, SMALL_BYTES

Kind = Literal["cpu", "rate", "memory", "start"]


@dataclass(frozen=True)
class Scenario:
    """One table of the report."""

    title: str
    kind: Kind
    path: str = SMALL
    connections: int = 64
    streams: int = 1  # requests under way at once on each connection
    connection: Literal["keep", "new"] = "keep"
    protocol: Literal["h1", "h2"] = "h1"  # between load and candidate
    tls: bool = False  # between load and candidate
    resume: bool = False  # TLS sessions
    upstream: Literal["h1", "h2", "grpc"] = "h1"  # between candidate and upstream; never TLS
    routes: int = 1  # of the gateway's table
    rules: int = 1  # of the route that takes the request; the last one fits
    metrics: bool = False  # of the gateway: on, and scraped every second
    rivals: tuple[str, ...] = RIVALS  # the best of them is "× best"
    without: tuple[str, ...] = ()  # candidates that it says nothing about

    def shape(self) -> list[str]:
        """The load generator's options."""
        options = ["--connections", str(self.connections), "--connection", self.connection]
        if self.protocol == "h2":
            options += ["--protocol", "h2", "--streams", str(self.streams)]
        options += ["--resume"] if self.resume else []
        options += ["--grpc", "--body", "100"] if self.upstream == "grpc" else []
        return [*options, "--expect", str(LARGE_BYTES if self.path == LARGE else SMALL_BYTES)]

    def floor(self) -> "Scenario":
        """What the relay is measured with, whatever the others speak: HTTP/1.1 on kept connections. It is the floor of
        HTTP/1.1, and everywhere a control."""
        if (self.protocol, self.tls, self.upstream) == ("h1", False, "h1"):
            return self
        large = self.path == LARGE
        return replace(
            self,
            path=LARGE if large else SMALL,
            connections=16 if large else 64,
            streams=1,
            connection="keep",
            protocol="h1",
            tls=False,
            resume=False,
            upstream="h1",
        )


# The curve over rules compares the gateway with itself; nginx is its control.
MOST = ("relay", "haproxy", "envoy", "nghttpx", "h2o", "caddy")
# h2o speaks HTTP/2 with clients only. nginx has only grpc_pass, which asks for no compression table; h2o gives it one.
ONE_SIDED = {"h1": (), "h2": ("nginx", "h2o"), "grpc": ("h2o",)}

HTTP1: dict[str, Scenario] = {
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


def http2(title: str, tls: bool = False, upstream: Literal["h1", "h2", "grpc"] = "h1") -> Scenario:
    """8 connections of 32 streams, 1 KiB answers."""
    return Scenario(
        title,
        "cpu",
        path=GRPC if upstream == "grpc" else SMALL,
        connections=8,
        streams=32,
        protocol="h2",
        tls=tls,
        upstream=upstream,
        rivals=RIVALS_HTTP2,
        without=ONE_SIDED[upstream],
    )


SECURE: dict[str, Scenario] = {
    "h2c-h1": http2("HTTP/2 without TLS to HTTP/1.1, 8 connections × 32 streams, 1 KiB answers"),
    "h2-tls-h1": http2("HTTP/2 over TLS to HTTP/1.1, 8 connections × 32 streams, 1 KiB answers", tls=True),
    "h2c-h2c": http2("HTTP/2 without TLS on both sides, 8 connections × 32 streams, 1 KiB answers", upstream="h2"),
    "grpc": http2("unary gRPC without TLS on both sides, 8 connections × 32 streams, 1 KiB", upstream="grpc"),
    "h1-tls": Scenario(
        "HTTP/1.1 over TLS, 64 keep-alive connections, 1 KiB answers",
        "cpu",
        tls=True,
        rivals=PEERS,
    ),
    "tls-new": Scenario(
        "a new TLS connection for each request, full handshakes (P-256), 64 at a time, 1 KiB answers",
        "cpu",
        tls=True,
        rivals=PEERS,
        connection="new",
    ),
    "tls-resume": Scenario(
        "a new TLS connection for each request, resumed by ticket, 64 at a time, 1 KiB answers",
        "cpu",
        tls=True,
        rivals=PEERS,
        connection="new",
        resume=True,
    ),
    "big-tls-h1": Scenario(
        "1 MiB answers over TLS, HTTP/1.1, 16 connections", "cpu", tls=True, rivals=PEERS, path=LARGE, connections=16
    ),
    "big-tls-h2": Scenario(
        "1 MiB answers over TLS, HTTP/2, 8 connections × 2 streams",
        "cpu",
        tls=True,
        rivals=PEERS,
        path=LARGE,
        connections=8,
        streams=2,
        protocol="h2",
    ),
}

RATES: dict[str, Scenario] = {
    f"rate-{short}": replace(SECURE[name], kind="rate", title=f"one offered rate: {SECURE[name].title}")
    for short, name in {
        "h2c": "h2c-h1",
        "h2-tls": "h2-tls-h1",
        "h2c-h2c": "h2c-h2c",
        "h1-tls": "h1-tls",
        "tls-new": "tls-new",
        "tls-resume": "tls-resume",
        "big-tls-h1": "big-tls-h1",
        "big-tls-h2": "big-tls-h2",
        "grpc": "grpc",
    }.items()
}

MEMORY: dict[str, Scenario] = {
    "memory-tls": Scenario(
        "memory (PSS): for each of 10,000 idle TLS connections of HTTP/1.1",
        "memory",
        tls=True,
        without=("relay",),
    ),
    "memory-h2": Scenario(
        "memory (PSS): for each of 10,000 idle TLS connections of HTTP/2",
        "memory",
        tls=True,
        protocol="h2",
        without=("relay",),
    ),
}

ALL: dict[str, Scenario] = {**HTTP1, **SECURE, **RATES, **MEMORY}

IDLE_CONNECTIONS = 10_000  # for which the descriptor limit must be a little higher
IDLE_PER_SECOND = 1_000  # asked for at this pace; who shakes hands more slowly has the time that follows
IDLE_PATIENCE_SECONDS = 60
OFFERED_RATE = 10_000.0  # requests per second, unless a candidate cannot hold it
RATE_SHARE = 0.6  # of the slowest candidate's throughput is what every candidate can hold


def matching(patterns: list[str] | None) -> list[str]:
    """The scenarios that any of the patterns names, in their order; all without patterns."""
    if not patterns:
        return list(ALL)
    unknown = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in ALL)]
    if unknown:
        raise ValueError(f"no scenario {', '.join(unknown)}; there are {', '.join(ALL)}")
    return [name for name in ALL if any(fnmatchcase(name, pattern) for pattern in patterns)]
