"""What a person may write: the schema as msgspec structs, one per YAML mapping, names exactly as in the file.

Everything that shows the schema is made from these structs: the conversion, the error messages, `gateway schema`,
`gateway render` and docs/configuration.md. So each field says in `doc(...)` what it means.

Rules: a field that is absent is `None` (or empty) here, and `lower` fills in the default, because "nearest of rule,
route, defaults wins" needs to know what was written. Where several ways of writing mean the same (a string or a
mapping, one or a list), the struct keeps what was written. `x-*` keys are taken out before conversion.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway import limits
from gateway.config.document import (
    Balance,
    DotSegments,
    DoubleSlash,
    EncodedSlash,
    Protocol,
    UpstreamProtocol,
)
from gateway.config.schema.base import Written, doc, preset
from gateway.config.schema.connections import Certificate as Certificate
from gateway.config.schema.connections import ClientAuth as ClientAuth
from gateway.config.schema.connections import Http2 as Http2
from gateway.config.schema.connections import Keepalive as Keepalive
from gateway.config.schema.connections import ListenerTls as ListenerTls
from gateway.config.schema.connections import Passthrough as Passthrough
from gateway.config.schema.connections import PassthroughTimeout as PassthroughTimeout
from gateway.config.schema.connections import ProxyProtocol as ProxyProtocol
from gateway.config.schema.connections import UpstreamHttp2 as UpstreamHttp2
from gateway.config.schema.connections import UpstreamTls as UpstreamTls
from gateway.config.units import Duration, Size

# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Admin(Written, frozen=True):
    """The admin API: health, metrics, state, reload. Bind it to an address that only operators reach."""

    listen: Annotated[str, doc("Address: `host:port`, `:port`, `[::1]:port` or `unix:/path`.")]


class AccessLog(Written, frozen=True):
    """One line per request. Off unless this section is there."""

    path: Annotated[str, doc("File to append to; `-` is standard output.")] = "-"
    format: Annotated[Literal["json"], doc("One JSON object per line.")] = "json"


class Drain(Written, frozen=True):
    """What happens between SIGTERM and the end."""

    delay: Annotated[Duration, doc("Still accepting, while `/readyz` already answers 503.")] = preset(
        Duration(limits.DRAIN_DELAY_MS)
    )
    timeout: Annotated[Duration, doc("What requests in flight get to finish.")] = preset(
        Duration(limits.DRAIN_TIMEOUT_MS)
    )


# ── policies that a rule, a route or `defaults` may carry ────────────────────────────────────────────────────────────


class Timeout(Written, frozen=True):
    """Deadlines of a request. Each is looked up by itself: the nearest of rule, route and defaults wins. `0s`: none."""

    request: Annotated[
        Duration | None, doc("From the end of the request's head to the last byte of the answer. Default: none.")
    ] = None
    per_try: Annotated[
        Duration | None, doc("From choosing an endpoint to the end of the answer's head. Default: none.")
    ] = None
    connect: Annotated[
        Duration | None, doc(f"For a connection to the endpoint. Default: {Duration(limits.CONNECT_TIMEOUT_MS)}.")
    ] = None
    idle: Annotated[
        Duration | None, doc(f"Without a byte in either direction. Default: {Duration(limits.IDLE_TIMEOUT_MS)}.")
    ] = None


class HeaderEdits(Written, frozen=True):
    """Edits of a header section, applied in the order remove, set, add."""

    set: Annotated[dict[str, str], doc("Replace all fields of that name, or add one.")] = {}
    add: Annotated[dict[str, str], doc("Append a field, keeping what is there.")] = {}
    remove: Annotated[list[str], doc("Remove all fields of that name.")] = []


class Headers(Written, frozen=True):
    """Header edits in both directions. The nearest of rule, route and defaults wins, for each direction by itself."""

    request: Annotated[HeaderEdits | None, doc("Edits to what is sent upstream.")] = None
    response: Annotated[HeaderEdits | None, doc("Edits to what is sent to the client.")] = None


class Defaults(Written, frozen=True):
    """Policies of every rule that has none of its own."""

    timeout: Annotated[Timeout | None, doc("Deadlines.")] = None
    headers: Annotated[Headers | None, doc("Header edits.")] = None
    grpc_web: Annotated[bool | None, doc("Translate gRPC-Web. Default: false.")] = None


# ── listeners ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ListenerLimits(Written, frozen=True):
    """What clients of a listener may use."""

    connections: Annotated[
        int, doc("Open connections; the next one is closed at once.", ge=1, le=limits.LISTENER_CONNECTIONS_MAX)
    ] = limits.LISTENER_CONNECTIONS
    header_bytes: Annotated[Size, doc("Bytes of a request head; more is answered with 431.")] = preset(
        Size(limits.HEADER_BYTES)
    )
    headers: Annotated[
        int, doc("Fields of a request head; more is answered with 431.", ge=1, le=limits.HEADERS_MAX)
    ] = limits.HEADERS


class ListenerTimeout(Written, frozen=True):
    """What clients of a listener may wait."""

    header: Annotated[Duration, doc("From the first byte of a request head to its end; then 408.")] = preset(
        Duration(limits.HEADER_TIMEOUT_MS)
    )
    idle: Annotated[Duration, doc("Between two requests on a kept connection.")] = preset(
        Duration(limits.LISTENER_IDLE_TIMEOUT_MS)
    )


class PathPolicy(Written, frozen=True):
    """How a request's path is brought into one normal form, before routing; the same form is sent upstream."""

    dot_segments: Annotated[DotSegments, doc("`/a/../b`: `resolve` to `/b`, or `refuse` with 400.")] = "resolve"
    double_slash: Annotated[DoubleSlash, doc("`/a//b`: `merge` to `/a/b`, `keep`, or `refuse` with 400.")] = "merge"
    encoded_slash: Annotated[
        EncodedSlash, doc("`%2F`, `%5C` and `\\`: `refuse` with 400, `keep` escaped, or `decode` to `/`.")
    ] = "refuse"


class Trust(Written, frozen=True):
    """What is believed of what the client says."""

    forwarded: Annotated[
        bool,
        doc(
            "Believe and extend `X-Forwarded-*`, `Forwarded` and `x-request-id`. Only behind a proxy of your own: "
            "otherwise clients choose their own address."
        ),
    ] = False


_PROTOCOLS: list[Protocol] = ["h2", "http/1.1"]


class Listener(Written, frozen=True):
    """An address that connections are accepted on."""

    name: Annotated[str, doc("Name in routes, logs and metrics.")]
    listen: Annotated[str, doc("Address: `host:port`, `:port` (every address), `[::1]:port` or `unix:/path`.")]
    protocols: Annotated[
        list[Protocol],
        doc("What may be spoken, in order of preference. By ALPN under `tls`, else HTTP/2 by prior knowledge."),
    ] = preset(_PROTOCOLS)
    tls: Annotated[
        Literal["internal"] | ListenerTls | None,
        doc("Certificates; `internal`: of a local CA that the gateway makes itself. Default: no TLS."),
    ] = None
    http2: Annotated[Http2, doc("HTTP/2 connections of clients.")] = preset(Http2())
    proxy_protocol: Annotated[
        ProxyProtocol | None, doc("PROXY headers of a proxy in front. Default: nobody's are believed.")
    ] = None
    limits: Annotated[ListenerLimits, doc("What clients may use.")] = preset(ListenerLimits())
    timeout: Annotated[ListenerTimeout, doc("What clients may wait.")] = preset(ListenerTimeout())
    path: Annotated[PathPolicy, doc("The normal form of paths.")] = preset(PathPolicy())
    trust: Annotated[Trust, doc("What is believed of what the client says.")] = preset(Trust())


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class PathCondition(Written, frozen=True):
    """A condition on the path: exactly one of these."""

    exact: Annotated[str | None, doc("The whole path.")] = None
    prefix: Annotated[str | None, doc("Whole segments: `/a` fits `/a` and `/a/b`, not `/ab`.")] = None
    regex: Annotated[str | None, doc("The whole path fits this expression (syntax of Rust's `regex`).")] = None


class ValueCondition(Written, frozen=True):
    """A condition on a header, query parameter or cookie: exactly one of these."""

    exact: Annotated[str | None, doc("Equal, byte for byte.")] = None
    regex: Annotated[str | None, doc("The whole value fits this expression (syntax of Rust's `regex`).")] = None
    present: Annotated[bool | None, doc("There at all (`true`), or not there (`false`).")] = None


class ClientCertCondition(Written, frozen=True):
    """Conditions on the client's verified certificate; all of them must hold. A string is an exact value."""

    subject: Annotated[
        str | ValueCondition | None, doc("The subject as RFC 4514 writes it: `CN=billing,O=Example`.")
    ] = None
    san: Annotated[str | ValueCondition | None, doc("Any of its names: DNS, URI, e-mail, IP address.")] = None
    spiffe_id: Annotated[str | ValueCondition | None, doc("Its SPIFFE ID: `spiffe://example.org/billing`.")] = None
    fingerprint: Annotated[str | ValueCondition | None, doc("SHA-256 of it, in lower-case hex.")] = None


class Match(Written, frozen=True):
    """Conditions on a request; all of them must hold."""

    path: Annotated[str | PathCondition, doc("A string is a prefix of whole segments. Default: every path.")] = "/"
    method: Annotated[str | list[str], doc("One method or several. Default: every method.")] = []
    headers: Annotated[dict[str, str | ValueCondition], doc("Header conditions; a string is an exact value.")] = {}
    query: Annotated[dict[str, str | ValueCondition], doc("Query conditions; a string is an exact value.")] = {}
    cookies: Annotated[dict[str, str | ValueCondition], doc("Cookie conditions; a string is an exact value.")] = {}
    client_cert: Annotated[ClientCertCondition | None, doc("Conditions on the client's verified certificate.")] = None


class Share(Written, frozen=True):
    """One share of a weighted split."""

    upstream: Annotated[str, doc("Name of an upstream.")]
    weight: Annotated[int, doc("Share of the sum of weights.", ge=0, le=limits.WEIGHT_MAX)] = 1


class Respond(Written, frozen=True):
    """An answer made by the gateway itself."""

    status: Annotated[int, doc("Status code.", ge=200, le=599)] = 200
    body: Annotated[str, doc("The whole body.")] = ""
    headers: Annotated[dict[str, str], doc("Header fields.")] = {}


class Redirect(Written, frozen=True):
    """An answer that sends the client elsewhere."""

    to: Annotated[str, doc("The location: an absolute URI or an absolute path.")]
    status: Annotated[Literal[301, 302, 303, 307, 308], doc("Status code.")] = 302
    keep_query: Annotated[bool, doc("Append the request's query when `to` has none.")] = True


class Rewrite(Written, frozen=True):
    """A change of target before forwarding."""

    path_prefix: Annotated[
        str | None, doc("Replaces the matched prefix (after an exact or regex match: the whole path).")
    ] = None
    path: Annotated[str | None, doc("Replaces the whole path.")] = None
    host: Annotated[str | None, doc("Replaces `Host`.")] = None


class Rule(Written, frozen=True):
    """What is done with the requests that match. Exactly one of `to`, `respond`, `redirect` and `handler`."""

    name: Annotated[str | None, doc("Name in logs, metrics and `explain`. Default: `route#number`.")] = None
    match: Annotated[
        str | Match | list[str | Match], doc("A path prefix, conditions, or a list: any of these. Default: all.")
    ] = "/"
    priority: Annotated[int, doc("Higher wins before anything else is compared.", ge=-1_000_000, le=1_000_000)] = 0
    to: Annotated[str | list[str | Share] | None, doc("Forward to an upstream, or split over several.")] = None
    respond: Annotated[Respond | None, doc("Answer from here.")] = None
    redirect: Annotated[Redirect | None, doc("Answer with a `Location`.")] = None
    handler: Annotated[str | None, doc("Ask a Python function: `module:function`.")] = None
    rewrite: Annotated[Rewrite | None, doc("Change of target before forwarding.")] = None
    timeout: Annotated[Timeout | None, doc("Deadlines.")] = None
    headers: Annotated[Headers | None, doc("Header edits.")] = None
    grpc_web: Annotated[
        bool | None,
        doc(
            "Translate: a gRPC-Web request goes to the upstream as gRPC, and its answer back. The nearest of rule, "
            "route and defaults wins. Default: false, the upstream gets it as it is."
        ),
    ] = None


class Route(Written, frozen=True):
    """A set of hosts and the rules that apply there. Order decides nothing: the most exact rule wins."""

    name: Annotated[str, doc("Name in logs, metrics and `explain`.")]
    rules: Annotated[list[Rule], doc("At least one.")]
    hosts: Annotated[list[str], doc("`shop.example.com` or `*.example.com`. Default: every host.")] = []
    listeners: Annotated[list[str], doc("Names of listeners. Default: every listener but `admin`.")] = []
    timeout: Annotated[Timeout | None, doc("Deadlines of rules that have none of their own.")] = None
    headers: Annotated[Headers | None, doc("Header edits of rules that have none of their own.")] = None
    grpc_web: Annotated[bool | None, doc("Translate gRPC-Web, for rules that do not say.")] = None


# ── upstreams ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Endpoint(Written, frozen=True):
    """One server."""

    address: Annotated[str, doc("`ip:port`, `[ip6]:port`, `localhost:port` or `unix:/path`.")]
    weight: Annotated[int, doc("Share within the upstream.", ge=1, le=limits.WEIGHT_MAX)] = 1


class Pool(Written, frozen=True):
    """Connections kept for the next request."""

    max_idle: Annotated[int, doc("Idle connections per endpoint and worker.", ge=0, le=limits.POOL_IDLE_MAX)] = (
        limits.POOL_IDLE
    )
    idle_timeout: Annotated[Duration, doc("How long one may lie idle.")] = preset(Duration(limits.POOL_IDLE_TIMEOUT_MS))


class Upstream(Written, frozen=True):
    """A group of endpoints that serve the same thing."""

    endpoints: Annotated[list[str | Endpoint], doc("Servers: an address, or `{address, weight}`. May be empty: 503.")]
    balance: Annotated[
        Balance,
        doc(
            "`round_robin` by weight, `least_request` (the better of two by requests in flight over weight), "
            "or `random` by weight."
        ),
    ] = "round_robin"
    pool: Annotated[Pool, doc("Connections kept for the next request.")] = preset(Pool())
    protocol: Annotated[
        UpstreamProtocol,
        doc("`http/1.1`; `h2` (without `tls` by prior knowledge); `auto`: by ALPN under `tls`, else `http/1.1`."),
    ] = "http/1.1"
    tls: Annotated[UpstreamTls | None, doc("TLS with the upstream. Default: plain text.")] = None
    http2: Annotated[UpstreamHttp2, doc("HTTP/2 connections to it.")] = preset(UpstreamHttp2())


# ── the whole file ───────────────────────────────────────────────────────────────────────────────────────────────────


class Config(Written, frozen=True):
    """One whole configuration."""

    version: Annotated[Literal[1], doc("Version of this format: `1`.")]
    include: Annotated[
        list[str],
        doc("Files whose `listeners`, `routes` and `upstreams` are added; relative to this file, `*` and `?` allowed."),
    ] = []
    name: Annotated[str, doc("What the gateway calls itself in `Via` and `Proxy-Status`.")] = "gateway"
    workers: Annotated[
        Literal["auto"] | Annotated[int, Meta(ge=1, le=limits.WORKERS_MAX)],
        doc("Threads that forward. `auto`: as many as this process may use cores."),
    ] = "auto"
    admin: Annotated[Admin | None, doc("The admin API. Off unless written.")] = None
    access_log: Annotated[AccessLog | None, doc("One line per request. Off unless written.")] = None
    drain: Annotated[Drain, doc("How the process ends.")] = preset(Drain())
    defaults: Annotated[Defaults, doc("Policies of every rule that has none of its own.")] = preset(Defaults())
    listeners: Annotated[list[Listener], doc("Where connections are accepted.")] = []
    routes: Annotated[list[Route], doc("What is done with requests.")] = []
    upstreams: Annotated[dict[str, Upstream], doc("Where requests are forwarded to, by name.")] = {}


LATER = frozenset(
    {
        "retry", "mirror", "fault", "rate_limit", "health", "outliers",
        "circuit_breaker", "dns",
    }
)  # fmt: skip
"""Names that the design knows and this version does not have; who writes one is told so."""
