//! `protocol: auto`: what ALPN agrees upon with an endpoint decides.
//!
//! Theory: what an endpoint speaks is known when its first handshake is over, and hardly ever changes. So the first request
//! is written for HTTP/1.1 and waits in its connection; if HTTP/2 was agreed upon, it is read again as what it says, and
//! goes as the first stream. From then on the endpoint is taken to speak HTTP/2 until a handshake says otherwise.

use crate::exchange::body::pass;
use crate::exchange::forward::translate;
use crate::exchange::{Link, Step, Version, websocket};
use crate::http1::body::Decoder;
use crate::http1::head::{Known, Limits, Progress};
use crate::http1::request::Request;
use crate::net::Net;
use crate::reason::Reason;
use crate::worker::Worker;
use crate::worker::downstream::Down;
use crate::worker::table::Id;

impl<N: Net> Worker<N> {
    /// The new connection of an exchange has agreed upon HTTP/2: it carries streams from now on, and the exchange is its
    /// first.
    pub(crate) fn become_session(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        let Some(mut made) = link.take() else { return Step::Reset };
        let (place, owner) = (made.up.place, made.up.owner.take());
        let waited = made.up.io.take_waiting();
        let Some((owner, first)) = owner.zip(self.groups.first_flight(place)) else {
            self.close_up(made);
            return self.fail(down, link, Reason::NoEndpoint);
        };
        self.groups.agreed(place, true);
        made.up.session = Some(self.session_to(made.id, place, &first));
        made.up.idle_since = u64::MAX;
        self.ups.put(made.id, made.up);
        let mut request = std::mem::take(&mut self.request);
        let mut block = self.buffers.take();
        let read = request.parse(&waited, &Limits::default());
        let step = match (read, down.exchange.as_mut()) {
            (Ok(Progress::Complete), Some(exchange)) => {
                let upgrade = exchange.upgrade;
                translate(&request, &waited, upgrade, &mut block);
                if upgrade && exchange.version == Version::Http1 {
                    exchange.agreement = agreement(&request, &waited);
                }
                exchange.replay_block = u32::try_from(block.len()).unwrap_or(0);
                let rest = waited.get(request.head_len as usize..).unwrap_or(&[]);
                self.as_first_stream(owner, down, link, &request, &mut block, rest)
            }
            // What we have written ourselves is always readable.
            _ => self.fail(down, link, Reason::Internal),
        };
        self.request = request;
        self.buffers.give(block);
        step
    }

    fn as_first_stream(
        &mut self,
        owner: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        request: &Request,
        block: &mut Vec<u8>,
        rest: &[u8],
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        let Some(place) = exchange.place else { return Step::Reset };
        let mut decoder = Decoder::new(request.framing);
        if exchange.upgrade {
            exchange.replay = self.buffers.holding(block);
            return self.wait_for_settings(owner, down, link);
        }
        if exchange.request.is_done() {
            // All of it has waited: its body follows its head, as in a replay.
            let carried = pass(&mut decoder, rest, false, block);
            debug_assert!(carried.is_ok() && decoder.is_done());
            return self.send_stream(owner, down, link, place, block);
        }
        let step = self.send_stream(owner, down, link, place, block);
        if let (Step::Again, Some(exchange), Some(link)) = (step, down.exchange.as_mut(), link.as_mut()) {
            self.carry_first(exchange, link, &mut decoder, rest);
        }
        step
    }
}

/// What tells a client of HTTP/1.1 that its upgrade was agreed to.
fn agreement(request: &Request, bytes: &[u8]) -> Vec<u8> {
    let asked = request.fields.iter().find(|field| field.known == Known::Upgrade);
    let key = websocket::find(&request.fields, bytes, websocket::KEY);
    websocket::agree(asked.map_or(&[], |field| field.value.of(bytes)), key.map(|field| field.value.of(bytes)))
}
