//! Getting a request onto an upstream connection: choose, lease or connect, send; and again if the pool lied.
//!
//! Theory (RFC 9112 §9.3.1, §9.6): a pooled connection may be closed by the upstream at any time. If it turns out dead
//! before the first byte of an answer, the request is sent again on another, provided that the request is whole in
//! [`Exchange::replay`] and either safe to repeat or known not to have left.

use super::begin::{Incoming, after};
use super::body::pass;
use super::dial::Undialled;
use super::forward::{self, Outgoing};
use super::grpc::upward_framing;
use super::{Backend, Exchange, Link, Step, Version, websocket};
use crate::document::Protocol;
use crate::http1::head::Known;
use crate::http1::request::Form;
use crate::http2::code::Code;
use crate::net::Net;
use crate::reason::Reason;
use crate::route::{Rule, forward_target};
use crate::tls::Session;
use crate::upstream::Place;
use crate::worker::downstream::Down;
use crate::worker::io::secure::Shaken;
use crate::worker::table::Id;
use crate::worker::{Worker, limits};

impl<N: Net> Worker<N> {
    /// Forward a request.
    pub(crate) fn forward(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        incoming: &Incoming<'_>,
        rule: &Rule,
        upstream: u32,
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        exchange.upstream = Some(upstream);
        let group = exchange.local.group(upstream);
        let Some(place) = self.groups.pick(group, incoming.draw) else {
            return self.answer_own(down, incoming, Reason::NoEndpoint);
        };
        if self.groups.speaks_http2(place) {
            return self.forward_stream(id, down, link, incoming, rule, place);
        }
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        self.write_request(down, incoming, rule, None, &mut out);
        crate::fault::point("forward.written");
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        let translated = exchange.grpc.changes_request();
        let rest = if translated { &[] } else { incoming.rest() };
        let step = match pass(&mut exchange.request, rest, exchange.request_chunked, &mut out) {
            Err(refusal) => {
                self.answer_refusal(down, Reason::RequestInvalid, refusal.status, refusal.cause.text())
            }
            Ok(passed) => {
                exchange.bytes_in += passed.data as u64;
                exchange.place = Some(place);
                if let Some(next) = rest.get(passed.consumed..).filter(|next| !next.is_empty()) {
                    down.carry = self.buffers.holding(next);
                }
                self.groups.begin(place, &self.ledger);
                crate::fault::point("forward.counted");
                self.send_request(id, down, link, place, &out)
            }
        };
        self.out = out;
        let goes_on = translated && link.is_some() && !incoming.rest().is_empty();
        let more = if goes_on { self.take_request(down, link, incoming.rest()) } else { None };
        more.unwrap_or(step)
    }

    /// `scheme`: as a field block, for a stream.
    pub(super) fn write_request(
        &mut self,
        down: &mut Down<N::Sock>,
        incoming: &Incoming<'_>,
        rule: &Rule,
        scheme: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let Some(exchange) = down.exchange.as_mut() else { return };
        let snapshot = &exchange.local.snapshot;
        let Some(listener) = snapshot.listeners.get(exchange.listener as usize) else { return };
        let (request, bytes) = (incoming.request, incoming.bytes);
        let mut made_target = std::mem::take(&mut self.target);
        let as_asked = incoming.target(rule);
        let target = as_asked.unwrap_or_else(|| {
            write_target(rule, incoming, &mut made_target);
            &made_target
        });
        let believed = forward::believed(request, listener.trust_forwarded);
        let given = believed.iter().find(|field| field.known == Known::XRequestId);
        let given = given.filter(|field| field.value.start < field.value.end);
        let made = self.random.request_id();
        let request_id = given.map_or(made.as_slice(), |field| field.value.of(bytes));
        if let Some(line) = exchange.line.as_mut() {
            line.request_id(request_id);
        }
        let message = Outgoing {
            request,
            bytes,
            target,
            as_asked: as_asked.is_some(),
            rule,
            peer: down.peer.as_bytes(),
            scheme: &listener.scheme,
            name: &snapshot.name,
            trust: listener.trust_forwarded,
            request_id,
            upgrade: exchange.upgrade,
            version: exchange.via(),
            draws: if exchange.upgrade { [self.random.draw(), self.random.draw()] } else { [0; 2] },
            client: down.known.as_ref().and_then(|known| known.identity.as_ref()),
            framing: upward_framing(exchange, request),
            grpc: exchange.upward(self.now),
        };
        if scheme.is_some() && exchange.upgrade && exchange.version == Version::Http1 {
            let key = websocket::find(&request.fields, bytes, websocket::KEY);
            exchange.agreement = websocket::agree(message.protocol(), key.map(|field| field.value.of(bytes)));
        }
        match scheme {
            None => forward::write(&message, out),
            Some(scheme) => forward::encode(&message, scheme, &mut self.lines, out),
        }
        self.target = made_target;
    }

    /// Send what is written on a pooled connection, or on a new one.
    fn send_request(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        place: Place,
        bytes: &[u8],
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        exchange.per_try_deadline = self.per_try(exchange);
        while exchange.replays < limits::REPLAYS {
            let Some(mut leased) = self.lease(id, place) else { break };
            if leased.up.io.send(&mut self.net, bytes, &mut self.buffers).is_err() {
                // Dead before a byte of this request was taken: nothing was forwarded.
                exchange.replays += 1;
                self.close_up(leased);
                continue;
            }
            crate::fault::point("lease.leased");
            exchange.try_deadline = exchange.per_try_deadline;
            exchange.backend = Backend::Up(leased.id);
            if exchange.idempotent() && exchange.request.is_done() && bytes.len() <= limits::REPLAY_BYTES {
                exchange.replay = self.buffers.holding(bytes);
            }
            *link = Some(leased);
            return Step::Again;
        }
        self.connect(id, down, link, place, bytes)
    }

    pub(super) fn per_try(&self, exchange: &Exchange) -> u64 {
        exchange.rule().map_or(u64::MAX, |rule| after(self.now, rule.timeouts.per_try))
    }

    /// A pooled connection, now this exchange's.
    fn lease(&mut self, id: Id, place: Place) -> Option<Link<N::Sock>> {
        while let Some(up_id) = self.groups.lease(place, &self.ledger) {
            let Some(mut up) = self.ups.take(up_id) else { continue };
            up.owner = Some(id);
            return Some(Link { id: up_id, up });
        }
        None
    }

    /// A new connection; the request waits in it until it is made.
    fn connect(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        place: Place,
        bytes: &[u8],
    ) -> Step {
        let mut made = match self.dial(place, true) {
            Ok(made) => made,
            Err(why) => return self.undialled(down, link, &why),
        };
        made.up.owner = Some(id);
        // Not writable yet, so this only keeps the bytes.
        let _ = made.up.io.send(&mut self.net, bytes, &mut self.buffers);
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.backend = Backend::Up(made.id);
            let connect = exchange.rule().map_or(u64::MAX, |rule| after(self.now, rule.timeouts.connect));
            exchange.try_deadline = connect.min(exchange.per_try_deadline);
        }
        crate::fault::point("lease.connecting");
        *link = Some(made);
        Step::Wait
    }

    /// The connect has ended: with a connection, or not.
    pub(crate) fn connected(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Option<Step> {
        let found = link.as_mut()?;
        let error = found.up.io.sock().and_then(|sock| self.net.connect_error(sock));
        if let Some(error) = error {
            return Some(self.undialled(down, link, &Undialled::Socket(error)));
        }
        crate::fault::point("lease.connected");
        if found.up.io.is_shaking() {
            // The time for the connection is for the handshake too.
            let _ = self.is_called(found.id, &mut found.up);
            found.up.connecting = false;
            return Some(Step::Wait);
        }
        found.up.connecting = false;
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.try_deadline = exchange.per_try_deadline;
        }
        None
    }

    /// Go on with the handshake of a new connection in its turn.
    pub(crate) fn step_up(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Option<Step> {
        let found = link.as_mut()?;
        if self.is_called(found.id, &mut found.up) { self.shake_up(down, link) } else { Some(Step::Wait) }
    }

    /// Take a step of the handshake of a new connection; `None`: it is over, and what has waited for it is on its way.
    fn shake_up(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Option<Step> {
        let found = link.as_mut()?;
        crate::fault::point("lease.shake");
        let cause = match found.up.io.shake(&mut self.net, &mut self.buffers) {
            Shaken::Wait => return Some(Step::Wait),
            Shaken::Done(kind) => {
                self.ledger.shaken_up(kind);
                let agreed = found.up.io.tls().and_then(Session::alpn);
                if agreed == Some(Protocol::H2) {
                    return Some(self.become_session(down, link));
                }
                if let Some(exchange) = down.exchange.as_mut() {
                    exchange.try_deadline = exchange.per_try_deadline;
                }
                return None;
            }
            Shaken::Failed(cause) => cause,
        };
        self.ledger.shaken_up(cause);
        Some(self.undialled(down, link, &Undialled::Tls(cause)))
    }

    /// A connection died without a byte of an answer: send the request again if that is allowed.
    pub(crate) fn replay(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        // A stream that was refused was not processed, on whatever connection.
        let pooled = link.as_ref().is_some_and(|link| link.up.served > 0 || link.up.was_refused());
        if !pooled || exchange.replay.is_empty() || exchange.replays >= limits::REPLAYS {
            return None;
        }
        let place = exchange.place?;
        exchange.replays += 1;
        exchange.deaf = false;
        let bytes = std::mem::take(&mut exchange.replay);
        if let Some(dead) = link.take() {
            self.close_up(dead);
        }
        crate::fault::point("lease.replay");
        place.cells(&self.ledger).replayed.add(1);
        let stream = down.exchange.as_ref().is_some_and(|exchange| exchange.replay_block > 0);
        let step = if stream {
            self.send_stream(id, down, link, place, &bytes)
        } else {
            self.send_request(id, down, link, place, &bytes)
        };
        self.buffers.give(bytes);
        Some(step)
    }

    /// The exchange no longer needs its connection: into the pool if it may serve again, else closed.
    pub(crate) fn settle(&mut self, mut link: Link<N::Sock>, reusable: bool) {
        if link.up.stream.is_some() {
            return self.close_up(link);
        }
        let io = &mut link.up.io;
        let clean = reusable && !io.blocked() && !io.failed && io.is_quiet(&mut self.net);
        let stay = if clean { self.groups.release(link.up.place, link.id, &self.ledger) } else { None };
        crate::fault::point("lease.settle");
        match stay {
            Some(timeout) => {
                link.up.owner = None;
                link.up.served += 1;
                link.up.idle_since = self.now;
                if let Some(timer) = link.up.timer {
                    self.wheel.no_later(timer, self.now.saturating_add(timeout));
                }
                self.ups.put(link.id, link.up);
            }
            None => self.close_up(link),
        }
    }

    /// Close an upstream connection.
    pub(crate) fn close_up(&mut self, mut link: Link<N::Sock>) {
        link.up.io.farewell(&mut self.net);
        link.up.io.release(&mut self.buffers);
        self.buffers.give(std::mem::take(&mut link.up.carry));
        if let Some(timer) = link.up.timer {
            self.wheel.remove(timer);
        }
        self.ups.free(link.id);
        if let Some(stream) = link.up.stream.as_mut() {
            self.sessions.leave(link.id, stream, Code::CANCEL);
            if self.spare_ups.len() < limits::SPARE_STREAMS {
                self.spare_ups.push(link.up);
            }
            return;
        }
        self.ledger.upstreams.subtract(1);
        link.up.place.cells(&self.ledger).open.subtract(1);
    }
}

/// Append the target as `rule` wants it.
fn write_target(rule: &Rule, incoming: &Incoming<'_>, out: &mut Vec<u8>) {
    out.clear();
    if incoming.request.form == Form::Asterisk {
        out.push(b'*');
    } else {
        forward_target(rule, incoming.decision.matched, incoming.path, incoming.query(), out);
    }
}
