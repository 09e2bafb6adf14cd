//! Requests that go to an endpoint over HTTP/2, and their answers: each stream is an upstream of its own.
//!
//! Theory: few connections, many streams. A request takes the connection that has served longest of those with room;
//! when little room is left altogether, another connection is made before one is needed. A request need not wait for its
//! connection: client's preface, SETTINGS and the request leave together (RFC 9113 §3.4).

use super::drive::Outcome;
use super::stream::{Gone, Stream};
use super::{Owner, Session, limits};
use crate::document::{Http2, Protocol};
use crate::exchange::dial::Undialled;
use crate::exchange::{Answer, Backend, Link, Step};
use crate::http1::head::Scan;
use crate::http1::response::Answering;
use crate::http2::code::Code;
use crate::http2::{Connection, Key, LocalSettings, Role, Scratch};
use crate::net::{Net, Ready};
use crate::reason::Reason;
use crate::tls::Cause;
use crate::upstream::{Place, Turn, Up};
use crate::worker::Worker;
use crate::worker::border;
use crate::worker::io::Io;
use crate::worker::io::secure::Shaken;
use crate::worker::table::Id;

/// Whether an endpoint can be asked to switch protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upgradable {
    /// It said so.
    Yes,
    /// It did not.
    No,
    /// Its connection has not said anything yet.
    Unknown,
}

/// A request that becomes a stream.
pub(crate) struct Opening<'a> {
    /// The downstream that it is for.
    pub owner: Id,
    /// Where it goes.
    pub place: Place,
    /// What its answer answers.
    pub answering: Answering,
    /// Its head, as a field block.
    pub block: &'a [u8],
    /// There is no body.
    pub end: bool,
    /// Until when a new connection must be made, ns.
    pub connect_by: u64,
}

impl<N: Net> Worker<N> {
    /// Open a stream for a request; the flag says that its connection is still being made.
    ///
    /// # Errors
    /// A new connection was needed and could not be begun.
    pub(crate) fn open_stream(&mut self, opening: &Opening<'_>) -> Result<(Link<N::Sock>, bool), Undialled> {
        let place = opening.place;
        let stub = match self.roomy(place, opening.connect_by) {
            Some(stub) => stub,
            None => self.connect_session(place, opening.connect_by)?,
        };
        let lost = || Undialled::Socket(std::io::ErrorKind::NotConnected.into());
        let found = self.ups.get_mut(stub).ok_or_else(lost)?;
        let (session, connecting, served) = (found.session.ok_or_else(lost)?, found.connecting, found.served);
        found.served = served.saturating_add(1);
        let id = self.ups.reserve();
        let opened = self.sessions.get(session).and_then(|session| {
            let write = |_: &_, out: &mut Vec<u8>| out.extend_from_slice(opening.block);
            let key = session.conn.request(opening.answering, opening.end, &mut session.out, write)?;
            session.occupy(key, id);
            Some(key)
        });
        let Some(key) = opened else {
            self.ups.free(id);
            return Err(lost());
        };
        self.sessions.touch(session);
        if served > 0 {
            place.cells(&self.ledger).reused.add(1);
        }
        let up = Up {
            io: Io::without_socket(),
            stream: Some(Stream::new(session, key)),
            session: None,
            owner: Some(opening.owner),
            place,
            connecting: false,
            served,
            idle_since: 0,
            turn: Turn::Out,
            timer: None,
            carry: Vec::new(),
            scan: Scan::new(),
        };
        let up = match self.spare_ups.pop() {
            Some(mut place) => {
                *place = up;
                place
            }
            None => Box::new(up),
        };
        Ok((Link { id, up }, connecting))
    }

    /// Whether that endpoint takes extended CONNECT. Who asks is driven again when it has said so.
    ///
    /// # Errors
    /// A new connection was needed and could not be begun.
    pub(crate) fn extended_connect(
        &mut self,
        place: Place,
        asker: Id,
        connect_by: u64,
    ) -> Result<Upgradable, Undialled> {
        let stub = match self.roomy(place, connect_by) {
            Some(stub) => stub,
            None => self.connect_session(place, connect_by)?,
        };
        let session = self.ups.get_mut(stub).and_then(|up| up.session);
        let Some(session) = session.and_then(|session| self.sessions.get(session)) else {
            return Ok(Upgradable::No);
        };
        Ok(match (session.settled, session.conn.peer().connect) {
            (true, true) => Upgradable::Yes,
            (true, false) => Upgradable::No,
            (false, _) => {
                if !session.askers.contains(&asker) {
                    session.askers.push(asker);
                }
                Upgradable::Unknown
            }
        })
    }

    /// A connection to that endpoint with room for a stream. Makes another when little room is left.
    fn roomy(&mut self, place: Place, connect_by: u64) -> Option<Id> {
        let (mut best, mut spare, mut connecting) = (None, 0, false);
        for number in 0.. {
            let Some(id) = self.groups.session(place, number) else { break };
            let Some(up) = self.ups.get_mut(id) else { continue };
            let session = up.session.and_then(|session| self.sessions.get(session));
            let Some(session) = session.filter(|session| !session.ending) else { continue };
            let room = session.free_streams();
            connecting |= up.connecting;
            spare += room;
            if best.is_none() && room > 0 {
                best = Some(id);
            }
        }
        if best.is_some() && spare <= limits::SPARE_STREAMS && !connecting {
            // It is a spare: if it cannot be begun, whoever needs one will hear of it.
            let _ = self.connect_session(place, connect_by);
        }
        best
    }

    /// Begin a connection.
    fn connect_session(&mut self, place: Place, connect_by: u64) -> Result<Id, Undialled> {
        let first = self.groups.first_flight(place).ok_or(Undialled::Gone)?;
        let Link { id, mut up } = self.dial(place, true)?;
        if let Some(timer) = up.timer {
            self.wheel.no_later(timer, connect_by);
        }
        up.idle_since = connect_by;
        up.session = Some(self.session_to(id, place, &first));
        self.ups.put(id, up);
        Ok(id)
    }

    /// What a connection carries that speaks HTTP/2 with that endpoint.
    pub(super) fn session_to(&mut self, id: Id, place: Place, first: &Http2) -> Id {
        let local = LocalSettings {
            stream_window: first.stream_window,
            connection_window: first.connection_window,
            max_frame: first.max_frame,
            ..LocalSettings::default()
        };
        let conn = Connection::new(Role::Client, &local);
        let number = self.next_conn();
        let session = self.sessions.insert(Session::new(conn, Owner::Up(id), number, &first.preface));
        crate::fault::point("session.connect");
        self.names.insert(number, session);
        self.groups.add_session(place, id);
        let owner = border::Owner::Upstream(self.groups.name(place).into());
        let peer = self.groups.endpoint(place).map_or("", |endpoint| &endpoint.text).into();
        self.tell_opened(session, owner, peer);
        session
    }

    /// A connection that carries streams became ready.
    pub(crate) fn drive_session(&mut self, id: Id, event: Option<Ready>) {
        let Some(mut up) = self.ups.take(id) else { return };
        if let Some(event) = event {
            up.io.note(event);
        }
        let Some(session) = up.session else { return self.close_up(Link { id, up }) };
        if up.connecting {
            if !up.io.writable && !up.io.closing {
                return self.ups.put(id, up);
            }
            if let Some(error) = up.io.sock().and_then(|sock| self.net.connect_error(sock)) {
                return self.unconnected(Link { id, up }, &Undialled::Socket(error));
            }
            if up.io.is_shaking() {
                if !self.is_called(id, &mut up) {
                    return self.ups.put(id, up);
                }
                match self.shake_session(&mut up) {
                    Shaken::Wait => return self.ups.put(id, up),
                    Shaken::Done(_) => {}
                    Shaken::Failed(cause) => {
                        return self.unconnected(Link { id, up }, &Undialled::Tls(cause));
                    }
                }
            }
            up.connecting = false;
            self.sessions.touch(session);
            self.streams_connected(session);
        }
        let mut quiet = up.idle_since;
        let broken = up.io.blocked() && up.io.flush(&mut self.net, &mut self.buffers).is_err();
        if let Some(session) = self.sessions.get(session) {
            session.backlog = up.io.backlog();
        }
        let outcome = if broken { Outcome::Ended } else { self.read_frames(session, &mut up.io, &mut quiet) };
        match outcome {
            Outcome::Open => self.ups.put(id, up),
            Outcome::Ended => self.end_up(Link { id, up }, "closed"),
            Outcome::Fault(cause) => {
                if let Some(out) = self.sessions.get(session).map(|session| std::mem::take(&mut session.out))
                {
                    let _ = up.io.send(&mut self.net, &out, &mut self.buffers);
                }
                self.end_up(Link { id, up }, cause.word());
            }
        }
        if std::mem::take(&mut self.again_wanted) {
            self.again_up.push(id);
        }
    }

    /// End a connection that carries streams, and them.
    pub(crate) fn give_up_session(&mut self, id: Id) {
        if let Some(up) = self.ups.take(id) {
            self.end_up(Link { id, up }, "internal");
        }
    }

    /// The connection was never made, or not with whom it should have been.
    fn unconnected(&mut self, link: Link<N::Sock>, why: &Undialled) {
        link.up.place.cells(&self.ledger).connect_failures.add(1);
        let word = if matches!(why, Undialled::Tls(_)) { "tls_failed" } else { "connect_failed" };
        self.give_up(link, Gone::Unconnected(why.reason()), word);
    }

    /// Go on with the handshake of a connection that is to carry streams.
    fn shake_session(&mut self, up: &mut Up<N::Sock>) -> Shaken {
        let shaken = up.io.shake(&mut self.net, &mut self.buffers);
        let spoken = up.io.tls().and_then(|tls| tls.alpn());
        if matches!(shaken, Shaken::Done(_)) {
            self.groups.agreed(up.place, spoken == Some(Protocol::H2));
        }
        let shaken = match shaken {
            // RFC 9113 §3.2: without h2 agreed upon nobody may speak it.
            Shaken::Done(_) if spoken != Some(Protocol::H2) => Shaken::Failed(Cause::Protocol),
            shaken => shaken,
        };
        match shaken {
            Shaken::Done(cause) | Shaken::Failed(cause) => self.ledger.shaken_up(cause),
            Shaken::Wait => {}
        }
        shaken
    }

    /// The connection is over.
    fn end_up(&mut self, link: Link<N::Sock>, word: &'static str) {
        self.give_up(link, Gone::Closed, word);
    }

    fn give_up(&mut self, mut link: Link<N::Sock>, gone: Gone, word: &'static str) {
        let session = link.up.session.take();
        self.groups.forget_session(link.up.place, link.id);
        self.close_up(link);
        let Some(session) = session.and_then(|id| self.sessions.remove(id)) else { return };
        self.names.remove(&session.number);
        self.tell_end(&session, word);
        for occupant in session.occupants() {
            self.lose_up(occupant, gone);
        }
        for asker in session.askers {
            self.turn_away(asker, gone);
        }
    }

    /// The connection is gone whose SETTINGS an exchange waited for.
    fn turn_away(&mut self, asker: Id, gone: Gone) {
        let Some(mut down) = self.downs.take(asker) else { return };
        let waits = down.exchange.as_ref().is_some_and(|exchange| matches!(exchange.backend, Backend::Waits));
        let step = if waits {
            let (reason, _) = Self::gone_reason(gone, &Answer::Awaited);
            self.fail(&mut down, &mut None, reason)
        } else {
            Step::Wait
        };
        self.put_back(asker, down, None, step);
    }

    /// The exchanges that waited for the connection now wait for their answers.
    fn streams_connected(&mut self, session: Id) {
        let Some(session) = self.sessions.get(session) else { return };
        for occupant in session.occupants() {
            let owner = self.ups.get_mut(occupant).and_then(|up| up.owner);
            let down = owner.and_then(|owner| self.downs.get_mut(owner));
            if let Some(exchange) = down.and_then(|down| down.exchange.as_mut()) {
                exchange.try_deadline = exchange.per_try_deadline;
            }
        }
    }

    /// A connection has something to send.
    pub(super) fn flush_up(&mut self, session: Id, id: Id) {
        let Some(mut up) = self.ups.take(id) else { return };
        let mut moved = 0;
        if up.connecting {
            return self.ups.put(id, up);
        }
        if !self.flush_through(session, &mut up.io, &mut moved) {
            return self.end_up(Link { id, up }, "closed");
        }
        let Some(found) = self.sessions.get(session) else { return self.close_up(Link { id, up }) };
        if found.live() > 0 {
            up.idle_since = u64::MAX;
        } else if found.ending {
            return self.end_up(Link { id, up }, "drained");
        } else if up.idle_since == u64::MAX {
            up.idle_since = self.now;
            let due = self.now.saturating_add(self.groups.idle_timeout(up.place));
            if let Some(timer) = up.timer {
                self.wheel.no_later(timer, due);
            }
        }
        self.ups.put(id, up);
    }

    /// A connection that carries streams was idle for too long, or could not be made in time.
    pub(crate) fn session_due(&mut self, id: Id) {
        let Some(mut up) = self.ups.take(id) else { return };
        if up.connecting && up.idle_since <= self.now {
            return self.give_up(
                Link { id, up },
                Gone::Unconnected(Reason::ConnectTimeout),
                "connect_timeout",
            );
        }
        let since = up.idle_since;
        if up.connecting || since == u64::MAX {
            return self.ups.put(id, up);
        }
        let due = since.saturating_add(self.groups.idle_timeout(up.place));
        if due > self.now {
            if let Some(timer) = up.timer {
                self.wheel.no_later(timer, due);
            }
            return self.ups.put(id, up);
        }
        if let Some(session) = up.session.and_then(|session| self.sessions.get(session)) {
            session.retire(u32::MAX, Code::NO_ERROR);
            let out = std::mem::take(&mut session.out);
            let _ = up.io.send(&mut self.net, &out, &mut self.buffers);
        }
        self.end_up(Link { id, up }, "idle");
    }

    /// Its endpoint is gone from the configuration: it ends with its last stream.
    pub(crate) fn retire_session(&mut self, id: Id) {
        let session = self.ups.get_mut(id).and_then(|up| up.session);
        if let Some(session) = session {
            if let Some(session) = self.sessions.get(session) {
                session.retire(u32::MAX, Code::NO_ERROR);
            }
            self.sessions.touch(session);
        }
    }

    /// The exchange behind a stream of ours, with both its sides in hand.
    fn with_owner(
        &mut self,
        session: Id,
        key: Key,
        work: impl FnOnce(
            &mut Self,
            &mut crate::worker::downstream::Down<N::Sock>,
            &mut Option<Link<N::Sock>>,
        ) -> Option<Step>,
    ) -> bool {
        let up = self.sessions.occupant(session, key);
        let owner = up.and_then(|up| self.ups.get_mut(up)).and_then(|up| up.owner);
        let Some((id, mut down)) = owner.and_then(|id| Some((id, self.downs.take(id)?))) else {
            return false;
        };
        let mut link = self.hold(&down);
        down.moved = self.now;
        let step = work(self, &mut down, &mut link).unwrap_or(Step::Again);
        let step = self.go_on(id, &mut down, &mut link, step);
        self.put_back(id, down, link, step);
        true
    }

    /// The final head of an answer.
    pub(super) fn response_came(&mut self, session: Id, key: Key, end: bool, heads: &Scratch) {
        let (response, text) = (&heads.response, &heads.block.text);
        self.with_owner(session, key, |worker, down, link| {
            worker.pass_head(down, link, text, response, Some(end))
        });
    }

    /// A 1xx.
    pub(super) fn informational_came(&mut self, session: Id, key: Key, heads: &Scratch) {
        let (response, text) = (&heads.response, &heads.block.text);
        self.with_owner(session, key, |worker, down, link| {
            worker.pass_informational(down, link, text, response)
        });
    }

    /// A piece of an answer's body; with `end` the last one, and the trailers that follow it.
    pub(super) fn answer_came(&mut self, session: Id, key: Key, bytes: &[u8], end: Option<&[u8]>) {
        let heard = self
            .with_owner(session, key, |worker, down, link| worker.take_stream_answer(down, link, bytes, end));
        if !heard && let Some(session) = self.sessions.get(session) {
            session.conn.consumed(key, u32::try_from(bytes.len()).unwrap_or(u32::MAX), &mut session.out);
        }
    }

    /// A stream of ours was reset, or not processed.
    pub(super) fn stream_gone(&mut self, session: Id, key: Key, gone: Gone) {
        if let Some(up) = self.sessions.occupant(session, key) {
            self.lose_up(up, gone);
        }
    }

    /// What it means for the exchange that its stream is no more.
    pub(crate) fn gone_reason(gone: Gone, answer: &Answer) -> (Reason, Code) {
        let begun = matches!(answer, Answer::Body { .. });
        match gone {
            Gone::Unconnected(reason) => (reason, Code::CANCEL),
            Gone::Reset(code) if begun => (Reason::UpstreamTruncated, code),
            Gone::Refused | Gone::Closed if begun => (Reason::UpstreamTruncated, Code::INTERNAL_ERROR),
            Gone::Reset(code) => (Reason::UpstreamClosed, code),
            Gone::Refused | Gone::Closed => (Reason::UpstreamClosed, Code::INTERNAL_ERROR),
        }
    }
}

impl Session {
    /// Streams that we may open now.
    fn free_streams(&self) -> u32 {
        let room = self.conn.room();
        if self.settled {
            return room;
        }
        room.min(limits::UNSETTLED_STREAMS.saturating_sub(self.live()))
    }
}
