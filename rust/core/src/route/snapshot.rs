//! The compiled snapshot: what workers read and nobody writes. Made by `build.rs`, swapped whole on reload.
//!
//! Theory: rules lie flat in one list and are named by their index; matches too, each knowing its rule. Tables hold
//! only ids and are shared: all hosts and listeners to which the same routes apply use the same table, so a route with
//! a thousand hosts costs one.

use super::condition::{Condition, Subject};
use super::edits::Edits;
use super::hosts::{HostTable, Pattern};
use super::passthrough::Passthrough;
use super::split::Split;
use super::table::Table;
use crate::document::{Balance, Http2, PathPolicy, Protocol, Timeouts, UpstreamProtocol};
use crate::preamble::networks::Networks;
use crate::tls::{ClientTls, ServerTls};
use std::fmt;
use std::sync::Arc;

/// One whole configuration, compiled.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts reloads.
    pub generation: u64,
    /// The pseudonym in `Via` and `Proxy-Status`.
    pub name: String,
    /// Whether workers write access log lines.
    pub access_log: bool,
    /// In document order.
    pub listeners: Vec<Listener>,
    /// In document order.
    pub routes: Vec<RouteInfo>,
    /// All rules of all routes; the index is the rule's id.
    pub rules: Vec<Rule>,
    /// All matches of all rules; the index is the match's id in traces.
    pub matches: Vec<Match>,
    /// In document order.
    pub upstreams: Vec<Upstream>,
    /// Names of Python handlers.
    pub handlers: Vec<String>,
    /// How many of the system's CAs could not be read.
    pub unread_roots: usize,
    pub(super) tables: Vec<Table>,
}

impl Snapshot {
    /// Whether a listener's routes name `authority`'s host, exactly or by wildcard.
    #[must_use]
    pub fn names_host(&self, listener: usize, authority: &[u8]) -> bool {
        let mut named = false;
        if let Some(listener) = self.listeners.get(listener) {
            listener.hosts.each(authority, |pattern, _| {
                named |= pattern != Pattern::Any;
                named
            });
        }
        named
    }
}

/// What explain says of a route.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// As written.
    pub name: String,
    /// `file:line`.
    pub source: String,
}

/// One address that connections are accepted on. Times are ms, 0 is none.
#[derive(Debug, Clone)]
pub struct Listener {
    /// As written.
    pub name: String,
    /// Stable over reloads for the same address.
    pub key: u32,
    /// As written.
    pub address: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Open connections over all workers.
    pub max_connections: u32,
    /// Bytes of a request head.
    pub header_bytes: u32,
    /// Fields of a request head.
    pub headers: u16,
    /// For a whole head.
    pub header_timeout: u32,
    /// Without any byte moving.
    pub idle_timeout: u32,
    /// Whether forwarding headers from downstream are believed.
    pub trust_forwarded: bool,
    /// For [`super::normalise`].
    pub path: PathPolicy,
    /// What is offered.
    pub protocols: Vec<Protocol>,
    /// What is said first over HTTP/2.
    pub http2: Http2,
    /// Who has to begin a connection with a PROXY header.
    pub proxies: Networks,
    /// None: plain text, or everything is passed on.
    pub tls: Option<Arc<ServerTls>>,
    /// TLS connections that are passed on unopened.
    pub passthrough: Passthrough,
    /// From accept to the end of the handshake, where there is TLS.
    pub handshake_timeout: u32,
    pub(super) hosts: HostTable,
}

/// What is done with the requests that one of its matches fits.
#[derive(Debug, Clone)]
pub struct Rule {
    /// As written.
    pub name: String,
    /// `file:line`.
    pub source: String,
    /// Index into [`Snapshot::routes`].
    pub route: u32,
    /// Higher wins.
    pub priority: i32,
    /// Id of its first match in [`Snapshot::matches`]; the others follow.
    pub first_match: u32,
    /// Number of its matches.
    pub match_count: u32,
    /// What happens.
    pub action: Action,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// To what is sent upstream.
    pub request_edits: Edits,
    /// To what is sent downstream.
    pub response_edits: Edits,
    /// Before forwarding.
    pub rewrite: Rewrite,
    /// gRPC-Web is translated.
    pub grpc_web: bool,
    /// Bytes of the matched prefix per match, for `rewrite.path_prefix`; `None`: the whole path is replaced.
    pub(super) prefix_bytes: Vec<Option<u32>>,
}

/// Compiled change of target.
#[derive(Debug, Clone, Default)]
pub struct Rewrite {
    /// Replaces the matched prefix.
    pub path_prefix: Option<String>,
    /// Replaces the whole path.
    pub path: Option<String>,
    /// Replaces `Host`.
    pub host: Option<String>,
}

impl Rewrite {
    /// Whether paths are sent on as they were matched.
    #[inline]
    #[must_use]
    pub const fn keeps_path(&self) -> bool {
        self.path.is_none() && self.path_prefix.is_none()
    }
}

/// Compiled action.
#[derive(Debug, Clone)]
pub enum Action {
    /// To one of the upstreams, by weight.
    Forward(Split),
    /// Answer from here.
    Respond(Respond),
    /// Answer with a `Location`.
    Redirect(Redirect),
    /// Ask Python.
    Ask {
        /// Index into [`Snapshot::handlers`].
        handler: u32,
    },
}

/// A fixed answer.
#[derive(Debug, Clone)]
pub struct Respond {
    /// 200–599.
    pub status: u16,
    /// `name: value\r\n` for each field.
    pub lines: Vec<u8>,
    /// The whole body; empty for statuses that have none.
    pub body: Vec<u8>,
}

/// An answer that points elsewhere.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Absolute URI or absolute path.
    pub to: String,
    /// Whether the request's query is appended.
    pub keep_query: bool,
}

/// All conditions must hold.
#[derive(Debug, Clone)]
pub struct Match {
    /// The rule it belongs to.
    pub rule: u32,
    /// Its number within the rule.
    pub matched: u32,
    /// On the normalised path.
    pub path: PathTest,
    /// Empty: any.
    pub methods: Vec<Box<[u8]>>,
    /// Headers, then query, then cookies, then the client.
    pub conditions: Vec<Condition>,
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathTest {
    /// The whole path.
    Exact(Box<[u8]>),
    /// Whole segments; no trailing slash unless it is `/`.
    Prefix(Box<[u8]>),
    /// The whole path.
    Regex(Box<str>),
}

impl PathTest {
    /// `exact`, `prefix` or `regex`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Prefix(_) => "prefix",
            Self::Regex(_) => "regex",
        }
    }
}

/// The value as written.
impl fmt::Display for PathTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) | Self::Prefix(path) => f.write_str(&String::from_utf8_lossy(path)),
            Self::Regex(text) => f.write_str(text),
        }
    }
}

/// Conditions by kind.
pub(super) struct Counts {
    pub headers: usize,
    pub queries: usize,
    pub cookies: usize,
    pub clients: usize,
}

impl Match {
    /// Whether the path is its only condition.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.methods.is_empty() && self.conditions.is_empty()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts { headers: 0, queries: 0, cookies: 0, clients: 0 };
        for condition in &self.conditions {
            match condition.subject {
                Subject::Method => {}
                Subject::Header(_) => counts.headers += 1,
                Subject::Query(_) => counts.queries += 1,
                Subject::Cookie(_) => counts.cookies += 1,
                Subject::Client(_) => counts.clients += 1,
            }
        }
        counts
    }

    /// Subjects of which it wants an exact value, each once.
    pub(super) fn exact_subjects(&self) -> impl Iterator<Item = Subject> {
        let method = (!self.methods.is_empty()).then_some(Subject::Method);
        let exact = self.conditions.iter().filter(|condition| condition.exact().is_some());
        let mut subjects: Vec<Subject> = exact.map(|condition| condition.subject.clone()).collect();
        subjects.sort();
        subjects.dedup();
        method.into_iter().chain(subjects)
    }
}

/// A group of endpoints that serve the same thing.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// As written.
    pub name: String,
    /// `file:line`.
    pub source: String,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// In document order; may be empty.
    pub endpoints: Vec<Endpoint>,
    /// Idle connections kept per endpoint and worker.
    pub max_idle: u32,
    /// How long one may lie idle, ms.
    pub idle_timeout: u32,
    /// What is spoken there.
    pub protocol: UpstreamProtocol,
    /// What is said first over HTTP/2.
    pub http2: Http2,
    /// None: plain text.
    pub tls: Option<Arc<ClientTls>>,
}

/// One server.
pub type Endpoint = crate::document::Endpoint;
