"""Tables for people: one for each scenario, and the bars."""

from collections.abc import Sequence

from bench.bars import Verdict
from bench.candidates import FLOOR, PEERS
from bench.results import Figure, Table
from bench.scenarios import ALL

BUSY = 0.95  # below, the other core was the limit


def table(found: Table) -> str:
    """The table of one scenario, with its title and remarks."""
    scenario = ALL[found.scenario]
    rate = f" ({found.rate:,.0f}/s)" if found.rate else ""
    rows = {
        "cpu": cpu_rows,
        "rate": rate_rows,
        "memory": memory_rows,
        "start": start_rows,
    }[scenario.kind](found)
    remarks = [f"{name}: {fault}" for name, fault in found.faults.items()]
    return "\n".join([f"\n{found.scenario}: {scenario.title}{rate}", aligned(rows), *remarks])


def cpu_rows(found: Table) -> list[list[str]]:
    head = [
        "",
        "CPU µs/request",
        "(spread)",
        "user",
        "system",
        "× best",
        "× floor",
        "requests/s",
        "busy",
        "",
    ]
    rivals, floor = found.best(ALL[found.scenario].rivals, "cpu_us"), found.median(FLOOR, "cpu_us")
    rows = [head]
    for name in found.samples:
        cpu = found.figure(name, "cpu_us")
        median = cpu.median if cpu else None
        rows.append(
            [
                name,
                number(median),
                spread(cpu),
                number(found.median(name, "user_us")),
                number(found.median(name, "system_us")),
                ratio(median, rivals),
                ratio(median, floor),
                number(found.median(name, "requests_per_second"), 0),
                number(found.median(name, "busy"), 2),
                remark(found, name, busy=True),
            ]
        )
    return rows


def rate_rows(found: Table) -> list[list[str]]:
    rows = [
        [
            "",
            "p50 µs",
            "p99 µs",
            "(spread)",
            "p99.9 µs",
            "p99 × best peer",
            "CPU µs/request",
            "user",
            "",
        ]
    ]
    best = found.best(PEERS, "p99_us")
    for name in found.samples:
        p99 = found.figure(name, "p99_us")
        rows.append(
            [
                name,
                number(found.median(name, "p50_us"), 0),
                number(p99.median if p99 else None, 0),
                spread(p99, 0),
                number(found.median(name, "p999_us"), 0),
                ratio(p99.median if p99 else None, best),
                number(found.median(name, "cpu_us")),
                number(found.median(name, "user_us")),
                remark(found, name, busy=False),
            ]
        )
    return rows


def memory_rows(found: Table) -> list[list[str]]:
    rows = [["", "idle MiB", "(spread)", "full MiB", "bytes/connection", "(spread)"]]
    for name in found.samples:
        idle, each = (
            found.figure(name, "idle_mib"),
            found.figure(name, "connection_bytes"),
        )
        full = found.median(name, "held_mib")
        each_median = number(each.median if each else None, 0)
        rows.append(
            [
                name,
                number(idle.median if idle else None),
                spread(idle),
                number(full),
                each_median,
                spread(each, 0),
            ]
        )
    return rows


def start_rows(found: Table) -> list[list[str]]:
    rows = [["", "ms", "(spread)"]]
    for name in found.samples:
        start = found.figure(name, "start_ms")
        rows.append([name, number(start.median if start else None, 0), spread(start, 0)])
    return rows


def bars(verdicts: Sequence[Verdict]) -> str:
    """The bars with ✓ or ✗; nothing when none could be judged."""
    if not verdicts:
        return ""
    rows = [["", "at most", "reached", ""]]
    rows += [[v.words, number(v.limit), number(v.reached), "✓" if v.passed else "✗"] for v in verdicts]
    return f"\nbars\n{aligned(rows)}"


def remark(found: Table, name: str, *, busy: bool) -> str:
    errors = sum(sample["errors"] for sample in found.samples[name])
    parts = [f"{errors:.0f} errors"] if errors else []
    taken, undisturbed = len(found.samples[name]), len(found.undisturbed(name))
    parts += [f"{taken - undisturbed} of {taken} rounds disturbed"] if undisturbed < taken else []
    share = found.median(name, "busy")
    if busy and share is not None and share < BUSY:
        parts.append("the other core was the limit")
    return ", ".join(parts)


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def ratio(value: float | None, reference: float | None) -> str:
    return "–" if not value or not reference else f"{value / reference:.2f}"


def spread(figure: Figure | None, digits: int = 1) -> str:
    return "" if figure is None else f"{figure.lowest:,.{digits}f}–{figure.highest:,.{digits}f}"


def aligned(rows: list[list[str]]) -> str:
    """Columns as wide as their widest cell; words left, numbers right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: list[str]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        last = row[-1] if len(row) != 3 else row[-1].rjust(widths[-1])
        return "  ".join([*cells, last]).rstrip()

    return "\n".join("  " + line(row) for row in rows)
