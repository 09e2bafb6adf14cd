"""Collects everything wrong in a configuration, so that people hear all of it at once."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.config.nodes import Secret, Spot
from gateway.errors import ConfigError, Finding, Severity
from gateway.limits import CONFIG_ERRORS


class Findings:
    """Errors and warnings in the order in which they were found."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._seen: set[tuple[Severity, str, int, int]] = set()
        self._errors = 0

    def error(self, at: Spot, message: str, hint: str = "") -> None:
        """Something that must be mended."""
        self._add("error", at, message, hint)

    def warning(self, at: Spot, message: str, hint: str = "") -> None:
        """Something that a person should look at."""
        self._add("warning", at, message, hint)

    def problem(self, at: Spot, value: str, problem: tuple[str, str] | None) -> None:
        """What a check of `value` gave, if it gave something. A secret's text is in no message."""
        if problem is None:
            return
        if isinstance(value, Secret):
            problem = (f"the content of {value.written} cannot stand here", "")
        self.error(at, *problem)

    def _add(self, severity: Severity, at: Spot, message: str, hint: str) -> None:
        # One error per place: an aliased node is walked once per use, and a value that could not be read must not be
        # reported a second time for its shape.
        identity = (severity, at.source.name, at.line, at.column)
        if identity in self._seen:
            return
        self._seen.add(identity)
        self._errors += severity == "error"
        if severity == "error" and self._errors > CONFIG_ERRORS:
            return
        self._found.append(
            Finding(severity, at.source.name, at.line, at.column, message, hint, at.source.line(at.line), at.width)
        )

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return self._errors > 0

    @property
    def full(self) -> bool:
        """Whether further errors are only counted."""
        return self._errors >= CONFIG_ERRORS

    @property
    def all(self) -> tuple[Finding, ...]:
        """Everything found, file by file, from top to bottom."""
        files = {name: order for order, name in enumerate(dict.fromkeys(f.file for f in self._found))}
        return tuple(sorted(self._found, key=lambda f: (files[f.file], f.line, f.column)))

    def raise_if_failed(self) -> None:
        """Refuse the configuration if there is an error."""
        if self.failed:
            hidden = self._errors - CONFIG_ERRORS
            found = self.all
            if hidden > 0:
                found += (Finding("error", found[0].file, 0, 0, f"{hidden} more errors are not shown"),)
            raise ConfigError(found)


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """A hint with the nearest known name, or nothing."""
    from difflib import get_close_matches  # only on the way to an error

    near = get_close_matches(written.lower(), {name.lower(): name for name in known}, n=1, cutoff=0.6)
    if not near:
        return ""
    exact = next(name for name in known if name.lower() == near[0])
    return f'did you mean "{exact}"?'
