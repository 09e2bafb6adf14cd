"""A configuration as the gateway understands it, written as YAML again: defaults filled in, files merged.

    render(config) is a valid configuration that means the same, and rendering that gives the same text

A secret is shown as the `${file:…}` that it was written as; a value from the environment is shown as it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.config.emit import emit
from gateway.config.load.substitute import escape
from gateway.config.lower import default_rule_name, nearest_of, timeouts_of
from gateway.config.nodes import Plain, Secret
from gateway.config.schema import Config, Defaults, Route, Rule, Timeout
from gateway.config.units import Duration, Size, TlsVersion


def render(config: Config) -> str:
    """The YAML text."""
    return emit(render_plain(config))


def render_plain(config: Config) -> dict[str, Plain]:
    """The same as plain values: what programs read."""
    routes = [_filled_route(route, config) for route in config.routes]
    defaults = Defaults(
        timeout=_timeout(config.defaults.timeout),
        headers=config.defaults.headers,
        grpc_web=bool(config.defaults.grpc_web),
    )
    filled = msgspec.structs.replace(config, include=[], routes=routes, defaults=defaults)
    plain = written(filled)
    assert isinstance(plain, dict)  # noqa: S101  (a struct becomes a mapping)
    return plain


def _filled_route(route: Route, config: Config) -> Route:
    names = route.listeners or [listener.name for listener in config.listeners]
    rules = [_filled_rule(rule, index, route, config) for index, rule in enumerate(route.rules)]
    return msgspec.structs.replace(route, listeners=names, rules=rules)


def _filled_rule(rule: Rule, index: int, route: Route, config: Config) -> Rule:
    name = rule.name if rule.name is not None else default_rule_name(route.name, index)
    if rule.to is None and rule.handler is None:
        return msgspec.structs.replace(rule, name=name)  # answered from here: no deadline matters
    timeout = _timeout(rule.timeout, route.timeout, config.defaults.timeout)
    if rule.to is None:
        return msgspec.structs.replace(rule, name=name, timeout=timeout)
    grpc_web = nearest_of((rule.grpc_web, route.grpc_web, config.defaults.grpc_web))
    return msgspec.structs.replace(rule, name=name, timeout=timeout, grpc_web=bool(grpc_web))


def _timeout(*policies: Timeout | None) -> Timeout:
    deadlines = timeouts_of(policies)
    return Timeout(
        request=Duration(deadlines.request),
        per_try=Duration(deadlines.per_try),
        connect=Duration(deadlines.connect),
        idle=Duration(deadlines.idle),
    )


def written(value: Any) -> Plain:
    """Structs as mappings without what is absent; scalars as a person writes them."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        fields = ((written_as, getattr(value, name)) for written_as, name in names)
        return {name: written(field) for name, field in fields if field is not None and field not in ([], {})}
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [written(item) for item in value]
    if isinstance(value, (Duration, Size, TlsVersion)):
        return str(value)
    if isinstance(value, str):
        return value.written if isinstance(value, Secret) else escape(value)
    assert isinstance(value, (bool, int))  # noqa: S101  (the schema has nothing else)
    return value
