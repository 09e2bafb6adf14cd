"""The comparison: every candidate in every scenario, in alternating rounds, controls always beside the rest."""

import json
import math
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import bars, candidates, certificate, machine, measure, report, results, scenarios, tool, upstream
from bench.measure import Bench
from bench.peer import MissingError, Peer
from bench.process import FailedError
from bench.results import Table
from bench.scenarios import OFFERED_RATE, RATE_SHARE, Scenario

RESULTS = tool.ROOT / "bench" / "results"
PATIENCE = 3  # rounds at most, for each that was asked for: disturbed ones are repeated
ENOUGH = 0.5  # of the rounds asked for must be undisturbed, or the session says nothing
WELL, FINDINGS = (
    0,
    10,
)  # exit codes: findings are missed bars, failed candidates, a session that is in doubt


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    scenarios: list[str]
    candidates: list[str] | None
    rounds: int
    seconds: float
    gateway: Path | None
    json: Path | None


def compare(options: Options) -> int:
    """Runs the session, prints it, writes it; the exit code says whether it stands."""
    peers, programs = find(options)
    versions = {name: peers[name].version(path) for name, path in programs.items()}
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    if any(scenarios.ALL[name].kind == "rate" for name in options.scenarios) and (words := machine.caution()):
        print(f"CAUTION  {words}")
    measure.raise_descriptor_limit()
    candidate_core, other_core = machine.cores()
    os.sched_setaffinity(0, {other_core})
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        chosen = {name: scenarios.ALL[name] for name in options.scenarios}
        bench = Bench(
            directory,
            upstreams(stack, directory, other_core, chosen),
            candidate_core,
            programs["relay"],
            options.seconds,
            programs,
            certificate.make(directory) if any(scenario.tls for scenario in chosen.values()) else None,
        )
        session = Session(bench, peers, options.rounds)
        tables = {name: session.run(name, scenario) for name, scenario in chosen.items()}
    return conclude(
        options,
        tables,
        versions,
        tuple(name for name, peer in peers.items() if peer.control),
    )


def upstreams(stack: ExitStack, directory: Path, core: int, chosen: dict[str, Scenario]) -> dict[str, str]:
    """Starts the upstreams that the scenarios need; the relay always needs the one of HTTP/1.1."""
    directory.chmod(0o755)  # some peers change their user
    needed = {"h1"} | {scenario.upstream for scenario in chosen.values()}
    running = {name: run for name, run in upstream.EVERY.items() if name in needed}
    return {name: stack.enter_context(run(directory / f"upstream-{name}", core)) for name, run in running.items()}


def find(options: Options) -> tuple[dict[str, Peer], dict[str, Path]]:
    """The candidates that are here; one that was asked for, or is a control, must be."""
    peers = candidates.choose(options.candidates, options.gateway)
    programs: dict[str, Path] = {}
    for name, peer in list(peers.items()):
        try:
            programs[name] = peer.find()
        except MissingError as missing:
            if peer.control or options.candidates:
                raise
            print(f"without {name}: {missing}", file=sys.stderr)
            del peers[name]
    return peers, programs


@dataclass
class Session:
    """The rounds. A candidate that fails is left out of the rest of its scenario, and said to be."""

    bench: Bench
    peers: dict[str, Peer]
    rounds: int
    started: int = 0

    def run(self, name: str, scenario: Scenario) -> Table:
        table = Table(name)
        if scenario.kind == "rate":
            table.rate = self.rate(table, scenario)
        for number in range(PATIENCE * self.rounds):
            if number >= self.rounds and not table.disturbed(self.rounds):
                break
            for peer in self.order(scenario, number):
                if peer.name not in table.faults:
                    self.say(f"{name}  round {number + 1}/{max(self.rounds, number + 1)}  {peer.name}")
                    self.measure(table, peer, scenario)
        self.say("")
        print(report.table(table), flush=True)
        return table

    def order(self, scenario: Scenario, number: int) -> list[Peer]:
        """First to last in even rounds, last to first in odd ones."""
        peers = [peer for peer in self.peers.values() if peer.name not in scenario.without]
        return peers if number % 2 == 0 else peers[::-1]

    def measure(self, table: Table, peer: Peer, scenario: Scenario) -> None:
        try:
            table.add(
                peer.name,
                measure.sample(self.bench, peer, scenario, self.label(peer), table.rate),
            )
        except FailedError as failed:
            table.faults[peer.name] = str(failed)

    def rate(self, table: Table, scenario: Scenario) -> float:
        """What every candidate can hold."""
        found = []
        for peer in self.order(scenario, 0):
            self.say(f"{table.scenario}  what can {peer.name} hold?")
            try:
                found.append(measure.throughput(self.bench, peer, scenario, self.label(peer)))
            except FailedError as failed:
                table.faults[peer.name] = str(failed)
        held = RATE_SHARE * min(found, default=OFFERED_RATE)
        return min(OFFERED_RATE, float(f"{held:.1e}"))  # two digits

    def label(self, peer: Peer) -> str:
        self.started += 1
        return f"{self.started}-{peer.name}"

    def say(self, words: str) -> None:
        """Progress: one line that is overwritten on a terminal, a line each elsewhere."""
        if sys.stderr.isatty():
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
        elif words:
            print(words, file=sys.stderr, flush=True)


def conclude(
    options: Options,
    tables: dict[str, Table],
    versions: dict[str, str],
    controls: tuple[str, ...],
) -> int:
    """Bars, validity and the file."""
    verdicts = bars.judge(tables)
    print(report.bars(verdicts))
    least = math.ceil(ENOUGH * options.rounds)
    doubts = [f"{name}: {words}" for name, table in tables.items() for words in results.doubts(table, controls, least)]
    for words in doubts:
        print(f"INVALID  {words}")
    if options.rounds < 2:
        print("one round: the controls cannot be judged")
    document: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "versions": versions,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "valid": not doubts and options.rounds > 1,
        "doubts": doubts,
        "scenarios": {name: table.document() for name, table in tables.items()},
        "bars": [
            {
                "bar": v.words,
                "limit": v.limit,
                "reached": round(v.reached, 3),
                "passed": v.passed,
            }
            for v in verdicts
        ],
    }
    path = options.json or RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written to {path}")
    failed = doubts or any(table.faults for table in tables.values()) or any(not v.passed for v in verdicts)
    return FINDINGS if failed else WELL
