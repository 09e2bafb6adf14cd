//! HTTP/2 connections of both roles: whose stream is whose, and what is sent when.
//!
//! Theory: a connection keeps its place among the downstreams or upstreams, with its socket and its timer; here is what
//! it carries. Each stream is a downstream or an upstream of its own, without a socket: what an exchange says to it
//! becomes frames in [`Session::out`], and what its peer says is handed to the exchange as it is read. So an exchange
//! pairs any two sides. All output of a turn leaves with one send, at its end.
//!
//! Back-pressure: bytes of a body are given back to their sender's windows when the other side has taken them. What a
//! stream may not send yet waits in its own buffer, and its source is not read meanwhile; the same when the socket has
//! not taken [`limits::SESSION_BACKLOG`] bytes.
//!
//! Rules: no socket is touched while an exchange is in hand, so nobody meets himself; a session in the table can be
//! written to at any time. A stream leaves exactly once ([`Sessions::leave`]).
//!
//! Rooms: [`stream`] (one stream, sending) · [`drive`] (the connection: reading, flushing, ending) · [`downstream`]
//! (requests come) · [`upstream`] (requests go, answers come) · [`negotiate`] (HTTP/2 by ALPN).

mod crumbs;
pub mod downstream;
pub mod drive;
pub mod limits;
mod negotiate;
pub mod stream;
pub mod upstream;

use std::rc::Rc;

use crate::http2::code::Code;
use crate::http2::{Connection, Key, LAST_STREAM};
use crate::net::Peer;
use crate::tls::Known;
use crate::worker::border::ConnId;
use crate::worker::table::{Id, Table};

use stream::Stream;

/// Whose socket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A client's connection.
    Down(Id),
    /// A connection to an endpoint.
    Up(Id),
}

/// One HTTP/2 connection.
pub struct Session {
    /// The codec.
    pub conn: Connection,
    /// Frames of this turn.
    pub out: Vec<u8>,
    /// Whose socket.
    pub owner: Owner,
    /// Its name in what Trio is told.
    pub number: ConnId,
    /// Trio has been told of it.
    pub told: bool,
    /// Key of the listener it came by; of a client's.
    pub listener: u32,
    /// Who it is; of a client's.
    pub peer: Peer,
    /// What TLS knows of it; of a client's.
    pub known: Option<Rc<Known>>,
    /// Streams that have ended.
    pub served: u64,
    /// Bytes that the socket had not taken at the last flush.
    backlog: usize,
    /// Streams stand back, or reading does, until a flush makes room.
    stalled: bool,
    /// It ends with its last stream: a GOAWAY went either way.
    pub ending: bool,
    /// The peer's SETTINGS have come.
    pub settled: bool,
    /// The downstream or upstream of each stream, by its slot.
    streams: Vec<Option<Id>>,
    /// Downstreams that wait for the peer's SETTINGS.
    askers: Vec<Id>,
    live: u32,
    dirty: bool,
}

impl Session {
    /// Over a socket of `owner`, whose first flight is `preface`.
    #[must_use]
    pub fn new(conn: Connection, owner: Owner, number: ConnId, preface: &[u8]) -> Self {
        Self {
            conn,
            out: preface.to_vec(),
            owner,
            number,
            told: false,
            listener: 0,
            peer: Peer::unix(),
            known: None,
            served: 0,
            backlog: 0,
            stalled: false,
            ending: false,
            settled: false,
            streams: Vec::new(),
            askers: Vec::new(),
            live: 0,
            dirty: false,
        }
    }

    /// Bytes of output that this turn may still add.
    fn room(&self) -> usize {
        limits::SESSION_BACKLOG.saturating_sub(self.backlog + self.out.len())
    }

    /// The peer does not take what there is: nothing more is read from it.
    fn clogged(&self) -> bool {
        self.room() == 0
    }

    /// Streams that somebody stands behind.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.live
    }

    fn occupant(&self, key: Key) -> Option<Id> {
        self.streams.get(key.slot as usize).copied().flatten()
    }

    fn occupy(&mut self, key: Key, id: Id) {
        let slot = key.slot as usize;
        if self.streams.len() <= slot {
            self.streams.resize(slot + 1, None);
        }
        if let Some(place) = self.streams.get_mut(slot)
            && place.replace(id).is_none()
        {
            self.live += 1;
        }
    }

    /// Everybody behind a stream.
    fn occupants(&self) -> Vec<Id> {
        self.streams.iter().flatten().copied().collect()
    }

    /// Says that the connection ends after what it has begun, or after stream `last` if that is less. RFC 9113 §6.8.
    pub fn retire(&mut self, last: u32, code: Code) {
        let last = last.min(self.conn.summary().last_peer);
        self.conn.goaway(last, code, &mut self.out);
        self.ending = true;
    }

    /// Says that it will end soon; nothing is refused yet.
    pub fn warn(&mut self) {
        self.conn.goaway(LAST_STREAM, Code::NO_ERROR, &mut self.out);
    }
}

/// All sessions of one worker.
#[derive(Default)]
pub struct Sessions {
    table: Table<Session>,
    /// Those with something to send.
    dirty: Vec<Id>,
}

impl Sessions {
    /// Take one in.
    pub fn insert(&mut self, session: Session) -> Id {
        let id = self.table.reserve();
        self.table.put(id, Box::new(session));
        self.touch(id);
        id
    }

    /// Look at one.
    #[inline]
    pub fn get(&mut self, id: Id) -> Option<&mut Session> {
        self.table.get_mut(id)
    }

    /// It has something to send.
    #[inline]
    pub fn touch(&mut self, id: Id) {
        if let Some(session) = self.table.get_mut(id).filter(|session| !session.dirty) {
            session.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Those with something to send, which are looked at now.
    fn take_dirty(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.dirty)
    }

    /// End one.
    pub fn remove(&mut self, id: Id) -> Option<Box<Session>> {
        let session = self.table.take(id);
        self.table.free(id);
        session
    }

    /// Sessions in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ids of those that `which` accepts; for rare work over all of them.
    pub fn ids(&self, which: impl Fn(&Session) -> bool) -> Vec<Id> {
        self.table.ids(which)
    }

    /// Who is behind a stream.
    fn occupant(&mut self, id: Id, key: Key) -> Option<Id> {
        self.table.get_mut(id)?.occupant(key)
    }

    /// The one behind a stream is done with it. If the stream has not ended, it does now, with `code`.
    pub fn leave(&mut self, id: Id, stream: &mut Stream, code: Code) {
        let Some(session) = self.table.get_mut(stream.session) else { return };
        if let Some(place) = session.streams.get_mut(stream.key.slot as usize)
            && *place == Some(id)
        {
            *place = None;
            session.live -= 1;
            session.served += 1;
        }
        if stream.gone.is_none() {
            session.conn.consumed(stream.key, std::mem::take(&mut stream.owed), &mut session.out);
            session.conn.reset(stream.key, code, &mut session.out);
        }
        self.touch(stream.session);
    }

    /// After a panic: those whose socket or one of whose streams is lost.
    pub fn broken(&self, downs: impl Fn(Id) -> bool, ups: impl Fn(Id) -> bool) -> Vec<Id> {
        self.table.ids(|session| match session.owner {
            Owner::Down(id) => !downs(id) || !session.occupants().into_iter().all(&downs),
            Owner::Up(id) => !ups(id) || !session.occupants().into_iter().all(&ups),
        })
    }
}
