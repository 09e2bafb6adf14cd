//! One request and its answer, from the parsed head to the last byte.
//!
//! Theory: an exchange lives in its downstream connection and is *driven*: whatever became ready, [`relay`] looks at
//! both sides and moves what can be moved. There are no callbacks and no queue of events to come; the flags of the two
//! sockets and the two decoders say everything. So each step may stop at any point and is found again as it was.
//!
//! Rules: one request has exactly one outcome, told by [`finish`]; nothing is read from one side that the other cannot
//! take (back-pressure); an answer that was cut is ended by a reset, so that it never looks complete; what goes out is
//! written anew from what was understood.
//!
//! Rooms: [`begin`] (head → decision) · [`forward`] (request head) · [`lease`] (connection, replay), `stream` (the same on
//! HTTP/2) · [`relay`] (bodies) · [`respond`] (an answer begins), [`backward`] (its head) · `write` (for both heads) ·
//! [`answer`] (our own) · [`asked`] (Python's) · [`grpc`] · [`tunnel`], [`passthrough`], [`websocket`] · [`finish`].

pub mod answer;
pub mod asked;
pub mod backward;
pub mod begin;
pub mod body;
pub(crate) mod dial;
pub mod finish;
pub mod forward;
pub mod grpc;
pub mod lease;
pub mod passthrough;
pub mod relay;
pub mod respond;
mod stream;
pub mod tunnel;
pub mod websocket;
mod write;

use std::rc::Rc;

use crate::account::line::Asked as LineHead;
use crate::http1::body::Decoder;
use crate::http1::request::Method;
use crate::reason::Reason;
use crate::route::Rule;
use crate::tls::{Identity, Known};
use crate::upstream::{Place, Up};
use crate::worker::border::AskId;
use crate::worker::io::Pace;
use crate::worker::local::Local;
use crate::worker::table::Id;

/// What became of an attempt to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing can be done until something becomes ready.
    Wait,
    /// More can be done at once.
    Again,
    /// Close the downstream connection.
    Close,
    /// Reset it.
    Reset,
}

/// An upstream connection taken out of its table while its exchange is driven.
pub struct Link<S> {
    /// Its id.
    pub id: Id,
    /// The connection.
    pub up: Box<Up<S>>,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Nobody yet, or the gateway itself.
    Own,
    /// An upstream connection, or a stream of one.
    Up(Id),
    /// Nobody until a connection has said whether it can be asked; what is to be sent is in [`Exchange::replay`].
    Waits,
    /// A Python handler.
    Ask(AskId),
}

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 or 1.1, as [`Exchange::minor`] says.
    Http1,
    /// HTTP/2: the downstream is a stream.
    Http2,
    /// TLS that is passed through: what is inside is not known.
    Tls,
}

/// How far the answer has come.
#[derive(Debug)]
pub enum Answer {
    /// Its head is not there yet.
    Awaited,
    /// Its body is being relayed.
    Body {
        /// Of the upstream's side; `None` for a handler's.
        decoder: Decoder,
        /// How it is framed for the client.
        chunked: bool,
    },
}

/// One exchange.
pub struct Exchange {
    /// The snapshot it began with.
    pub local: Rc<Local>,
    /// Index of the listener in that snapshot.
    pub listener: u32,
    /// Index of the rule, if one fitted.
    pub rule: Option<u32>,
    /// Index of the upstream, if it is forwarded.
    pub upstream: Option<u32>,
    /// Who answers.
    pub backend: Backend,
    /// The chosen endpoint.
    pub place: Option<Place>,
    /// Of the request.
    pub method: Method,
    /// What the client speaks.
    pub version: Version,
    /// Minor version of the request; 1 over HTTP/2.
    pub minor: u8,
    /// The client may use the connection again.
    pub keep_alive: bool,
    /// The client asked to switch protocols.
    pub upgrade: bool,
    /// Lines that tell a client of HTTP/1.1 that an upstream of HTTP/2 has agreed.
    pub agreement: Vec<u8>,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The request body as it comes.
    pub request: Decoder,
    /// The request body goes upstream in chunks.
    pub request_chunked: bool,
    /// The upstream no longer takes the request; only its answer is awaited.
    pub deaf: bool,
    /// How far the answer has come.
    pub answer: Answer,
    /// The upstream connection may serve another request after this one.
    pub reusable: bool,
    /// A head was sent to the client (informational ones do not count).
    pub head_sent: bool,
    /// Status sent, 0 if none was.
    pub status: u16,
    /// Why it ended.
    pub reason: Reason,
    /// The request as sent, for a replay on another connection; empty if it cannot be replayed.
    pub replay: Vec<u8>,
    /// Bytes of it that are a field block, for a stream; 0: it is HTTP/1.
    pub replay_block: u32,
    /// Replays made.
    pub replays: u8,
    /// When its head was complete, ns.
    pub started: u64,
    /// Deadline of the whole request, ns; `u64::MAX`: none.
    pub deadline: u64,
    /// Deadline of what is awaited now: the connection or the answer's head.
    pub try_deadline: u64,
    /// Deadline of the head of the answer, counted from choosing the endpoint.
    pub per_try_deadline: u64,
    /// How the upstream takes the request.
    pub inward: Pace,
    /// How the client takes the answer.
    pub outward: Pace,
    /// In a tunnel: the client's end was passed on.
    pub client_finished: bool,
    /// In a tunnel: the upstream's end was passed on.
    pub upstream_finished: bool,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// What the access log will say, if there is one.
    pub line: Option<Box<LineHead>>,
    /// What it is to gRPC.
    pub grpc: grpc::Grpc,
    /// Window of an asked exchange.
    pub window: asked::Window,
    /// What TLS knows of the client, if there is TLS.
    pub known: Option<Rc<Known>>,
}

impl Exchange {
    /// The rule that was taken.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.local.snapshot.rules.get(self.rule? as usize)
    }

    /// Whether the client is to see no body, whatever the answer says (RFC 9112 §6.3).
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == Method::Head
    }

    /// What the client speaks, as `Via` names it (RFC 9110 §7.6.3).
    #[must_use]
    pub fn via(&self) -> &'static str {
        match (self.version, self.minor) {
            (Version::Http2, _) => "2",
            (Version::Tls, _) => "",
            (Version::Http1, 0) => "1.0",
            (Version::Http1, _) => "1.1",
        }
    }

    /// What the client speaks, in words.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match (self.version, self.minor) {
            (Version::Http2, _) => "HTTP/2",
            (Version::Tls, _) => "tls",
            (Version::Http1, 0) => "HTTP/1.0",
            (Version::Http1, _) => "HTTP/1.1",
        }
    }

    /// Whether an answer with this status would be taken for a switch of protocols that did not happen: to extended CONNECT
    /// any 2xx is one (RFC 8441 §5; for HTTP/1.1, Envoy's CVE-2024-23326).
    #[must_use]
    pub fn would_switch(&self, status: u16) -> bool {
        self.version == Version::Http2 && self.upgrade && (200..300).contains(&status)
    }

    /// Who the client is, if it has shown a certificate.
    #[inline]
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.known.as_ref()?.identity.as_ref()
    }

    /// Whether sending the request a second time can do no harm (RFC 9110 §9.2.2).
    #[must_use]
    pub fn idempotent(&self) -> bool {
        use Method::{Delete, Get, Head, Options, Put, Trace};
        matches!(self.method, Get | Head | Options | Trace | Put | Delete)
    }
}
