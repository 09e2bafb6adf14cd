"""What YAML text becomes before it has a meaning: nodes that remember where they stand.

Three kinds: a scalar with its Python value, a sequence, a mapping with its keys in order. A node that an alias refers
to is shared, never copied; `size` and `height` are what it would be when copied out, so that expansion can be bounded
beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Value = None | bool | int | float | str


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file that was read."""

    name: str
    """As shown to people: the path as they wrote it."""
    path: Path
    lines: tuple[str, ...]

    def line(self, number: int) -> str:
        """The text of a line counted from 1; empty when there is none."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""


class Spot:
    """A place in a file: line and column counted from 1, `width` characters wide."""

    __slots__ = ("column", "line", "source", "width")

    def __init__(self, source: Source, line: int, column: int, width: int = 1) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.width = width

    @property
    def where(self) -> str:
        """`file:line`."""
        return f"{self.source.name}:{self.line}" if self.line else self.source.name


class Secret(str):
    """Text that came from `${file:…}`. It is used like any text; whoever shows it shows `written` instead."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, value: str, written: str) -> Secret:
        secret = super().__new__(cls, value)
        secret.written = written
        return secret

    def __repr__(self) -> str:
        return f"Secret({self.written!r})"


class Scalar(Spot):
    """A single value. Text from a secret file is a `Secret`."""

    __slots__ = ("text", "value")
    size = 1
    height = 0

    def __init__(self, source: Source, line: int, column: int, width: int, text: str, value: Value) -> None:
        self.source = source  # not by super(): there is one of these for every word of a file
        self.line = line
        self.column = column
        self.width = width
        self.text = text
        self.value = value


class Sequence(Spot):
    """A list."""

    __slots__ = ("height", "items", "size")

    def __init__(self, spot: Spot) -> None:
        super().__init__(spot.source, spot.line, spot.column, spot.width)
        self.items: list[Node] = []
        self.size = 1
        self.height = 1


class Mapping(Spot):
    """Keys (as text) with their nodes, in the order of the file."""

    __slots__ = ("entries", "height", "size")

    def __init__(self, spot: Spot) -> None:
        super().__init__(spot.source, spot.line, spot.column, spot.width)
        self.entries: dict[str, tuple[Scalar, Node]] = {}
        self.size = 1
        self.height = 1

    def get(self, key: str) -> Node | None:
        """The node under `key`."""
        entry = self.entries.get(key)
        return entry[1] if entry else None


Node = Scalar | Sequence | Mapping
Plain = Value | list["Plain"] | dict[str, "Plain"]


def plain(node: Node) -> Plain:
    """Nodes as plain Python values, aliases copied out (the parser has bounded how much that can be)."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, (_, value) in node.entries.items()}


class Cursor:
    """Finds the node that belongs to a place in the converted structs, or the nearest one above it.

    The structs have fields that nobody wrote (defaults) and lists that may have been written as one item; asking for
    their place gives the place of what contains them.
    """

    __slots__ = ("node", "spot")

    def __init__(self, node: Node | None, spot: Spot) -> None:
        self.node = node
        self.spot: Spot = node if node is not None else spot

    def __getitem__(self, key: str | int) -> Cursor:
        found: Node | None = None
        if isinstance(key, str) and isinstance(self.node, Mapping):
            found = self.node.get(key)
        elif isinstance(key, int) and isinstance(self.node, Sequence):
            found = self.node.items[key]
        return Cursor(found, self.spot)

    def __contains__(self, key: str) -> bool:
        """Whether it was written."""
        return isinstance(self.node, Mapping) and key in self.node.entries

    def item(self, index: int) -> Cursor:
        """The item of "one or a list": of a single one, itself."""
        return self[index] if isinstance(self.node, Sequence) else self

    def key(self, name: str) -> Spot:
        """The place of a key itself."""
        if isinstance(self.node, Mapping) and name in self.node.entries:
            return self.node.entries[name][0]
        return self.spot
