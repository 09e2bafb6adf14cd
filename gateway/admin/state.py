"""`/api/v1/status`, `routes`, `upstreams`, `listeners`, `config`: what runs, as JSON.

The answers are structs, so that their shape is one place for the handlers, the commands and people's scripts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from gateway.account.counters import EndpointCount, Levels
from gateway.account.http2 import Http2Counts
from gateway.admin.gateway import READ, Reloaded, Running, allow
from gateway.config import document as doc
from gateway.policy import Request, Response, json_response

if TYPE_CHECKING:
    from gateway.config.tls.certificate import CertificateFacts


class ReloadView(msgspec.Struct):
    """How the last reload ended."""

    ok: bool
    generation: int
    at: float
    """Unix time."""
    seconds: float
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


class CertificateView(msgspec.Struct):
    """One certificate that we show."""

    names: tuple[str, ...]
    identities: tuple[str, ...]
    """URIs (SPIFFE IDs) and e-mail addresses."""
    issuer: str
    not_before: float
    """Unix time."""
    not_after: float
    """Unix time."""
    key: str
    """`ECDSA P-256`, `RSA 2048`, …"""
    sha256: str


class ListenerView(msgspec.Struct):
    """One listener."""

    name: str
    address: str
    scheme: str
    state: str
    """`open`, or `draining` after a reload removed it."""
    connections: int
    accepted: int
    refused: int
    certificates: list[CertificateView]
    """The default first; empty without TLS."""


class Http2View(msgspec.Struct):
    """HTTP/2 connections."""

    clients: int
    upstreams: int
    keepalive_failures: int
    """Connections ended because a PING was not answered in time."""
    abusers: int
    """Addresses whose connections were ended because a budget was exhausted."""


class StatusView(msgspec.Struct):
    """The process as a whole."""

    version: str
    state: str
    """`starting`, `ready` or `draining`."""
    pid: int
    started_at: float
    """Unix time."""
    uptime_seconds: float
    config_file: str
    generation: int
    workers: int
    worker_generations: list[int]
    """The generation that each worker runs on."""
    asked_requests: int
    """Requests that wait for Python."""
    http2: Http2View
    panics: int
    """Contained; each cost one connection."""
    warnings: tuple[str, ...]
    """Of the configuration in force."""
    last_reload: ReloadView | None
    listeners: list[ListenerView]


class RuleView(msgspec.Struct):
    """One rule."""

    name: str
    source: str
    """`file:line`"""
    matches: list[str]
    """In words, any of them."""
    action: str
    """In words."""


class RouteView(msgspec.Struct):
    """One route."""

    name: str
    source: str
    """`file:line`"""
    hosts: tuple[str, ...]
    """Empty: every host."""
    listeners: list[str]
    rules: list[RuleView]


class EndpointView(msgspec.Struct):
    """One endpoint and what it does."""

    address: str
    weight: int
    in_flight: int
    connections: int
    idle: int
    requests: int
    connect_failures: int


class UpstreamView(msgspec.Struct):
    """One upstream."""

    name: str
    source: str
    balance: str
    endpoints: list[EndpointView]
    certificates: list[CertificateView]
    """What it is shown by us; empty if it asks for none."""


@allow(*READ)
async def status(_request: Request, gateway: Running) -> Response:
    """The process as a whole."""
    return json_response(
        StatusView(
            version=gateway.version,
            state=gateway.state,
            pid=os.getpid(),
            started_at=gateway.started_at,
            uptime_seconds=round(gateway.uptime, 3),
            config_file=gateway.config_file,
            generation=gateway.generation,
            workers=gateway.workers,
            worker_generations=gateway.applied,
            asked_requests=gateway.asked,
            http2=_http2_view(gateway.http2),
            panics=gateway.panics,
            warnings=gateway.warnings,
            last_reload=_reload_view(gateway.last_reload),
            listeners=_listeners(gateway),
        )
    )


@allow(*READ)
async def listeners(_request: Request, gateway: Running) -> Response:
    """Every listener with its connections; those that drain after a reload too."""
    return json_response(_listeners(gateway))


@allow(*READ)
async def routes(_request: Request, gateway: Running) -> Response:
    """Every route and rule with the place where it is written."""
    return json_response([_route_view(route, gateway.document) for route in gateway.document.routes])


@allow(*READ)
async def upstreams(_request: Request, gateway: Running) -> Response:
    """Every upstream and endpoint with what it does now."""
    counted, shown = _by_endpoint(gateway.levels()), _certificates(gateway, "upstream")
    return json_response(
        [_upstream_view(each, counted, shown.get(each.name, [])) for each in gateway.document.upstreams]
    )


@allow(*READ)
async def config(_request: Request, gateway: Running) -> Response:
    """The configuration in force, defaults filled in, secrets masked. YAML."""
    return Response(200, {"content-type": "application/yaml"}, gateway.rendered_config())


def _reload_view(last: Reloaded | None) -> ReloadView | None:
    if last is None:
        return None
    return ReloadView(last.ok, last.generation, last.at, last.seconds, last.errors, last.warnings)


def _http2_view(counts: Http2Counts) -> Http2View:
    def connections(role: str) -> int:
        return sum(each.open for each in counts.groups if each.role == role)

    failures = sum(counts.keepalive_failures.values())
    return Http2View(connections("server"), connections("client"), failures, counts.abusers)


def _listeners(gateway: Running) -> list[ListenerView]:
    counted = {each.listener: each for each in gateway.levels().connections}
    shown = _certificates(gateway, "listener")
    views: list[ListenerView] = []
    for each in gateway.listeners():
        row = counted.get(each.key)
        numbers = (row.open, row.accepted, row.refused) if row else (0, 0, 0)
        certificates = shown.get(each.name, [])
        views.append(ListenerView(each.name, each.address, each.scheme, each.state, *numbers, certificates))
    return views


def _certificates(gateway: Running, side: str) -> dict[str, list[CertificateView]]:
    """What each of a side is shown, by its name."""
    found: dict[str, list[CertificateView]] = {}
    for each in gateway.certificates:
        if each.side == side:
            found.setdefault(each.to, []).append(_certificate(each.facts))
    return found


def _certificate(facts: CertificateFacts) -> CertificateView:
    return CertificateView(
        names=facts.names,
        identities=facts.identities,
        issuer=facts.issuer,
        not_before=facts.not_before,
        not_after=facts.not_after,
        key=facts.key,
        sha256=facts.sha256,
    )


def _route_view(route: doc.Route, document: doc.Document) -> RouteView:
    return RouteView(
        name=route.name,
        source=route.source,
        hosts=tuple(route.hosts),
        listeners=[document.listeners[index].name for index in route.listeners],
        rules=[
            RuleView(rule.name, rule.source, [in_words(each) for each in rule.matches], _action(rule.action, document))
            for rule in route.rules
        ],
    )


def in_words(match: doc.Match) -> str:
    """`GET prefix /cart, header x-beta = 1`."""
    kinds = {doc.PathExact: "exact", doc.PathPrefix: "prefix", doc.PathRegex: "regex"}
    parts = [f"{kinds[type(match.path)]} {match.path.value}"]
    for label, tests in (("header", match.headers), ("query", match.query), ("cookie", match.cookies)):
        parts += [f"{label} {each.name} {_test(each.test)}" for each in tests]
    parts += [f"client certificate {each.part} {_test(each.test)}" for each in match.client_cert]
    methods = "|".join(match.methods)
    return f"{methods} {', '.join(parts)}".strip()


def _test(test: doc.ValueTest) -> str:
    match test:
        case doc.ValueExact(value=value):
            return f"= {value}"
        case doc.ValueRegex(value=value):
            return f"~ {value}"
        case doc.ValuePresent(value=value):
            return "present" if value else "absent"


def _action(action: doc.Action, document: doc.Document) -> str:
    match action:
        case doc.Forward(targets=targets):
            shares = [f"{document.upstreams[t.upstream].name} {t.weight}" for t in targets]
            if len(targets) == 1:
                return f"to {document.upstreams[targets[0].upstream].name}"
            return "to " + ", ".join(shares)
        case doc.Respond(status=code):
            return f"respond {code}"
        case doc.Redirect(status=code, to=to):
            return f"redirect {code} {to}"
        case doc.Ask(handler=handler):
            return f"handler {document.handlers[handler]}"


def _by_endpoint(levels: Levels) -> dict[tuple[str, str], EndpointCount]:
    return {(each.upstream, each.endpoint): each for each in levels.endpoints}


def _upstream_view(
    upstream: doc.Upstream, counted: dict[tuple[str, str], EndpointCount], shown: list[CertificateView]
) -> UpstreamView:
    endpoints: list[EndpointView] = []
    for each in upstream.endpoints:
        row = counted.get((upstream.name, each.address))
        numbers = (row.in_flight, row.open, row.idle, row.requests, row.connect_failures) if row else (0, 0, 0, 0, 0)
        endpoints.append(EndpointView(each.address, each.weight, *numbers))
    return UpstreamView(upstream.name, upstream.source, upstream.balance, endpoints, shown)
