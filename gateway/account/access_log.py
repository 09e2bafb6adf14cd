"""The file that access log lines go to. The lines are written by the engine, in a thread of its own.

The file is opened here, because this side knows the directory and the privileges, and handed over as a descriptor.
Reopening (SIGUSR1, after logrotate renamed the file) is opening once more and handing that over.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError

STDOUT: Final = "-"

LOG_MODE: Final = 0o640
"""Of a new file: it holds addresses of people. nginx makes 0644, systemd's journal 0640."""

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
"""Not blocking while it is opened: a pipe that nobody reads is an error (ENXIO), not a standstill."""


class LogError(GatewayError):
    """An access log that cannot be written, and why."""


def open_log(path: str, directory: Path) -> int:
    """A descriptor to append to; whoever gets it closes it. A relative path is meant from `directory`.

    Raises LogError.
    """
    try:
        if path == STDOUT:
            return os.dup(1)  # not inheritable, as dup makes it since PEP 446
        log = os.open(directory / path, _FLAGS, LOG_MODE)
        os.set_blocking(log, True)
        return log
    except OSError as error:
        raise LogError(f"access log {path}: {(error.strerror or str(error)).lower()}") from error
