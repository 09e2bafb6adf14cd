//! One stream as the exchange on its side knows it, and how bytes are put on it.
//!
//! Theory: a stream's unsent bytes wait in its `Io`, which has no socket. What follows them (the end, trailers) waits
//! here. [`Sessions::resume`] sends on when the stream's turn has come.

use super::Sessions;
use crate::http2::Key;
use crate::http2::code::Code;
use crate::reason::Reason;
use crate::worker::buffers::Buffers;
use crate::worker::io::Io;
use crate::worker::table::Id;

/// How our message ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Finish {
    /// More may come.
    Open,
    /// After what waits, with these trailer lines; none: with the last byte.
    Due(Vec<u8>),
    /// It has ended.
    Done,
}

/// Why a stream is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Not processed: whatever was sent may be sent again (RFC 9113 §8.7).
    Refused,
    /// Reset by the peer.
    Reset(Code),
    /// Its connection is over.
    Closed,
    /// Its connection was never made.
    Unconnected(Reason),
}

/// One stream.
#[derive(Debug)]
pub struct Stream {
    /// Whose.
    pub session: Id,
    /// Which.
    pub key: Key,
    /// How far our message is.
    pub finish: Finish,
    /// Bytes of the peer's body that were handed on and not given back to its window.
    pub owed: u32,
    /// The stream is no more.
    pub gone: Option<Gone>,
    /// The code that ends it if it ends early.
    pub code: Code,
}

impl Stream {
    /// A stream that was just opened.
    #[must_use]
    pub const fn new(session: Id, key: Key) -> Self {
        Self { session, key, finish: Finish::Open, owed: 0, gone: None, code: Code::CANCEL }
    }
}

impl Sessions {
    /// Send a piece of our message's body; `end`: the last one.
    #[inline]
    pub fn send<S>(
        &mut self,
        io: &mut Io<S>,
        stream: &mut Stream,
        data: &[u8],
        end: bool,
        buffers: &mut Buffers,
    ) {
        let Some(session) = self.get(stream.session).filter(|_| stream.finish == Finish::Open) else {
            return;
        };
        let mut rest = data;
        if !io.blocked() {
            let now = data.get(..session.room()).unwrap_or(data);
            let last = end && now.len() == data.len();
            let took = session.conn.data(stream.key, now, last, &mut session.out);
            rest = data.get(took..).unwrap_or(&[]);
            if took == now.len() && !rest.is_empty() {
                session.stalled = true;
                session.conn.want(stream.key);
            }
        }
        io.keep(rest, buffers);
        if end {
            stream.finish = if io.blocked() { Finish::Due(Vec::new()) } else { Finish::Done };
        }
        self.touch(stream.session);
    }

    /// End our message, with trailer lines if there are any.
    pub fn finish<S>(&mut self, io: &Io<S>, stream: &mut Stream, trailers: &[u8]) {
        let Some(session) = self.get(stream.session).filter(|_| stream.finish == Finish::Open) else {
            return;
        };
        if io.blocked() {
            stream.finish = Finish::Due(trailers.to_vec());
            return;
        }
        stream.finish = Finish::Done;
        if trailers.is_empty() {
            session.conn.data(stream.key, &[], true, &mut session.out);
        } else {
            let out = &mut session.out;
            session.conn.trailers(stream.key, out, |encoder, out| encoder.lines(trailers, out));
        }
        self.touch(stream.session);
    }

    /// It is the stream's turn: send what waits. Whether all of it went.
    pub fn resume<S>(&mut self, io: &mut Io<S>, stream: &mut Stream, buffers: &mut Buffers) -> bool {
        let Some(session) = self.get(stream.session) else { return true };
        let waiting = io.waiting();
        let now = waiting.get(..session.room()).unwrap_or(waiting);
        let whole = now.len() == waiting.len();
        let last = whole && matches!(&stream.finish, Finish::Due(lines) if lines.is_empty());
        let took = session.conn.data(stream.key, now, last, &mut session.out);
        if took == now.len() && !whole {
            session.stalled = true;
            session.conn.want(stream.key);
        }
        io.took(took, buffers);
        self.touch(stream.session);
        if io.blocked() {
            return false;
        }
        match std::mem::replace(&mut stream.finish, Finish::Open) {
            Finish::Due(lines) if last => {
                debug_assert!(lines.is_empty());
                stream.finish = Finish::Done;
            }
            Finish::Due(lines) => self.finish(io, stream, &lines),
            other => stream.finish = other,
        }
        true
    }

    /// The other side has taken what came on this stream: its sender may send as much again.
    #[inline]
    pub fn give_back(&mut self, stream: &mut Stream) {
        if stream.owed == 0 || stream.gone.is_some() {
            return;
        }
        if let Some(session) = self.get(stream.session) {
            session.conn.consumed(stream.key, std::mem::take(&mut stream.owed), &mut session.out);
            self.touch(stream.session);
        }
    }
}
