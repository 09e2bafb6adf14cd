//! One socket as the worker knows it: readiness flags and the bytes that did not fit.
//!
//! Theory (edge-triggered): the flags are the only truth. A read that returns fewer bytes than asked for has drained
//! the socket, so no call is made just to be told EAGAIN; a write that does not take everything means "not writable"
//! until the kernel says otherwise. Write first: only what did not fit is copied.
//!
//! What calls the kernel is inlined ([`sys::epoll`](crate::sys::epoll) says why).
//!
//! TLS, where there is any, is in here: whoever uses a socket reads and sends plain text ([`secure`]).

pub mod secure;

use std::io::ErrorKind;

use super::buffers::Buffers;
use super::limits;
use crate::net::{Net, Ready};
use crate::tls::Session;

/// A socket, its flags and its unsent bytes.
pub struct Io<S> {
    /// `None` once it was given away to be reset.
    sock: Option<S>,
    /// Trying to read is worth while.
    pub readable: bool,
    /// Trying to write is worth while.
    pub writable: bool,
    /// The peer has announced its end: a short read does not mean drained, the end is still to be read.
    pub closing: bool,
    /// The end (or an error) was read.
    pub ended: bool,
    /// The last error was a reset or another failure, not an orderly end.
    pub failed: bool,
    /// Accepted by us, not yet by the socket.
    unsent: Vec<u8>,
    sent: usize,
    /// Between the socket and whoever uses it; `None`: plain text.
    tls: Option<Box<Session>>,
}

/// How much to read for a side, judged by how it took what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    whole: u8,
    stalled: bool,
}

impl Pace {
    /// Bytes to read next.
    #[inline]
    #[must_use]
    pub fn room(self) -> usize {
        match self {
            Self { stalled: true, .. } => limits::CAUTIOUS_READ,
            Self { whole, .. } if whole < limits::PROVEN => limits::FIRST_READ,
            _ => limits::SCRATCH,
        }
    }

    /// A write was taken whole, or it was not.
    #[inline]
    pub fn note(&mut self, blocked: bool) {
        self.whole = if blocked { 0 } else { self.whole.saturating_add(1) };
        self.stalled = blocked || (self.stalled && self.whole < limits::PROVEN);
    }
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The end, orderly or not (see [`Io::failed`]).
    End,
}

/// The connection cannot be written to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl<S> Io<S> {
    /// A connected socket that was just accepted or is being connected.
    pub fn new(sock: S, writable: bool) -> Self {
        Self {
            sock: Some(sock),
            readable: false,
            writable,
            closing: false,
            ended: false,
            failed: false,
            unsent: Vec::new(),
            sent: 0,
            tls: None,
        }
    }

    /// What waits to be sent on a stream of somebody else's socket.
    #[must_use]
    pub fn without_socket() -> Self {
        Self {
            sock: None,
            readable: false,
            writable: false,
            closing: false,
            ended: false,
            failed: false,
            unsent: Vec::new(),
            sent: 0,
            tls: None,
        }
    }

    /// Keep bytes after what already waits.
    #[inline]
    pub fn keep(&mut self, bytes: &[u8], buffers: &mut Buffers) {
        if bytes.is_empty() {
            return;
        }
        buffers.append(&mut self.unsent, bytes);
    }

    /// What waits.
    #[must_use]
    pub fn waiting(&self) -> &[u8] {
        self.unsent.get(self.sent..).unwrap_or(&[])
    }

    /// So many bytes of what waits have gone.
    pub fn took(&mut self, count: usize, buffers: &mut Buffers) {
        self.sent += count;
        if self.sent >= self.unsent.len() {
            self.release(buffers);
        }
    }

    /// Take over what the kernel said.
    #[inline]
    pub fn note(&mut self, ready: Ready) {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.closing |= ready.closed;
    }

    /// Whether accepted bytes still wait.
    #[inline]
    #[must_use]
    pub fn blocked(&self) -> bool {
        !self.unsent.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.waiting() > 0)
    }

    /// Bytes that wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.unsent.len() - self.sent + self.tls.as_ref().map_or(0, |tls| tls.waiting())
    }

    /// The socket, for calls that are not reads or writes.
    pub fn sock(&self) -> Option<&S> {
        self.sock.as_ref()
    }

    /// Read once, if that is worth while.
    #[inline(always)]
    pub fn read<N: Net<Sock = S>>(&mut self, net: &mut N, buf: &mut [u8]) -> Read {
        if self.tls.is_some() {
            return self.read_secure(net, buf);
        }
        let Some(sock) = self.sock.as_ref().filter(|_| self.readable && !self.ended) else {
            return if self.ended { Read::End } else { Read::Nothing };
        };
        match net.read(sock, buf) {
            Ok(0) => self.end(false),
            Ok(count) => {
                self.readable = count == buf.len() || self.closing;
                Read::Bytes(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Read::Nothing
            }
            Err(_) => self.end(true),
        }
    }

    fn end(&mut self, failed: bool) -> Read {
        self.ended = true;
        self.readable = false;
        self.failed |= failed;
        Read::End
    }

    /// Send bytes after what already waits; what does not fit is kept.
    ///
    /// # Errors
    /// [`Broken`] if the peer is gone. Nothing of `bytes` was sent if nothing waited before.
    #[inline(always)]
    pub fn send<N: Net<Sock = S>>(
        &mut self,
        net: &mut N,
        bytes: &[u8],
        buffers: &mut Buffers,
    ) -> Result<(), Broken> {
        if self.tls.is_some() {
            return self.send_secure(net, bytes, buffers);
        }
        self.put(net, bytes, buffers)
    }

    /// Send bytes as they are.
    #[inline(always)]
    fn put<N: Net<Sock = S>>(
        &mut self,
        net: &mut N,
        bytes: &[u8],
        buffers: &mut Buffers,
    ) -> Result<(), Broken> {
        let mut rest = bytes;
        if self.unsent.is_empty() && self.writable {
            let put = self.write(net, rest)?;
            rest = rest.get(put..).unwrap_or(&[]);
        }
        self.keep(rest, buffers);
        Ok(())
    }

    /// Send what waits, if that is worth while.
    ///
    /// # Errors
    /// [`Broken`] if the peer is gone.
    #[inline]
    pub fn flush<N: Net<Sock = S>>(&mut self, net: &mut N, buffers: &mut Buffers) -> Result<(), Broken> {
        if self.unsent.is_empty() || !self.writable {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.unsent);
        let put = self.write(net, waiting.get(self.sent..).unwrap_or(&[]));
        self.sent += put.unwrap_or(0);
        if self.sent >= waiting.len() {
            self.sent = 0;
            buffers.give(waiting);
        } else {
            self.unsent = waiting;
        }
        put.map(|_| ())
    }

    #[inline(always)]
    fn write<N: Net<Sock = S>>(&mut self, net: &mut N, bytes: &[u8]) -> Result<usize, Broken> {
        let Some(sock) = self.sock.as_ref() else { return Err(Broken) };
        match net.write(sock, bytes) {
            Ok(count) => {
                self.writable = count == bytes.len();
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(0)
            }
            Err(_) => {
                self.writable = false;
                self.failed = true;
                Err(Broken)
            }
        }
    }

    /// Send our end; reading goes on.
    pub fn finish<N: Net<Sock = S>>(&mut self, net: &mut N) {
        self.say_end(net);
        if let Some(sock) = &self.sock {
            net.finish(sock);
        }
    }

    /// Close so that the peer sees a reset.
    pub fn reset<N: Net<Sock = S>>(&mut self, net: &mut N) {
        if let Some(sock) = self.sock.take() {
            net.reset(sock);
        }
    }

    /// Give the buffers back before the end: what waited is not sent, and nothing can be sent after it.
    pub fn release(&mut self, buffers: &mut Buffers) {
        if let Some(tls) = self.tls.as_mut().filter(|_| !self.unsent.is_empty()) {
            tls.silence();
        }
        buffers.give(std::mem::take(&mut self.unsent));
        self.sent = 0;
    }
}
