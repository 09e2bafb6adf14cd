"""Broken configurations by the hundred: each is an example with one mistake, and knows what must be said about it.

Theory: the nodes of an example are walked together with the schema, so every key and value is known with its place and
its meaning; a mistake replaces the text of one of them. What comes out is deterministic: the same list every time.

    for broken in broken_configurations(500):
        broken.text      the file
        broken.line      where the error must be
        broken.reason    words that the message must have
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import inspect

from gateway.config.findings import Findings
from gateway.config.load.parse import parse
from gateway.config.nodes import Mapping, Node, Scalar, Sequence, Source, Spot
from gateway.config.schema import Config
from gateway.config.units import TlsVersion
from tests.unit.config.reading import make_certificates

EXAMPLES: Final = Path(__file__).parents[3] / "examples"


@dataclass(frozen=True, slots=True)
class Broken:
    """One configuration that must be refused."""

    name: str
    """Example, place and kind of the mistake."""
    text: str
    line: int
    reason: str

    def write(self, directory: Path) -> Path:
        """Put it into a directory as `gateway.yaml`, with what the examples need beside them."""
        file = directory / "gateway.yaml"
        file.write_text(self.text)
        (directory / "handlers.py").write_text((EXAMPLES / "handlers.py").read_text())
        if not (directory / "certificates").exists():
            _make_certificates(directory)
        return file


def _make_certificates(directory: Path) -> None:
    """Those of all examples, once."""
    apart = directory / "made"
    apart.mkdir()
    for each in sorted(EXAMPLES.glob("*.yaml")):
        make_certificates(each.read_text(), apart)
    (apart / "examples" / "certificates").rename(directory / "certificates")


Mistake = tuple[str, str]
"""What is written instead, and words of the message."""

_ADDRESSES: Final[list[Mistake]] = [
    ("127.0.0.1", "the port is missing"),
    ('"127.0.0.1:99999"', "is not a port"),
    ('"http://127.0.0.1:80"', "has no scheme"),
    ('"somewhere.example.com:80"', "is a name"),
    ('"::1:80"', "needs brackets"),
    ('"unix:relative.sock"', "must be absolute"),
]
_PATHS: Final[list[Mistake]] = [
    ("no-slash", "a path starts with /"),
    ("/a//b", "normal form"),
    ("/a/../b", "normal form"),
    ('"/a?b=c"', "no query"),
    ('"/%zz"', "cannot have a plain %"),
    ("/../up", "climbs above the root"),
]
_ORDERS: Final = "certificates/orders.internal"
_FILES: Final[list[Mistake]] = [
    ("nowhere.pem", "cannot read nowhere.pem"),
    ("handlers.py", "handlers.py: there is no"),
    ('"${file:handlers.py}"', "is the content of a file"),
]
_NAMES: Final[list[Mistake]] = [('""', "a name cannot be empty"), ('"two words"', "is not a name")]

_BY_FIELD: Final[dict[tuple[str, str], list[Mistake]]] = {
    ("Listener", "listen"): _ADDRESSES,
    ("Admin", "listen"): _ADDRESSES,
    ("Endpoint", "address"): _ADDRESSES,
    ("Upstream", "endpoints"): _ADDRESSES,
    ("Listener", "name"): [*_NAMES, ("admin", "admin API")],
    ("Route", "name"): [*_NAMES, ("admin", "admin API")],
    ("Rule", "name"): _NAMES,
    ("Rule", "match"): _PATHS,
    ("Match", "path"): _PATHS,
    ("Match", "method"): [("get", "capitals"), ('"G E T"', "is not a method")],
    ("PathCondition", "exact"): _PATHS,
    ("PathCondition", "regex"): [('"("', "not a regular expression")],
    ("ValueCondition", "regex"): [('"["', "not a regular expression")],
    ("Rule", "to"): [("nowhere-at-all", "there is no upstream")],
    ("Share", "upstream"): [("nowhere-at-all", "there is no upstream")],
    ("Route", "listeners"): [("nowhere-at-all", "there is no listener")],
    ("Route", "hosts"): [
        ('"https://a.example"', "no scheme"),
        ('"a.*.example"', "is not a host"),
        ('"a:80"', "a port"),
    ],
    ("Redirect", "to"): [("relative", "is not a location"), ('"/a b"', "without spaces")],
    ("Certificate", "cert"): [*_FILES, (f"{_ORDERS}.key", "a private key and no certificate")],
    ("Certificate", "key"): [
        *_FILES,
        (f"{_ORDERS}.pem", "a certificate and no private key"),
        ("certificates/ca.key", "does not belong to the certificate"),
    ],
    ("ClientAuth", "ca"): [*_FILES, (f"{_ORDERS}.key", "a private key and no certificate")],
    ("UpstreamTls", "ca"): _FILES,
    ("UpstreamTls", "cert"): _FILES,
    ("UpstreamTls", "key"): [*_FILES, ("certificates/ca.key", "does not belong to the certificate")],
    ("UpstreamTls", "server_name"): [('"*.internal"', "has no wildcard"), ('"a b"', "is not a host")],
    ("ClientCertCondition", "spiffe_id"): [("billing", "is no SPIFFE ID")],
    ("Rule", "handler"): [("handlers", "module:function"), ('"no_such_module:f"', "no Python module")],
    ("Rewrite", "path_prefix"): [("store", "a path starts with /")],
    ("HeaderEdits", "remove"): [("connection", "cannot be edited"), ('"a b"', "is not a header name")],
}


def broken_configurations(count: int) -> list[Broken]:
    """`count` broken configurations, spread evenly over all that can be made."""
    every = [broken for file in sorted(EXAMPLES.glob("*.yaml")) for broken in _of_example(file)]
    if len(every) < count:
        raise ValueError(f"only {len(every)} mistakes are possible")
    return [every[index * len(every) // count] for index in range(count)]


def _of_example(file: Path) -> Iterator[Broken]:
    text = file.read_text()
    source = Source(file.name, file, tuple(text.splitlines()))
    root = parse(text, source, Findings(), {})
    assert isinstance(root, Mapping)
    for spot, written, reason in _mistakes(root, inspect.type_info(Config), ("", "")):
        broken = _replaced(text, spot, written)
        if broken != text:
            yield Broken(f"{file.name}:{spot.line}:{spot.column} {written}", broken, spot.line, reason)


def _replaced(text: str, spot: Spot, written: str) -> str:
    lines = text.splitlines(keepends=True)
    line, start = lines[spot.line - 1], spot.column - 1
    lines[spot.line - 1] = line[:start] + written + line[start + spot.width :]
    return "".join(lines)


def _mistakes(node: Node, kind: inspect.Type, field: tuple[str, str]) -> Iterator[tuple[Spot, str, str]]:
    """Every mistake below `node`: where, what is written there, what must be said."""
    several = _members(kind)
    kind = _member(node, several)
    if isinstance(node, Mapping) and isinstance(kind, inspect.StructType):
        yield from _in_struct(node, kind)
    elif isinstance(node, Mapping) and isinstance(kind, inspect.DictType):
        for _, value in node.entries.values():
            yield from _mistakes(value, kind.value_type, ("", ""))
    elif isinstance(node, Sequence) and isinstance(kind, inspect.ListType):
        for item in node.items:
            yield from _mistakes(item, kind.item_type, field)
    elif isinstance(node, Scalar) and not node.source.line(node.line)[node.column - 1 :].startswith(("|", ">")):
        yield from ((node, written, reason) for written, reason in _in_scalar(kind, several, field))


def _in_struct(node: Mapping, kind: inspect.StructType) -> Iterator[tuple[Spot, str, str]]:
    types = {field.encode_name: field.type for field in kind.fields}
    for name, (key, value) in node.entries.items():
        yield key, f"{name}{name[-1]}", f'unknown field "{name}{name[-1]}"'
        yield key, f"{name[1:]}", f'unknown field "{name[1:]}"'
        yield from _mistakes(value, types[name], (kind.cls.__name__, name))


def _in_scalar(kind: inspect.Type, several: list[inspect.Type], field: tuple[str, str]) -> Iterator[Mistake]:
    takes_mapping = any(isinstance(member, inspect.StructType) for member in several)
    yield "{no: mapping}", "unknown field" if takes_mapping else "expected"
    yield '"${NOT_SET_ANYWHERE}"', "is not set"
    if isinstance(kind, inspect.CustomType) and kind.cls is TlsVersion:
        yield "1.1", "expected one of 1.2, 1.3"
        yield "TLSv1.2", "expected one of 1.2, 1.3"
    elif isinstance(kind, inspect.CustomType):
        yield "15", "needs a unit"
        yield "5 parsecs", "cannot read"
    elif isinstance(kind, inspect.IntType):
        yield "many", "expected"
        yield "-99999999", "must be between"
    elif isinstance(kind, inspect.LiteralType):
        yield "something-else", "expected"
    elif isinstance(kind, inspect.StrType):
        yield "17", "expected"
        yield from _BY_FIELD.get(field, [])


def _members(kind: inspect.Type) -> list[inspect.Type]:
    """The types of a union, or the one that it is, without metadata."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if not isinstance(kind, inspect.UnionType):
        return [kind]
    return [member for inner in kind.types for member in _members(inner)]


_SHAPES: Final[dict[type, tuple[type[inspect.Type], ...]]] = {
    Mapping: (inspect.StructType, inspect.DictType),
    Sequence: (inspect.ListType,),
    Scalar: (inspect.StrType, inspect.IntType, inspect.BoolType, inspect.CustomType, inspect.LiteralType),
}


def _member(node: Node, members: list[inspect.Type]) -> inspect.Type:
    """The type that has the node's shape."""
    return next(member for member in members if isinstance(member, _SHAPES[type(node)]))
