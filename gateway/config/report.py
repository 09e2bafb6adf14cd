"""Findings as people read them: the place, what is wrong, the source line with a caret, and a hint.

shop.yaml:27:9: error: unknown field "timout" in this rule
   27 |         timout: {request: 2s}
      |         ^^^^^^
      = did you mean "timeout"?
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, TextIO

from gateway.errors import Finding, Severity

_LINE_WIDTH: Final = 120
"""Characters of a source line that are shown around the caret."""

_COLOURS: Final[dict[Severity, str]] = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


def report(findings: Iterable[Finding], colour: bool = False) -> str:
    """All findings as text, each followed by a line end. `colour` only for a terminal."""
    return "".join(_finding(finding, colour) for finding in findings)


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal whose user has not asked for plain text (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _finding(finding: Finding, colour: bool) -> str:
    lines = [_coloured(finding) if colour else finding.headline()]
    gutter = max(5, len(str(finding.line)) + 1)
    dim, plain = (_DIM, _PLAIN) if colour else ("", "")
    if finding.excerpt.strip():
        text, caret = _clipped(finding)
        mark = _COLOURS[finding.severity] if colour else ""
        lines.append(f"{dim}{finding.line:>{gutter}} |{plain} {text}".rstrip())
        lines.append(f"{dim}{'':>{gutter}} |{plain} {mark}{caret}{plain}")
    if finding.hint:
        lines.append(f"{dim}{'':>{gutter}} ={plain} {finding.hint}")
    return "\n".join(lines) + "\n"


def _coloured(finding: Finding) -> str:
    place, _, rest = finding.headline().partition(f": {finding.severity}: ")
    return f"{_BOLD}{place}:{_PLAIN} {_COLOURS[finding.severity]}{finding.severity}:{_PLAIN} {_BOLD}{rest}{_PLAIN}"


def _clipped(finding: Finding) -> tuple[str, str]:
    """The part of the source line around the caret, and the line with the caret. Tabs count one character."""
    line = "".join(c if c.isprintable() else " " for c in finding.excerpt)
    at = finding.column - 1
    first = max(0, at - _LINE_WIDTH // 2) if len(line) > _LINE_WIDTH else 0
    text = line[first : first + _LINE_WIDTH]
    width = max(1, min(finding.width, len(text) - (at - first)))
    return text, " " * (at - first) + "^" * width
