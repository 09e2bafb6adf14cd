//! A socket with TLS on it: the same reads and sends, in plain text.
//!
//! Theory: what is read goes into a place of this thread, is decrypted there, and only plain text is copied out; what is
//! sent is sealed into another place and leaves with as few calls as the same bytes without TLS. So a connection holds
//! only what is left of half a record. The handshake is driven by readiness like everything else ([`Io::shake`]); plain
//! text that is sent before its end waits for it.
//!
//! Rules: an end without close_notify is a failure ([`Io::failed`]), since anybody could have cut the connection; what
//! TLS itself wants to say (tickets, alerts) leaves before what is sealed later.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;

use super::{Broken, Io, Read};
use crate::document::Protocol;
use crate::net::Net;
use crate::tls::limits::{IDLE_READS, PARTIAL_BYTES, SEAL_BYTES, SEALED_BYTES, WIRE_RECORD_BYTES};
use crate::tls::{Cause, Known, Session};
use crate::worker::buffers::Buffers;
use crate::worker::limits;

/// Places of one thread for what is on its way.
struct Places {
    /// What was read, behind what was left of the last read.
    wire: Vec<u8>,
    /// What is to be written.
    sealed: Vec<u8>,
    /// What TLS itself wants to say.
    said: Vec<u8>,
}

impl Places {
    fn new() -> Box<Self> {
        Box::new(Self {
            wire: vec![0; limits::SCRATCH + PARTIAL_BYTES],
            sealed: vec![0; SEALED_BYTES],
            said: Vec::new(),
        })
    }
}

thread_local! {
    static PLACES: Cell<Option<Box<Places>>> = const { Cell::new(None) };
}

/// Do something with this thread's places. A panic loses them, and they are made anew.
fn with_places<T>(work: impl FnOnce(&mut Places) -> T) -> T {
    let mut places = PLACES.take().unwrap_or_else(Places::new);
    let done = work(&mut places);
    places.said.clear();
    PLACES.set(Some(places));
    done
}

/// What came of a step of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shaken {
    /// It has ended well, in this way.
    Done(Cause),
    /// It goes on when the socket is ready.
    Wait,
    /// It has failed.
    Failed(Cause),
}

/// What one read of the wire came to.
enum Took {
    Plain(usize),
    Drained,
    Over,
}

impl<S> Io<S> {
    /// A new socket with TLS on it.
    pub fn secure(sock: S, writable: bool, tls: Session) -> Self {
        Self { tls: Some(Box::new(tls)), ..Self::new(sock, writable) }
    }

    /// From here on there is TLS on the socket; `first` is what came on the wire already.
    pub fn protect(&mut self, mut tls: Session, first: &[u8]) {
        tls.foresee(first);
        self.tls = Some(Box::new(tls));
    }

    /// The handshake is not over.
    #[inline]
    #[must_use]
    pub fn is_shaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_shaking())
    }

    /// TLS, if there is any.
    #[must_use]
    pub fn tls(&self) -> Option<&Session> {
        self.tls.as_deref()
    }

    /// What is known of the client since the handshake.
    #[inline]
    #[must_use]
    pub fn known(&self) -> Option<&Rc<Known>> {
        self.tls.as_ref()?.known()
    }

    /// From here on bytes are read as they come, to be thrown away; nothing can be sent.
    pub fn forsake(&mut self) {
        self.tls = None;
        self.ended = false;
    }

    /// Whether a connection that nobody uses is as it should be: nothing has come that somebody would have to read. TLS
    /// takes its own messages in, such as tickets.
    pub fn is_quiet<N: Net<Sock = S>>(&mut self, net: &mut N) -> bool {
        if self.readable && self.tls.is_some() && !self.closing {
            // One byte would be enough to say no.
            return self.read(net, &mut [0]) == Read::Nothing;
        }
        !self.readable && !self.closing && !self.ended
    }

    /// Bytes that TLS holds of what came and of what waits.
    #[must_use]
    pub fn held(&self) -> usize {
        self.tls.as_ref().map_or(0, |tls| tls.held())
    }

    pub(super) fn read_secure<N: Net<Sock = S>>(&mut self, net: &mut N, buf: &mut [u8]) -> Read {
        let left = self.tls.as_mut().map_or(0, |tls| tls.leftover(buf));
        if left > 0 {
            // There may be more of it, or more on the wire: the next read will tell.
            self.readable |= !self.ended;
            return Read::Bytes(left);
        }
        if self.is_shaking() {
            return Read::Nothing;
        }
        for _ in 0..IDLE_READS {
            if self.ended || self.tls.as_ref().is_some_and(|tls| tls.ended()) {
                return self.end(false);
            }
            if !self.readable {
                return Read::Nothing;
            }
            match with_places(|places| self.take(net, places, buf)) {
                Took::Plain(0) => {}
                Took::Plain(count) => return Read::Bytes(count),
                Took::Drained => return Read::Nothing,
                Took::Over => return Read::End,
            }
        }
        self.end(true)
    }

    /// Read the wire once, and take in what came.
    fn take<N: Net<Sock = S>>(&mut self, net: &mut N, places: &mut Places, buf: &mut [u8]) -> Took {
        let (Some(sock), Some(tls)) = (&self.sock, self.tls.as_mut()) else { return Took::Over };
        let kept = tls.partial();
        // What fits into `buf` when it is plain text, but a whole record in any case.
        let wanted = buf.len().saturating_sub(kept).max(WIRE_RECORD_BYTES);
        let end = places.wire.len().min(kept + wanted);
        let room = places.wire.get_mut(kept..end).unwrap_or(&mut []);
        let asked = room.len();
        // What came before there was TLS is looked at by itself: whether there is more is not known.
        let read = if tls.look_ahead() { Ok(None) } else { net.read(sock, room).map(Some) };
        let count = match read {
            Ok(None) => 0,
            Ok(Some(count)) if count > 0 => {
                self.readable = count == asked || self.closing;
                count
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Took::Drained;
            }
            Ok(Some(_)) | Err(_) => {
                self.end(true);
                return Took::Over;
            }
        };
        let wire = places.wire.get_mut(..kept + count).unwrap_or(&mut []);
        tls.restore(wire);
        let taken = tls.take(wire, buf, &mut places.said);
        self.say(net, &places.said);
        match taken {
            Ok(count) => Took::Plain(count),
            Err(_) => {
                self.end(true);
                Took::Over
            }
        }
    }

    /// Send what TLS itself wants to say. If the peer is gone, reading will tell.
    fn say<N: Net<Sock = S>>(&mut self, net: &mut N, bytes: &[u8]) {
        if bytes.is_empty() || self.tls.as_ref().is_none_or(|tls| tls.is_silent()) {
            return;
        }
        let mut put = 0;
        if self.unsent.is_empty() && self.writable {
            put = self.write(net, bytes).unwrap_or(bytes.len());
        }
        self.unsent.extend_from_slice(bytes.get(put..).unwrap_or(&[]));
    }

    pub(super) fn send_secure<N: Net<Sock = S>>(
        &mut self,
        net: &mut N,
        bytes: &[u8],
        buffers: &mut Buffers,
    ) -> Result<(), Broken> {
        let Some(tls) = self.tls.as_mut() else { return Err(Broken) };
        if tls.is_shaking() {
            tls.wait(bytes);
            return Ok(());
        }
        with_places(|places| {
            for (number, piece) in bytes.chunks(SEAL_BYTES).enumerate() {
                let Some(tls) = self.tls.as_mut() else { return Err(Broken) };
                let length = tls.seal(piece, &mut places.sealed).map_err(|_| Broken)?;
                let sealed = places.sealed.get(..length).unwrap_or(&[]);
                match self.put(net, sealed, buffers) {
                    // Part of it has gone: whoever reads will see that the peer has too.
                    Err(Broken) if number > 0 => return Ok(()),
                    put => put?,
                }
            }
            Ok(())
        })
    }

    /// Say close_notify, if that was not said.
    pub(super) fn say_end<N: Net<Sock = S>>(&mut self, net: &mut N) {
        if self.tls.is_none() {
            return;
        }
        with_places(|places| {
            let length = self.tls.as_mut().map_or(0, |tls| tls.close(&mut places.sealed));
            let mut put = 0;
            if self.unsent.is_empty() && self.writable && length > 0 {
                put = self.write(net, places.sealed.get(..length).unwrap_or(&[])).unwrap_or(length);
            }
            self.unsent.extend_from_slice(places.sealed.get(put..length).unwrap_or(&[]));
        });
    }

    /// The connection ends in order, with nothing left to send: say so.
    pub fn farewell<N: Net<Sock = S>>(&mut self, net: &mut N) {
        if !self.blocked() && !self.failed {
            self.say_end(net);
        }
    }

    /// One step of the handshake: one read, and what follows from it. The first step with an upstream needs no read.
    pub fn shake<N: Net<Sock = S>>(&mut self, net: &mut N, buffers: &mut Buffers) -> Shaken {
        if self.readable {
            if let Took::Over = with_places(|places| self.take(net, places, &mut [])) {
                let cause = self.tls.as_ref().and_then(|tls| tls.failed());
                return Shaken::Failed(cause.unwrap_or(Cause::Gone));
            }
        } else if self.closing {
            return Shaken::Failed(Cause::Gone);
        } else if self.tls.as_ref().is_some_and(|tls| tls.partial() == 0) {
            self.begin(net);
        }
        let Some(tls) = self.tls.as_mut().filter(|tls| !tls.is_shaking()) else { return Shaken::Wait };
        let kind = tls.kind().unwrap_or(Cause::Full);
        if tls.alpn() == Some(Protocol::H2) {
            // What waits, if anything does, was written for HTTP/1.1: see [`Io::take_waiting`].
            self.readable |= tls.holds_plain();
            return Shaken::Done(kind);
        }
        let waiting = tls.take_waiting();
        // What came with the end of the handshake is plain text already.
        self.readable |= tls.holds_plain();
        if !waiting.is_empty() && self.send_secure(net, &waiting, buffers).is_err() {
            return Shaken::Failed(Cause::Gone);
        }
        Shaken::Done(kind)
    }

    /// Plain text that has waited for the handshake and was not sent, because another protocol was agreed upon.
    pub fn take_waiting(&mut self) -> Vec<u8> {
        self.tls.as_mut().map(|tls| tls.take_waiting()).unwrap_or_default()
    }

    /// What there is to say before anything was heard.
    fn begin<N: Net<Sock = S>>(&mut self, net: &mut N) {
        with_places(|places| {
            if let Some(tls) = self.tls.as_mut() {
                // With nothing on the wire nothing can fail.
                let _ = tls.take(&mut [], &mut [], &mut places.said);
            }
            self.say(net, &places.said);
        });
    }
}
