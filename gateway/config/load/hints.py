"""The words of errors of shape: what was expected, what is there, and what to do about it.

People come with habits from other gateways and from other YAML; the hints answer the mistakes that follow from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import inspect

from gateway.config import nodes
from gateway.config.findings import did_you_mean
from gateway.config.load.core_schema import resolve
from gateway.config.schema import LATER
from gateway.config.units import EXPECTED

_SHOWN: Final = 40
"""Characters of a value that a message quotes."""

_FAMILIAR: Final = {
    "upstream": "to", "upstreams": "to", "backend": "to", "backends": "to", "backendRefs": "to", "proxy_pass": "to",
    "service": "to", "cluster": "to", "host": "hosts", "hostnames": "hosts", "domains": "hosts", "matches": "match",
    "server": "endpoints", "servers": "endpoints", "targets": "endpoints", "nodes": "endpoints", "hosts": "endpoints",
    "address": "listen", "bind": "listen", "port": "listen", "url": "address", "algorithm": "balance",
    "lb_policy": "balance", "timeouts": "timeout", "return": "respond", "direct_response": "respond",
    "ssl": "tls", "alpn": "protocols", "crt": "cert", "certificate": "cert", "cert_file": "cert", "chain": "cert",
    "private_key": "key", "key_file": "key", "certificate_key": "key", "ca_file": "ca", "cacert": "ca",
    "sni": "server_name", "min_tls_version": "min_version", "client_ca": "client_auth", "mtls": "client_auth",
    "code": "status", "location": "to", "target": "to", "uri": "path", "params": "query", "methods": "method",
}  # fmt: skip
"""What a thing is called elsewhere (nginx, HAProxy, Envoy, Traefik, the Gateway API) → what it is called here."""

_ELSEWHERE: Final = {
    "tls": "`tls` goes into a listener, or into an upstream",
    "http2": "`http2` goes into a listener, or into an upstream",
    "protocols": "`protocols` goes into a listener; an upstream has `protocol`",
    "protocol": "`protocol` goes into an upstream; a listener has `protocols`",
    "client_cert": "`client_cert` goes into `match`",
    "verify": "upstreams are verified unless `insecure_skip_verify: true` is written",
}
"""Where a thing is written, for those who wrote it somewhere else."""

_CONDITIONS: Final = ("path", "method", "methods", "query", "cookies")
"""Fields of a match that people put beside `match`."""


def field(key: str, fields: Mapping[str, inspect.Field]) -> str:
    """What somebody who wrote the unknown field `key` may have meant."""
    if key in LATER:
        return f"this version of the gateway does not have `{key}`"
    if "match" in fields and key in _CONDITIONS:
        name = "method" if key == "methods" else key
        return f"conditions go into `match`: match: {{{name}: …}}"
    if key in _ELSEWHERE:
        return _ELSEWHERE[key]
    familiar = _FAMILIAR.get(key)
    if familiar in fields:
        return f'did you mean "{familiar}"?'
    return did_you_mean(key, fields) or f"known here: {', '.join(fields)}; keys that start with x- are free"


def shape(node: nodes.Node, kinds: Iterable[inspect.Type]) -> str:
    """How to write what was expected, for somebody who wrote `node`."""
    kinds = list(kinds)
    if isinstance(node, nodes.Scalar):
        return _scalar_hint(node, kinds)
    if isinstance(node, nodes.Mapping) and _any(kinds, inspect.ListType):
        return "write it as a list: `- ` before each item, or [ ] around them"
    if isinstance(node, nodes.Sequence) and _any(kinds, inspect.StructType, inspect.DictType):
        return _mapping_hint(kinds) or "a mapping is written `name: value`, without `- `"
    return ""


def _scalar_hint(node: nodes.Scalar, kinds: list[inspect.Type]) -> str:
    if node.value is None:
        return "remove the key, or give it a value"
    if not isinstance(node.value, str):
        return f'quote it: "{clip(node.text)}"' if _any(kinds, inspect.StrType) else _mapping_hint(kinds)
    literals = [str(value) for kind in kinds if isinstance(kind, inspect.LiteralType) for value in kind.values]
    if not isinstance(resolve(node.value), str) and (
        node.value in literals or _any(kinds, inspect.IntType, inspect.BoolType)
    ):
        return "write it without quotes"
    if literals:
        return did_you_mean(_shown(node), literals)
    if _any(kinds, inspect.ListType):
        return "a list is written `- item` per line, or [item, item]"
    return _mapping_hint(kinds)


def _mapping_hint(kinds: list[inspect.Type]) -> str:
    for kind in kinds:
        if isinstance(kind, inspect.StructType):
            return f"write a mapping with: {', '.join(field.encode_name for field in kind.fields)}"
    return ""


def _any(kinds: list[inspect.Type], *wanted: type[inspect.Type]) -> bool:
    return any(isinstance(kind, wanted) for kind in kinds)


_EXPECTED: Final = (
    (inspect.StrType, "text"),
    (inspect.BoolType, "true or false"),
    (inspect.IntType, "a whole number"),
    (inspect.ListType, "a list"),
    ((inspect.StructType, inspect.DictType), "a mapping"),
)


def expected(kind: inspect.Type) -> str:
    """What fits `kind`, in words."""
    if isinstance(kind, inspect.CustomType):
        return EXPECTED[kind.cls]
    if isinstance(kind, inspect.LiteralType):
        values = ", ".join(str(value) for value in kind.values)
        return values if len(kind.values) == 1 else f"one of {values}"
    return next((words for shape, words in _EXPECTED if isinstance(kind, shape)), "something else")


def got(node: nodes.Node) -> str:
    """What is there, in words; a secret as it was written."""
    if isinstance(node, nodes.Sequence):
        return "a list"
    if isinstance(node, nodes.Mapping):
        return "a mapping"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    if isinstance(node.value, (int, float)):
        return f"the number {clip(node.text)}"
    return f'"{_shown(node)}"'


def meaning(of: inspect.Field) -> str:
    """What the schema says about a field."""
    extra = of.type.extra_json_schema if isinstance(of.type, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def noun(kind: inspect.StructType) -> str:
    """What people call the thing: `PathCondition` is a path condition."""
    if kind.cls.__name__ == "Config":
        return "file"
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind.cls.__name__).strip()


def clip(text: str) -> str:
    """As much of a text as a message quotes, on one line."""
    text = text.replace("\n", "\\n")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _shown(node: nodes.Scalar) -> str:
    return clip(node.value.written if isinstance(node.value, nodes.Secret) else str(node.value))
