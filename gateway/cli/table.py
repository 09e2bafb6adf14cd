"""Tables and colour for people; programs take `-o json`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any


def show(value: Any, output: str, rows: Sequence[Sequence[str]], head: Sequence[str]) -> None:
    """Print `value` as JSON, or `rows` under `head` as a table."""
    if output == "json":
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        print(table(rows, head))


def table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    """Columns as wide as they need, no lines around them."""
    lines = [[cell.upper() for cell in head], *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def printable(text: str) -> str:
    """Nothing that could move a terminal's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def paint(text: str, code: str) -> str:
    """Colour, on a terminal only (https://no-color.org)."""
    if not code or not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\x1b[{code}m{text}\x1b[0m"
