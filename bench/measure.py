"""How one candidate is measured once: started alone on its core, warmed up, measured, ended.

A sample is a dictionary of figures; the unit is the end of each name.
"""

import resource
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import process, tool
from bench.candidates import FLOOR
from bench.certificate import Certificate
from bench.peer import Peer, Place
from bench.process import Running
from bench.scenarios import IDLE_CONNECTIONS, IDLE_PATIENCE_SECONDS, IDLE_PER_SECOND, Scenario

Sample = dict[str, float]

WARM_SECONDS = 0.5  # connections are pooled and caches warm well before
SETTLE_SECONDS = 1.0  # memory is read this long after the last request
SCRAPE_SECONDS = 1.0
RESUMED = 0.9  # of all handshakes but the first: else it is not resumption that was measured
SPARE_DESCRIPTORS = 100


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    directory: Path
    upstreams: dict[str, str]  # host:port, by what is spoken there
    core: int  # of the candidate; everything else runs on another one
    load: Path  # the load generator
    seconds: float
    programs: dict[str, Path]
    certificate: Certificate | None = None  # for scenarios with TLS

    @contextmanager
    def started(self, peer: Peer, scenario: Scenario, label: str) -> Iterator[tuple[Running, Place, float]]:
        """The candidate, answering; the last value is its start time in seconds."""
        directory = self.directory / label
        directory.mkdir()
        place = Place(
            directory,
            process.free_port(),
            self.upstreams[scenario.upstream],
            scenario.routes,
            scenario.rules,
            process.free_port() if scenario.metrics and peer.scrapes else None,
            http2=scenario.protocol == "h2",
            certificate=self.certificate if scenario.tls else None,
            tickets=scenario.resume,
            upstream_http2=scenario.upstream != "h1",
        )
        command = peer.command(self.programs[peer.name], place)
        with process.running(command, place.port, self.core, directory) as running:
            start = process.await_answer(running, directory, lambda: self.answers(scenario, place.port))
            yield running, place, start

    def answers(self, scenario: Scenario, port: int) -> bool:
        """Whether the candidate does what the scenario asks for. Where the time of start is measured, as cheaply as can
        be."""
        if (scenario.protocol, scenario.tls) == ("h1", False):
            return process.answers(port, scenario.path)
        once = ["--connections", "1", "--requests", "1", "--timeout", "2s"]
        return process.listens(port) and bool(
            tool.run(self.load, url(scenario, port), *scenario.shape(), *once)["requests"]
        )

    def run_load(self, scenario: Scenario, port: int, seconds: float, *options: str) -> dict[str, Any]:
        return tool.run(self.load, url(scenario, port), *scenario.shape(), "--duration", f"{seconds}s", *options)

    def yardstick(self) -> float:
        """What always the same work costs the candidate's core just now, in milliseconds."""
        with process.on_core(self.core):
            return tool.yardstick(self.load)


def url(scenario: Scenario, port: int) -> str:
    return f"{'https' if scenario.tls else 'http'}://127.0.0.1:{port}{scenario.path}"


def asked_of(peer: Peer, scenario: Scenario) -> Scenario:
    """The scenario as this candidate is measured with it."""
    return scenario.floor() if peer.name == FLOOR else scenario


def sample(bench: Bench, peer: Peer, scenario: Scenario, label: str, rate: float | None) -> Sample:
    """One measurement of one candidate."""
    scenario = asked_of(peer, scenario)
    with bench.started(peer, scenario, label) as (running, place, start):
        if scenario.kind == "start":
            return {"start_ms": start * 1e3}
        if scenario.kind == "memory":
            return memory(bench, running, scenario)
        with scraping(place.admin_port):
            # The first scrape is part of warming up: it loads what renders the figures, once in a process's life.
            bench.run_load(scenario, place.port, WARM_SECONDS)
            return cpu(bench, running, scenario, rate)


def throughput(bench: Bench, peer: Peer, scenario: Scenario, label: str) -> float:
    """Requests per second in a closed loop, for choosing a rate."""
    scenario = asked_of(peer, scenario)
    with bench.started(peer, scenario, label) as (_, place, _):
        bench.run_load(scenario, place.port, WARM_SECONDS)
        return float(bench.run_load(scenario, place.port, max(1.0, bench.seconds / 4))["requests_per_second"])


def cpu(bench: Bench, running: Running, scenario: Scenario, rate: float | None) -> Sample:
    """CPU time of the candidate's tree over the window, divided by the answers in it. The yardstick is held to the
    candidate's core on both sides of the window; the worse of the two counts."""
    options = [] if rate is None else ["--rate", str(rate)]
    slowest = bench.yardstick()
    before, began = running.cpu(), time.monotonic()
    report = bench.run_load(scenario, running.port, bench.seconds, *options)
    spent, elapsed = running.cpu() - before, time.monotonic() - began
    slowest = max(slowest, bench.yardstick())
    answers = report["requests"]
    if not answers:
        raise process.FailedError(f"no good answer in {bench.seconds} s: {report['errors']}")
    later = report["handshakes"] - scenario.connections  # the first ones have nothing to resume
    if scenario.resume and report["resumed"] < RESUMED * later:
        raise process.FailedError(f"only {report['resumed']} of {report['handshakes']} sessions were resumed")
    latency = report["latency_us"]
    return {
        "cpu_us": (spent.user + spent.system) * 1e6 / answers,
        "user_us": spent.user * 1e6 / answers,
        "system_us": spent.system * 1e6 / answers,
        "requests_per_second": report["requests_per_second"],
        "busy": (spent.user + spent.system) / elapsed,
        "p50_us": latency["p50"],
        "p99_us": latency["p99"],
        "p999_us": latency["p999"],
        "errors": report["errors"]["total"],
        "load_us": report["cpu"]["us_per_request"],
        "yardstick_ms": slowest,
    }


def memory(bench: Bench, running: Running, scenario: Scenario) -> Sample:
    """Idle memory after the first request, and what 10,000 idle connections add."""
    time.sleep(SETTLE_SECONDS)
    idle = running.memory()
    count = min(IDLE_CONNECTIONS, raise_descriptor_limit() - SPARE_DESCRIPTORS)
    shape = ["--connections", str(count), "--requests", str(count), "--rate", str(IDLE_PER_SECOND)]
    patience = ["--timeout", f"{IDLE_PATIENCE_SECONDS}s"]
    with tool.holding(bench.load, url(scenario, running.port), *scenario.shape(), *shape, *patience) as report:
        if report["requests"] != count:
            raise process.FailedError(f"{report['requests']} of {count} connections are held: {report['errors']}")
        time.sleep(SETTLE_SECONDS)
        full = running.memory()
    return {
        "idle_mib": idle / 2**20,
        "held_mib": full / 2**20,
        "connection_bytes": (full - idle) / count,
        "connections": float(count),
    }


def raise_descriptor_limit() -> int:
    """Sets the soft limit to the hard one, for this process and what it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def scraping(port: int | None) -> Iterator[None]:
    """Reads /metrics every second while the block runs; a scrape that fails fails the measurement."""
    if port is None:
        yield
        return
    over = threading.Event()
    faults: list[Exception] = []

    def scrape() -> None:
        try:
            while not over.is_set():
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    answer.read()
                over.wait(SCRAPE_SECONDS)
        except OSError as error:
            faults.append(error)

    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        yield
    finally:
        over.set()
        scraper.join()
    if faults:
        raise process.FailedError(f"/metrics could not be read: {faults[0]}")
