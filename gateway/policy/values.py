"""Names with several values each: header fields and query parameters.

Both keep the order and every value; they differ in how a name is compared and in what `values[name]` means when there
are several. Bytes are shown as Latin-1 in fields (RFC 9110 §5.5: what is not ASCII is opaque, and Latin-1 loses
nothing) and as percent-decoded UTF-8 in a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class _Values(Mapping[str, str]):
    """Pairs in order, found by folded name."""

    __slots__ = ("_pairs", "_table")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        self._table: dict[str, list[str]] = {}
        for name, value in self._pairs:
            self._table.setdefault(self._fold(name), []).append(value)

    @staticmethod
    def _fold(name: str) -> str:
        return name

    @staticmethod
    def _one(values: list[str]) -> str:
        return values[0]

    def __getitem__(self, name: str) -> str:
        return self._one(self._table[self._fold(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._fold(name) in self._table

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._pairs)!r})"

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of this name in the order they came; empty if there is none."""
        return tuple(self._table.get(self._fold(name), ()))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """All names and values as they came."""
        return self._pairs


class Headers(_Values):
    """Header fields. Names are compared without case; `headers[name]` joins several values by `, ` (RFC 9110 §5.3)."""

    __slots__ = ()

    @staticmethod
    def _fold(name: str) -> str:
        return name.lower()

    @staticmethod
    def _one(values: list[str]) -> str:
        return ", ".join(values)

    @classmethod
    def from_bytes(cls, fields: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Fields as they came off the wire."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)


class Query(_Values):
    """Query parameters. Names are compared with case; `query[name]` is the first value."""

    __slots__ = ()

    @classmethod
    def parse(cls, written: bytes | None) -> Query:
        """Read `a=1&b=%20`; `+` is a space, a name without `=` has an empty value."""
        if not written:
            return cls()
        from urllib.parse import parse_qsl  # only handlers that look at a query pay for it

        return cls(parse_qsl(written.decode("latin-1"), keep_blank_values=True, errors="replace"))
