"""Samples become figures: median and spread, disturbed rounds set aside, controls judged, all of it as JSON.

A core that a virtual machine is given may be half of one, and who has the other half, or the caches, is not seen. The
yardstick shows it (rust/load/src/yardstick.rs): the same work before and after every window, on the candidate's core. A
round beside which it took longer than in the scenario's best rounds says what somebody else did, whoever was measured
in it: it is kept in the file, counted in the table, and left out of the figures. The rule looks at the yardstick alone,
never at a figure.
"""

import statistics
from dataclasses import dataclass, field
from typing import Any

from bench.measure import Sample

DRIFT = 0.10  # a control that moved more between the session's halves makes it invalid
DISTURBED = 0.08  # the yardstick took so much longer: 3 % is usual on a quiet core, 10 to 30 % on a disturbed one


@dataclass(frozen=True)
class Figure:
    """One metric of one candidate over the rounds."""

    median: float
    lowest: float
    highest: float


@dataclass
class Table:
    """The samples of one scenario, by candidate, in the order of the rounds."""

    scenario: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    rate: float | None = None

    def add(self, name: str, sample: Sample) -> None:
        self.samples.setdefault(name, []).append(sample)

    def undisturbed(self, name: str) -> list[Sample]:
        """The samples of the rounds in which the candidate had its core to itself, in their order. Where the yardstick
        was not held, all."""
        held = (sample.get("yardstick_ms", 0.0) for samples in self.samples.values() for sample in samples)
        longest = (1 + DISTURBED) * min(held, default=0.0)
        return [sample for sample in self.samples.get(name, ()) if sample.get("yardstick_ms", 0.0) <= longest]

    def disturbed(self, rounds: int) -> list[str]:
        """Who has fewer than `rounds` undisturbed ones and has not failed."""
        return [name for name in self.samples if name not in self.faults and len(self.undisturbed(name)) < rounds]

    def values(self, name: str, metric: str) -> list[float]:
        """One metric in the undisturbed rounds, or in all when there is none."""
        counted = self.undisturbed(name) or self.samples.get(name, [])
        return [sample[metric] for sample in counted if metric in sample]

    def figure(self, name: str, metric: str) -> Figure | None:
        values = self.values(name, metric)
        return Figure(statistics.median(values), min(values), max(values)) if values else None

    def median(self, name: str, metric: str) -> float | None:
        figure = self.figure(name, metric)
        return figure.median if figure else None

    def best(self, names: tuple[str, ...], metric: str) -> float | None:
        """The lowest median of those candidates that have one."""
        medians = [median for name in names if (median := self.median(name, metric)) is not None]
        return min(medians, default=None)

    def drift(self, name: str, metric: str = "cpu_us") -> float | None:
        """How far the median moved from the first half of the rounds to the second, as a share of the first."""
        values = self.values(name, metric)
        half = len(values) // 2
        if half == 0:
            return None
        first, second = (
            statistics.median(values[:half]),
            statistics.median(values[-half:]),
        )
        return abs(second - first) / first

    def document(self) -> dict[str, Any]:
        """As JSON."""
        medians = {
            name: {metric: round(statistics.median(self.values(name, metric)), 3) for metric in samples[0]}
            for name, samples in self.samples.items()
        }
        return {
            "rate": self.rate,
            "medians": medians,
            "rounds": self.samples,
            "faults": self.faults,
        }


def doubts(table: Table, controls: tuple[str, ...], rounds: int) -> list[str]:
    """Why the table cannot be believed, in words: controls that moved, and too few undisturbed rounds."""
    few = [
        f"{name} had its core to itself in {len(table.undisturbed(name))} rounds" for name in table.disturbed(rounds)
    ]
    moved = [(name, drift) for name in controls if (drift := table.drift(name)) is not None and drift > DRIFT]
    return [*few, *(f"{name} moved {drift:.0%} between the halves of the session" for name, drift in moved)]
