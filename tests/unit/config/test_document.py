"""`gateway/config/document.py` and `rust/core/src/document.rs` with its folder say the same, field by field."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from gateway.config import document

_SOURCE = Path(__file__).parents[3] / "rust/core/src"
RUST = "".join((_SOURCE / name).read_text() for name in ("document.rs", "document/connection.rs"))
_COMMENT = re.compile(r"^\s*//.*$|^\s*#\[(?!serde\(rename = ).*\]\s*$", re.MULTILINE)
_STRUCT = re.compile(r"^pub struct (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_ENUM = re.compile(r"^pub enum (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_VARIANT = re.compile(r"(?:#\[serde\(rename = \"([^\"]+)\"\)\]\s*)?(\w+)(?: \{(.*?)\})?,", re.DOTALL)
_FIELD = re.compile(r"(?:pub )?(\w+): (.+?),\s*$", re.MULTILINE)
_PREFIXES = {"PathMatch": "Path", "ValueTest": "Value", "Action": ""}

Fields = list[tuple[str, str]]


def _code() -> str:
    return _COMMENT.sub("", RUST)


def _python_type(rust: str) -> str:
    """The annotation that a Rust type should have on our side."""
    if rust in ("Vec<u8>", "ByteBuf"):
        return "bytes"
    if inner := re.fullmatch(r"Vec<(.+)>", rust):
        return f"tuple[{_python_type(inner[1])}, ...]"
    if inner := re.fullmatch(r"Option<(.+)>", rust):
        return f"{_python_type(inner[1])} | None"
    if rust == "(String, String)":
        return "tuple[str, str]"
    if rust in ("u16", "u32", "u64", "i32"):
        return "int"
    return {"String": "str", "bool": "bool"}.get(rust, rust)


def _fields(body: str) -> Fields:
    return [(name, _python_type(rust)) for name, rust in _FIELD.findall(body)]


def _rust_structs() -> dict[str, Fields]:
    return {name: _fields(body) for name, body in _STRUCT.findall(_code())}


def _rust_unions() -> dict[str, dict[str, Fields]]:
    """Tagged enums: kind → fields. Enums without fields: kind → nothing."""
    return {
        name: {word or _snake(variant): _fields(inside) for word, variant, inside in _VARIANT.findall(body)}
        for name, body in _ENUM.findall(_code())
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _python_structs() -> dict[str, type[msgspec.Struct]]:
    classes = inspect.getmembers(document, lambda it: inspect.isclass(it) and issubclass(it, document.Wire))
    return {name: kind for name, kind in classes if kind is not document.Wire}


def _python_fields(struct: type[msgspec.Struct]) -> Fields:
    # the annotations as written, since names such as `Action` stand for unions
    return [(name, str(struct.__annotations__[name])) for name in struct.__struct_fields__]


def test_every_rust_struct_has_a_twin_with_the_same_fields_and_types() -> None:
    ours = _python_structs()
    theirs = _rust_structs()
    assert theirs, "the Rust source could not be read"
    for name, fields in theirs.items():
        assert _python_fields(ours[name]) == fields, name


@pytest.mark.parametrize("name", sorted(_PREFIXES))
def test_every_tagged_enum_is_a_union_with_the_same_kinds_and_fields(name: str) -> None:
    members: tuple[Any, ...] = get_args(getattr(document, name))
    ours = {member.__struct_config__.tag: _python_fields(member) for member in members}
    assert ours == _rust_unions()[name]
    assert all(member.__struct_config__.tag_field == "kind" for member in members)


def test_every_plain_enum_is_a_literal_with_the_same_words() -> None:
    for name, variants in _rust_unions().items():
        if name not in _PREFIXES:
            literal = getattr(document, name)
            assert get_origin(literal) is Literal
            assert set(get_args(literal)) == set(variants), name


def test_nothing_exists_on_our_side_only() -> None:
    unions = {member for name in _PREFIXES for member in get_args(getattr(document, name))}
    ours = {name for name, struct in _python_structs().items() if struct not in unions}
    assert ours == set(_rust_structs())


def test_the_format_numbers_are_equal() -> None:
    found = re.search(r"pub const FORMAT: u32 = (\d+);", RUST)
    assert found is not None
    assert int(found[1]) == document.FORMAT


def test_unions_are_told_apart_by_kind_on_the_wire() -> None:
    packed = msgspec.msgpack.encode(document.Respond(status=200, headers=(("a", "b"),), body=b"x"))
    assert msgspec.msgpack.decode(packed) == {"kind": "respond", "status": 200, "headers": [["a", "b"]], "body": b"x"}
