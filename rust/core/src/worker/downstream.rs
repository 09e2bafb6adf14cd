//! A client's connection between and during exchanges.

use std::rc::Rc;
use std::sync::Arc;

use super::io::Io;
use super::table::Id;
use super::timer::TimerId;
use crate::account::ledger::Gauge;
use crate::exchange::Exchange;
use crate::http1::head::Scan;
use crate::net::Peer;
use crate::session::stream::Stream;
use crate::tls::Known;

/// What a client's connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A PROXY header has to come first.
    Preamble,
    /// The first message of TLS is read, for its name.
    Hello,
    /// TLS is not agreed upon yet.
    Handshake {
        /// It stands in line for a step.
        queued: bool,
    },
    /// Waiting for the first byte of a request.
    Idle,
    /// A head has begun.
    Head,
    /// A request is being answered.
    Exchange,
    /// The connection switched protocols; bytes pass both ways.
    Tunnel,
    /// The connection speaks HTTP/2; its streams are downstreams of their own.
    Session {
        /// What it carries.
        session: Id,
        /// Streams are open.
        busy: bool,
    },
    /// The last answer was given; what still comes is discarded until the client has seen it (RFC 9112 §9.6).
    Linger {
        /// Bytes that may still be discarded.
        left: u64,
        /// Our end was sent.
        finished: bool,
    },
}

/// A client's connection, or one stream of it.
pub struct Down<S> {
    /// Its socket; a stream has none.
    pub io: Io<S>,
    /// The stream, if it is one.
    pub stream: Option<Stream>,
    /// Who it is.
    pub peer: Peer,
    /// What TLS knows of it; shared with its streams.
    pub known: Option<Rc<Known>>,
    /// The listener it came by.
    pub listener: u32,
    /// Where the connection is counted; a stream is not.
    pub gauge: Option<Arc<Gauge>>,
    /// Bytes that were read and not yet understood: a partial head, or requests that wait their turn.
    pub carry: Vec<u8>,
    /// How far a partial head was looked at.
    pub scan: Scan,
    /// What it is doing.
    pub phase: Phase,
    /// The exchange, while there is one.
    pub exchange: Option<Exchange>,
    /// When the phase began, ns.
    pub since: u64,
    /// When a byte last moved, ns.
    pub moved: u64,
    /// Its timer.
    pub timer: TimerId,
    /// Answers given.
    pub served: u32,
    /// Empty lines passed over since then.
    pub empty_lines: u8,
    /// Time for a head, ns; before that for the handshake.
    pub header_timeout: u64,
    /// Time between requests, ns.
    pub idle_timeout: u64,
    /// Time without a byte while a request is open, ns.
    pub quiet_timeout: u64,
    /// It may stay idle until then, ns; set when its listener drains.
    pub leave_by: u64,
}

/// A time of the configuration, ms, as ns; 0 there means none.
#[must_use]
pub fn time(ms: u32) -> u64 {
    if ms == 0 { u64::MAX } else { u64::from(ms) * 1_000_000 }
}

impl<S> Down<S> {
    /// It is a stream, not a connection.
    #[inline]
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// It is a connection whose streams are downstreams of their own.
    #[must_use]
    pub const fn carries_streams(&self) -> bool {
        matches!(self.phase, Phase::Session { .. })
    }

    /// Enter a phase.
    #[inline]
    pub fn enter(&mut self, phase: Phase, now: u64) {
        self.phase = phase;
        self.since = now;
        self.moved = now;
    }

    /// The earliest time at which somebody must look at this connection, ns.
    #[inline]
    #[must_use]
    pub fn due(&self) -> u64 {
        let quiet = self.moved.saturating_add(self.quiet_timeout);
        match (self.phase, &self.exchange) {
            // The last answer is still being taken: that is not idle.
            (Phase::Idle, _) if self.io.blocked() => quiet,
            (Phase::Idle, _) => {
                let time = if self.served == 0 { self.header_timeout } else { self.idle_timeout };
                self.since.saturating_add(time).min(self.leave_by)
            }
            (Phase::Preamble | Phase::Hello, _) => {
                self.since.saturating_add(self.header_timeout).min(self.leave_by)
            }
            // Its streams look after themselves.
            (Phase::Session { busy: true, .. }, _) => {
                if self.io.blocked() {
                    quiet
                } else {
                    u64::MAX
                }
            }
            (Phase::Session { .. }, _) if self.io.blocked() => quiet,
            (Phase::Session { .. }, _) => {
                let time = if self.served == 0 { self.header_timeout } else { self.idle_timeout };
                self.since.saturating_add(time)
            }
            (Phase::Handshake { .. }, _) => self.since.saturating_add(self.header_timeout),
            (Phase::Head, _) => self.since.saturating_add(self.header_timeout),
            (Phase::Exchange, Some(exchange)) => exchange.deadline.min(exchange.try_deadline).min(quiet),
            (Phase::Tunnel, Some(exchange)) => exchange.try_deadline.min(quiet),
            (Phase::Exchange | Phase::Tunnel, _) => quiet,
            (Phase::Linger { finished: false, .. }, _) => quiet,
            (Phase::Linger { .. }, _) => self.since.saturating_add(super::limits::LINGER_MS * 1_000_000),
        }
    }
}
