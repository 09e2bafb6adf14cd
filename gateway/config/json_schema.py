"""The JSON Schema of the configuration, for editors (draft 2020-12).

msgspec makes it from the structs. What it cannot know is added: `x-*` keys are free in every mapping of ours, scalars
of our own are text with a pattern, and every scalar may be written `${…}`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.config import schema
from gateway.config.render import written
from gateway.config.units import SCALARS

_SUBSTITUTION: Final = r"\$\{[^}]+\}"
_NOT_TEXT: Final = ("integer", "boolean")


def json_schema() -> dict[str, Any]:
    """The schema as plain values."""
    (main,), components = msgspec.json.schema_components(
        (schema.Config,), schema_hook=_scalar, ref_template="#/$defs/{name}"
    )
    for name, definition in components.items():
        _add_defaults(definition, getattr(schema, name))
    definitions = {name: _opened(definition) for name, definition in components.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the gateway",
        **main,
        "$defs": definitions,
    }


def _add_defaults(definition: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """The defaults that come from factories, as a person writes them."""
    for field in msgspec.structs.fields(struct):
        if field.default_factory is not msgspec.NODEFAULT:
            definition["properties"][field.encode_name].setdefault("default", written(field.default_factory()))


def _scalar(kind: type) -> dict[str, Any]:
    if kind not in SCALARS:
        raise NotImplementedError(f"no schema for {kind.__name__}")
    return dict(SCALARS[kind])


def _opened(part: Any) -> Any:
    """`part` with x-* keys and substitution allowed, all the way down."""
    if isinstance(part, list):
        return [_opened(item) for item in part]
    if not isinstance(part, dict):
        return part
    opened = {key: _opened(value) for key, value in part.items()}
    if part.get("type") == "object" and part.get("additionalProperties") is False:
        opened["patternProperties"] = {"^x-": {}}
    if part.get("type") in _NOT_TEXT or "enum" in part or "pattern" in part:
        return _or_substitution(opened)
    return opened


def _or_substitution(part: dict[str, Any]) -> dict[str, Any]:
    outer: dict[str, Any] = {key: part.pop(key) for key in ("description", "default") if key in part}
    return {**outer, "anyOf": [part, {"type": "string", "pattern": _SUBSTITUTION}]}
