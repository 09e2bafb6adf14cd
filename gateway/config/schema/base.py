"""What every struct of the schema is made with."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Meta


def doc(text: str, ge: int | None = None, le: int | None = None) -> Meta:
    """The meaning of a field, and its bounds."""
    return Meta(description=text, ge=ge, le=le)


Preset = TypeVar("Preset")


def preset(value: Preset) -> Preset:
    """A default of our own types. A factory gives it, since msgspec cannot put it into the JSON Schema (we do)."""
    field: Preset = msgspec.field(default_factory=lambda: value)
    return field


class Written(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Base of everything here."""
