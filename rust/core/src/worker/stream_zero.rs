//! What is said between Trio and a worker about stream 0 of HTTP/2 connections.
//!
//! Rules: a command may cross the end of its connection on the way; one for a connection that is not there is nothing.
//! Trio may be far behind, and nothing waits for it: a connection that it could not be told of gets along without it, and
//! ends by itself when its listener drains. One that it knows has an end that it is told of, later if need be.

use super::border::{self, Command, ConnId, Event};
use super::table::Id;
use super::{Worker, limits};
use crate::exchange::Step;
use crate::http2::code::Code;
use crate::net::Net;
use crate::reason::Reason;
use crate::session::{Owner, Session};

impl<N: Net> Worker<N> {
    /// Carry out a command to one connection.
    pub(crate) fn stream_zero(&mut self, conn: ConnId, command: Command<N::Listener>) {
        let Some(&id) = self.names.get(&conn) else { return };
        let Some(session) = self.sessions.get(id) else { return };
        match command {
            Command::Control { bytes, .. } => session.out.extend_from_slice(&bytes),
            Command::GoAway { last: None, .. } => session.warn(),
            Command::GoAway { last: Some(last), code, .. } => session.retire(last, Code(code)),
            Command::End { code, .. } => return self.end_connection(id, Code(code)),
            _ => {}
        }
        self.sessions.touch(id);
    }

    /// Tell Trio that a connection is there.
    pub(crate) fn tell_opened(&mut self, id: Id, owner: border::Owner, peer: Box<str>) {
        let Some(session) = self.sessions.get(id) else { return };
        let conn = session.number;
        // Ends that have to wait go first.
        let room = self.untold_ends.is_empty();
        session.told = room && self.border.conducted.push(Event::Opened { conn, owner, peer }).is_ok();
        if !session.told {
            self.ledger.untold_connections.add(1);
        }
        self.told = true;
    }

    /// Tell Trio what happened on a connection, if it knows it. It can do without what does not fit.
    pub(crate) fn tell_of(&mut self, known: bool, event: Event) {
        if known {
            let _ = self.border.conducted.push(event);
            self.told = true;
        }
    }

    /// Tell Trio that a connection has ended: the last that it hears of it.
    pub(crate) fn tell_end(&mut self, session: &Session, reason: &'static str) {
        if session.told {
            let end = Event::Closed { conn: session.number, reason, served: session.served };
            self.untold_ends.push_back(end);
            self.tell_ends();
        }
    }

    /// Tell of ends as long as they fit.
    pub(crate) fn tell_ends(&mut self) {
        while let Some(end) = self.untold_ends.pop_front() {
            self.told = true;
            if let Err(end) = self.border.conducted.push(end) {
                self.untold_ends.push_front(end);
                return;
            }
        }
    }

    /// How long to wait for something to happen, ms; without end: -1.
    pub(crate) fn rest(&self) -> i32 {
        let timer = self.wheel.wait_ms(self.now);
        if self.untold_ends.is_empty() {
            return timer;
        }
        if timer < 0 { limits::UNTOLD_MS } else { timer.min(limits::UNTOLD_MS) }
    }

    /// Connections of this listener that Trio does not know end with their last stream.
    pub(crate) fn retire_untold(&mut self, listener: u32) {
        let untold = |session: &Session| !session.told && session.listener == listener;
        for id in self.sessions.ids(|session| matches!(session.owner, Owner::Down(_)) && untold(session)) {
            if let Some(session) = self.sessions.get(id) {
                session.retire(u32::MAX, Code::NO_ERROR);
            }
            self.sessions.touch(id);
        }
    }

    /// End a connection with GOAWAY; streams in flight fail.
    fn end_connection(&mut self, id: Id, code: Code) {
        let Some(session) = self.sessions.get(id) else { return };
        session.retire(u32::MAX, code);
        let owner = session.owner;
        let out = std::mem::take(&mut session.out);
        match owner {
            Owner::Up(up) => {
                if let Some(up) = self.ups.get_mut(up) {
                    let _ = up.io.send(&mut self.net, &out, &mut self.buffers);
                }
                self.give_up_session(up);
            }
            Owner::Down(owner) => {
                let Some(mut down) = self.downs.take(owner) else { return };
                let sent = down.io.send(&mut self.net, &out, &mut self.buffers);
                self.end_session(id, Reason::Drained, "ended");
                let mut step = if sent.is_err() { Step::Close } else { self.leave_politely(&mut down) };
                if step == Step::Again {
                    step = self.advance(owner, &mut down, &mut None);
                }
                self.put_back(owner, down, None, step);
            }
        }
    }
}
