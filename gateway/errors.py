"""What goes wrong, in words: the exit codes of the commands and the errors that rooms hand to one another.

An error that a person has to mend is a `GatewayError`; its text is complete and needs no traceback. Everything else
that is raised is a fault of ours and is shown with its traceback.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal


class ExitCode(enum.IntEnum):
    """How every command ends (64 and above as in sysexits.h)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 10
    """The command worked and found something that a person should look at."""
    UNAVAILABLE = 69
    """No gateway answers."""
    CONFIG = 78
    """The configuration is not valid."""


class GatewayError(Exception):
    """Something a person can mend. `str(error)` is what to show; `exit_code` is how the command ends."""

    exit_code: ExitCode = ExitCode.FAILED


class UsageError(GatewayError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong (or doubtful) in a configuration, and where."""

    severity: Severity
    file: str
    line: int
    """From 1; 0 when the whole file is meant (it cannot be read, say)."""
    column: int
    """From 1, in characters; 0 when the whole file is meant."""
    message: str
    hint: str = ""
    """What to do about it; may be empty."""
    excerpt: str = ""
    """The source line; empty when there is none to show."""
    width: int = 1
    """How many characters the caret underlines."""

    def headline(self) -> str:
        """`file:line:col: error: message`, the form that editors and people read."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.severity}: {self.message}"


class ConfigError(GatewayError):
    """A configuration that is refused. `findings` has every error (and the warnings found on the way)."""

    exit_code = ExitCode.CONFIG

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(finding.headline() for finding in self.findings)
