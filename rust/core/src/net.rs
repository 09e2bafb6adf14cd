//! The small I/O trait that the worker is written against.
//!
//! Theory: a worker knows sockets only as readiness flags, reads and writes. Two implementations exist: `sys` (epoll and
//! the kernel) and `sim` (memory and virtual time), so the same engine runs in production and in seeded simulation.
//!
//! Rules: nothing here blocks except [`Net::wait`]; closing is dropping; readiness is edge-triggered, each socket is
//! watched once for its life, in both directions.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What a readiness event refers to; chosen by the worker.
pub type Token = u64;

/// One socket has changed: flags say in which direction trying is worth while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// As given to [`Net::watch`].
    pub token: Token,
    /// Bytes, an end or an error can be read.
    pub readable: bool,
    /// Bytes can be written, or a connect has ended.
    pub writable: bool,
    /// The peer has closed its side, or the connection is broken.
    pub closed: bool,
}

/// Where an endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

impl Address {
    /// Read `ip:port`, `[ip6]:port` or `unix:/path`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => Some(Self::Unix(PathBuf::from(path))),
            Some(_) => None,
            None => text.parse().ok().map(Self::Ip),
        }
    }
}

/// Text of a client's address, kept per connection so that it is formatted once.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    len: u8,
    text: [u8; Self::CAPACITY],
}

impl Peer {
    /// Longest text of an IPv6 address with an embedded IPv4 one (RFC 4291 §2.2: 45 bytes).
    const CAPACITY: usize = 45;

    /// The text of an address; IPv4 clients of an IPv6 socket are shown as IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        use std::io::Write as _;
        let mut peer = Self { len: 0, text: [0; Self::CAPACITY] };
        let mut rest = peer.text.as_mut_slice();
        let room = rest.len();
        // The buffer holds every address; a failed write would only shorten the text.
        let _ = write!(rest, "{}", address.to_canonical());
        peer.len = u8::try_from(room - rest.len()).unwrap_or(0);
        peer
    }

    /// A client on a socket file has no address; RFC 7239 §6.3 lets an obfuscated identifier stand for it.
    #[must_use]
    pub fn unix() -> Self {
        let mut peer = Self { len: 5, text: [0; Self::CAPACITY] };
        peer.text[..5].copy_from_slice(b"_unix");
        peer
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The text as `str`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

/// Sockets, time and waiting.
pub trait Net {
    /// A connected (or connecting) stream; dropping it closes it.
    type Sock;
    /// A listening socket; dropping it closes it.
    type Listener;

    /// Wait until something is ready or `timeout_ms` has passed (`-1`: for ever); append what is ready.
    fn wait(&mut self, ready: &mut Vec<Ready>, timeout_ms: i32);
    /// Monotonic time, ns. Never a system call.
    fn now(&self) -> u64;
    /// Time since the Unix epoch, µs.
    fn wall(&self) -> u64;
    /// 64 bits for seeding; asked once.
    fn seed(&mut self) -> u64;
    /// Watch a listening socket. Unlike streams these are level-triggered: one connection can be taken per event
    /// without a call that only says that there is no other.
    ///
    /// # Errors
    /// The kernel's.
    fn watch_listener(&mut self, listener: &Self::Listener, token: Token) -> io::Result<()>;
    /// Stop watching it, while descriptors have run out.
    fn unwatch_listener(&mut self, listener: &Self::Listener);
    /// Take one connection.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; others are the kernel's.
    fn accept(&mut self, listener: &Self::Listener) -> io::Result<(Self::Sock, Peer)>;
    /// Begin a connection; it is made when the socket becomes writable.
    ///
    /// # Errors
    /// The kernel's, for what fails at once.
    fn connect(&mut self, address: &Address) -> io::Result<Self::Sock>;
    /// Why a connect failed, if it did.
    fn connect_error(&mut self, sock: &Self::Sock) -> Option<io::Error>;
    /// Watch a stream in both directions for its life.
    ///
    /// # Errors
    /// The kernel's.
    fn watch(&mut self, sock: &Self::Sock, token: Token) -> io::Result<()>;
    /// Read; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock`, or the kernel's.
    fn read(&mut self, sock: &Self::Sock, buf: &mut [u8]) -> io::Result<usize>;
    /// Write what fits.
    ///
    /// # Errors
    /// `WouldBlock`, or the kernel's.
    fn write(&mut self, sock: &Self::Sock, buf: &[u8]) -> io::Result<usize>;
    /// Send our end (FIN); reading goes on.
    fn finish(&mut self, sock: &Self::Sock);
    /// Close so that the peer sees a reset: a cut answer must not look complete.
    fn reset(&mut self, sock: Self::Sock);
}
