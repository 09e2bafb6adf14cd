"""Nodes against the schema, when msgspec has refused them: every error with its place and a hint.

The schema is read back from the structs (`msgspec.inspect`), so there is no second description of it. What comes out
is the tree as plain values without its `x-*` keys, ready for conversion if nothing was wrong. A part that is wrong is
reported once, at its outermost place, and left out.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from gateway.config.findings import Findings
from gateway.config.load import hints
from gateway.config.nodes import Mapping, Node, Plain, Scalar, Sequence
from gateway.config.units import convert_scalar


def walk(root: Node, kind: type, findings: Findings) -> Plain:
    """The tree of `root` as plain values. Everything that does not fit `kind` is in `findings`."""
    return _Walk(findings).value(root, inspect.type_info(kind))


class _Walk:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def value(self, node: Node, kind: inspect.Type) -> Plain:
        kind = _bare(kind)
        if isinstance(kind, inspect.UnionType):
            return self._union(node, [_bare(member) for member in kind.types])
        if isinstance(kind, inspect.StructType) and isinstance(node, Mapping):
            return self._struct(node, kind)
        if isinstance(kind, inspect.DictType) and isinstance(node, Mapping):
            return {key: self.value(value, kind.value_type) for key, (_, value) in node.entries.items()}
        if isinstance(kind, inspect.ListType) and isinstance(node, Sequence):
            return [self.value(item, kind.item_type) for item in node.items]
        if isinstance(node, Scalar) and _same_shape(node, kind):
            return self._scalar(node, kind)
        return self._unexpected(node, [kind])

    def _union(self, node: Node, members: list[inspect.Type]) -> Plain:
        """The member that has the node's shape and, of several scalars, its type."""
        fitting = [member for member in members if _same_shape(node, member)]
        if isinstance(node, Scalar):
            exact = [member for member in fitting if _fits(node, member)]
            fitting = exact or [member for member in fitting if not isinstance(member, inspect.NoneType)]
            only_text = all(isinstance(member, inspect.StrType) for member in fitting)
            if not exact and (len(fitting) != 1 or only_text):
                return self._unexpected(node, members)
        return self.value(node, fitting[0]) if fitting else self._unexpected(node, members)

    def _struct(self, node: Mapping, kind: inspect.StructType) -> Plain:
        noun = hints.noun(kind)
        fields = {field.encode_name: field for field in kind.fields}
        known: dict[str, Plain] = {}
        meant: set[str] = set()  # missing only because they were misspelt: said already
        for key, (at, value) in node.entries.items():
            if key in fields:
                known[key] = self.value(value, fields[key].type)
            elif not key.startswith("x-"):
                hint = "" if self._findings.full else hints.field(key, fields)
                meant.update(name for name in fields if f'"{name}"' in hint)
                self._findings.error(at, f'unknown field "{hints.clip(key)}" in this {noun}', hint)
        missing = [name for name, field in fields.items() if field.required and name not in (*known, *meant)]
        if missing:
            names = " and ".join(f'"{name}"' for name in missing)
            hint = f"{missing[0]}: {hints.meaning(fields[missing[0]])}"
            self._findings.error(node, f"{names} missing in this {noun}", hint)
        return known

    def _scalar(self, node: Scalar, kind: inspect.Type) -> Plain:
        if isinstance(kind, inspect.CustomType):
            self._custom(node, kind)
        elif not _fits(node, kind):
            self._unexpected(node, [kind])
        elif isinstance(kind, inspect.IntType):
            self._bounds(node, kind)
        return node.value

    def _custom(self, node: Scalar, kind: inspect.CustomType) -> None:
        try:
            convert_scalar(kind.cls, node.value)
        except ValueError as error:
            self._findings.error(node, str(error))

    def _bounds(self, node: Scalar, kind: inspect.IntType) -> None:
        value: Any = node.value
        if kind.ge is not None and kind.le is not None and not kind.ge <= value <= kind.le:
            self._findings.error(node, f"must be between {kind.ge} and {kind.le:,}, got {hints.clip(str(value))}")

    def _unexpected(self, node: Node, kinds: list[inspect.Type]) -> Plain:
        """The node has none of these types: say so, and leave it out."""
        expected = " or ".join(dict.fromkeys(hints.expected(kind) for kind in kinds if not _is_none(kind)))
        self._findings.error(node, f"expected {expected}, got {hints.got(node)}", hints.shape(node, kinds))
        return None


def _bare(kind: inspect.Type) -> inspect.Type:
    """Without the metadata that `doc(...)` puts around a type."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _is_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _same_shape(node: Node, kind: inspect.Type) -> bool:
    if isinstance(node, Mapping):
        return isinstance(kind, (inspect.StructType, inspect.DictType))
    if isinstance(node, Sequence):
        return isinstance(kind, inspect.ListType)
    return not isinstance(kind, (inspect.StructType, inspect.DictType, inspect.ListType))


def _fits(node: Scalar, kind: inspect.Type) -> bool:
    """Whether a scalar has the type that `kind` takes (bounds and our own scalars apart)."""
    value = node.value
    if isinstance(kind, inspect.StrType):
        return isinstance(value, str)
    if isinstance(kind, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(kind, inspect.IntType):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, inspect.LiteralType):
        return not isinstance(value, bool) and value in kind.values
    if isinstance(kind, inspect.NoneType):
        return value is None
    return False
