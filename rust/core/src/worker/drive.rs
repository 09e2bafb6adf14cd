//! Driving a connection: taken out of its table, advanced as far as it goes, put back; and its end.
//!
//! Rule: whoever is driven may use everything else of the worker, but never meets himself: what he would drive is out of
//! the table then.

use super::downstream::{Down, Phase};
use super::table::Id;
use super::{Worker, border, limits};
use crate::exchange::{Backend, Link, Step};
use crate::http2::code::Code;
use crate::net::{Net, Ready};
use crate::reason::Reason;
use crate::session::stream::Finish;

impl<N: Net> Worker<N> {
    /// Advance one connection as far as it goes.
    pub(crate) fn drive(&mut self, id: Id, event: Option<Ready>) {
        let Some(mut down) = self.downs.take(id) else { return };
        if let Some(event) = event {
            down.io.note(event);
        }
        let mut link = self.hold(&down);
        let step = self.go_on(id, &mut down, &mut link, Step::Again);
        self.put_back(id, down, link, step);
    }

    /// Go on after a step, and see to a deadline that has passed.
    pub(crate) fn go_on(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        step: Step,
    ) -> Step {
        let step = if step == Step::Again { self.advance(id, down, link) } else { step };
        match step {
            Step::Wait => match self.overdue(down, link) {
                Some(Step::Again) => self.advance(id, down, link),
                Some(overdue) => overdue,
                None => step,
            },
            _ => step,
        }
    }

    /// Carry out a command of Trio's on one connection, then advance it.
    pub(crate) fn drive_command(&mut self, id: Id, command: border::Command<N::Listener>) {
        let Some(mut down) = self.downs.take(id) else { return };
        let mut link = self.hold(&down);
        let step = self.hear(&mut down, command);
        let step = self.go_on(id, &mut down, &mut link, step);
        self.put_back(id, down, link, step);
    }

    /// Take the exchange's upstream connection out as well.
    pub(crate) fn hold(&mut self, down: &Down<N::Sock>) -> Option<Link<N::Sock>> {
        match down.exchange.as_ref()?.backend {
            Backend::Up(id) => self.ups.take(id).map(|up| Link { id, up }),
            _ => None,
        }
    }

    /// End a connection now, whatever it is doing: a drain has lost its patience.
    pub(crate) fn cut(&mut self, id: Id) {
        let Some(mut down) = self.downs.take(id) else { return };
        let link = self.hold(&down);
        if let Phase::Session { session, .. } = down.phase {
            self.end_session(session, Reason::Drained, "drained");
        }
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.reason = Reason::Drained;
            self.conclude(&mut down);
        }
        self.put_back(id, down, link, Step::Reset);
    }

    pub(crate) fn put_back(
        &mut self,
        id: Id,
        mut down: Box<Down<N::Sock>>,
        link: Option<Link<N::Sock>>,
        step: Step,
    ) {
        if let Some(mut link) = link {
            if step == Step::Reset && down.phase == Phase::Tunnel {
                // Bytes without framing: only a reset says that this was not all of them.
                link.up.io.reset(&mut self.net);
            }
            if matches!(step, Step::Wait | Step::Again) {
                self.ups.put(link.id, link.up);
            } else {
                self.close_up(link);
            }
        }
        match step {
            Step::Wait | Step::Again => {
                if std::mem::take(&mut self.again_wanted) || step == Step::Again {
                    self.again.push(id);
                }
                let due = down.due();
                if due != u64::MAX {
                    self.wheel.no_later(down.timer, due);
                }
                self.downs.put(id, down);
            }
            Step::Close => {
                down.io.farewell(&mut self.net);
                self.bury(id, down);
            }
            Step::Reset => {
                down.io.reset(&mut self.net);
                self.bury(id, down);
            }
        }
    }

    pub(crate) fn advance(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        if down.io.blocked() && down.io.writable {
            let before = down.io.backlog();
            if down.io.flush(&mut self.net, &mut self.buffers).is_err() {
                return self.fail(down, link, Reason::ClientGone);
            }
            if down.io.backlog() < before {
                down.moved = self.now;
            }
        }
        for _ in 0..limits::TURN_REQUESTS {
            let step = match down.phase {
                Phase::Preamble => self.preamble(down),
                Phase::Hello => self.hello(id, down, link),
                Phase::Handshake { .. } => self.line_up(id, down),
                Phase::Idle | Phase::Head => self.begin(id, down, link),
                Phase::Exchange => self.relay(id, down, link),
                Phase::Tunnel => self.tunnel(down, link),
                Phase::Session { session, .. } => self.serve(down, session),
                Phase::Linger { .. } => self.linger(down),
            };
            if step != Step::Again {
                return step;
            }
        }
        Step::Again
    }

    /// Advance the connection in hand again in the next turn: its share of this one is used up.
    pub(crate) fn again_later(&mut self) {
        self.again_wanted = true;
    }

    /// The end of a client's connection.
    fn bury(&mut self, id: Id, mut down: Box<Down<N::Sock>>) {
        if down.exchange.is_some() {
            if let Some(exchange) = down.exchange.as_mut() {
                exchange.reason = Reason::ClientGone;
            }
            self.conclude(&mut down);
        }
        self.again_wanted = false;
        down.io.release(&mut self.buffers);
        self.buffers.give(std::mem::take(&mut down.carry));
        self.wheel.remove(down.timer);
        self.downs.free(id);
        if let Phase::Session { session, .. } = down.phase {
            self.end_session(session, Reason::ClientGone, "client_gone");
        }
        if let Some(stream) = down.stream.as_mut() {
            self.streams -= 1;
            let whole = stream.finish == Finish::Done;
            let code = if whole { Code::NO_ERROR } else { stream.code };
            self.sessions.leave(id, stream, code);
            if self.spare_downs.len() < limits::SPARE_STREAMS {
                self.spare_downs.push(down);
            }
            return;
        }
        if let Some(gauge) = &down.gauge {
            self.leave(down.listener, gauge);
        }
    }
}
