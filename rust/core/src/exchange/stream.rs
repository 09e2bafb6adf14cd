//! Getting a request onto a stream: encoded once, opened where there is room, and the same again for a replay.
//!
//! Theory: our encoder keeps no table, so a field block means the same on every connection: what is kept for a replay is
//! the block itself, with the body behind it.

use super::begin::{Incoming, after};
use super::body::{Sink, wires};
use super::{Backend, Exchange, Link, Step};
use crate::http1::body::Decoder;
use crate::http1::response::Answering;
use crate::net::Net;
use crate::reason::Reason;
use crate::route::Rule;
use crate::session::stream::Finish;
use crate::session::upstream::{Opening, Upgradable};
use crate::upstream::Place;
use crate::worker::downstream::Down;
use crate::worker::table::Id;
use crate::worker::{Worker, limits};

impl<N: Net> Worker<N> {
    /// Forward a request as a stream.
    pub(super) fn forward_stream(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        incoming: &Incoming<'_>,
        rule: &Rule,
        place: Place,
    ) -> Step {
        if let Some(exchange) = down.exchange.as_mut() {
            // What follows extended CONNECT is the tunnel: a request with a body cannot become one.
            exchange.upgrade &= exchange.request.is_done();
        }
        let mut block = self.buffers.take();
        let scheme = if self.groups.tls(place).is_some() { "https" } else { "http" };
        self.write_request(down, incoming, rule, Some(scheme), &mut block);
        crate::fault::point("forward.written");
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        exchange.place = Some(place);
        exchange.replay_block = u32::try_from(block.len()).unwrap_or(0);
        self.groups.begin(place, &self.ledger);
        crate::fault::point("forward.counted");
        let step = if exchange.upgrade {
            exchange.replay = self.buffers.holding(&block);
            self.wait_for_settings(id, down, link)
        } else {
            self.send_stream(id, down, link, place, &block)
        };
        self.buffers.give(block);
        if step != Step::Again || incoming.rest().is_empty() {
            return step;
        }
        self.take_request(down, link, incoming.rest()).unwrap_or(Step::Again)
    }

    /// Whether an endpoint can be asked to switch protocols is in its SETTINGS (RFC 8441 §3): until they have come, wait.
    pub(crate) fn wait_for_settings(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        let Some(place) = exchange.place else { return Step::Reset };
        let connect_by = exchange.rule().map_or(u64::MAX, |rule| after(self.now, rule.timeouts.connect));
        match self.extended_connect(place, id, connect_by) {
            Err(why) => self.undialled(down, link, &why),
            Ok(Upgradable::Unknown) => {
                exchange.backend = Backend::Waits;
                exchange.try_deadline = connect_by;
                Step::Wait
            }
            Ok(Upgradable::No) => self.fail(down, link, Reason::UpgradeRefused),
            Ok(Upgradable::Yes) => {
                let block = std::mem::take(&mut exchange.replay);
                let step = self.send_stream(id, down, link, place, &block);
                self.buffers.give(block);
                step
            }
        }
    }

    /// What had waited of a body in HTTP/1.1 framing goes on the stream that was opened for it.
    pub(crate) fn carry_first(
        &mut self,
        exchange: &mut Exchange,
        link: &mut Link<N::Sock>,
        decoder: &mut Decoder,
        rest: &[u8],
    ) {
        let up = &mut *link.up;
        let plain = Sink::new(&mut up.io, up.stream.as_mut(), false);
        let mut sink = Sink { kept: Some(&mut exchange.replay), ..plain };
        let _ = sink.carry(decoder, rest, &mut wires!(self));
    }

    /// Send a field block, and what follows it of a replay, on a stream.
    pub(crate) fn send_stream(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        place: Place,
        bytes: &[u8],
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        let (block, body) = bytes.split_at(bytes.len().min(exchange.replay_block as usize));
        exchange.per_try_deadline = self.per_try(exchange);
        let rule = exchange.rule();
        let whole = exchange.request.is_done();
        let opening = Opening {
            owner: id,
            place,
            answering: Answering { head: exchange.is_head(), upgrade: exchange.upgrade },
            block,
            end: whole && body.is_empty() && !exchange.upgrade,
            connect_by: rule.map_or(u64::MAX, |rule| after(self.now, rule.timeouts.connect)),
        };
        let (mut opened, connecting) = match self.open_stream(&opening) {
            Ok(opened) => opened,
            Err(why) => return self.undialled(down, link, &why),
        };
        crate::fault::point("lease.stream");
        exchange.backend = Backend::Up(opened.id);
        exchange.try_deadline = exchange.per_try_deadline;
        if connecting {
            exchange.try_deadline = exchange.try_deadline.min(opening.connect_by);
        }
        if let Some(stream) = opened.up.stream.as_mut() {
            if opening.end {
                stream.finish = Finish::Done;
            } else if !exchange.upgrade && (whole || !body.is_empty()) {
                self.sessions.send(&mut opened.up.io, stream, body, whole, &mut self.buffers);
            }
        }
        // What follows of its body is kept behind it.
        if bytes.len() <= limits::REPLAY_BYTES {
            exchange.replay = self.buffers.holding(bytes);
        }
        *link = Some(opened);
        Step::Again
    }
}
