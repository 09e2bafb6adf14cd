"""The scalars of our own: durations, sizes, versions of TLS. How they are written, read and shown.

A unit is always written out: `15` could be seconds or milliseconds, and people have lost nights over it. So a bare
number is refused with the two ways to write it. Inside, a duration is whole milliseconds and a size whole bytes. A
version of TLS looks like a number to YAML, and is taken with or without quotes.
"""

from __future__ import annotations

import re
from typing import Final, Self

from gateway.limits import DURATION_MAX_MS, SIZE_MAX

_DURATION_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h)", re.ASCII)
DURATION_PATTERN: Final = r"^(\d+(\.\d+)?(ms|s|m|h))+$"

_SIZE_UNITS: Final = {
    "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}  # fmt: skip
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,12})?) ?([A-Za-z]{1,3})", re.ASCII)
_FRACTION_DIGITS: Final = 12
_SCALE: Final = 10**_FRACTION_DIGITS
"""Decimals are whole numbers of this part, so that 0.1s is exactly 100 ms."""

SIZE_PATTERN: Final = r"^\d+(\.\d+)? ?(B|kB|KB|MB|GB|KiB|MiB|GiB)$"


class Duration(int):
    """Whole milliseconds, written `250ms`, `1.5s`, `1h30m`. Zero means "no limit" wherever a duration is a limit."""

    __slots__ = ()

    @classmethod
    def parse(cls, written: object) -> Self:
        """Read what a person wrote; a ValueError says what is wrong and how to write it."""
        if isinstance(written, (int, float)) and not isinstance(written, bool):
            raise ValueError(f"a duration needs a unit: write {written}s or {written}ms")
        if not isinstance(written, str):
            raise ValueError("expected a duration such as 250ms, 1.5s or 1h30m")
        total = cls._milliseconds(written)
        milliseconds, rest = divmod(total, _SCALE)
        if rest:
            raise ValueError("the smallest step of a duration is 1ms")
        if milliseconds > DURATION_MAX_MS:
            raise ValueError(f"the longest duration is {cls(DURATION_MAX_MS)}; 0s means no limit")
        return cls(milliseconds)

    @staticmethod
    def _milliseconds(written: str) -> int:
        at, total, previous = 0, 0, None
        while at < len(written):
            part = _DURATION_PART.match(written, at)
            if part is None:
                raise ValueError(_duration_complaint(written))
            unit = _DURATION_UNITS[part[2]]
            if previous is not None and unit >= previous:
                raise ValueError("parts of a duration go from large to small, each unit once: 1h30m")
            total, previous, at = total + _scaled(part[1]) * unit, unit, part.end()
        if previous is None:
            raise ValueError("expected a duration such as 250ms, 1.5s or 1h30m")
        return total

    def __str__(self) -> str:
        if self == 0:
            return "0s"
        if self < 60_000:
            return f"{int(self)}ms" if self % 1_000 and self < 1_000 else f"{_thousandths(self)}s"
        hours, rest = divmod(int(self), 3_600_000)
        minutes, milliseconds = divmod(rest, 60_000)
        seconds = f"{_thousandths(milliseconds)}s" if milliseconds else ""
        return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + seconds


def _duration_complaint(written: str) -> str:
    if re.fullmatch(r"\d+(\.\d+)?", written, re.ASCII):
        return f"a duration needs a unit: write {written}s or {written}ms"
    known = ", ".join(_DURATION_UNITS)
    return f'cannot read "{written[:40]}" as a duration: write 250ms, 1.5s or 1h30m (units: {known})'


class Size(int):
    """Whole bytes, written `64KiB` (1024) or `10MB` (1000)."""

    __slots__ = ()

    @classmethod
    def parse(cls, written: object) -> Self:
        """Read what a person wrote; a ValueError says what is wrong and how to write it."""
        if isinstance(written, (int, float)) and not isinstance(written, bool):
            raise ValueError(f"a size needs a unit: write {written}B or {written}KiB")
        if not isinstance(written, str):
            raise ValueError("expected a size such as 64KiB or 10MB")
        found = _SIZE.fullmatch(written)
        unit = _SIZE_UNITS.get(found[2].replace("KB", "kB")) if found is not None else None
        if found is None or unit is None:
            raise ValueError(_size_complaint(written))
        total, rest = divmod(_scaled(found[1]) * unit, _SCALE)
        if rest:
            raise ValueError("a size is a whole number of bytes")
        if total > SIZE_MAX:
            raise ValueError(f"the largest size is {cls(SIZE_MAX)}")
        return cls(total)

    def __str__(self) -> str:
        for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
            if self and self % _SIZE_UNITS[unit] == 0:
                return f"{self // _SIZE_UNITS[unit]}{unit}"
        return f"{int(self)}B"


def _size_complaint(written: str) -> str:
    if re.fullmatch(r"\d+(\.\d+)?", written, re.ASCII):
        return f"a size needs a unit: write {written}B or {written}KiB"
    known = ", ".join(_SIZE_UNITS)
    return f'cannot read "{written[:40]}" as a size: write 64KiB or 10MB (units: {known})'


def _scaled(number: str) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole + fraction.ljust(_FRACTION_DIGITS, "0"))


def _thousandths(value: int) -> str:
    """Thousandths as people write them: 1.5, not 1.500."""
    whole, rest = divmod(int(value), 1_000)
    digits = f"{rest:03}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


class TlsVersion(str):
    """`1.2` or `1.3`; older ones are not to be used (RFC 8996)."""

    __slots__ = ()

    @classmethod
    def parse(cls, written: object) -> Self:
        """Read what a person wrote; a ValueError says what is wrong."""
        text = str(written)
        if isinstance(written, bool) or text not in TLS_VERSIONS:
            raise ValueError(f"expected one of {', '.join(TLS_VERSIONS)}, the versions of TLS in use")
        return cls(text)


TLS_VERSIONS: Final = ("1.2", "1.3")

Scalar = Duration | Size | TlsVersion
SCALARS: Final[dict[type, dict[str, object]]] = {
    Duration: {"type": "string", "pattern": DURATION_PATTERN},
    Size: {"type": "string", "pattern": SIZE_PATTERN},
    TlsVersion: {"enum": [*TLS_VERSIONS, *map(float, TLS_VERSIONS)]},
}
"""Our scalar types and what an editor may check."""

EXPECTED: Final[dict[type, str]] = {
    Duration: "a duration such as 1.5s",
    Size: "a size such as 64KiB",
    TlsVersion: "one of 1.2, 1.3",
}
"""The same in words."""


def convert_scalar(kind: type, written: object) -> Scalar:
    """msgspec's hook for types that it does not know. ValueError says what is wrong."""
    if isinstance(written, str) and type(written) is not str:
        raise ValueError(f"a secret file cannot stand for a {kind.__name__.lower()}")
    if kind is Duration:
        return Duration.parse(written)
    if kind is Size:
        return Size.parse(written)
    if kind is TlsVersion:
        return TlsVersion.parse(written)
    raise NotImplementedError(f"no reader for {kind.__name__}")
