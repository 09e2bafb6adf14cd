//! Driving an exchange: moving whatever can be moved, in both directions.
//!
//! Rules: at most [`limits::TURN_BYTES`] per call, then the next connection has its turn; what one side cannot take is
//! not read from the other; an upstream that stops taking the request may still answer it (RFC 9112 §9.5).

use super::body::{end, pass};
use super::{Answer, Backend, Link, Step};
use crate::http1::body::Decoder;
use crate::net::Net;
use crate::reason::Reason;
use crate::worker::downstream::Down;
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
            _ => return self.fail(down, link, Reason::Internal),
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
        }
        let found = link.as_mut()?;
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
    fn take_request(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Option<Step> {
        crate::fault::point("relay.request");
        down.moved = self.now;
        let exchange = down.exchange.as_mut()?;
        let found = link.as_mut()?;
        if exchange.replay.capacity() > 0 {
            self.buffers.give(std::mem::take(&mut exchange.replay));
        }
        let (sent, consumed) = if exchange.request_chunked {
            self.out.clear();
            match pass(&mut exchange.request, bytes, true, &mut self.out) {
                Err(refusal) => {
                    let (status, text) = (refusal.status, refusal.cause.text());
                    return Some(self.refuse_body(down, link, status, text));
                }
                Ok(passed) => {
                    exchange.bytes_in += passed.data as u64;
                    (found.up.io.send(&mut self.net, &self.out, &mut self.buffers), passed.consumed)
                }
            }
        } else {
            // A length: the data is the input itself, up to its end.
            let step = exchange.request.decode(bytes).ok()?;
            exchange.bytes_in += step.data.len() as u64;
            let data = bytes.get(step.data).unwrap_or(&[]);
            (found.up.io.send(&mut self.net, data, &mut self.buffers), step.consumed)
        };
        exchange.deaf |= sent.is_err();
        exchange.inward.note(found.up.io.blocked());
        if let Some(next) = bytes.get(consumed..).filter(|next| !next.is_empty()) {
            down.carry = self.buffers.holding(next);
        }
        None
    }

    /// Move the answer on.
    fn pump_answer(&mut self, id: Id, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
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
    fn answer_body(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        let Answer::Body { decoder, chunked } = &mut exchange.answer else { return None };
        // Without framing on either side the input is the output; else it is written anew.
        let plain = !*chunked && decoder.remaining().is_some();
        let (sent, fault, consumed) = if plain {
            let step = decoder.decode(bytes).ok()?;
            exchange.bytes_out += step.data.len() as u64;
            let data = bytes.get(step.data).unwrap_or(&[]);
            (down.io.send(&mut self.net, data, &mut self.buffers), false, step.consumed)
        } else {
            self.out.clear();
            let passed = pass(decoder, bytes, *chunked, &mut self.out);
            exchange.bytes_out += passed.map_or(0, |passed| passed.data as u64);
            let sent = down.io.send(&mut self.net, &self.out, &mut self.buffers);
            (sent, passed.is_err(), passed.map_or(0, |passed| passed.consumed))
        };
        crate::fault::point("relay.body");
        let done = decoder.is_done();
        exchange.reusable &= consumed == bytes.len();
        exchange.outward.note(down.io.blocked());
        match (sent, fault, done) {
            (Err(_), ..) => Some(self.fail(down, link, Reason::ClientGone)),
            (_, true, _) => Some(self.fail(down, link, Reason::UpstreamInvalid)),
            (_, _, true) => Some(self.finish(down, link)),
            _ => None,
        }
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
        self.out.clear();
        end(&Decoder::new(crate::http1::head::Framing::None), chunked, &mut self.out);
        match down.io.send(&mut self.net, &self.out, &mut self.buffers) {
            Ok(()) => self.finish(down, link),
            Err(_) => self.fail(down, link, Reason::ClientGone),
        }
    }
}
