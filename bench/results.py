"""Samples become figures: median and spread, controls judged, all of it as JSON."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from bench.measure import Sample

DRIFT = 0.10  # a control that moved more between the session's halves makes it invalid


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

    def figure(self, name: str, metric: str) -> Figure | None:
        values = [sample[metric] for sample in self.samples.get(name, ()) if metric in sample]
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
        values = [sample[metric] for sample in self.samples.get(name, ()) if metric in sample]
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
            name: {metric: round(statistics.median(s[metric] for s in samples), 3) for metric in samples[0]}
            for name, samples in self.samples.items()
        }
        return {
            "rate": self.rate,
            "medians": medians,
            "rounds": self.samples,
            "faults": self.faults,
        }


def drifted(table: Table, controls: tuple[str, ...]) -> list[str]:
    """The controls that moved too far, in words."""
    moved = [(name, drift) for name in controls if (drift := table.drift(name)) is not None and drift > DRIFT]
    return [f"{name} moved {drift:.0%} between the halves of the session" for name, drift in moved]
