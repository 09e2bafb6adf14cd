//! Driving an exchange: moving whatever can be moved, in both directions.
//!
//! Rules: at most [`limits::TURN_BYTES`] per call, then the next connection has its turn; what one side cannot take is
//! not read from the other; an upstream that stops taking the request may still answer it (RFC 9112 §9.5).

use super::body::{Carried, Sink, wires};
use super::grpc::NOT_BASE64;
use super::{Answer, Backend, Link, Step};
use crate::http2::code::Code;
use crate::net::Net;
use crate::reason::Reason;
use crate::session::stream::Gone;
use crate::worker::downstream::{Down, Phase};
use crate::worker::io::Read;
use crate::worker::table::Id;
use crate::worker::{Worker, limits};

impl<N: Net> Worker<N> {
    /// Go on with an exchange.
    pub(crate) fn relay(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        let backend = down.exchange.as_ref().map(|exchange| exchange.backend);
        match backend {
            Some(Backend::Ask(ask)) => return self.relay_ask(ask, down, link),
            Some(Backend::Up(_)) if link.is_some() => {}
            Some(Backend::Waits) => return self.wait_for_settings(id, down, link),
            _ => return self.fail(down, link, Reason::Internal),
        }
        if let Some(gone) = link.as_ref().and_then(|link| link.up.stream.as_ref()?.gone) {
            return self.stream_lost(id, down, link, gone);
        }
        if let Some(step) = self.make_ready(down, link) {
            return step;
        }
        if let Some(step) = self.pump_request(down, link) {
            return step;
        }
        match self.pump_answer(id, down, link) {
            // Nothing more can be done: has the client left meanwhile? nginx and Envoy give up here as well.
            Step::Wait if down.exchange.is_some() && self.client_left(down) => {
                self.fail(down, link, Reason::ClientGone)
            }
            step => step,
        }
    }

    /// The client has sent its end. While its request is incomplete the next read tells; afterwards nobody is left to
    /// read the answer.
    fn client_left(&self, down: &Down<N::Sock>) -> bool {
        let complete = down.exchange.as_ref().is_some_and(|exchange| exchange.request.is_done());
        down.io.closing && complete
    }

    /// Conclude the connect and flush what waits for the upstream.
    fn make_ready(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Option<Step> {
        let found = link.as_mut()?;
        if found.up.connecting {
            if !found.up.io.writable && !found.up.io.closing {
                let gone = down.io.closing;
                return Some(if gone { self.fail(down, link, Reason::ClientGone) } else { Step::Wait });
            }
            if let Some(step) = self.connected(down, link) {
                return Some(step);
            }
        } else if found.up.io.is_shaking()
            && let Some(step) = self.step_up(down, link)
        {
            let gone = step == Step::Wait && self.client_left(down);
            return Some(if gone { self.fail(down, link, Reason::ClientGone) } else { step });
        }
        let found = link.as_mut()?;
        if found.up.stream.is_some() {
            return None;
        }
        let before = found.up.io.backlog();
        let flushed = found.up.io.flush(&mut self.net, &mut self.buffers);
        if found.up.io.backlog() < before {
            down.moved = self.now;
        }
        if flushed.is_err()
            && let Some(exchange) = down.exchange.as_mut()
        {
            exchange.deaf = true;
            found.up.io.release(&mut self.buffers);
        }
        None
    }

    /// Move the request body on.
    fn pump_request(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Option<Step> {
        if down.is_stream() {
            self.credit_client(down, link);
            return None;
        }
        let mut budget = limits::TURN_BYTES;
        while budget > 0 {
            let exchange = down.exchange.as_ref()?;
            let blocked = link.as_ref().is_none_or(|link| link.up.io.blocked());
            if exchange.request.is_done() || exchange.deaf || blocked {
                return None;
            }
            let pace = exchange.inward.room();
            let mut scratch = std::mem::take(&mut self.scratch);
            let read = down.io.read(&mut self.net, scratch.get_mut(..pace).unwrap_or(&mut []));
            let step = match read {
                Read::Nothing => None,
                // The request will never be whole, so it must not look so upstream either.
                Read::End => Some(self.fail(down, link, Reason::ClientGone)),
                Read::Bytes(count) => self.take_request(down, link, scratch.get(..count).unwrap_or(&[])),
            };
            self.scratch = scratch;
            match read {
                Read::Bytes(count) if step.is_none() => budget = budget.saturating_sub(count),
                _ => return step,
            }
        }
        self.again_later();
        None
    }

    /// One piece of the request body.
    pub(crate) fn take_request(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Option<Step> {
        crate::fault::point("relay.request");
        down.moved = self.now;
        let exchange = down.exchange.as_mut()?;
        let found = link.as_mut()?;
        if found.up.stream.is_none() && exchange.replay.capacity() > 0 {
            self.buffers.give(std::mem::take(&mut exchange.replay));
        }
        let mut wires = wires!(self);
        let up = &mut *found.up;
        let change = exchange.grpc.request();
        let plain = Sink::new(&mut up.io, up.stream.as_mut(), exchange.request_chunked);
        let mut sink = Sink { change, kept: Some(&mut exchange.replay), ..plain };
        let carried = sink.carry(&mut exchange.request, bytes, &mut wires);
        let passed = match carried.passed {
            Ok(passed) => passed,
            Err(refusal) => return Some(self.refuse_body(down, link, refusal.status, refusal.cause.text())),
        };
        exchange.bytes_in += passed.data as u64;
        exchange.deaf |= carried.sent.is_err();
        if exchange.grpc.is_faulty() {
            return Some(self.refuse_body(down, link, 400, NOT_BASE64));
        }
        exchange.inward.note(up.io.blocked());
        if let Some(next) = bytes.get(passed.consumed..).filter(|next| !next.is_empty()) {
            down.carry = self.buffers.holding(next);
        }
        None
    }

    /// A piece of a request body that came on a stream; with `end` the last one, and the trailers that follow it.
    pub(crate) fn take_stream_body(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
        end: Option<&[u8]>,
    ) -> Option<Step> {
        if let Some(stream) = down.stream.as_mut() {
            stream.owed = stream.owed.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        let exchange = down.exchange.as_mut()?;
        exchange.bytes_in += bytes.len() as u64;
        if exchange.upgrade && down.phase != Phase::Tunnel {
            // Nobody has agreed yet; the stream's window bounds what comes before.
            exchange.client_finished |= end.is_some();
            self.buffers.append(&mut down.carry, bytes);
            return None;
        }
        if down.phase == Phase::Tunnel {
            return self.tunnel_inward(down, link, bytes, end.is_some());
        }
        if end.is_some() {
            // It ends when the stream says so.
            let _ = exchange.request.finish();
        }
        if let Backend::Ask(ask) = exchange.backend {
            return self.take_ask_stream(ask, down, bytes, end.is_some());
        }
        let found = link.as_mut()?;
        if exchange.replay.capacity() > 0 && (exchange.deaf || found.up.stream.is_none()) {
            self.buffers.give(std::mem::take(&mut exchange.replay));
        }
        if exchange.deaf {
            return None;
        }
        let mut wires = wires!(self);
        let up = &mut *found.up;
        let change = exchange.grpc.request();
        let plain = Sink::new(&mut up.io, up.stream.as_mut(), exchange.request_chunked);
        let mut sink = Sink { change, kept: Some(&mut exchange.replay), ..plain };
        exchange.deaf |= sink.put(bytes, end, &mut wires).is_err();
        exchange.grpc.is_faulty().then(|| self.refuse_body(down, link, 400, NOT_BASE64))
    }

    /// What came on the client's stream may be given back once the upstream has taken it.
    pub(super) fn credit_client(&mut self, down: &mut Down<N::Sock>, link: &Option<Link<N::Sock>>) {
        let deaf = down.exchange.as_ref().is_none_or(|exchange| exchange.deaf);
        if let Some(stream) = down.stream.as_mut()
            && (deaf || link.as_ref().is_none_or(|link| !link.up.io.blocked()))
        {
            self.sessions.give_back(stream);
        }
    }

    /// What came on the upstream's stream may be given back once the client has taken it.
    pub(super) fn credit_upstream(&mut self, down: &Down<N::Sock>, link: &mut Option<Link<N::Sock>>) {
        if let Some(stream) = link.as_mut().and_then(|link| link.up.stream.as_mut())
            && !down.io.blocked()
        {
            self.sessions.give_back(stream);
        }
    }

    /// Move the answer on.
    fn pump_answer(&mut self, id: Id, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
        if link.as_ref().is_some_and(|link| link.up.stream.is_some()) {
            self.credit_upstream(down, link);
            return Step::Wait;
        }
        let mut budget = limits::TURN_BYTES;
        while budget > 0 {
            if down.io.blocked() {
                return Step::Wait;
            }
            let (Some(found), Some(exchange)) = (link.as_mut(), down.exchange.as_ref()) else {
                return Step::Wait;
            };
            let pace = exchange.outward.room();
            let mut scratch = std::mem::take(&mut self.scratch);
            let read = found.up.io.read(&mut self.net, scratch.get_mut(..pace).unwrap_or(&mut []));
            let step = match read {
                Read::Nothing => Some(Step::Wait),
                Read::End => Some(self.upstream_ended(id, down, link)),
                Read::Bytes(count) => self.take_answer(down, link, scratch.get(..count).unwrap_or(&[])),
            };
            self.scratch = scratch;
            match (step, read) {
                (Some(step), _) => return step,
                (None, Read::Bytes(count)) => budget = budget.saturating_sub(count),
                (None, _) => return Step::Wait,
            }
        }
        self.again_later();
        Step::Wait
    }

    /// One piece of what the upstream sends.
    fn take_answer(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Option<Step> {
        crate::fault::point("relay.answer");
        down.moved = self.now;
        match down.exchange.as_ref()?.answer {
            Answer::Awaited => self.answer_head(down, link, bytes),
            Answer::Body { .. } => self.answer_body(down, link, bytes),
        }
    }

    /// One piece of the answer's body.
    pub(crate) fn answer_body(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        let Answer::Body { decoder, chunked } = &mut exchange.answer else { return None };
        let mut wires = wires!(self);
        let change = exchange.grpc.answer();
        let mut sink = Sink { change, ..Sink::new(&mut down.io, down.stream.as_mut(), *chunked) };
        let Carried { passed, sent } = sink.carry(decoder, bytes, &mut wires);
        exchange.bytes_out += passed.as_ref().map_or(0, |passed| passed.data as u64);
        crate::fault::point("relay.body");
        let done = decoder.is_done();
        if done {
            exchange.grpc.heard(decoder.trailers());
        }
        exchange.reusable &= passed.as_ref().is_ok_and(|passed| passed.consumed == bytes.len());
        exchange.outward.note(down.io.blocked());
        match (sent, passed.is_err(), done) {
            (Err(_), ..) => Some(self.fail(down, link, Reason::ClientGone)),
            (_, true, _) => Some(self.fail(down, link, Reason::UpstreamInvalid)),
            (_, _, true) => Some(self.finish(down, link)),
            _ => None,
        }
    }

    /// A piece of an answer that came on a stream; with `end` the last one, and the trailers that follow it.
    pub(crate) fn take_stream_answer(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
        end: Option<&[u8]>,
    ) -> Option<Step> {
        crate::fault::point("relay.answer");
        if let Some(stream) = link.as_mut().and_then(|link| link.up.stream.as_mut()) {
            stream.owed = stream.owed.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        let exchange = down.exchange.as_mut()?;
        let Answer::Body { decoder, chunked } = &mut exchange.answer else { return None };
        exchange.bytes_out += bytes.len() as u64;
        if down.phase == Phase::Tunnel {
            return self.tunnel_outward(down, bytes, end.is_some());
        }
        let mut wires = wires!(self);
        let change = exchange.grpc.answer();
        let mut sink = Sink { change, ..Sink::new(&mut down.io, down.stream.as_mut(), *chunked) };
        let sent = sink.put(bytes, end, &mut wires);
        if let Some(trailers) = end {
            let _ = decoder.finish();
            exchange.grpc.heard(trailers);
        }
        match (sent, end) {
            (Err(_), _) => Some(self.fail(down, link, Reason::ClientGone)),
            (Ok(()), Some(_)) => Some(self.finish(down, link)),
            (Ok(()), None) => None,
        }
    }

    /// The stream to the upstream is no more.
    fn stream_lost(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        gone: Gone,
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        crate::fault::point("relay.lost");
        let awaited = matches!(exchange.answer, Answer::Awaited);
        let (reason, code) = match gone {
            // A server that was told the deadline has seen it pass a little before our timer has.
            Gone::Reset(_) if exchange.deadline <= self.now => (Reason::RequestTimeout, Code::CANCEL),
            gone => Self::gone_reason(gone, &exchange.answer),
        };
        let safe = match gone {
            // Not processed (RFC 9113 §8.7): whatever it was, it may be sent again.
            Gone::Refused => true,
            Gone::Closed => exchange.idempotent(),
            Gone::Reset(_) | Gone::Unconnected(_) => false,
        };
        if awaited
            && safe
            && let Some(step) = self.replay(id, down, link)
        {
            return step;
        }
        if let Some(stream) = down.stream.as_mut() {
            stream.code = code;
        }
        self.fail(down, link, reason)
    }

    /// The upstream has sent its end, or broke.
    fn upstream_ended(&mut self, id: Id, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
        let failed = link.as_ref().is_some_and(|link| link.up.io.failed);
        let partial_head = link.as_ref().is_some_and(|link| !link.up.carry.is_empty());
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        crate::fault::point("relay.end");
        exchange.reusable = false;
        match &mut exchange.answer {
            Answer::Awaited if partial_head => self.fail(down, link, Reason::UpstreamClosed),
            Answer::Awaited => match self.replay(id, down, link) {
                Some(step) => step,
                None => self.fail(down, link, Reason::UpstreamClosed),
            },
            Answer::Body { decoder, chunked } => match decoder.finish() {
                Ok(()) if !failed => {
                    let chunked = *chunked;
                    self.end_of_answer(down, link, chunked)
                }
                _ => self.fail(down, link, Reason::UpstreamTruncated),
            },
        }
    }

    /// A body that ended with the connection is whole.
    fn end_of_answer(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        chunked: bool,
    ) -> Step {
        let mut wires = wires!(self);
        let change = down.exchange.as_mut().and_then(|exchange| exchange.grpc.answer());
        let mut sink = Sink { change, ..Sink::new(&mut down.io, down.stream.as_mut(), chunked) };
        match sink.put(&[], Some(&[]), &mut wires) {
            Ok(()) => self.finish(down, link),
            Err(_) => self.fail(down, link, Reason::ClientGone),
        }
    }
}
