"""Nodes against the schema, when msgspec has refused them: every error with its place and a hint.

The schema is read back from the structs (`msgspec.inspect`), so there is no second description of it. What comes out
is the tree as plain values without its `x-*` keys, ready for conversion if nothing was wrong. A part that is wrong is
reported once, at its outermost place, and left out.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from gateway.config.findings import Findings, did_you_mean
from gateway.config.nodes import Mapping, Node, Plain, Scalar, Secret, Sequence
from gateway.config.schema import LATER
from gateway.config.units import Duration, convert_scalar

_SHOWN = 40
"""Characters of a value that a message quotes."""


def walk(root: Node, kind: type, findings: Findings) -> Plain:
    """The tree of `root` as plain values. Everything that does not fit `kind` is in `findings`."""
    return _Walk(findings).value(root, inspect.type_info(kind))


class _Walk:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def value(self, node: Node, kind: inspect.Type) -> Plain:
        kind = _bare(kind)
        if isinstance(kind, inspect.UnionType):
            return self._union(node, kind)
        if isinstance(kind, inspect.StructType):
            return self._struct(node, kind)
        if isinstance(kind, inspect.DictType):
            return self._dict(node, kind)
        if isinstance(kind, inspect.ListType):
            return self._list(node, kind)
        return self._scalar(node, kind)

    def _union(self, node: Node, kind: inspect.UnionType) -> Plain:
        """The member that has the node's shape; a scalar that fits none is reported against all."""
        members = [_bare(member) for member in kind.types]
        fitting = [member for member in members if _same_shape(node, member)]
        if not fitting:
            self._unexpected(node, " or ".join(dict.fromkeys(_expected(m) for m in members if not _is_none(m))))
            return None
        if isinstance(node, Scalar):
            for member in fitting:
                if _fits(node, member):
                    return self._scalar(node, member)
            fitting = [member for member in fitting if not _is_none(member)] or fitting
            others = [m for m in members if m not in fitting and not _is_none(m)]
            if not fitting or (others and all(isinstance(m, inspect.StrType) for m in fitting)):
                self._unexpected(node, " or ".join(_expected(m) for m in (*fitting, *others)))
                return None
        if len(fitting) > 1:
            self._unexpected(node, " or ".join(_expected(m) for m in fitting))
            return None
        return self.value(node, fitting[0])

    def _struct(self, node: Node, kind: inspect.StructType) -> Plain:
        if not isinstance(node, Mapping):
            self._unexpected(node, "a mapping")
            return None
        noun = _noun(kind)
        fields = {field.encode_name: field for field in kind.fields}
        known: dict[str, Plain] = {}
        meant: set[str] = set()  # missing only because they were misspelt: said already
        for key, (at, value) in node.entries.items():
            if key in fields:
                known[key] = self.value(value, fields[key].type)
            elif not key.startswith("x-"):
                hint = _field_hint(key, fields)
                meant.update(name for name in fields if f'"{name}"' in hint)
                self._findings.error(at, f'unknown field "{_clip(key)}" in this {noun}', hint)
        missing = [name for name, field in fields.items() if field.required and name not in (*known, *meant)]
        if missing:
            names = " and ".join(f'"{name}"' for name in missing)
            hint = f"{missing[0]}: {_meaning(fields[missing[0]])}"
            self._findings.error(node, f"{names} missing in this {noun}", hint)
        return known

    def _dict(self, node: Node, kind: inspect.DictType) -> Plain:
        if not isinstance(node, Mapping):
            self._unexpected(node, "a mapping")
            return None
        return {key: self.value(value, kind.value_type) for key, (_, value) in node.entries.items()}

    def _list(self, node: Node, kind: inspect.ListType) -> Plain:
        if not isinstance(node, Sequence):
            hint = "a list is written `- item` per line, or [item, item]" if isinstance(node, Scalar) else ""
            self._unexpected(node, "a list", hint)
            return None
        return [self.value(item, kind.item_type) for item in node.items]

    def _scalar(self, node: Node, kind: inspect.Type) -> Plain:
        if not isinstance(node, Scalar):
            self._unexpected(node, _expected(kind))
        elif isinstance(kind, inspect.CustomType):
            self._custom(node, kind)
        elif isinstance(kind, inspect.LiteralType):
            self._literal(node, kind)
        elif not _fits(node, kind):
            self._unexpected(node, _expected(kind))
        elif isinstance(kind, inspect.IntType):
            self._bounds(node, kind)
        return node.value if isinstance(node, Scalar) else None

    def _custom(self, node: Scalar, kind: inspect.CustomType) -> None:
        try:
            convert_scalar(kind.cls, node.value)
        except ValueError as error:
            self._findings.error(node, str(error))

    def _literal(self, node: Scalar, kind: inspect.LiteralType) -> None:
        if _fits(node, kind):
            return
        values = [str(value) for value in kind.values]
        one_of = values[0] if len(values) == 1 else "one of " + ", ".join(values)
        hint = did_you_mean(_shown(node), values) if isinstance(node.value, str) else ""
        self._findings.error(node, f"expected {one_of}, got {_got(node)}", hint)

    def _bounds(self, node: Scalar, kind: inspect.IntType) -> None:
        value: Any = node.value
        if kind.ge is not None and kind.le is not None and not kind.ge <= value <= kind.le:
            self._findings.error(node, f"must be between {kind.ge} and {kind.le:,}, got {_clip(str(value))}")

    def _unexpected(self, node: Node, expected: str, hint: str = "") -> None:
        if isinstance(node, Scalar) and node.value is None:
            hint = "remove the key, or give it a value"
        elif isinstance(node, Scalar) and not isinstance(node.value, str) and "text" in expected:
            hint = f'quote it: "{_clip(node.text)}"'
        self._findings.error(node, f"expected {expected}, got {_got(node)}", hint)


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


def _expected(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.CustomType):
        return "a duration such as 1.5s" if kind.cls is Duration else "a size such as 64KiB"
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(str(value) for value in kind.values)
    for shape, words in _EXPECTED:
        if isinstance(kind, shape):
            return words
    return "something else"


_EXPECTED = (
    (inspect.StrType, "text"),
    (inspect.BoolType, "true or false"),
    (inspect.IntType, "a whole number"),
    (inspect.ListType, "a list"),
    ((inspect.StructType, inspect.DictType), "a mapping"),
)


def _got(node: Node) -> str:
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    if isinstance(node.value, (int, float)):
        return f"the number {_clip(node.text)}"
    return f'"{_shown(node)}"'


def _shown(node: Scalar) -> str:
    return _clip(node.value.written if isinstance(node.value, Secret) else str(node.value))


def _clip(text: str) -> str:
    text = text.replace("\n", "\\n")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _noun(kind: inspect.StructType) -> str:
    """What people call the thing: `PathCondition` is a path condition."""
    if kind.cls.__name__ == "Config":
        return "file"
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind.cls.__name__).strip()


def _meaning(field: inspect.Field) -> str:
    """What `doc(...)` says about a field."""
    extra = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def _field_hint(key: str, fields: dict[str, inspect.Field]) -> str:
    if key in LATER:
        return f"this version of the gateway does not have `{key}`"
    near = did_you_mean(key, fields)
    return near or f"known here: {', '.join(fields)}; keys that start with x- are free"
