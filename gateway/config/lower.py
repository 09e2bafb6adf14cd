"""What a person wrote → the snapshot document: defaults filled in, names become indexes, short forms become long.

Theory: every policy is looked up by itself, and the nearest of rule, route and defaults wins: a rule that sets only
`timeout.request` keeps the `timeout.connect` of the defaults. What is nowhere written comes from `gateway.limits`.

Rules: the configuration has passed `check`; nothing here can fail. User routes come first, in file order, so that the
flat rule numbers of the engine are positions in `Lowered.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import msgspec

from gateway import limits
from gateway.config import document as wire
from gateway.config import schema
from gateway.config.addresses import Address, parse_endpoint, parse_listen, parse_network
from gateway.config.admin_routes import ADMIN_RULES
from gateway.config.check.listeners import ADMIN
from gateway.config.check.preamble import UNIX
from gateway.config.first_flight import Windows, offer_to_clients, offer_to_upstream
from gateway.config.keys import ListenerKeys
from gateway.config.load import Loaded
from gateway.config.nodes import Cursor, Spot
from gateway.config.tls import Credentials


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener as the side that opens sockets needs it."""

    name: str
    key: int
    address: Address


@dataclass(frozen=True, slots=True)
class Lowered:
    """The document, and what stays in Python."""

    document: wire.Document
    listening: tuple[Listening, ...]
    rules: tuple[tuple[str, Spot], ...]
    """Name and place of each rule, by the engine's flat number (the admin API's rules are not here)."""


def lower(loaded: Loaded, keys: ListenerKeys, generation: int, credentials: Credentials) -> Lowered:
    """The snapshot document of a checked configuration."""
    return _Lowering(loaded, keys, credentials).run(generation)


class _Lowering:
    def __init__(self, loaded: Loaded, keys: ListenerKeys, credentials: Credentials) -> None:
        self._config = loaded.config
        self._at = loaded.cursor()
        self._keys = keys
        self._credentials = credentials
        self._upstreams = {name: index for index, name in enumerate(self._config.upstreams)}
        self._listeners = {listener.name: index for index, listener in enumerate(self._config.listeners)}
        self._handlers: dict[str, int] = {}
        self._listening: list[Listening] = []
        self._rules: list[tuple[str, Spot]] = []

    def run(self, generation: int) -> Lowered:
        config = self._config
        listeners = [self._listener(each, self._at["listeners"][index]) for index, each in enumerate(config.listeners)]
        routes = [self._route(route, self._at["routes"][index]) for index, route in enumerate(config.routes)]
        if config.admin is not None:
            admin = schema.Listener(name=ADMIN, listen=config.admin.listen)
            listeners.append(self._listener(admin, self._at["admin"]))
            routes.append(self._admin_route(len(config.listeners)))
        document = wire.Document(
            format=wire.FORMAT,
            generation=generation,
            name=config.name,
            access_log=config.access_log is not None,
            listeners=tuple(listeners),
            routes=tuple(routes),
            upstreams=tuple(self._upstream(name, upstream) for name, upstream in config.upstreams.items()),
            system_roots=self._credentials.system_roots,
            handlers=tuple(self._handlers),
        )
        return Lowered(document, tuple(self._listening), tuple(self._rules))

    def _listener(self, listener: schema.Listener, at: Cursor) -> wire.Listener:
        address = parse_listen(listener.listen)
        key = self._keys.key(str(address), listener.name)
        self._listening.append(Listening(listener.name, key, address))
        return wire.Listener(
            name=listener.name,
            key=key,
            address=listener.listen,
            scheme="http" if listener.tls is None else "https",
            max_connections=listener.limits.connections,
            header_bytes=int(listener.limits.header_bytes),
            headers=listener.limits.headers,
            header_timeout=int(listener.timeout.header),
            idle_timeout=int(listener.timeout.idle),
            trust_forwarded=listener.trust.forwarded,
            path=wire.PathPolicy(
                dot_segments=listener.path.dot_segments,
                double_slash=listener.path.double_slash,
                encoded_slash=listener.path.encoded_slash,
            ),
            protocols=tuple(listener.protocols),
            tls=self._listener_tls(listener, at["tls"]["passthrough"]),
            http2=offer_to_clients(
                listener.http2.max_concurrent_streams,
                int(listener.limits.header_bytes),
                windows_of(listener.http2),
            ),
            proxy_protocol=tuple(_senders(listener.proxy_protocol)),
        )

    def _listener_tls(self, listener: schema.Listener, at: Cursor) -> wire.ListenerTls | None:
        tls = self._credentials.listeners.get(listener.name)
        if tls is None or not isinstance(listener.tls, schema.ListenerTls):
            return tls
        passed = (self._passthrough(each, at.item(index)) for index, each in enumerate(listener.tls.passthrough))
        return msgspec.structs.replace(tls, passthrough=tuple(passed))

    def _passthrough(self, written: schema.Passthrough, at: Cursor) -> wire.Passthrough:
        own = written.timeout or schema.PassthroughTimeout()
        timeouts = timeouts_of((schema.Timeout(connect=own.connect, idle=own.idle), self._config.defaults.timeout))
        names = tuple(dict.fromkeys(sni.lower() for sni in written.sni))
        return wire.Passthrough(at.spot.where, names, self._upstreams[written.to], timeouts.connect, timeouts.idle)

    def _upstream(self, name: str, upstream: schema.Upstream) -> wire.Upstream:
        endpoints = (schema.Endpoint(e) if isinstance(e, str) else e for e in upstream.endpoints)
        return wire.Upstream(
            name=name,
            source=self._at["upstreams"].key(name).where,
            balance=upstream.balance,
            endpoints=tuple(wire.Endpoint(address=str(parse_endpoint(e.address)), weight=e.weight) for e in endpoints),
            max_idle=upstream.pool.max_idle,
            idle_timeout=int(upstream.pool.idle_timeout),
            protocol=upstream.protocol,
            tls=self._credentials.upstreams.get(name),
            http2=offer_to_upstream(upstream.http2.max_concurrent_streams, windows_of(upstream.http2)),
        )

    def _route(self, route: schema.Route, at: Cursor) -> wire.Route:
        listeners = [self._listeners[name] for name in route.listeners] or range(len(self._config.listeners))
        rules = enumerate(route.rules)
        return wire.Route(
            name=route.name,
            source=at.spot.where,
            hosts=tuple(dict.fromkeys(host.lower() for host in route.hosts)),
            listeners=tuple(dict.fromkeys(listeners)),
            rules=tuple(self._rule(route, index, rule, at["rules"][index]) for index, rule in rules),
        )

    def _rule(self, route: schema.Route, index: int, rule: schema.Rule, at: Cursor) -> wire.Rule:
        name = rule.name if rule.name is not None else default_rule_name(route.name, index)
        self._rules.append((name, at.spot))
        matches = rule.match if isinstance(rule.match, list) else [rule.match]
        policies = (rule, route, self._config.defaults)
        return wire.Rule(
            name=name,
            source=at.spot.where,
            priority=rule.priority,
            matches=tuple(match_of(match) for match in matches),
            action=self._action(rule),
            timeouts=timeouts_of(policy.timeout for policy in policies),
            request_headers=_edits(p.headers.request for p in policies if p.headers is not None),
            response_headers=_edits(p.headers.response for p in policies if p.headers is not None),
            rewrite=_rewrite(rule.rewrite),
            grpc_web=bool(nearest_of(policy.grpc_web for policy in policies)),
        )

    def _action(self, rule: schema.Rule) -> wire.Action:
        if rule.respond is not None:
            respond = rule.respond
            return wire.Respond(status=respond.status, headers=_fields(respond.headers), body=respond.body.encode())
        if rule.redirect is not None:
            redirect = rule.redirect
            return wire.Redirect(status=redirect.status, to=redirect.to, keep_query=redirect.keep_query)
        if rule.handler is not None:
            return self._ask(rule.handler)
        shares = rule.to if isinstance(rule.to, list) else [rule.to or ""]
        targets = (schema.Share(share) if isinstance(share, str) else share for share in shares)
        return wire.Forward(
            targets=tuple(wire.Target(upstream=self._upstreams[t.upstream], weight=t.weight) for t in targets)
        )

    def _ask(self, handler: str) -> wire.Ask:
        return wire.Ask(handler=self._handlers.setdefault(handler, len(self._handlers)))

    def _admin_route(self, listener: int) -> wire.Route:
        source = self._at.key("admin").where
        rules = []
        for rule in ADMIN_RULES:
            match = schema.Match(path=schema.PathCondition(exact=rule.path))
            rules.append(
                wire.Rule(
                    name=rule.name,
                    source=source,
                    priority=0,
                    matches=(match_of(match),),
                    action=self._ask(rule.handler),
                    timeouts=timeouts_of(()),
                    request_headers=wire.HeaderEdits(),
                    response_headers=wire.HeaderEdits(),
                    rewrite=wire.Rewrite(),
                    grpc_web=False,
                )
            )
        return wire.Route(name=ADMIN, source=source, hosts=(), listeners=(listener,), rules=tuple(rules))


def _senders(written: schema.ProxyProtocol | None) -> Iterator[str]:
    for each in written.senders if written is not None else ():
        yield each if each == UNIX else parse_network(each)


def default_rule_name(route: str, index: int) -> str:
    """The name of a rule that has none: the route's and its number, counted from 1."""
    return f"{route}#{index + 1}"


def match_of(match: str | schema.Match) -> wire.Match:
    """A match in its long form."""
    if isinstance(match, str):
        match = schema.Match(path=match)
    return wire.Match(
        path=_path(match.path),
        methods=(match.method,) if isinstance(match.method, str) else tuple(match.method),
        headers=tuple(_value(name.lower(), value) for name, value in match.headers.items()),
        query=tuple(_value(name, value) for name, value in match.query.items()),
        cookies=tuple(_value(name, value) for name, value in match.cookies.items()),
        client_cert=tuple(_client_cert(match.client_cert)),
    )


def _client_cert(condition: schema.ClientCertCondition | None) -> Iterator[wire.ClientCertMatch]:
    for part in _PARTS:
        value = getattr(condition, part, None)
        if value is not None:
            yield wire.ClientCertMatch(part=part, test=_test(value))


_PARTS: tuple[wire.ClientCertPart, ...] = get_args(wire.ClientCertPart)


def windows_of(http2: schema.Http2 | schema.UpstreamHttp2) -> Windows:
    """What may be under way, as the first flight says it."""
    return Windows(int(http2.stream_window), int(http2.connection_window))


def _path(path: str | schema.PathCondition) -> wire.PathMatch:
    condition = schema.PathCondition(prefix=path) if isinstance(path, str) else path
    if condition.exact is not None:
        return wire.PathExact(value=condition.exact)
    if condition.regex is not None:
        return wire.PathRegex(value=condition.regex)
    # whole segments: /a and /a/ mean the same
    return wire.PathPrefix(value=(condition.prefix or "/").rstrip("/") or "/")


def _value(name: str, value: str | schema.ValueCondition) -> wire.ValueMatch:
    return wire.ValueMatch(name=name, test=_test(value))


def _test(value: str | schema.ValueCondition) -> wire.ValueTest:
    condition = schema.ValueCondition(exact=value) if isinstance(value, str) else value
    if condition.exact is not None:
        return wire.ValueExact(value=condition.exact)
    if condition.regex is not None:
        return wire.ValueRegex(value=condition.regex)
    return wire.ValuePresent(value=bool(condition.present))


def nearest_of(policies: Iterable[bool | None]) -> bool | None:
    """What the nearest policy says that says anything."""
    return next((policy for policy in policies if policy is not None), None)


def timeouts_of(policies: Iterable[schema.Timeout | None]) -> wire.Timeouts:
    """Each deadline from the nearest policy that has it."""
    written = [policy for policy in policies if policy is not None]

    def nearest(name: str, default: int) -> int:
        values = (getattr(policy, name) for policy in written)
        return next((int(value) for value in values if value is not None), default)

    return wire.Timeouts(
        request=nearest("request", limits.REQUEST_TIMEOUT_MS),
        per_try=nearest("per_try", limits.PER_TRY_TIMEOUT_MS),
        connect=nearest("connect", limits.CONNECT_TIMEOUT_MS),
        idle=nearest("idle", limits.IDLE_TIMEOUT_MS),
    )


def _edits(policies: Iterable[schema.HeaderEdits | None]) -> wire.HeaderEdits:
    edits = next((policy for policy in policies if policy is not None), None)
    if edits is None:
        return wire.HeaderEdits()
    return wire.HeaderEdits(
        set=_fields(edits.set), add=_fields(edits.add), remove=tuple(name.lower() for name in edits.remove)
    )


def _fields(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in fields.items())


def _rewrite(rewrite: schema.Rewrite | None) -> wire.Rewrite:
    if rewrite is None:
        return wire.Rewrite()
    return wire.Rewrite(path_prefix=rewrite.path_prefix, path=rewrite.path, host=rewrite.host)
