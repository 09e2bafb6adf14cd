//! [`Net`] on Linux: one edge-triggered epoll per worker.
//!
//! Every descriptor is registered once, for in, out and rdhup; the worker keeps the flags. The clock is the vDSO's:
//! reading it is no system call. Reads and writes are the instruction itself (rustix): in a process with threads libc's
//! `recv` and `send` are cancellation points, which cost 9 % of a worker's user time and serve nobody here; and whoever
//! enters the kernel loses the processor's memory of where calls return to, so that each call that is open then costs a
//! misprediction, 6 % together.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::eventfd::EventFd;
use crate::net::{Address, Net, Peer, Ready, Token};

/// Events taken by one epoll_wait. nginx and Envoy take 512 and 16; more than 256 delays timers without saving calls.
const EVENTS: usize = 256;

/// What [`Net::wait`] reports when the worker's eventfd was raised.
pub const WAKE: Token = Token::MAX;

/// One epoll instance and the eventfd that wakes it.
pub struct Epoll {
    poll: OwnedFd,
    wake: Arc<EventFd>,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// A poller that `wake` interrupts.
    ///
    /// # Errors
    /// The kernel's, when descriptors have run out.
    pub fn new(wake: Arc<EventFd>) -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked before it is owned.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel just gave us this descriptor and nobody else owns it.
        let poll = unsafe { OwnedFd::from_raw_fd(fd) };
        let this = Self { poll, wake, events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS] };
        this.add(this.wake.raw(), libc::EPOLLIN | libc::EPOLLET, WAKE)?;
        Ok(this)
    }

    fn add(&self, fd: RawFd, interest: i32, token: Token) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.cast_unsigned(), u64: token };
        // SAFETY: one valid epoll_event; the kernel copies it.
        checked(unsafe { libc::epoll_ctl(self.poll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) })?;
        Ok(())
    }
}

/// Turn libc's -1 into the error it left behind.
fn checked(answer: i32) -> io::Result<i32> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

impl Net for Epoll {
    type Sock = OwnedFd;
    type Listener = OwnedFd;

    fn wait(&mut self, ready: &mut Vec<Ready>, timeout_ms: i32) {
        // SAFETY: `events` has EVENTS initialised entries and lives through the call.
        let count = unsafe {
            libc::epoll_wait(self.poll.as_raw_fd(), self.events.as_mut_ptr(), EVENTS as i32, timeout_ms)
        };
        // -1 is EINTR (anything else would be a bug): a turn without events.
        let count = usize::try_from(count).unwrap_or(0);
        for event in self.events.iter().take(count) {
            let (flags, token) = (event.events.cast_signed(), event.u64);
            if token == WAKE {
                self.wake.acknowledge();
            }
            ready.push(Ready {
                token,
                readable: flags & (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0,
                writable: flags & (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) != 0,
                closed: flags & (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0,
            });
        }
    }

    fn now(&self) -> u64 {
        clock(libc::CLOCK_MONOTONIC)
    }

    fn wall(&self) -> u64 {
        clock(libc::CLOCK_REALTIME) / 1_000
    }

    fn seed(&mut self) -> u64 {
        let mut seed = [0u8; 8];
        // SAFETY: eight writable bytes. Without entropy the clock still differs between runs.
        let got = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
        if got == 8 { u64::from_ne_bytes(seed) } else { self.now() ^ self.wall() }
    }

    fn watch_listener(&mut self, listener: &OwnedFd, token: Token) -> io::Result<()> {
        // Accepted sockets inherit it, so that no connection costs a call for it.
        no_delay(listener);
        // EPOLLEXCLUSIVE: a socket file is shared by the workers; one connection should wake one of them.
        self.add(listener.as_raw_fd(), libc::EPOLLIN | libc::EPOLLEXCLUSIVE, token)
    }

    fn unwatch_listener(&mut self, listener: &OwnedFd) {
        // SAFETY: EPOLL_CTL_DEL ignores the event. It fails only if the listener is not watched.
        unsafe {
            let (poll, fd) = (self.poll.as_raw_fd(), listener.as_raw_fd());
            libc::epoll_ctl(poll, libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut());
        }
    }

    fn accept(&mut self, listener: &OwnedFd) -> io::Result<(OwnedFd, Peer)> {
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: `storage` and `len` describe one writable sockaddr_storage.
        let fd = checked(unsafe {
            libc::accept4(
                listener.as_raw_fd(),
                storage.as_mut_ptr().cast(),
                &raw mut len,
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        })?;
        // SAFETY: the kernel just gave us this descriptor; the storage was zeroed, which is a valid value for it.
        let (sock, storage) = unsafe { (OwnedFd::from_raw_fd(fd), storage.assume_init()) };
        Ok((sock, peer_of(&storage)))
    }

    fn connect(&mut self, address: &Address) -> io::Result<OwnedFd> {
        match address {
            Address::Ip(address) => connect_ip(address),
            Address::Unix(path) => connect_unix(path),
        }
    }

    fn connect_error(&mut self, sock: &OwnedFd) -> Option<io::Error> {
        let mut code: i32 = 0;
        let mut len = size_of::<i32>() as libc::socklen_t;
        // SAFETY: one writable i32 and its size.
        let answer = unsafe {
            libc::getsockopt(
                sock.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut code).cast(),
                &raw mut len,
            )
        };
        (answer != 0 || code != 0).then(|| io::Error::from_raw_os_error(code))
    }

    fn watch(&mut self, sock: &OwnedFd, token: Token) -> io::Result<()> {
        let interest = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        self.add(sock.as_raw_fd(), interest, token)
    }

    #[inline]
    fn read(&mut self, sock: &OwnedFd, buf: &mut [u8]) -> io::Result<usize> {
        let (_, count) = retry_on_intr(|| recv(sock, &mut *buf, RecvFlags::empty()))?;
        Ok(count)
    }

    #[inline]
    fn write(&mut self, sock: &OwnedFd, buf: &[u8]) -> io::Result<usize> {
        // NOSIGNAL: a gone peer is an error, not a signal.
        Ok(retry_on_intr(|| send(sock, buf, SendFlags::NOSIGNAL))?)
    }

    fn finish(&mut self, sock: &OwnedFd) {
        // SAFETY: no pointers. It fails only when the connection is gone, which the next read tells.
        unsafe { libc::shutdown(sock.as_raw_fd(), libc::SHUT_WR) };
    }

    fn reset(&mut self, sock: OwnedFd) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: one readable linger and its size. If it fails the close below is an ordinary one.
        unsafe {
            libc::setsockopt(
                sock.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            );
        }
        drop(sock);
    }
}

fn clock(which: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one writable timespec; these clocks always exist.
    unsafe { libc::clock_gettime(which, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

fn peer_of(storage: &libc::sockaddr_storage) -> Peer {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in, which fits into the storage.
            let v4 = unsafe { &*(std::ptr::from_ref(storage).cast::<libc::sockaddr_in>()) };
            Peer::of(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that it is a sockaddr_in6, which fits into the storage.
            let v6 = unsafe { &*(std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>()) };
            Peer::of(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
        }
        _ => Peer::unix(),
    }
}

/// A non-blocking stream socket.
fn stream_socket(family: i32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is checked before it is owned.
    let fd = checked(unsafe {
        libc::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0)
    })?;
    // SAFETY: the kernel just gave us this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn connect_ip(address: &SocketAddr) -> io::Result<OwnedFd> {
    let sock = stream_socket(if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 })?;
    no_delay(&sock);
    match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            start(&sock, &raw)?;
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            start(&sock, &raw)?;
        }
    }
    Ok(sock)
}

fn connect_unix(path: &Path) -> io::Result<OwnedFd> {
    let sock = stream_socket(libc::AF_UNIX)?;
    let mut raw = libc::sockaddr_un { sun_family: libc::AF_UNIX as libc::sa_family_t, sun_path: [0; 108] };
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() >= raw.sun_path.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (slot, byte) in raw.sun_path.iter_mut().zip(bytes) {
        *slot = byte.cast_signed();
    }
    start(&sock, &raw)?;
    Ok(sock)
}

/// Begin a connect. In progress is success here: the outcome comes as readiness.
fn start<A>(sock: &OwnedFd, address: &A) -> io::Result<()> {
    // SAFETY: `A` is one of libc's sockaddr types, given with its own size.
    let answer = unsafe {
        libc::connect(sock.as_raw_fd(), std::ptr::from_ref(address).cast(), size_of::<A>() as libc::socklen_t)
    };
    match checked(answer) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(()),
    }
}

/// Heads and bodies leave in whole writes; waiting for acknowledgements (RFC 896) would only delay them.
fn no_delay(sock: &OwnedFd) {
    let on: i32 = 1;
    // SAFETY: one readable i32 and its size. Failing costs delay, not correctness.
    unsafe {
        libc::setsockopt(
            sock.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const on).cast(),
            size_of::<i32>() as libc::socklen_t,
        );
    }
}
