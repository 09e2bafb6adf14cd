"""The snapshot document: what crosses the border to Rust, once per reload.

Twin of `rust/core/src/document.rs` and its folder, whose comments say what each field means; a test compares the two
field by field. The wire form is MessagePack: maps with these field names, and `kind` in the tagged unions. Nothing here
checks anything: `check` has done that, and Rust refuses what it cannot use.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

FORMAT: Final = 1
"""Version of this wire form; equal to `document::FORMAT`."""

DotSegments = Literal["resolve", "refuse"]
DoubleSlash = Literal["merge", "keep", "refuse"]
EncodedSlash = Literal["refuse", "keep", "decode"]
Balance = Literal["round_robin", "least_request", "random"]
Protocol = Literal["h2", "http/1.1"]
UpstreamProtocol = Literal["http/1.1", "h2", "auto"]
TlsVersion = Literal["1.2", "1.3"]
ClientAuthMode = Literal["off", "optional", "required"]
ClientCertPart = Literal["subject", "san", "spiffe_id", "fingerprint"]


class Wire(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of everything here: immutable, and a tree, so the garbage collector may pass by."""


class PathPolicy(Wire, frozen=True):
    dot_segments: DotSegments
    double_slash: DoubleSlash
    encoded_slash: EncodedSlash


class Certificate(Wire, frozen=True):
    names: tuple[str, ...]
    chain: tuple[bytes, ...]
    key: bytes
    ocsp: bytes | None

    def __repr__(self) -> str:
        """Without the key: what is shown by accident must not show it."""
        return f"Certificate(names={self.names!r})"


class ClientAuth(Wire, frozen=True):
    mode: ClientAuthMode
    roots: tuple[bytes, ...]


class Passthrough(Wire, frozen=True):
    source: str
    names: tuple[str, ...]
    upstream: int
    connect: int
    idle: int


class ListenerTls(Wire, frozen=True):
    certificates: tuple[Certificate, ...]
    client_auth: ClientAuth
    min_version: TlsVersion
    handshake_timeout: int
    passthrough: tuple[Passthrough, ...]


class Http2(Wire, frozen=True):
    max_concurrent_streams: int
    stream_window: int
    connection_window: int
    max_frame: int
    preface: bytes


class Listener(Wire, frozen=True):
    name: str
    key: int
    address: str
    scheme: str
    max_connections: int
    header_bytes: int
    headers: int
    header_timeout: int
    idle_timeout: int
    trust_forwarded: bool
    path: PathPolicy
    protocols: tuple[Protocol, ...]
    tls: ListenerTls | None
    http2: Http2
    proxy_protocol: tuple[str, ...]


class PathExact(Wire, frozen=True, tag_field="kind", tag="exact"):
    value: str


class PathPrefix(Wire, frozen=True, tag_field="kind", tag="prefix"):
    value: str


class PathRegex(Wire, frozen=True, tag_field="kind", tag="regex"):
    value: str


PathMatch = PathExact | PathPrefix | PathRegex


class ValueExact(Wire, frozen=True, tag_field="kind", tag="exact"):
    value: str


class ValueRegex(Wire, frozen=True, tag_field="kind", tag="regex"):
    value: str


class ValuePresent(Wire, frozen=True, tag_field="kind", tag="present"):
    value: bool


ValueTest = ValueExact | ValueRegex | ValuePresent


class ValueMatch(Wire, frozen=True):
    name: str
    test: ValueTest


class ClientCertMatch(Wire, frozen=True):
    part: ClientCertPart
    test: ValueTest


class Match(Wire, frozen=True):
    path: PathMatch
    methods: tuple[str, ...]
    headers: tuple[ValueMatch, ...]
    query: tuple[ValueMatch, ...]
    cookies: tuple[ValueMatch, ...]
    client_cert: tuple[ClientCertMatch, ...]


class Target(Wire, frozen=True):
    upstream: int
    weight: int


class Forward(Wire, frozen=True, tag_field="kind", tag="forward"):
    targets: tuple[Target, ...]


class Respond(Wire, frozen=True, tag_field="kind", tag="respond"):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Redirect(Wire, frozen=True, tag_field="kind", tag="redirect"):
    status: int
    to: str
    keep_query: bool


class Ask(Wire, frozen=True, tag_field="kind", tag="ask"):
    handler: int


Action = Forward | Respond | Redirect | Ask


class Timeouts(Wire, frozen=True):
    request: int
    per_try: int
    connect: int
    idle: int


class HeaderEdits(Wire, frozen=True):
    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


class Rewrite(Wire, frozen=True):
    path_prefix: str | None = None
    path: str | None = None
    host: str | None = None


class Rule(Wire, frozen=True):
    name: str
    source: str
    priority: int
    matches: tuple[Match, ...]
    action: Action
    timeouts: Timeouts
    request_headers: HeaderEdits
    response_headers: HeaderEdits
    rewrite: Rewrite
    grpc_web: bool


class Route(Wire, frozen=True):
    name: str
    source: str
    hosts: tuple[str, ...]
    listeners: tuple[int, ...]
    rules: tuple[Rule, ...]


class Endpoint(Wire, frozen=True):
    address: str
    weight: int


class UpstreamTls(Wire, frozen=True):
    roots: tuple[bytes, ...] | None
    server_name: str | None
    verify: bool
    chain: tuple[bytes, ...]
    key: bytes | None
    min_version: TlsVersion

    def __repr__(self) -> str:
        """Without the key, as above."""
        return f"UpstreamTls(server_name={self.server_name!r}, verify={self.verify!r})"


class Upstream(Wire, frozen=True):
    name: str
    source: str
    balance: Balance
    endpoints: tuple[Endpoint, ...]
    max_idle: int
    idle_timeout: int
    protocol: UpstreamProtocol
    tls: UpstreamTls | None
    http2: Http2


class Document(Wire, frozen=True):
    format: int
    generation: int
    name: str
    access_log: bool
    listeners: tuple[Listener, ...]
    routes: tuple[Route, ...]
    upstreams: tuple[Upstream, ...]
    system_roots: tuple[bytes, ...]
    handlers: tuple[str, ...]


def encode(document: Document) -> bytes:
    """The bytes that the engine takes."""
    return msgspec.msgpack.encode(document)
