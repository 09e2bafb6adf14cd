"""What the process says on stderr: few lines, in words, for the person or the supervisor that started it.

Requests are not logged here (that is the access log). Tracebacks of handlers are, but clients decide how often a
handler fails, so their rate is bounded and what was left out is counted.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Final

TRACEBACKS_PER_MINUTE: Final = 60
"""Enough to see every kind of failure; a handler that fails 10,000 times a second must not fill the journal.
systemd's journal drops above 10,000 lines per 30 s and service; a traceback is about 20 lines."""


def say(text: str) -> None:
    """One notice, maybe of several lines. A stderr that is gone or full is no reason to stop forwarding."""
    try:
        sys.stderr.write(f"gateway: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


class Tracebacks:
    """Tracebacks of handlers, at most TRACEBACKS_PER_MINUTE."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._minute = -1
        self._said = 0
        self._left_out = 0

    def show(self, what: str, error: BaseException) -> None:
        """Say what failed, with its traceback if the rate allows it."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            if self._left_out:
                self._say(f"{self._left_out} failures of handlers were not shown")
            self._minute, self._said, self._left_out = minute, 0, 0
        if self._said >= TRACEBACKS_PER_MINUTE:
            self._left_out += 1
            return
        self._said += 1
        text = "".join(traceback.format_exception(error)).rstrip()
        self._say(f"{what}\n{text}")
