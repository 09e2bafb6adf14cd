//! The shape of an explanation: what Python prints and the admin API answers.
//!
//! Bytes from outside appear as text with U+FFFD in place of what is not UTF-8.

use crate::document::{Balance, Endpoint, Timeouts};
use crate::reason::Reason;
use serde::Serialize;

/// Everything that was seen on the way to an answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Explanation {
    /// `forward`, `respond`, `redirect`, `ask`, `pass_through`, `no_host`, `no_rule`, `no_target` or `refused`.
    pub verdict: String,
    /// The status, where it is answered from here.
    pub status: Option<u16>,
    /// Word of the closed set (`crate::reason`), if it is refused or there is nowhere to go.
    pub reason: Option<String>,
    /// The same for a person, more exactly.
    pub text: Option<String>,
    /// Where it arrived.
    pub listener: Option<Listener>,
    /// Why its connection is passed on. Then nothing of the request is read, and only [`Explanation::upstream`] follows.
    pub passed: Option<Passed>,
    /// As the codec read it.
    pub request: Option<Request>,
    /// What it says of gRPC, if it is that.
    pub grpc: Option<Grpc>,
    /// How the path was brought into normal form.
    pub path: Option<Path>,
    /// Patterns that fit the host, most exact first.
    pub hosts: Vec<Host>,
    /// The rule that is taken.
    pub taken: Option<Taken>,
    /// Matches whose path fits, in order of precedence.
    pub candidates: Vec<Candidate>,
    /// Candidates that were considered but are not listed.
    pub omitted: usize,
    /// Candidates that an index left out, since they want other values.
    pub passed_over: Vec<PassedOver>,
    /// Matches under these hosts whose path does not fit.
    pub other_paths: usize,
    /// The weighted split.
    pub split: Vec<Share>,
    /// The one that was drawn.
    pub upstream: Option<Upstream>,
    /// Request target sent upstream.
    pub target: Option<String>,
    /// In place of `Host`.
    pub host_rewrite: Option<String>,
    /// Edits on the way up.
    pub request_headers: Edits,
    /// Edits on the way down.
    pub response_headers: Edits,
    /// The answer given from here.
    pub respond: Option<Respond>,
    /// `Location` of the redirect.
    pub location: Option<String>,
    /// Name of the Python handler.
    pub handler: Option<String>,
    /// Deadlines, ms; 0 is none.
    pub timeouts: Option<Timeouts>,
}

impl Explanation {
    /// No rule's answer but one of our own.
    pub(super) fn fail(&mut self, verdict: &str, status: u16, reason: Reason, text: impl Into<String>) {
        self.verdict = verdict.into();
        self.status = Some(status);
        self.reason = Some(reason.word().into());
        self.text = Some(text.into());
    }
}

/// Where it arrived.
#[derive(Debug, Clone, Serialize)]
pub struct Listener {
    /// As written.
    pub name: String,
    /// As written.
    pub address: String,
    /// Why this one.
    pub chosen: String,
}

/// A connection of TLS that goes to the upstream unopened.
#[derive(Debug, Clone, Serialize)]
pub struct Passed {
    /// The name that the client asks for (SNI).
    pub name: String,
    /// What fits it: a name or `*.suffix`.
    pub pattern: String,
    /// `file:line`.
    pub source: String,
    /// Deadline of the connection to an endpoint, ms; 0 is none.
    pub connect: u32,
    /// Time without a byte in either direction, ms; 0 is any.
    pub idle: u32,
}

/// As the codec read it.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// As sent.
    pub method: String,
    /// The listener's.
    pub scheme: String,
    /// As sent, perhaps with port.
    pub host: String,
    /// As sent.
    pub path: String,
    /// As sent.
    pub query: Option<String>,
}

/// What a request says of gRPC.
#[derive(Debug, Clone, Serialize)]
pub struct Grpc {
    /// `grpc`, `grpc-web` or `grpc-web-text`: how the client speaks and wants its answer.
    pub kind: String,
    /// The client's deadline, ns.
    pub timeout_ns: Option<u64>,
    /// Whether the rule has it translated to gRPC and back.
    pub translated: bool,
}

/// How the path was brought into normal form.
#[derive(Debug, Clone, Serialize)]
pub struct Path {
    /// As sent.
    pub raw: String,
    /// What everything looks at and the upstream gets.
    pub normal: String,
    /// Whether they differ.
    pub changed: bool,
}

/// A pattern that fits the host.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// A name, `*.suffix` or `any`.
    pub pattern: String,
    /// Whether the rule taken stands under it.
    pub taken: bool,
    /// Matches under it.
    pub matches: usize,
}

/// The rule that is taken.
#[derive(Debug, Clone, Serialize)]
pub struct Taken {
    /// Name.
    pub route: String,
    /// `file:line`.
    pub route_source: String,
    /// Name.
    pub rule: String,
    /// `file:line`.
    pub rule_source: String,
    /// Which of its matches, from 0.
    pub matched: u32,
}

/// A match whose path fits.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// Index into [`Explanation::hosts`].
    pub host: usize,
    /// Name.
    pub route: String,
    /// `file:line`.
    pub route_source: String,
    /// Name.
    pub rule: String,
    /// `file:line`.
    pub rule_source: String,
    /// Which of its matches, from 0.
    pub matched: u32,
    /// `taken`, `fits` or `fails`.
    pub state: String,
    /// Path, method, headers, query, cookies.
    pub conditions: Vec<Condition>,
    /// For `fits`: why another is taken, such as `0 header conditions against 1`.
    pub loses: Option<String>,
}

/// One condition of a candidate.
#[derive(Debug, Clone, Serialize)]
pub struct Condition {
    /// `path`, `method`, `header`, `query` or `cookie`.
    pub subject: String,
    /// Of the header, parameter or cookie; empty for path and method.
    pub name: String,
    /// `exact`, `prefix`, `regex`, `present`, `absent` or, for methods, `any_of`.
    pub test: String,
    /// What the test compares with; empty for `present` and `absent`.
    pub wanted: String,
    /// Whether it holds.
    pub held: bool,
    /// Values that the request has there.
    pub seen: Vec<String>,
}

/// Candidates that want other values of one subject.
#[derive(Debug, Clone, Serialize)]
pub struct PassedOver {
    /// `method`, `header`, `query` or `cookie`.
    pub subject: String,
    /// Its name; empty for the method.
    pub name: String,
    /// What the request has there.
    pub seen: Vec<String>,
    /// How many.
    pub count: usize,
}

/// One part of the weighted split.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// Name.
    pub upstream: String,
    /// As written.
    pub weight: u32,
    /// Of all, 0–100.
    pub percent: f64,
    /// Whether this draw takes it.
    pub drawn: bool,
}

/// Where it is forwarded to.
#[derive(Debug, Clone, Serialize)]
pub struct Upstream {
    /// Name.
    pub name: String,
    /// `file:line`.
    pub source: String,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// All of them.
    pub endpoints: Vec<Endpoint>,
}

/// Edits of a header section.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Edits {
    /// Names that are left out, those that are set again among them.
    pub dropped: Vec<String>,
    /// `name: value` for each field that is appended.
    pub appended: Vec<String>,
}

/// The answer given from here.
#[derive(Debug, Clone, Serialize)]
pub struct Respond {
    /// Status.
    pub status: u16,
    /// `name: value`.
    pub headers: Vec<String>,
    /// Bytes of the body.
    pub body_bytes: usize,
}
