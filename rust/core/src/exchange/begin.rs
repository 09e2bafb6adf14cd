//! From bytes to a decision: reading a head, bringing its path into normal form, deciding, and handing over.

use std::rc::Rc;

use super::asked::Window;
use super::grpc::Grpc;
use super::{Answer, Backend, Exchange, Link, Step, Version};
use crate::document::Protocol;
use crate::http1::Span;
use crate::http1::body::Decoder;
use crate::http1::head::{Framing, Limits, Progress, Refusal, Scan};
use crate::http1::request::{Form, Method, Request};
use crate::net::Net;
use crate::reason::Reason;
use crate::route::{self, Decision, HeadFields, Input, NoTrace, Normal, Rule, Verdict, normalise};
use crate::session::downstream::PREFACE_HEAD;
use crate::worker::downstream::{Down, Phase, time};
use crate::worker::io::{Pace, Read};
use crate::worker::local::Local;
use crate::worker::table::Id;
use crate::worker::{Worker, limits};

/// A request whose head is complete.
pub struct Incoming<'a> {
    /// The parsed head.
    pub request: &'a Request,
    /// The bytes it was parsed from, and what came with them.
    pub bytes: &'a [u8],
    /// Its path in normal form; `*` is decided as `/`.
    pub path: &'a [u8],
    /// Whether it came in that form.
    pub normal: Normal,
    /// What was decided.
    pub decision: Decision,
    /// Chance, for the endpoint.
    pub draw: u64,
}

impl<'a> Incoming<'a> {
    /// What came after the head.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.request.head_len as usize..).unwrap_or(&[])
    }

    /// The target as it came, if `rule` sends it on like that.
    #[must_use]
    pub fn target(&self, rule: &Rule) -> Option<&'a [u8]> {
        let request = self.request;
        let end = request.query.map_or(request.path.end, |query| query.end);
        let stands = request.form == Form::Origin && self.normal == Normal::Unchanged;
        (stands && rule.rewrite.keeps_path()).then(|| Span { start: request.path.start, end }.of(self.bytes))
    }

    /// The query, without `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        self.request.query.map(|span| span.of(self.bytes))
    }
}

impl<N: Net> Worker<N> {
    /// Read what there is of the next head and, once it is complete, start its exchange.
    pub(crate) fn begin(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        if down.io.blocked() {
            return Step::Wait;
        }
        if down.phase == Phase::Idle && !down.carry.is_empty() {
            let carry = std::mem::take(&mut down.carry);
            let step = self.head(id, down, link, &carry);
            self.buffers.give(carry);
            return step;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let room = scratch.get_mut(..limits::FIRST_READ).unwrap_or(&mut []);
        let step = match down.io.read(&mut self.net, room) {
            Read::Nothing => Step::Wait,
            Read::End => Step::Close,
            Read::Bytes(count) => {
                let fresh = scratch.get(..count).unwrap_or(&[]);
                if down.carry.is_empty() {
                    self.head(id, down, link, fresh)
                } else {
                    self.more_of_head(id, down, link, fresh)
                }
            }
        };
        self.scratch = scratch;
        step
    }

    /// More of a head that came in pieces; parsed again only when its end may have come.
    fn more_of_head(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        fresh: &[u8],
    ) -> Step {
        down.carry.extend_from_slice(fresh);
        let limits = self.head_limits(down);
        if !down.scan.complete(&down.carry, &limits) {
            return Step::Again;
        }
        let carry = std::mem::take(&mut down.carry);
        let step = self.head(id, down, link, &carry);
        self.buffers.give(carry);
        step
    }

    fn head_limits(&self, down: &Down<N::Sock>) -> Limits {
        let (local, index) = self.local.that_knows(down.listener);
        let whole = Limits::default();
        let limits = Limits { empty_lines: whole.empty_lines.saturating_sub(down.empty_lines), ..whole };
        match local.description(index) {
            Some(listener) => {
                Limits { header_bytes: listener.header_bytes, headers: listener.headers, ..limits }
            }
            None => limits,
        }
    }

    fn head(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Step {
        crate::fault::point("begin.read");
        if (down.served, down.empty_lines) == (0, 0) && self.begins_http2(down, bytes) {
            return self.open_session(id, down, bytes);
        }
        let limits = self.head_limits(down);
        let mut request = std::mem::take(&mut self.request);
        let step = match request.parse(bytes, &limits) {
            Ok(Progress::Complete) => {
                down.empty_lines = 0;
                self.start(id, down, link, &request, bytes, None)
            }
            Ok(Progress::Partial) => self.keep_partial(down, bytes, &limits),
            Err(refusal) => self.refuse(down, refusal),
        };
        self.request = request;
        step
    }

    /// The first bytes of a connection are HTTP/2's: by ALPN, by prior knowledge, or because nothing else is offered there.
    fn begins_http2(&self, down: &Down<N::Sock>, bytes: &[u8]) -> bool {
        if let Some(agreed) = down.io.tls().and_then(|tls| tls.alpn()) {
            return agreed == Protocol::H2;
        }
        let (local, index) = self.local.that_knows(down.listener);
        local.description(index).is_some_and(|listener| match listener.protocols.as_slice() {
            [Protocol::H2] => true,
            offered => bytes.starts_with(PREFACE_HEAD) && offered.contains(&Protocol::H2),
        })
    }

    fn keep_partial(&mut self, down: &mut Down<N::Sock>, bytes: &[u8], limits: &Limits) -> Step {
        if matches!(bytes, b"\r\n" | b"\r\n\r\n") && down.phase == Phase::Idle {
            // RFC 9112 §2.2: some clients end a body with an empty line that belongs to nothing. It begins no head.
            down.empty_lines += (bytes.len() / 2) as u8;
            return Step::Again;
        }
        down.carry = self.buffers.holding(bytes);
        down.scan = Scan::new();
        // The first look cannot be the last: `parse` has just said so.
        let _ = down.scan.complete(bytes, limits);
        if down.phase == Phase::Idle {
            // Before the first request the time for a head runs from accept.
            let since = if down.served == 0 { down.since } else { self.now };
            down.enter(Phase::Head, since);
        }
        Step::Again
    }

    /// Answer a head that is not valid, and close: nothing after it can be trusted.
    fn refuse(&mut self, down: &mut Down<N::Sock>, refusal: Refusal) -> Step {
        let reason = match refusal.status {
            414 | 431 => Reason::RequestHeadTooLarge,
            _ => Reason::RequestInvalid,
        };
        let exchange = self.unborn(down.listener);
        down.exchange = Some(exchange);
        self.answer_refusal(down, reason, refusal.status, refusal.cause.text())
    }

    /// An exchange whose request was never understood.
    pub(crate) fn unborn(&self, listener: u32) -> Exchange {
        let (local, found) = self.local.that_knows(listener);
        let listener = found.unwrap_or(0);
        // HTTP/1.1 as far as we know: a status line of ours means the same to a client of 1.0.
        // Its request never ends, as far as we know: whoever answers it lingers for what still comes.
        let framing = Framing::UntilClose;
        let logged = local.snapshot.access_log;
        let mut exchange =
            self.exchange(local, listener, &Request { minor: 1, framing, ..Request::default() }, None);
        exchange.line = logged.then(Box::default);
        exchange
    }

    /// `stream_end`: the request came on a stream, and whether it is whole. Inlined, so that it is written
    /// where it will live.
    #[inline(always)]
    pub(super) fn exchange(
        &self,
        local: Rc<Local>,
        listener: u32,
        request: &Request,
        stream_end: Option<bool>,
    ) -> Exchange {
        // A stream's body has no framing of its own: it ends when the stream says so.
        let framing = match stream_end {
            _ if request.is_extended_connect() => Framing::None,
            None => request.framing,
            Some(true) => Framing::None,
            Some(false) => Framing::UntilClose,
        };
        Exchange {
            local,
            listener,
            rule: None,
            upstream: None,
            backend: Backend::Own,
            place: None,
            method: if request.is_extended_connect() { Method::Get } else { request.method },
            version: if stream_end.is_some() { Version::Http2 } else { Version::Http1 },
            minor: request.minor,
            keep_alive: request.keep_alive,
            upgrade: request.upgrade,
            agreement: Vec::new(),
            expects_continue: request.expect_continue,
            request: Decoder::new(framing),
            request_chunked: matches!(request.framing, Framing::Chunked),
            deaf: false,
            answer: Answer::Awaited,
            reusable: false,
            head_sent: false,
            status: 0,
            reason: Reason::Ok,
            replay: Vec::new(),
            replay_block: 0,
            replays: 0,
            started: self.now,
            deadline: u64::MAX,
            try_deadline: u64::MAX,
            per_try_deadline: u64::MAX,
            inward: Pace::default(),
            outward: Pace::default(),
            client_finished: false,
            upstream_finished: false,
            bytes_in: 0,
            bytes_out: 0,
            line: None,
            grpc: Grpc::default(),
            window: Window::default(),
            known: None,
        }
    }

    /// The head is complete: decide, and do what was decided. `stream_end`: the request came on a stream, and whether it
    /// is whole.
    pub(crate) fn start(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        request: &Request,
        bytes: &[u8],
        stream_end: Option<bool>,
    ) -> Step {
        crate::fault::point("begin.start");
        down.enter(Phase::Exchange, self.now);
        let (local, found) = self.local.that_knows(down.listener);
        let new = self.exchange(Rc::clone(&local), found.unwrap_or(0), request, stream_end);
        let exchange = down.exchange.insert(new);
        exchange.keep_alive &= down.leave_by == u64::MAX;
        exchange.known = down.known.clone();
        exchange.grpc = Grpc::of(request, bytes);
        if local.snapshot.access_log {
            exchange.line = Some(Box::new(crate::account::line::Asked::new(request, bytes)));
        }
        let Some(listener) = local.description(found) else {
            return self.answer_refusal(
                down,
                Reason::Drained,
                Reason::Drained.status(),
                Reason::Drained.text(),
            );
        };
        down.header_timeout = time(listener.header_timeout);
        down.idle_timeout = time(listener.idle_timeout);
        down.quiet_timeout = down.idle_timeout;
        if down.known.as_ref().is_some_and(|known| !known.fits(request.host.of(bytes))) {
            let reason = Reason::Misdirected;
            return self.answer_refusal(down, reason, reason.status(), reason.text());
        }
        let raw = if request.form == Form::Asterisk { b"/" } else { request.path.of(bytes) };
        let mut normal = std::mem::take(&mut self.normal);
        normal.clear();
        let step = match normalise(raw, &listener.path, &mut normal) {
            Ok(form) => {
                let path = if form == Normal::Unchanged { raw } else { normal.as_slice() };
                self.decided(id, down, link, &local, found.unwrap_or(0), request, bytes, (path, form))
            }
            Err(fault) => self.answer_refusal(down, Reason::PathRefused, 400, fault.text()),
        };
        self.normal = normal;
        step
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one request, which live in different buffers"
    )]
    fn decided(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        local: &Rc<Local>,
        listener: u32,
        request: &Request,
        bytes: &[u8],
        (path, normal): (&[u8], Normal),
    ) -> Step {
        let draw = self.random.draw();
        let fields = HeadFields { fields: &request.fields, buf: bytes };
        let query = request.query.map(|span| span.of(bytes));
        let (method, host) = (request.method_of(bytes), request.host.of(bytes));
        let client = down.known.as_ref().and_then(|known| known.identity.as_ref());
        let input = Input { listener: listener as usize, method, host, path, query, fields: &fields, client };
        let decision = route::decide(&local.snapshot, &input, draw, &mut NoTrace);
        let rule = decision.rule.and_then(|index| local.snapshot.rules.get(index as usize));
        if let (Some(rule), Some(exchange)) = (rule, down.exchange.as_mut()) {
            exchange.rule = decision.rule;
            exchange.deadline = after(self.now, rule.timeouts.request);
            if rule.timeouts.idle != 0 {
                down.quiet_timeout = u64::from(rule.timeouts.idle) * 1_000_000;
            }
        }
        crate::fault::point("begin.decided");
        let incoming = Incoming { request, bytes, path, normal, decision, draw };
        if let Some(step) = self.begin_call(down, &incoming, rule) {
            return step;
        }
        match (decision.verdict, rule) {
            (Verdict::Forward { upstream }, Some(rule)) => {
                self.forward(id, down, link, &incoming, rule, upstream)
            }
            (Verdict::Respond, Some(rule)) => self.answer_rule(down, &incoming, rule),
            (Verdict::Redirect, Some(rule)) => self.answer_redirect(down, &incoming, rule),
            (Verdict::Ask { handler }, Some(rule)) => self.ask(id, down, &incoming, rule, handler),
            (Verdict::NoTarget, _) => self.answer_own(down, &incoming, Reason::NoEndpoint),
            (Verdict::NoHost, _) => self.answer_own(down, &incoming, Reason::NoHost),
            _ => self.answer_own(down, &incoming, Reason::NoRule),
        }
    }
}

/// A deadline so many ms after a time in ns; 0 ms: none.
#[must_use]
pub fn after(now: u64, ms: u32) -> u64 {
    if ms == 0 { u64::MAX } else { after_ns(now, u64::from(ms) * 1_000_000) }
}

/// A deadline so many ns after a time.
#[must_use]
pub fn after_ns(now: u64, ns: u64) -> u64 {
    now.saturating_add(ns)
}
