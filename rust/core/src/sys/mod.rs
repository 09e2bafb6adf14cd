//! The only room that talks to the kernel, and the only one with `unsafe`: libc calls that std does not offer
//! (epoll, accept4, eventfd, nonblocking connect), and the processor's own prefetch. Each `unsafe` block says why it is
//! sound; nothing above this file sees a raw pointer.
//!
//! Rules: every call here is non-blocking except `epoll_wait`; every descriptor is owned by a type that closes it;
//! errors are `io::Error` of the kernel's number, interrupted calls are retried.

pub mod adopt;
pub mod epoll;
pub mod eventfd;
pub mod prefetch;
pub mod rlimit;
