"""Unix time and dates. Certificates speak of dates, everything else here of seconds; nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

DAY_S: Final = 86_400


def moment(unix: float) -> datetime:
    """A date with its time, UTC."""
    return datetime.fromtimestamp(unix, UTC)


def day(unix: float) -> str:
    """`2026-11-21`, UTC."""
    return f"{moment(unix):%Y-%m-%d}"


def days_left(until: float, now: float) -> int:
    """Whole days; below 0 when it is over."""
    return int((until - now) // DAY_S)
