//! Requests that a Python handler answers: the other side is Trio instead of a socket.
//!
//! Theory: bodies pass in windows. Towards Trio, each body event costs at least [`limits::ASK_EVENT_COST`] of the window
//! and the handler gives it back as it consumes; towards the client, Trio sends within its window and gets it back as
//! the socket takes the bytes. So neither side can make the other hold more than the window, and neither waits.

use super::begin::Incoming;
use super::body::{append, pass};
use super::write::{decimal, line};
use super::{Answer, Backend, Link, Step, answer};
use crate::http1::body::{CHUNK_END, Decoder, LAST_CHUNK};
use crate::http1::head::{Field, Framing, Known};
use crate::net::Net;
use crate::reason::Reason;
use crate::route::Rule;
use crate::worker::border::{AskHead, AskId, Command, Event};
use crate::worker::downstream::Down;
use crate::worker::io::{Broken, Read};
use crate::worker::table::Id;
use crate::worker::{Worker, limits};

/// What is under way of an asked exchange.
#[derive(Debug, Default)]
pub struct Window {
    /// Of the request body, in cost.
    to_trio: u32,
    /// Of the answer, taken from Trio and not yet reported as sent.
    to_client: u32,
    /// The handler has said everything.
    ended: bool,
    /// The rest of an announced length.
    announced: Option<u64>,
    /// The answer has no body for this client.
    silent: bool,
    /// The request's stream has ended, and the handler was not told.
    stream_ended: bool,
}

impl Window {
    /// The handler holds as much of the request body as it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.to_trio >= limits::ASK_WINDOW
    }
}

/// What an event with so many bytes costs.
fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).max(limits::ASK_EVENT_COST)
}

impl<N: Net> Worker<N> {
    /// Ask a handler.
    pub(crate) fn ask(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        incoming: &Incoming<'_>,
        rule: &Rule,
        handler: u32,
    ) -> Step {
        // Clients that come and go faster than Trio listens must not crowd out what Trio needs to hear.
        if self.asks.len() >= limits::ASKS || self.border.events.len() >= limits::EVENTS_SPARE {
            return self.answer_own(down, incoming, Reason::HandlersBusy);
        }
        self.asks_made += 1;
        let ask = u64::from(self.number) << 48 | self.asks_made;
        let request_id = self.random.request_id();
        let Some(head) = ask_head(down, incoming, rule, handler, &request_id) else {
            return self.answer_own(down, incoming, Reason::Internal);
        };
        self.asks.insert(ask, id);
        self.ledger.asks.set(self.asks.len() as u64);
        crate::fault::point("asked.ask");
        self.tell(Event::Ask { id: ask, head: Box::new(head) });
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        exchange.backend = Backend::Ask(ask);
        if let Some(line) = exchange.line.as_mut() {
            line.request_id(&request_id);
        }
        if exchange.expects_continue && incoming.rest().is_empty() {
            // RFC 9110 §10.1.1: the handler wants the body, or it would not be asked.
            if self.say_continue(down).is_err() {
                return self.fail(down, &mut None, Reason::ClientGone);
            }
        }
        self.take_ask_body(ask, down, incoming.rest()).unwrap_or(Step::Again)
    }

    fn say_continue(&mut self, down: &mut Down<N::Sock>) -> Result<(), Broken> {
        let Some(stream) = &down.stream else {
            return down.io.send(&mut self.net, b"HTTP/1.1 100 Continue\r\n\r\n", &mut self.buffers);
        };
        if let Some(session) = self.sessions.get(stream.session) {
            session.conn.informational(stream.key, &mut session.out, |encoder, out| encoder.status(100, out));
        }
        self.sessions.touch(stream.session);
        Ok(())
    }

    /// A piece of the request body that came on a stream. What the handler's window does not take waits, bounded by the
    /// stream's window, which is given back as the handler consumes.
    pub(crate) fn take_ask_stream(
        &mut self,
        ask: AskId,
        down: &mut Down<N::Sock>,
        bytes: &[u8],
        end: bool,
    ) -> Option<Step> {
        let window = &mut down.exchange.as_mut()?.window;
        window.stream_ended |= end;
        if window.is_full() || !down.carry.is_empty() {
            self.buffers.append(&mut down.carry, bytes);
        } else {
            self.tell_body(ask, down, bytes.to_vec());
        }
        None
    }

    fn tell_body(&mut self, ask: AskId, down: &mut Down<N::Sock>, data: Vec<u8>) {
        let Some(exchange) = down.exchange.as_mut() else { return };
        crate::fault::point("asked.body");
        if !data.is_empty() {
            exchange.window.to_trio = exchange.window.to_trio.saturating_add(cost(data.len()));
            self.tell(Event::Body { id: ask, data });
        }
    }

    /// Pass on what waited of a stream's body, give back what the handler holds no more, and tell the end once.
    fn pump_ask_stream(&mut self, ask: AskId, down: &mut Down<N::Sock>) {
        let Some(exchange) = down.exchange.as_mut() else { return };
        if !exchange.window.is_full() {
            let waited = std::mem::take(&mut down.carry);
            for piece in waited.chunks(limits::FIRST_READ) {
                self.tell_body(ask, down, piece.to_vec());
            }
            self.buffers.give(waited);
            if let Some(stream) = down.stream.as_mut() {
                self.sessions.give_back(stream);
            }
        }
        let Some(exchange) = down.exchange.as_mut() else { return };
        if down.carry.is_empty() && std::mem::take(&mut exchange.window.stream_ended) {
            self.tell(Event::BodyEnd { id: ask });
        }
    }

    /// Hand a piece of the request body to the handler.
    fn take_ask_body(&mut self, ask: AskId, down: &mut Down<N::Sock>, bytes: &[u8]) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        if exchange.request.is_done() {
            if !bytes.is_empty() {
                down.carry = self.buffers.holding(bytes);
            }
            return None;
        }
        let mut data = Vec::new();
        match pass(&mut exchange.request, bytes, false, &mut data) {
            Err(refusal) => {
                return Some(self.refuse_body(down, &mut None, refusal.status, refusal.cause.text()));
            }
            Ok(passed) => {
                exchange.bytes_in += passed.data as u64;
                if let Some(next) = bytes.get(passed.consumed..).filter(|next| !next.is_empty()) {
                    down.carry = self.buffers.holding(next);
                }
            }
        }
        crate::fault::point("asked.body");
        let done = exchange.request.is_done();
        if !data.is_empty() {
            exchange.window.to_trio = exchange.window.to_trio.saturating_add(cost(data.len()));
            self.tell(Event::Body { id: ask, data });
        }
        if done {
            self.tell(Event::BodyEnd { id: ask });
        }
        None
    }

    /// Go on with an asked exchange.
    pub(crate) fn relay_ask(
        &mut self,
        ask: AskId,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        if down.is_stream() {
            self.pump_ask_stream(ask, down);
        }
        let mut budget = limits::TURN_BYTES;
        while let Some(exchange) = down.exchange.as_ref() {
            if exchange.request.is_done() || exchange.window.is_full() || budget == 0 || down.is_stream() {
                break;
            }
            let mut scratch = std::mem::take(&mut self.scratch);
            let read = down.io.read(&mut self.net, scratch.get_mut(..limits::FIRST_READ).unwrap_or(&mut []));
            let step = match read {
                Read::Bytes(count) => {
                    down.moved = self.now;
                    budget = budget.saturating_sub(count);
                    self.take_ask_body(ask, down, scratch.get(..count).unwrap_or(&[]))
                }
                Read::End => Some(self.fail(down, link, Reason::ClientGone)),
                Read::Nothing => None,
            };
            self.scratch = scratch;
            match (read, step) {
                (_, Some(step)) => return step,
                (Read::Bytes(_), None) => {}
                _ => break,
            }
        }
        self.report_sent(ask, down);
        let Some(exchange) = down.exchange.as_ref() else { return Step::Reset };
        match (exchange.window.ended, exchange.request.is_done() && down.io.closing) {
            (true, _) => self.finish(down, link),
            (false, true) => self.fail(down, link, Reason::ClientGone),
            _ => {
                if budget == 0 {
                    self.again_later();
                }
                Step::Wait
            }
        }
    }

    /// Give back the window of what the socket took.
    fn report_sent(&mut self, ask: AskId, down: &mut Down<N::Sock>) {
        let Some(exchange) = down.exchange.as_mut() else { return };
        if exchange.window.to_client > 0 && !down.io.blocked() {
            let bytes = std::mem::take(&mut exchange.window.to_client);
            down.moved = self.now;
            self.tell(Event::Sent { id: ask, bytes });
        }
    }

    /// What Trio says about an asked exchange. A command for one that is over is late, not wrong.
    pub(crate) fn hear(&mut self, down: &mut Down<N::Sock>, command: Command<N::Listener>) -> Step {
        crate::fault::point("asked.hear");
        let link = &mut None;
        match command {
            Command::Answer { status, fields, data, end, length, .. } => {
                let step =
                    self.ask_head_sent(down, status, &fields, length.or(end.then_some(data.len() as u64)));
                if step == Step::Again { self.ask_body_sent(down, &data, end) } else { step }
            }
            Command::Send { data, end, .. } => self.ask_body_sent(down, &data, end),
            Command::Credit { bytes, .. } => {
                if let Some(exchange) = down.exchange.as_mut() {
                    let back = cost(bytes as usize);
                    exchange.window.to_trio = exchange.window.to_trio.saturating_sub(back);
                }
                Step::Again
            }
            Command::Fail { reason, .. } => self.fail(down, link, reason),
            _ => Step::Again,
        }
    }

    fn ask_head_sent(
        &mut self,
        down: &mut Down<N::Sock>,
        status: u16,
        fields: &[(Vec<u8>, Vec<u8>)],
        length: Option<u64>,
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Again };
        if exchange.head_sent {
            return self.fail(down, &mut None, Reason::HandlerFailed);
        }
        if exchange.would_switch(status) {
            return self.fail(down, &mut None, Reason::UpgradeRefused);
        }
        let bodiless = answer::bodiless(status);
        let chunked = !bodiless && length.is_none() && exchange.minor > 0;
        exchange.keep_alive &= bodiless || chunked || length.is_some();
        exchange.keep_alive &= !self.draining.contains(&down.listener);
        exchange.window.announced = length;
        exchange.window.silent = bodiless || exchange.is_head();
        exchange.status = status;
        exchange.head_sent = true;
        exchange.answer = Answer::Body { decoder: Decoder::new(Framing::None), chunked };
        let (keep_alive, minor) = (exchange.keep_alive || down.stream.is_some(), exchange.minor);
        let silent = exchange.window.silent;
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        answer::status_line(status, &mut out);
        for (name, value) in fields {
            line(name, value, &mut out);
        }
        self.own_fields(&mut out, keep_alive, minor);
        match length {
            Some(length) if !bodiless => {
                out.extend_from_slice(b"Content-Length: ");
                decimal(length, &mut out);
                out.extend_from_slice(b"\r\n");
            }
            _ if chunked && !down.is_stream() => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            _ => {}
        }
        if let Some(stream) = down.stream.as_mut() {
            self.send_lines(stream, status, &out, silent);
            self.out = out;
            return Step::Again;
        }
        out.extend_from_slice(b"\r\n");
        let sent = down.io.send(&mut self.net, &out, &mut self.buffers);
        self.out = out;
        if sent.is_err() { self.fail(down, &mut None, Reason::ClientGone) } else { Step::Again }
    }

    fn ask_body_sent(&mut self, down: &mut Down<N::Sock>, data: &[u8], end: bool) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Again };
        let Answer::Body { chunked, .. } = exchange.answer else {
            return self.fail(down, &mut None, Reason::HandlerFailed);
        };
        exchange.window.to_client =
            exchange.window.to_client.saturating_add(u32::try_from(data.len()).unwrap_or(u32::MAX));
        exchange.window.ended |= end;
        if exchange.window.silent {
            return Step::Again;
        }
        if let Some(left) = exchange.window.announced.as_mut() {
            // More or less than was announced would make the next answer on this connection a lie.
            match left.checked_sub(data.len() as u64) {
                Some(rest) if !end || rest == 0 => *left = rest,
                _ => return self.fail(down, &mut None, Reason::HandlerFailed),
            }
        }
        exchange.bytes_out += data.len() as u64;
        if let Some(stream) = down.stream.as_mut() {
            self.sessions.send(&mut down.io, stream, data, end, &mut self.buffers);
            return Step::Again;
        }
        self.out.clear();
        append(data, chunked, &mut self.out);
        if end && chunked {
            self.out.extend_from_slice(LAST_CHUNK);
            self.out.extend_from_slice(CHUNK_END);
        }
        match down.io.send(&mut self.net, &self.out, &mut self.buffers) {
            Ok(()) => Step::Again,
            Err(_) => self.fail(down, &mut None, Reason::ClientGone),
        }
    }
}

fn ask_head<S>(
    down: &Down<S>,
    incoming: &Incoming<'_>,
    rule: &Rule,
    handler: u32,
    request_id: &[u8],
) -> Option<AskHead> {
    let exchange = down.exchange.as_ref()?;
    let snapshot = &exchange.local.snapshot;
    let listener = snapshot.listeners.get(exchange.listener as usize)?;
    let (request, bytes) = (incoming.request, incoming.bytes);
    // Who the client is says the gateway alone.
    let own = |field: &&Field| field.hop || field.known == Known::XForwardedClientCert;
    let fields = request.fields.iter().filter(|field| !own(field));
    let fields =
        fields.map(|field| (field.name.of(bytes).to_ascii_lowercase(), field.value.of(bytes).to_vec()));
    let client = exchange.identity().map(|client| {
        (Known::XForwardedClientCert.text().as_bytes().to_vec(), client.forwarded().as_bytes().to_vec())
    });
    Some(AskHead {
        handler,
        handler_name: snapshot.handlers.get(handler as usize)?.clone(),
        listener: listener.name.clone(),
        route: snapshot.routes.get(rule.route as usize)?.name.clone(),
        rule: rule.name.clone(),
        scheme: listener.scheme.clone(),
        method: request.method_text.of(bytes).to_vec(),
        authority: request.host.of(bytes).to_vec(),
        path: incoming.path.to_vec(),
        query: incoming.query().map(<[u8]>::to_vec),
        fields: fields.chain(client).collect(),
        peer: down.peer.as_str().to_owned(),
        request_id: String::from_utf8_lossy(request_id).into_owned(),
        content_length: request.framing.length(),
        has_body: request.framing.has_body(),
        deadline_ms: rule.timeouts.request,
    })
}
