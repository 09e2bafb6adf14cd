"""How one candidate is measured once: started alone on its core, warmed up, measured, ended.

A sample is a dictionary of figures; the unit is the end of each name.
"""

import resource
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import process, tool
from bench.peer import Peer, Place
from bench.process import Running
from bench.scenarios import IDLE_CONNECTIONS, Scenario

Sample = dict[str, float]

WARM_SECONDS = 0.5  # connections are pooled and caches warm well before
SETTLE_SECONDS = 1.0  # memory is read this long after the last request
SCRAPE_SECONDS = 1.0
SPARE_DESCRIPTORS = 100


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    directory: Path
    upstream: str
    core: int  # of the candidate; everything else runs on another one
    load: Path  # the load generator
    seconds: float
    programs: dict[str, Path]

    @contextmanager
    def started(self, peer: Peer, scenario: Scenario, label: str) -> Iterator[tuple[Running, Place, float]]:
        """The candidate, answering; the last value is its start time in seconds."""
        directory = self.directory / label
        directory.mkdir()
        admin = process.free_port() if scenario.metrics and peer.scrapes else None
        place = Place(directory, process.free_port(), self.upstream, scenario.routes, scenario.rules, admin)
        command = peer.command(self.programs[peer.name], place)
        with process.running(command, place.port, self.core, directory) as running:
            start = process.await_answer(running, scenario.path, directory)
            yield running, place, start

    def run_load(self, scenario: Scenario, port: int, seconds: float, *options: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{port}{scenario.path}"
        shape = [
            "--connections",
            str(scenario.connections),
            "--connection",
            scenario.connection,
        ]
        return tool.run(self.load, url, *shape, "--duration", f"{seconds}s", *options)


def sample(bench: Bench, peer: Peer, scenario: Scenario, label: str, rate: float | None) -> Sample:
    """One measurement of one candidate."""
    with bench.started(peer, scenario, label) as (running, place, start):
        if scenario.kind == "start":
            return {"start_ms": start * 1e3}
        if scenario.kind == "memory":
            return memory(running, scenario)
        with scraping(place.admin_port):
            # The first scrape is part of warming up: it loads what renders the figures, once in a process's life.
            bench.run_load(scenario, place.port, WARM_SECONDS)
            return cpu(bench, running, scenario, rate)


def throughput(bench: Bench, peer: Peer, scenario: Scenario, label: str) -> float:
    """Requests per second in a closed loop, for choosing a rate."""
    with bench.started(peer, scenario, label) as (_, place, _):
        bench.run_load(scenario, place.port, WARM_SECONDS)
        return float(bench.run_load(scenario, place.port, max(1.0, bench.seconds / 4))["requests_per_second"])


def cpu(bench: Bench, running: Running, scenario: Scenario, rate: float | None) -> Sample:
    """CPU time of the candidate's tree over the window, divided by the answers in it."""
    options = [] if rate is None else ["--rate", str(rate)]
    before, began = running.cpu(), time.monotonic()
    report = bench.run_load(scenario, running.port, bench.seconds, *options)
    spent, elapsed = running.cpu() - before, time.monotonic() - began
    answers = report["requests"]
    if not answers:
        raise process.FailedError(f"no good answer in {bench.seconds} s: {report['errors']}")
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
    }


def memory(running: Running, scenario: Scenario) -> Sample:
    """Idle memory after a few requests, and what 10,000 idle connections add."""
    process.ask_and_keep(running.port, scenario.path).close()
    time.sleep(SETTLE_SECONDS)
    idle = running.memory()
    count = min(IDLE_CONNECTIONS, raise_descriptor_limit() - SPARE_DESCRIPTORS)
    with ExitStack() as held:
        for _ in range(count):
            held.enter_context(process.ask_and_keep(running.port, scenario.path))
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
