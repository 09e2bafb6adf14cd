//! The snapshot document: what crosses the border from Python, once per reload.
//!
//! Python has validated it and written the good error messages; these structs are the wire form (MessagePack maps
//! with these field names, msgspec's default for structs; tagged unions carry `kind`). `crate::route` builds
//! tables from it or refuses it whole. Twin: `gateway/config/document.py`; a test compares the two field by field.
//!
//! Rules: indexes, not names, wherever one thing refers to another; milliseconds for time; no optional field whose
//! default could be written out instead; nothing here is looked at per request.

mod connection;

pub use connection::{
    Certificate, ClientAuth, ClientAuthMode, Http2, ListenerTls, Passthrough, Protocol, TlsVersion,
    UpstreamProtocol, UpstreamTls,
};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Version of this wire form; a document with another number is refused.
pub const FORMAT: u32 = 1;

/// One whole configuration.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Must equal [`FORMAT`].
    pub format: u32,
    /// Counts reloads; shown as `gateway_config_generation`.
    pub generation: u64,
    /// The pseudonym used in `Via` and `Proxy-Status` (RFC 9110 §7.6.3), `gateway` unless configured.
    pub name: String,
    /// Whether workers write access log lines.
    pub access_log: bool,
    /// Listeners, the admin listener among them.
    pub listeners: Vec<Listener>,
    /// Routes in file order (order decides nothing).
    pub routes: Vec<Route>,
    /// Upstreams, referred to by index.
    pub upstreams: Vec<Upstream>,
    /// DER of the CAs that the system trusts; empty if no upstream is verified with them. One that cannot be read is
    /// passed over: nobody here could mend it.
    pub system_roots: Vec<ByteBuf>,
    /// Names of the Python handlers that rules may ask, referred to by index.
    pub handlers: Vec<String>,
}

/// One address that connections are accepted on.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Name as written.
    pub name: String,
    /// Stable over reloads for the same address: sockets and connections are found again by it.
    pub key: u32,
    /// Address as written, for explain.
    pub address: String,
    /// `http` or `https`: what the client used, for `X-Forwarded-Proto` and redirects.
    pub scheme: String,
    /// Open connections on this listener, over all workers; the next one is closed at once.
    pub max_connections: u32,
    /// Bytes of a request head.
    pub header_bytes: u32,
    /// Fields of a request head.
    pub headers: u16,
    /// From the first byte of a head (or accept) to its end, ms.
    pub header_timeout: u32,
    /// Between requests, and without any byte moving in either direction during one, ms.
    pub idle_timeout: u32,
    /// Whether `X-Forwarded-*`, `Forwarded` and `x-request-id` from the client are believed and extended.
    pub trust_forwarded: bool,
    /// How request paths are brought into one normal form before anything looks at them.
    pub path: PathPolicy,
    /// What may be spoken here, in order of preference; never empty. By ALPN under TLS, else HTTP/2 by prior knowledge.
    pub protocols: Vec<Protocol>,
    /// None: plain text.
    pub tls: Option<ListenerTls>,
    /// What an HTTP/2 connection is offered.
    pub http2: Http2,
    /// Networks (CIDR) whose connections begin with a PROXY header; empty: none do.
    pub proxy_protocol: Vec<String>,
}

/// The documented normalisation step. Unreserved escapes are always decoded (RFC 3986 §6.2.2.2); NUL and other
/// control bytes, escaped or not, are always refused.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PathPolicy {
    /// `.` and `..` segments, written plainly or as `%2e`.
    pub dot_segments: DotSegments,
    /// `//`.
    pub double_slash: DoubleSlash,
    /// `%2f`, `%5c` and a plain backslash.
    pub encoded_slash: EncodedSlash,
}

/// What to do with dot segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DotSegments {
    /// Remove them as RFC 3986 §5.2.4 says; one that climbs above the root is refused with 400.
    Resolve,
    /// 400.
    Refuse,
}

/// What to do with empty segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubleSlash {
    /// `//` becomes `/`.
    Merge,
    /// Left alone.
    Keep,
    /// 400.
    Refuse,
}

/// What to do with escaped slashes and backslashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodedSlash {
    /// 400 (the default: what was checked is what is forwarded).
    Refuse,
    /// Left escaped; never a segment border for us.
    Keep,
    /// Becomes `/` before dot segments are resolved.
    Decode,
}

/// A set of hosts and the rules that apply there.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name as written.
    pub name: String,
    /// `file:line` for explain.
    pub source: String,
    /// Lower-case, without port: exact names or `*.suffix`. Empty: every host.
    pub hosts: Vec<String>,
    /// Indexes into [`Document::listeners`]. Python writes them out, so it is never empty.
    pub listeners: Vec<u32>,
    /// At least one.
    pub rules: Vec<Rule>,
}

/// What is done with the requests that one of `matches` fits.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name as written or `route#index`.
    pub name: String,
    /// `file:line` for explain.
    pub source: String,
    /// Higher wins before anything else is compared; 0 unless written.
    pub priority: i32,
    /// Any of these; at least one.
    pub matches: Vec<Match>,
    /// What happens.
    pub action: Action,
    /// Deadlines, defaults filled in.
    pub timeouts: Timeouts,
    /// Edits to what is sent upstream.
    pub request_headers: HeaderEdits,
    /// Edits to what is sent downstream.
    pub response_headers: HeaderEdits,
    /// Change of target before forwarding.
    pub rewrite: Rewrite,
    /// Whether gRPC-Web is translated to gRPC and back.
    pub grpc_web: bool,
}

/// All conditions must hold.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Always present; `prefix /` when none was written.
    pub path: PathMatch,
    /// Methods, upper case; empty: any.
    pub methods: Vec<String>,
    /// Field conditions; names in lower case.
    pub headers: Vec<ValueMatch>,
    /// Query parameter conditions, on percent-decoded names and values.
    pub query: Vec<ValueMatch>,
    /// Cookie conditions.
    pub cookies: Vec<ValueMatch>,
    /// Conditions on the client's verified certificate.
    pub client_cert: Vec<ClientCertMatch>,
}

/// A condition on the normalised path.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PathMatch {
    /// The whole path.
    Exact {
        /// In normal form.
        value: String,
    },
    /// Whole segments: `/a` fits `/a`, `/a/` and `/a/b`, not `/ab`.
    Prefix {
        /// In normal form, without trailing slash unless it is `/`.
        value: String,
    },
    /// The whole path, anchored at both ends.
    Regex {
        /// Syntax of the Rust `regex` crate.
        value: String,
    },
}

/// A condition on one named value.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMatch {
    /// Of the header (lower case), query parameter or cookie (case-sensitive).
    pub name: String,
    /// The condition.
    pub test: ValueTest,
}

/// A condition on the client's verified certificate.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertMatch {
    /// What is looked at.
    pub part: ClientCertPart,
    /// The condition.
    pub test: ValueTest,
}

/// A part of a certificate. One that was not shown has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertPart {
    /// The distinguished name as RFC 4514 writes it; every certificate has one, be it empty.
    Subject,
    /// Any of its DNS names, URIs, e-mail and IP addresses.
    San,
    /// The one URI of scheme `spiffe`.
    SpiffeId,
    /// SHA-256 of the DER, lower-case hex.
    Fingerprint,
}

impl ClientCertPart {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::San => "san",
            Self::SpiffeId => "spiffe_id",
            Self::Fingerprint => "fingerprint",
        }
    }
}

/// What must hold of a value.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ValueTest {
    /// Equal, byte for byte.
    Exact {
        /// The value.
        value: String,
    },
    /// The whole value fits.
    Regex {
        /// Syntax of the Rust `regex` crate, anchored at both ends.
        value: String,
    },
    /// Present (true) or absent (false).
    Present {
        /// Which.
        value: bool,
    },
}

/// What a rule does.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Forward to one of the targets, by weight.
    Forward {
        /// At least one with weight above 0, unless all are 0: then 503.
        targets: Vec<Target>,
    },
    /// Answer from here.
    Respond {
        /// 200–599.
        status: u16,
        /// Lower-case names.
        headers: Vec<(String, String)>,
        /// The whole body.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// Answer with a `Location`.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The location: absolute URI or absolute path, as written.
        to: String,
        /// Append the request's query if `to` has none.
        keep_query: bool,
    },
    /// Ask a Python handler.
    Ask {
        /// Index into [`Document::handlers`].
        handler: u32,
    },
}

/// One share of a weighted split.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Index into [`Document::upstreams`].
    pub upstream: u32,
    /// Share of the sum of weights.
    pub weight: u32,
}

/// Deadlines, ms; 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// From the end of the request head to the last byte of the answer.
    pub request: u32,
    /// From choosing an endpoint to the end of the answer's head.
    pub per_try: u32,
    /// For a TCP connection to the endpoint.
    pub connect: u32,
    /// Without any byte moving in either direction, while a request is open.
    pub idle: u32,
}

/// Edits of a header section, applied in the order remove, set, add.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderEdits {
    /// Replace all fields of that name. Lower-case names.
    pub set: Vec<(String, String)>,
    /// Append a field.
    pub add: Vec<(String, String)>,
    /// Lower-case names.
    pub remove: Vec<String>,
}

/// Change of target before forwarding.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// Replaces the matched prefix (for an exact or regex match: the whole path).
    pub path_prefix: Option<String>,
    /// Replaces the whole path.
    pub path: Option<String>,
    /// Replaces `Host`.
    pub host: Option<String>,
}

/// A group of endpoints that serve the same thing.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Name as written.
    pub name: String,
    /// `file:line` for explain.
    pub source: String,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// May be empty: then 503.
    pub endpoints: Vec<Endpoint>,
    /// Idle connections kept per endpoint and worker.
    pub max_idle: u32,
    /// How long a connection may lie idle in the pool, ms.
    pub idle_timeout: u32,
    /// What is spoken.
    pub protocol: UpstreamProtocol,
    /// None: plain text.
    pub tls: Option<UpstreamTls>,
    /// What an HTTP/2 connection is offered.
    pub http2: Http2,
}

/// One server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `ip:port`, `[ip6]:port` or `unix:/path`.
    pub address: String,
    /// Share within the upstream, at least 1.
    pub weight: u32,
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Best of two by in-flight requests over weight.
    LeastRequest,
    /// By weight.
    Random,
}
