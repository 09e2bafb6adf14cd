"""docs/configuration.md: the reference of every field, made from the schema.

    python -m gateway.config.reference > docs/configuration.md

A test makes it again and compares, so the page cannot lag behind the structs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import NODEFAULT, inspect

from gateway.config import schema
from gateway.config.emit import flow
from gateway.config.nodes import Plain
from gateway.config.render import written
from gateway.config.units import TLS_VERSIONS, Duration, Size

_INTRODUCTION: Final = """\
# Configuration reference

<!-- Made by `python -m gateway.config.reference` from gateway/config/schema. Do not edit. -->

A configuration is one YAML file, by default `./gateway.yaml`. The smallest useful one:

```yaml
version: 1
listeners: [{name: web, listen: "127.0.0.1:8080"}]
routes: [{name: all, rules: [{name: all, to: app}]}]
upstreams: {app: {endpoints: ["127.0.0.1:3000"]}}
```

`gateway validate FILE` says everything that is wrong with a file, `gateway render FILE` shows it with its defaults
filled in, and `gateway schema` prints a JSON Schema for your editor. [examples/](../examples) has files to start from.

## How things are written

- **YAML 1.2**: `no`, `on` and `yes` are text, `010` is ten. A key that is written twice is an error, an unknown key
  too, except keys that start with `x-`: they are yours, for notes and for YAML anchors.
- **Durations** have a unit: `250ms`, `1.5s`, `1h30m` (`ms`, `s`, `m`, `h`). `0s` means no limit.
- **Sizes** have a unit: `64KiB` (1024) or `10MB` (1000).
- **Substitution** in values: `${NAME}` is an environment variable, `${NAME:-default}` has a default,
  `${NAME:?message}` an error message of your own, `${file:/run/secrets/x}` is the content of a file, which is never
  shown. `$$` is a dollar sign. Inside `{ }` and `[ ]` put quotes around such a value.
- **Paths** are written in normal form, as every request's path is brought into it before routing: no `//`, no `.` or
  `..`, percent-encoding only where needed and in capitals (`%C3%A4`).

## Which rule wins

Not the order of the file: the more exact host first, then an exact path before a longer prefix before a shorter one
before a regular expression (in name order), then a method, the number of header conditions, the number of query
conditions, and the name. `priority` overrides that, and is rarely needed. `gateway explain` shows who wins and why.
"""


def reference() -> str:
    """The page."""
    kinds = list(_structs(inspect.type_info(schema.Config), set()))
    sections = "\n".join(_section(kind) for kind in kinds)
    return f"{_INTRODUCTION}\n{sections}"


def _structs(kind: inspect.Type, seen: set[type]) -> Iterator[inspect.StructType]:
    """Every mapping of the schema, each once, from the outside in."""
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        yield kind
        for field in kind.fields:
            yield from _structs(field.type, seen)
    for inner in _inner(kind):
        yield from _structs(inner, seen)


def _inner(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.Metadata):
        return (kind.type,)
    if isinstance(kind, inspect.UnionType):
        return kind.types
    if isinstance(kind, inspect.ListType):
        return (kind.item_type,)
    return (kind.value_type,) if isinstance(kind, inspect.DictType) else ()


def _section(kind: inspect.StructType) -> str:
    title = "The file" if kind.cls is schema.Config else _title(kind.cls)
    rows = "".join(_row(field) for field in kind.fields)
    text = " ".join((kind.cls.__doc__ or "").split())
    return f"## {title}\n\n{text}\n\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n{rows}"


def _row(field: inspect.Field) -> str:
    extra: dict[str, Any] = {}
    if isinstance(field.type, inspect.Metadata):
        extra = field.type.extra_json_schema or {}
    meaning = str(extra.get("description", "")).replace("|", "\\|")
    return f"| `{field.encode_name}` | {_values(field.type)} | {_default(field)} | {meaning} |\n"


def _default(field: inspect.Field) -> str:
    value: object = field.default
    if field.default_factory is not NODEFAULT:
        value = field.default_factory()
    if field.required:
        return "**required**"
    shown: Plain = written(value) if value is not None else None
    return f"`{flow(shown)}`" if shown not in (None, [], {}, "") else ""


def _values(kind: inspect.Type) -> str:
    """What may be written, in words, with links to the sections of mappings."""
    if isinstance(kind, inspect.Metadata):
        return _values(kind.type)
    if isinstance(kind, inspect.UnionType):
        return " or ".join(dict.fromkeys(_values(t) for t in kind.types if not isinstance(t, inspect.NoneType)))
    if isinstance(kind, inspect.StructType):
        return f"[{_title(kind.cls).lower()}](#{_title(kind.cls).lower().replace(' ', '-')})"
    if isinstance(kind, inspect.ListType):
        return f"list of {_values(kind.item_type)}"
    if isinstance(kind, inspect.DictType):
        return f"mapping of names to {_values(kind.value_type)}"
    return _scalar(kind)


def _scalar(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, inspect.CustomType):
        return {Duration: "duration", Size: "size"}.get(kind.cls) or ", ".join(f"`{each}`" for each in TLS_VERSIONS)
    if isinstance(kind, inspect.IntType):
        return f"{kind.ge}–{kind.le}"
    return "`true`, `false`" if isinstance(kind, inspect.BoolType) else "text"


def _title(struct: type) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in struct.__name__).strip().capitalize()


if __name__ == "__main__":
    print(reference(), end="")
