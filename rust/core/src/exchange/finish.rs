//! The one end of every exchange: counted, logged, and the connections given what comes next.

use super::{Backend, Exchange, Link, Step};
use crate::account::line::Told;
use crate::net::{Net, Peer};
use crate::preamble::outcome::Outcome;
use crate::reason::Reason;
use crate::tls::Cause;
use crate::worker::border::Event;
use crate::worker::downstream::{Down, Phase};
use crate::worker::io::Read;
use crate::worker::{Worker, limits};

/// Counted instead of a status when the client left before there was one (nginx's convention).
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl<N: Net> Worker<N> {
    /// The answer was handed over whole.
    pub(crate) fn finish(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
        let Some(exchange) = down.exchange.as_ref() else { return Step::Reset };
        let whole = exchange.request.is_done();
        let goes_on = exchange.keep_alive && whole;
        let reusable = exchange.reusable && whole && !exchange.deaf;
        if let Some(link) = link.take() {
            self.settle(link, reusable);
        }
        self.conclude(down);
        if down.is_stream() {
            down.enter(Phase::Linger { left: 0, finished: false }, self.now);
            return if down.io.blocked() { Step::Wait } else { Step::Close };
        }
        if goes_on {
            down.served = down.served.saturating_add(1);
            down.enter(Phase::Idle, self.now);
            let more = !down.carry.is_empty() || down.io.readable;
            return if more && !down.io.blocked() { Step::Again } else { Step::Wait };
        }
        if whole && down.carry.is_empty() && !down.io.blocked() && !down.io.readable {
            return Step::Close;
        }
        down.enter(Phase::Linger { left: limits::LINGER_BYTES, finished: false }, self.now);
        self.buffers.give(std::mem::take(&mut down.carry));
        Step::Again
    }

    /// Count and log the exchange; afterwards there is none.
    pub(crate) fn conclude(&mut self, down: &mut Down<N::Sock>) {
        if let Some(exchange) = down.exchange.as_mut() {
            self.tally(exchange, &down.peer);
            down.exchange = None;
        }
    }

    /// Count and log an exchange that has ended.
    pub(crate) fn tally(&mut self, exchange: &mut Exchange, peer: &Peer) {
        crate::fault::point("finish.conclude");
        self.buffers.give(std::mem::take(&mut exchange.replay));
        if let Some(place) = exchange.place {
            self.groups.end(place, &self.ledger);
        }
        if let Backend::Ask(id) = exchange.backend {
            self.asks.remove(&id);
            self.ledger.asks.set(self.asks.len() as u64);
            self.tell(Event::Over { id, reason: exchange.reason });
        }
        if let Some(web) = exchange.grpc.web.as_ref().filter(|web| web.told() > 0) {
            exchange.bytes_out = web.told();
        }
        let code = if exchange.status == 0 { CLIENT_CLOSED_REQUEST } else { exchange.status };
        let (rule, upstream, method) = (exchange.rule, exchange.upstream, exchange.method);
        let number = exchange.local.series(&self.ledger, exchange.listener, rule, upstream, method, code);
        let duration = self.now.saturating_sub(exchange.started);
        if let Some(series) = self.ledger.series.get(number) {
            series.duration.record(duration);
            series.bytes_in.add(exchange.bytes_in);
            series.bytes_out.add(exchange.bytes_out);
            let outcome = exchange.outcome().and_then(|code| series.grpc.get(usize::from(code.number())));
            if let Some(cell) = outcome {
                cell.add(1);
            }
        }
        if let Some(cell) = self.ledger.reasons.get(exchange.reason as usize) {
            cell.add(1);
        }
        if let Some(asked) = exchange.line.take() {
            let endpoint = exchange.place.and_then(|place| self.groups.endpoint(place));
            let told = Told {
                wall: self.net.wall(),
                peer: peer.as_str(),
                endpoint: endpoint.map_or("", |endpoint| endpoint.text.as_str()),
                code,
                duration,
                exchange,
            };
            self.log.line(&self.ledger, |out| crate::account::line::write(&asked, &told, out));
        }
    }

    /// Discard what still comes, until the client has closed or its time is over.
    pub(crate) fn linger(&mut self, down: &mut Down<N::Sock>) -> Step {
        let Phase::Linger { mut left, mut finished } = down.phase else { return Step::Close };
        if down.io.blocked() {
            return Step::Wait;
        }
        if down.is_stream() {
            return Step::Close;
        }
        if !finished {
            finished = true;
            down.io.finish(&mut self.net);
            down.since = self.now;
        }
        crate::fault::point("finish.linger");
        let mut scratch = std::mem::take(&mut self.scratch);
        let step = loop {
            match down.io.read(&mut self.net, &mut scratch) {
                Read::Nothing => break Step::Wait,
                Read::End => break Step::Close,
                Read::Bytes(count) if left > count as u64 => left -= count as u64,
                Read::Bytes(_) => break Step::Close,
            }
        };
        self.scratch = scratch;
        down.phase = Phase::Linger { left, finished };
        step
    }

    /// What a deadline that has passed means for this connection; `None` if none has.
    pub(crate) fn overdue(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Option<Step> {
        if down.due() > self.now {
            return None;
        }
        crate::fault::point("finish.overdue");
        Some(match down.phase {
            Phase::Preamble => self.refuse_sender(Outcome::Late),
            Phase::Hello | Phase::Handshake { .. } => {
                self.ledger.shaken_down(Cause::Timeout);
                Step::Close
            }
            // Bytes of an answer that were not taken: an answer that ends with the connection would look whole.
            Phase::Idle | Phase::Linger { .. } if down.io.blocked() => Step::Reset,
            Phase::Idle | Phase::Linger { .. } => Step::Close,
            Phase::Session { session, .. } => self.session_overdue(down, session),
            Phase::Head => self.head_too_slow(down),
            Phase::Tunnel => {
                let late = down.exchange.as_ref().is_some_and(|exchange| exchange.try_deadline <= self.now);
                self.fail(down, link, if late { Reason::ConnectTimeout } else { Reason::IdleTimeout })
            }
            Phase::Exchange => {
                let reason = self.deadline_passed(down, link);
                self.fail(down, link, reason)
            }
        })
    }

    /// RFC 9110 §15.5.9: a client that is too slow is told so, if it has begun at all.
    fn head_too_slow(&mut self, down: &mut Down<N::Sock>) -> Step {
        self.buffers.give(std::mem::take(&mut down.carry));
        let exchange = self.unborn(down.listener);
        down.exchange = Some(exchange);
        self.answer_refusal(
            down,
            Reason::HeaderTimeout,
            Reason::HeaderTimeout.status(),
            Reason::HeaderTimeout.text(),
        )
    }

    fn deadline_passed(&self, down: &Down<N::Sock>, link: &Option<Link<N::Sock>>) -> Reason {
        match &down.exchange {
            Some(exchange) if exchange.deadline <= self.now => Reason::RequestTimeout,
            Some(exchange) if exchange.try_deadline <= self.now => {
                let tried = exchange.per_try_deadline <= self.now;
                if tried { Reason::PerTryTimeout } else { Reason::ConnectTimeout }
            }
            // Who is waited for? The client, if its body is due and there is room for it.
            Some(exchange) if !exchange.request.is_done() && !exchange.deaf => {
                let blocked = link.as_ref().is_some_and(|link| link.up.io.blocked());
                if !blocked && !exchange.window.is_full() { Reason::BodyTimeout } else { Reason::IdleTimeout }
            }
            _ => Reason::IdleTimeout,
        }
    }
}
