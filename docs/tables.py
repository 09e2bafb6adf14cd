"""The generated parts of docs/operating.md: reasons, metrics and fixed limits, read from the code.

`make docs` writes them between `<!-- NAME: … -->` and `<!-- end of NAME -->`; a test compares. Reasons and limits are
read from the Rust source, whose documentation comments are the text; metrics come from the collector itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from gateway.account.counters import Totals
from gateway.account.http2 import Http2Counts
from gateway.account.metrics import Collector, Facts

ROOT: Final = Path(__file__).resolve().parents[1]

PAGE: Final = Path("docs/operating.md")

REASONS: Final = Path("rust/core/src/reason.rs")

LIMITS: Final = tuple(
    Path("rust/core/src") / name for name in ("limits.rs", "preamble/limits.rs", "worker/limits.rs", "tls/limits.rs")
)


def pages() -> dict[Path, str]:
    """Each page with generated parts, as it should be."""
    page = (ROOT / PAGE).read_text()
    for name, table in (("reasons", reasons()), ("metrics", metrics()), ("limits", limits())):
        part = re.compile(rf"(?<=<!-- {name}: made by make docs -->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)
        if not part.search(page):
            raise ValueError(f"{PAGE} has no place for {name}")
        page = part.sub(lambda _, table=table: f"\n{table}\n", page)
    return {PAGE: page}


def reasons() -> str:
    """Word, answer and meaning of each reason."""
    source = (ROOT / REASONS).read_text()
    enum = source[source.index("pub enum Reason") : source.index("pub const ALL")]
    meanings = {name: text for text, name in re.findall(r"((?: +///[^\n]*\n)+) +(\w+),", enum)}
    row = r'Self::(\w+) => \{?\s*\(\s*"(\w+)",\s*(\d+),\s*"(\w*)",\s*"([^"]*)",?\s*\)'
    rows = [
        (f"`{word}`", status if error else "–", f"`{error}`" if error else "–", _comment(meanings[name]))
        for name, word, status, error, _ in re.findall(row, source)
    ]
    if len(rows) != len(meanings):
        raise ValueError(f"{REASONS}: {len(meanings)} reasons, {len(rows)} rows understood")
    return _table(("reason", "status", "`Proxy-Status` error", "what happened"), rows)


def metrics() -> str:
    """Name, kind, labels and meaning of each metric."""
    totals = Totals(
        series=(), reasons=(), connections=(), endpoints=(), workers=(), bounds_ns=(), log_failed=0, handshakes=()
    )
    facts = Facts(version="", generation=1, reloads=(0, 0), last_ok=True, asked=0, http2=Http2Counts(), listeners={})
    rows = []
    for family in Collector(totals, facts).collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ()))
        rows.append((f"`{name}`", family.type, labels or "–", family.documentation))
    return _table(("metric", "kind", "labels", "meaning"), rows)


def limits() -> str:
    """Name, value and reason of each limit that no configuration moves."""
    rows = []
    for path in LIMITS:
        source = (ROOT / path).read_text()
        for comment, name, value in re.findall(
            r"((?:^///[^\n]*\n)+)pub const (\w+): \w+ = ([^;]+);", source, re.MULTILINE
        ):
            rows.append((f"`{name}`", f"`{value}`", _comment(comment)))
    return _table(("limit", "value", "unit and reason"), rows)


def _comment(lines: str) -> str:
    """A documentation comment as one line, links of rustdoc as plain names."""
    text = " ".join(re.findall(r"/// ?([^\n]*)", lines))
    return re.sub(r"\[(`[^`]+`)\]", r"\1", text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    for path, content in pages().items():
        (ROOT / path).write_text(content)
