//! The system calls of the generator, the relay and the yardstick, each behind a safe function.
//!
//! Theory: one epoll per thread, edge-triggered, one registration per descriptor for its life; descriptors are
//! `OwnedFd`, so that dropping one closes it (and epoll forgets it). Buffers go in as slices: the kernel is told
//! their true length and nothing else, which is the whole of the safety argument below.
//!
//! This is the only module of the crate in which `unsafe` is allowed.
#![allow(unsafe_code)]

use std::io::{Error, Result};
use std::mem::{size_of, zeroed};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

/// Events taken from the kernel at once: enough for every busy connection of the usual runs in one call.
const EVENTS_PER_WAIT: usize = 512;
/// Pending connections of a listening socket; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: libc::c_int = 4096;

/// What epoll said about one descriptor.
#[derive(Clone, Copy)]
pub struct Ready {
    /// The number given at registration.
    pub token: u64,
    /// Bytes, an end of stream or an error can be read.
    pub readable: bool,
    /// There is room to send, or a connect has ended.
    pub writable: bool,
    /// The peer has shut down or reset: a short read is then not the last one.
    pub hung_up: bool,
}

/// An epoll instance and the room for its answers.
pub struct Epoll {
    descriptor: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// A new instance, closed on exec.
    pub fn new() -> Result<Self> {
        // SAFETY: no pointers; the result is checked and owned by nobody else.
        let descriptor = unsafe { own(libc::epoll_create1(libc::EPOLL_CLOEXEC))? };
        Ok(Self { descriptor, events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_PER_WAIT] })
    }

    /// Registers `descriptor` once for everything, edge-triggered.
    pub fn add(&self, descriptor: &OwnedFd, token: u64) -> Result<()> {
        let interest = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event { events: interest as u32, u64: token };
        // SAFETY: `event` lives across the call; both descriptors are open because they are borrowed.
        let code = unsafe {
            libc::epoll_ctl(
                self.descriptor.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                descriptor.as_raw_fd(),
                &raw mut event,
            )
        };
        check(code).map(drop)
    }

    /// Waits for events at most `nanoseconds` (for ever without it) and says how many there are; a signal ends the
    /// wait with none.
    pub fn wait(&mut self, nanoseconds: Option<u64>) -> Result<usize> {
        let limit = nanoseconds.map(|n| libc::timespec {
            tv_sec: (n / 1_000_000_000) as libc::time_t,
            tv_nsec: (n % 1_000_000_000) as libc::c_long,
        });
        let limit_pointer = limit.as_ref().map_or(null(), |l| &raw const *l);
        // SAFETY: `events` has room for EVENTS_PER_WAIT entries; `limit` lives across the call; a null mask is allowed.
        let code = unsafe {
            libc::epoll_pwait2(
                self.descriptor.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS_PER_WAIT as libc::c_int,
                limit_pointer,
                null(),
            )
        };
        match check(code) {
            Ok(count) => Ok(count as usize),
            Err(e) if e.raw_os_error() == Some(libc::EINTR) => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// The `index`-th event of the last wait.
    pub fn event(&self, index: usize) -> Ready {
        let event = self.events[index];
        let has = |bits: libc::c_int| event.events & bits as u32 != 0;
        Ready {
            token: event.u64,
            readable: has(libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR),
            writable: has(libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR),
            hung_up: has(libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR),
        }
    }
}

/// Opens a non-blocking connection; it is usually still being made when this returns.
pub fn connect(address: &SocketAddr) -> Result<OwnedFd> {
    let socket = stream_socket(address)?;
    let (storage, length) = encode(address);
    // SAFETY: `storage` holds `length` valid bytes of the address family the socket was made for.
    let code = unsafe { libc::connect(socket.as_raw_fd(), (&raw const storage).cast(), length) };
    match check(code) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => Err(e),
        _ => Ok(socket),
    }
}

/// Opens a non-blocking listening socket.
pub fn listen(address: &SocketAddr) -> Result<OwnedFd> {
    let socket = stream_socket(address)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR)?;
    let (storage, length) = encode(address);
    // SAFETY: as in `connect`; `listen` takes no pointers.
    unsafe {
        check(libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), length))?;
        check(libc::listen(socket.as_raw_fd(), BACKLOG))?;
    }
    Ok(socket)
}

/// Takes the next pending connection, non-blocking; `WouldBlock` when there is none.
pub fn accept(listener: &OwnedFd) -> Result<OwnedFd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: null address pointers are allowed and mean that the peer's address is not wanted.
    let socket = unsafe { own(libc::accept4(listener.as_raw_fd(), null_mut(), null_mut(), flags))? };
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY)?;
    Ok(socket)
}

/// Receives into `buffer`; 0 is the end of the stream.
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes into memory that is exclusively borrowed.
    let count = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    check_count(count)
}

/// Drops up to `count` received bytes without copying them (tcp(7), MSG_TRUNC); 0 is the end of the stream.
pub fn discard(socket: &OwnedFd, count: usize) -> Result<usize> {
    // SAFETY: with MSG_TRUNC a TCP socket stores nothing, so that the null buffer is never written to.
    let count = unsafe { libc::recv(socket.as_raw_fd(), null_mut(), count, libc::MSG_TRUNC) };
    check_count(count)
}

/// Sends what fits; never raises SIGPIPE.
pub fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads at most `bytes.len()` bytes of a live slice.
    let count =
        unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    check_count(count)
}

/// Ends our direction; the peer reads an end of stream. Errors say that the peer has gone, which its side reports.
pub fn shut_down_sending(socket: &OwnedFd) {
    // SAFETY: no pointers; the descriptor is borrowed.
    let _ = unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) };
}

/// Raises the soft limit of open descriptors to the hard one; a refusal leaves it as it was.
pub fn raise_descriptor_limit() {
    // SAFETY: `limit` is a plain struct that lives across both calls.
    unsafe {
        let mut limit: libc::rlimit = zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            let _ = libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Lets timers of this thread fire to the nanosecond; the default of 50 µs would blur an open loop's schedule.
pub fn sharpen_timers() {
    // SAFETY: PR_SET_TIMERSLACK takes one integer.
    let _ = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

/// CPU time of the calling thread so far, user and system, in microseconds.
pub fn thread_cpu() -> (u64, u64) {
    // SAFETY: `usage` is a plain struct that lives across the call.
    let usage = unsafe {
        let mut usage: libc::rusage = zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage
    };
    let micros = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    (micros(usage.ru_utime), micros(usage.ru_stime))
}

/// CPU time of this thread in nanoseconds. Unlike the two parts above, which are told apart in ticks, this is exact.
pub fn thread_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a plain struct that lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether SIGINT or SIGTERM has come since `note_interrupts`.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// As if an interrupt had come.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Turns the first SIGINT or SIGTERM into `interrupted`; the second one ends the process as usual.
pub fn note_interrupts() {
    extern "C" fn note(_signal: libc::c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    // SAFETY: the handler only stores to an atomic, which is async-signal-safe; the struct lives across the calls.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESETHAND;
        libc::sigaction(libc::SIGINT, &raw const action, null_mut());
        libc::sigaction(libc::SIGTERM, &raw const action, null_mut());
    }
}

fn stream_socket(address: &SocketAddr) -> Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers; the result is checked and owned by nobody else.
    let socket = unsafe { own(libc::socket(family, kind, 0))? };
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY)?;
    Ok(socket)
}

fn set_option(socket: &OwnedFd, level: libc::c_int, name: libc::c_int) -> Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an int that lives across the call, passed with its size.
    let code = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    check(code).map(drop)
}

/// The address as the kernel wants it, and its length.
fn encode(address: &SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: all-zero bytes are a valid `sockaddr_storage`, which by definition is large and aligned enough to be
    // written as either address struct.
    unsafe {
        let mut storage: libc::sockaddr_storage = zeroed();
        let length = match address {
            SocketAddr::V4(v4) => {
                let to = (&raw mut storage).cast::<libc::sockaddr_in>();
                (*to).sin_family = libc::AF_INET as libc::sa_family_t;
                (*to).sin_port = v4.port().to_be();
                (*to).sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(v6) => {
                let to = (&raw mut storage).cast::<libc::sockaddr_in6>();
                (*to).sin6_family = libc::AF_INET6 as libc::sa_family_t;
                (*to).sin6_port = v6.port().to_be();
                (*to).sin6_addr.s6_addr = v6.ip().octets();
                (*to).sin6_scope_id = v6.scope_id();
                size_of::<libc::sockaddr_in6>()
            }
        };
        (storage, length as libc::socklen_t)
    }
}

/// # Safety
/// `code` is the result of a call that returns a new descriptor, or -1.
unsafe fn own(code: libc::c_int) -> Result<OwnedFd> {
    // SAFETY: by the caller's promise nobody else owns it.
    check(code).map(|descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn check(code: libc::c_int) -> Result<libc::c_int> {
    if code < 0 { Err(Error::last_os_error()) } else { Ok(code) }
}

fn check_count(count: isize) -> Result<usize> {
    usize::try_from(count).map_err(|_| Error::last_os_error())
}
