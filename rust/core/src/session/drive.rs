//! The connection as a whole: read, flushed, ended.
//!
//! Rules: all frames of a read are handled, and a turn's output is flushed once, when everything else of the turn is
//! done; a peer that does not take what there is for it is not read; a connection that breaks the protocol is told so,
//! and costs nobody else anything.

use super::crumbs::Crumbs;
use super::stream::Gone;
use super::{Owner, limits};
use crate::exchange::{Link, Step};
use crate::http2::cause::Cause;
use crate::http2::code::Code;
use crate::http2::{Event, Scratch};
use crate::net::Net;
use crate::reason::Reason;
use crate::worker::Worker;
use crate::worker::border::Event as Told;
use crate::worker::downstream::{Down, Phase};
use crate::worker::io::{Io, Read};
use crate::worker::limits::{FIRST_READ, LINGER_BYTES, TURN_BYTES};
use crate::worker::table::Id;

/// What became of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Open,
    /// The peer has closed.
    Ended,
    /// The peer broke the rules; GOAWAY waits to be sent.
    Fault(Cause),
}

impl<N: Net> Worker<N> {
    /// Read what there is.
    pub(super) fn read_frames(&mut self, session: Id, io: &mut Io<N::Sock>, moved: &mut u64) -> Outcome {
        if let Some(session) = self.sessions.get(session) {
            session.conn.turn(self.now);
        }
        let mut budget = TURN_BYTES;
        let mut input = std::mem::take(&mut self.frames);
        input.resize(FIRST_READ, 0);
        let outcome = loop {
            let Some(found) = self.sessions.get(session) else { break Outcome::Ended };
            if found.clogged() {
                found.stalled = true;
                break Outcome::Open;
            }
            if budget == 0 {
                break Outcome::Open;
            }
            match io.read(&mut self.net, &mut input) {
                Read::Nothing => break Outcome::Open,
                Read::End => break Outcome::Ended,
                Read::Bytes(count) => {
                    *moved = self.now;
                    budget = budget.saturating_sub(count);
                    if let Err(cause) = self.take_frames(session, input.get(..count).unwrap_or(&[])) {
                        break Outcome::Fault(cause);
                    }
                }
            }
        };
        self.frames = input;
        self.resume_streams(session);
        if budget == 0 {
            // Said last: the streams that were driven meanwhile have said the same of themselves.
            self.again_later();
        }
        outcome
    }

    /// Bytes of a connection, and everything that they bring about.
    ///
    /// # Errors
    /// What the peer did wrong; GOAWAY is in the session's output.
    pub(super) fn take_frames(&mut self, id: Id, mut input: &[u8]) -> Result<(), Cause> {
        crate::fault::point("session.frames");
        let mut heads = std::mem::take(&mut self.heads);
        let result = self.each_event(id, &mut input, &mut heads);
        self.heads = heads;
        self.sessions.touch(id);
        result
    }

    fn each_event(&mut self, id: Id, input: &mut &[u8], heads: &mut Scratch) -> Result<(), Cause> {
        let mut crumbs = Crumbs::new(std::mem::take(&mut self.crumbs));
        let result = loop {
            let Some(session) = self.sessions.get(id) else { break Ok(()) };
            match session.conn.next(input, heads, &mut session.out) {
                Ok(Some(Event::Data { key, bytes, end: false })) if crumbs.keep(key, bytes) => {}
                Ok(Some(event)) => {
                    self.hand_on(id, &mut crumbs);
                    match event {
                        Event::Data { key, bytes, end: false } if crumbs.keep(key, bytes) => {}
                        event => self.happened(id, event),
                    }
                }
                Ok(None) => break Ok(()),
                Err(cause) => break Err(cause),
            }
        };
        self.hand_on(id, &mut crumbs);
        self.crumbs = crumbs.into_place();
        result
    }

    fn hand_on(&mut self, id: Id, crumbs: &mut Crumbs) {
        if let Some((key, bytes)) = crumbs.take() {
            self.happened(id, Event::Data { key, bytes: &bytes, end: false });
            crumbs.emptied(bytes);
        }
    }

    fn happened(&mut self, id: Id, event: Event<'_>) {
        let Some(session) = self.sessions.get(id) else { return };
        let (conn, told) = (session.number, session.told);
        let client = matches!(session.owner, Owner::Up(_));
        match event {
            Event::Request { key, end, heads } => self.request_came(id, key, end, heads),
            Event::Refused { key, end, refusal, heads } => {
                self.request_refused(id, key, end, refusal, heads);
            }
            Event::Malformed { refusal, .. } => self.request_malformed(id, refusal),
            Event::Response { key, end, heads } => self.response_came(id, key, end, heads),
            Event::Informational { key, heads } => self.informational_came(id, key, heads),
            Event::Data { key, bytes, end } if client => self.answer_came(id, key, bytes, end.then_some(&[])),
            Event::Data { key, bytes, end } => self.body_came(id, key, bytes, end.then_some(&[])),
            Event::Trailers { key, lines } if client => self.answer_came(id, key, &[], Some(lines)),
            Event::Trailers { key, lines } => self.body_came(id, key, &[], Some(lines)),
            Event::Reset { key, code, why } if client => {
                let gone = match code {
                    Code::REFUSED_STREAM if why.is_none() => Gone::Refused,
                    _ => Gone::Reset(code),
                };
                self.stream_gone(id, key, gone);
            }
            Event::Reset { key, why, .. } => self.client_reset(id, key, why.is_some()),
            Event::Settings(payload) => {
                session.settled = true;
                let payload = payload.to_vec();
                // In the next turn: the connection that they asked about is in hand now.
                std::mem::take(&mut session.askers).into_iter().for_each(|asker| self.again.push(asker));
                self.tell_of(told, Told::Settings { conn, payload });
            }
            Event::SettingsAck => self.tell_of(told, Told::SettingsAck { conn }),
            Event::PingAck(data) => self.tell_of(told, Told::PingAck { conn, data }),
            Event::GoAway { last, code } => {
                session.ending |= client;
                self.tell_of(told, Told::GoneAway { conn, last, code: code.0 });
            }
        }
    }

    /// Let the streams go on whose turn has come.
    fn resume_streams(&mut self, id: Id) {
        while let Some(session) = self.sessions.get(id) {
            if session.clogged() {
                session.stalled = true;
                return;
            }
            let client = matches!(session.owner, Owner::Up(_));
            let Some(key) = session.conn.next_ready() else { return };
            let Some(occupant) = session.occupant(key) else { continue };
            if client { self.resume_up(occupant) } else { self.resume_down(occupant) }
        }
    }

    fn resume_down(&mut self, id: Id) {
        let Some(down) = self.downs.get_mut(id) else { return };
        let Some(stream) = down.stream.as_mut() else { return };
        let drained = self.sessions.resume(&mut down.io, stream, &mut self.buffers);
        down.moved = self.now;
        if drained {
            self.drive(id, None);
        }
    }

    fn resume_up(&mut self, id: Id) {
        let Some(up) = self.ups.get_mut(id) else { return };
        let Some(stream) = up.stream.as_mut() else { return };
        let drained = self.sessions.resume(&mut up.io, stream, &mut self.buffers);
        if let Some(owner) = up.owner.filter(|_| drained) {
            self.drive(owner, None);
        }
    }

    /// Go on with a client's connection.
    pub(crate) fn serve(&mut self, down: &mut Down<N::Sock>, session: Id) -> Step {
        match self.read_frames(session, &mut down.io, &mut down.moved) {
            Outcome::Open => self.after_reading(down, session),
            Outcome::Ended => {
                self.end_session(session, Reason::ClientGone, "client_gone");
                Step::Close
            }
            Outcome::Fault(cause) => self.expel(down, session, cause),
        }
    }

    fn after_reading(&mut self, down: &mut Down<N::Sock>, session: Id) -> Step {
        let Some(found) = self.sessions.get(session) else { return Step::Close };
        let busy = found.live() > 0;
        if found.ending && !busy && found.out.is_empty() && !down.io.blocked() {
            self.end_session(session, Reason::Drained, "closed");
            return self.leave_politely(down);
        }
        if let Phase::Session { busy: was, .. } = &mut down.phase
            && std::mem::replace(was, busy)
            && !busy
        {
            down.since = self.now;
            down.served = down.served.saturating_add(1);
        }
        Step::Wait
    }

    /// The peer broke the rules: say so, and close.
    pub(super) fn expel(&mut self, down: &mut Down<N::Sock>, session: Id, cause: Cause) -> Step {
        let out = self.sessions.get(session).map(|session| std::mem::take(&mut session.out));
        self.end_session(session, Reason::RequestInvalid, cause.word());
        let sent = down.io.send(&mut self.net, &out.unwrap_or_default(), &mut self.buffers);
        if sent.is_err() { Step::Close } else { self.leave_politely(down) }
    }

    /// So that the peer sees our last words rather than a reset.
    pub(crate) fn leave_politely(&mut self, down: &mut Down<N::Sock>) -> Step {
        down.enter(Phase::Linger { left: LINGER_BYTES, finished: false }, self.now);
        Step::Again
    }

    /// A client's connection is over due: it is idle, or its client does not take what there is for it.
    pub(crate) fn session_overdue(&mut self, down: &mut Down<N::Sock>, session: Id) -> Step {
        if down.io.blocked() {
            self.end_session(session, Reason::IdleTimeout, "stalled");
            return Step::Reset;
        }
        if let Some(found) = self.sessions.get(session) {
            found.retire(u32::MAX, Code::NO_ERROR);
        }
        let out = self.sessions.get(session).map(|session| std::mem::take(&mut session.out));
        self.end_session(session, Reason::Drained, "idle");
        let sent = down.io.send(&mut self.net, &out.unwrap_or_default(), &mut self.buffers);
        if sent.is_err() { Step::Close } else { self.leave_politely(down) }
    }

    /// The connection is over, and with it every stream that is open.
    pub(crate) fn end_session(&mut self, id: Id, reason: Reason, word: &'static str) {
        let Some(session) = self.sessions.remove(id) else { return };
        crate::fault::point("session.end");
        for occupant in session.occupants() {
            match session.owner {
                Owner::Down(_) => self.end_down(occupant, reason),
                Owner::Up(_) => self.lose_up(occupant, Gone::Closed),
            }
        }
        self.names.remove(&session.number);
        self.tell_end(&session, word);
    }

    fn end_down(&mut self, id: Id, reason: Reason) {
        let Some(mut down) = self.downs.take(id) else { return };
        let link = self.hold(&down);
        if let Some(stream) = down.stream.as_mut() {
            stream.gone = Some(Gone::Closed);
        }
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.reason = reason;
            self.conclude(&mut down);
        }
        self.put_back(id, down, link, Step::Reset);
    }

    /// A stream of ours is no more: its exchange learns it.
    pub(super) fn lose_up(&mut self, id: Id, gone: Gone) {
        let Some(up) = self.ups.get_mut(id) else { return };
        if let Some(stream) = up.stream.as_mut() {
            stream.gone = Some(gone);
        }
        match up.owner {
            Some(owner) => self.drive(owner, None),
            None => {
                if let Some(up) = self.ups.take(id) {
                    self.close_up(Link { id, up });
                }
            }
        }
    }

    /// Send what this turn has left in sessions.
    pub(crate) fn flush_sessions(&mut self) {
        for id in self.sessions.take_dirty() {
            self.contained(|worker| worker.flush_session(id));
        }
    }

    fn flush_session(&mut self, id: Id) {
        let Some(session) = self.sessions.get(id) else { return };
        session.dirty = false;
        match session.owner {
            Owner::Down(owner) => {
                let Some(mut down) = self.downs.take(owner) else { return };
                let step = if self.flush_through(id, &mut down.io, &mut down.moved) {
                    self.after_reading(&mut down, id)
                } else {
                    self.end_session(id, Reason::ClientGone, "client_gone");
                    Step::Close
                };
                let step = if step == Step::Again { self.advance(owner, &mut down, &mut None) } else { step };
                self.put_back(owner, down, None, step);
            }
            Owner::Up(owner) => self.flush_up(id, owner),
        }
    }

    /// Send a session's output through its socket; false if that is broken.
    pub(super) fn flush_through(&mut self, id: Id, io: &mut Io<N::Sock>, moved: &mut u64) -> bool {
        let Some(session) = self.sessions.get(id) else { return false };
        let out = std::mem::take(&mut session.out);
        let before = io.backlog();
        let sent = out.is_empty() || io.send(&mut self.net, &out, &mut self.buffers).is_ok();
        let Some(session) = self.sessions.get(id) else { return false };
        session.backlog = io.backlog();
        if session.backlog < before + out.len() {
            *moved = self.now;
        }
        if session.live() > 0 && out.capacity() <= limits::SESSION_BACKLOG {
            session.out = out;
            session.out.clear();
        } else {
            self.buffers.give(out);
        }
        if session.backlog == 0 {
            session.conn.flushed();
            if session.live() == 0 {
                session.conn.rest();
                session.streams = Vec::new();
            }
            if std::mem::take(&mut session.stalled) {
                match session.owner {
                    Owner::Down(owner) => self.again.push(owner),
                    Owner::Up(owner) => self.again_up.push(owner),
                }
            }
        }
        sent
    }
}
