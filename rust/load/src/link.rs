//! One connection's place: its socket, its TLS if there is any, and what is spoken. The connection comes and goes; the
//! place stays, and so do the requests that wait in it.
//!
//! Theory: what is to be sent is pulled: without TLS straight from where it was written, with TLS through a buffer of
//! sealed records, refilled when it is empty. So there is at most one copy, and a blocked socket costs no memory that
//! grows.

use crate::asked::{Asked, Ended};
use crate::http1::Single;
use crate::http2::Many;
use crate::plan::{Plan, Protocol};
use crate::sys;
use crate::tally::Failure;
use crate::tls::{Came, Client, Session};
use gateway_core::http2::Scratch;
use std::io::{ErrorKind, Result as IoResult};
use std::os::fd::OwnedFd;

/// Bytes sealed at once.
const SEAL_BYTES: usize = 64 * 1024;

enum Speaker<'p> {
    Single(Single<'p>),
    Many(Box<Many<'p>>),
}

/// A place.
pub struct Link<'p> {
    /// The open connection, if there is one.
    pub socket: Option<OwnedFd>,
    /// Counts the connections of this place, so that a late event of an old one is known.
    pub generation: u32,
    /// It is in the list of those that have something to send.
    pub dirty: bool,
    /// Whether this connection has carried nothing yet: then an error is a failure to connect.
    fresh: bool,
    speaker: Speaker<'p>,
    tls: Option<Box<Session>>,
    /// Sealed records, and how many of their bytes have gone.
    wire: Vec<u8>,
    gone: usize,
}

impl<'p> Link<'p> {
    /// An empty place.
    pub fn new(plan: &'p Plan) -> Self {
        let speaker = match plan.protocol {
            Protocol::Http1 => Speaker::Single(Single::new(plan)),
            Protocol::Http2 => Speaker::Many(Box::new(Many::new(plan))),
        };
        Self {
            socket: None,
            generation: 0,
            dirty: false,
            fresh: true,
            speaker,
            tls: None,
            wire: Vec::new(),
            gone: 0,
        }
    }

    /// Takes a new connection and gives the token for its registration.
    pub fn open(&mut self, index: usize, socket: OwnedFd, client: Option<&Client>) -> Result<u64, Failure> {
        self.generation = self.generation.wrapping_add(1);
        self.socket = Some(socket);
        self.fresh = true;
        self.wire.clear();
        self.gone = 0;
        match &mut self.speaker {
            Speaker::Single(single) => single.restart(),
            Speaker::Many(many) => many.restart(),
        }
        self.tls = match client {
            Some(client) => Some(Box::new(Session::new(client, &mut self.wire)?)),
            None => None,
        };
        Ok(u64::from(self.generation) << 32 | index as u64)
    }

    /// The place and the generation that a token speaks of.
    pub fn parts(token: u64) -> (usize, u32) {
        ((token & u64::from(u32::MAX)) as usize, (token >> 32) as u32)
    }

    /// Takes a request. One that comes before its connection is asked when there is one.
    pub fn begin(&mut self, asked: Asked) {
        match &mut self.speaker {
            Speaker::Single(single) => single.begin(asked),
            Speaker::Many(many) => many.begin(asked),
        }
    }

    /// A turn of the loop begins at `now`.
    pub fn turn(&mut self, now: u64) {
        if let Speaker::Many(many) = &mut self.speaker {
            many.turn(now);
        }
    }

    /// Nothing is under way.
    pub fn idle(&self) -> bool {
        match &self.speaker {
            Speaker::Single(single) => single.idle(),
            Speaker::Many(many) => many.idle(),
        }
    }

    /// Many requests are under way on it at once.
    pub fn speaks_http2(&self) -> bool {
        matches!(self.speaker, Speaker::Many(_))
    }

    /// The connection is of no more use.
    pub fn over(&self) -> bool {
        match &self.speaker {
            Speaker::Single(single) => single.over(),
            Speaker::Many(many) => many.over(),
        }
    }

    /// Something can be sent if the socket takes it.
    pub fn has_unsent(&self) -> bool {
        let established = self.tls.as_ref().is_none_or(|session| session.established);
        self.gone < self.wire.len() || established && !self.speaker.unsent().is_empty()
    }

    /// Sends what there is, as far as it goes. On a connection that is still being made that is nothing.
    pub fn push(&mut self) -> Result<(), Failure> {
        while self.has_unsent() {
            if self.tls.is_some() && self.gone == self.wire.len() {
                self.seal()?;
            }
            let Some(socket) = &self.socket else { return Ok(()) };
            let sealed = self.tls.is_some();
            let bytes = if sealed { &self.wire[self.gone..] } else { self.speaker.unsent() };
            let offered = bytes.len();
            let count = match sys::send(socket, bytes) {
                Ok(count) => count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) if self.fresh => return Err(Failure::Connect),
                Err(e) if e.kind() == ErrorKind::BrokenPipe => return Err(Failure::Closed),
                Err(_) => return Err(Failure::Send),
            };
            self.fresh = false;
            if sealed {
                self.gone += count
            } else {
                self.speaker.sent(count)
            }
            if count < offered {
                return Ok(());
            }
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), Failure> {
        let Some(session) = &mut self.tls else { return Ok(()) };
        self.wire.clear();
        self.gone = 0;
        let plain = self.speaker.unsent();
        let plain = &plain[..plain.len().min(SEAL_BYTES)];
        session.seal(plain, &mut self.wire)?;
        let count = plain.len();
        self.speaker.sent(count);
        Ok(())
    }

    /// Body bytes that may be dropped in the kernel; none under TLS, whose records must be opened.
    pub fn discardable(&self) -> u64 {
        match &self.speaker {
            Speaker::Single(single) if self.tls.is_none() => single.discardable(),
            _ => 0,
        }
    }

    /// Receives into `scratch`, after what TLS has kept, and says how many bytes are there before and from now.
    pub fn receive(&mut self, scratch: &mut [u8]) -> (usize, IoResult<usize>) {
        let kept = self.tls.as_mut().map_or(0, |session| session.restore(scratch));
        let Some(socket) = &self.socket else { return (kept, Ok(0)) };
        let received = sys::receive(socket, &mut scratch[kept..]);
        if let (Err(_), Some(session)) = (&received, &mut self.tls) {
            session.keep(&scratch[..kept]);
        }
        (kept, received)
    }

    /// What an error of receiving means.
    pub fn broken(&self) -> Failure {
        if self.fresh { Failure::Connect } else { Failure::Receive }
    }

    /// Takes received bytes. An error ends the connection.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        heads: &mut Scratch,
        ended: &mut Vec<Ended>,
    ) -> Result<(), Failure> {
        let speaker = &mut self.speaker;
        let Some(session) = &mut self.tls else { return speaker.feed(bytes, heads, ended) };
        let came = session.open(bytes, &mut self.wire, &mut |plain| speaker.feed(plain, heads, ended))?;
        match came {
            Came::More => Ok(()),
            Came::End => self.end(true, ended),
        }
    }

    /// So many body bytes were dropped.
    pub fn discarded(&mut self, count: u64, ended: &mut Vec<Ended>) {
        if let Speaker::Single(single) = &mut self.speaker {
            single.discarded(count, ended);
        }
    }

    /// The peer has ended the connection; `clean` if nobody can have cut it short. Always an error but for an answer that
    /// ends so.
    pub fn end(&mut self, clean: bool, ended: &mut Vec<Ended>) -> Result<(), Failure> {
        let shaking_hands = self.tls.as_ref().is_some_and(|session| !session.established);
        match &mut self.speaker {
            _ if shaking_hands => Err(Failure::Tls),
            Speaker::Single(single) if !single.idle() => single.end(clean, ended),
            _ => Err(Failure::Closed),
        }
    }

    /// Whether TLS is used, and resumed a session, once its handshake is complete.
    pub fn handshake(&self) -> Option<bool> {
        self.tls.as_ref().filter(|session| session.established).map(|session| session.resumed())
    }

    /// All requests of the connection fail, and it is closed.
    pub fn abandon(&mut self, failure: Failure, ended: &mut Vec<Ended>) {
        self.close();
        match &mut self.speaker {
            Speaker::Single(single) => single.abandon(failure, ended),
            Speaker::Many(many) => many.abandon(failure, ended),
        }
    }

    /// Ends requests that were begun before `limit`.
    pub fn expire(&mut self, limit: u64, ended: &mut Vec<Ended>) {
        match &mut self.speaker {
            Speaker::Single(single) => single.expire(limit, ended),
            Speaker::Many(many) => many.expire(limit, ended),
        }
    }

    /// Closes the socket. What waits still waits.
    pub fn close(&mut self) {
        self.socket = None;
        self.tls = None;
        self.wire.clear();
        self.gone = 0;
    }
}

impl Speaker<'_> {
    fn unsent(&self) -> &[u8] {
        match self {
            Self::Single(single) => single.unsent(),
            Self::Many(many) => many.unsent(),
        }
    }

    fn sent(&mut self, count: usize) {
        match self {
            Self::Single(single) => single.sent(count),
            Self::Many(many) => many.sent(count),
        }
    }

    fn feed(&mut self, bytes: &[u8], heads: &mut Scratch, ended: &mut Vec<Ended>) -> Result<(), Failure> {
        match self {
            Self::Single(single) => single.feed(bytes, ended),
            Self::Many(many) => many.feed(bytes, heads, ended),
        }
    }
}
