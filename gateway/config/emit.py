"""Plain values → YAML text that our own loader reads back as the same values.

PyYAML's emitter follows YAML 1.1 and would write some texts plainly that mean a number in YAML 1.2 (`0o7`, `1e3`).
Here a text is written plainly only if it is plain beyond doubt, and quoted otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.config.load.core_schema import resolve
from gateway.config.nodes import Plain

_PLAIN = re.compile(r"[A-Za-z0-9/_.-]*[A-Za-z0-9/_]", re.ASCII)
_WIDTH: Final = 110
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def emit(value: dict[str, Plain]) -> str:
    """The text, one top-level key after the other."""
    return "".join(f"{line}\n" for line in _block(value, 0))


def _block(value: dict[str, Plain] | list[Plain], indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(f"{pad}{_text(key)}:", item, indent)
        return
    for item in value:
        if _is_leaf(item) or not item or not isinstance(item, (dict, list)):
            yield f"{pad}- {flow(item)}"
            continue
        first, *rest = _block(item, indent + 2)
        yield f"{pad}- {first.lstrip()}"
        yield from rest


def _entry(head: str, item: Plain, indent: int) -> Iterator[str]:
    if isinstance(item, (dict, list)) and item and not (_is_leaf(item) and len(head) + len(flow(item)) < _WIDTH):
        yield head
        yield from _block(item, indent + 2)
    else:
        yield f"{head} {flow(item)}"


def _is_leaf(value: Plain) -> bool:
    """Whether it is a short thing that reads better on one line."""
    if not isinstance(value, (dict, list)):
        return True
    items = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, (dict, list)) for item in items) and len(flow(value)) < _WIDTH - 20


def flow(value: Plain) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not text.startswith(("-", ".")) and isinstance(resolve(text), str):
        return text
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
