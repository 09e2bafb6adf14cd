//! The data plane of the gateway: codecs, decisions, relay. Knows nothing of Python.
//!
//! Rooms, in the order in which a request meets them (docs/life-of-a-request.md):
//! `worker` (accept, event loop) → `preamble` (what comes before HTTP) → `http1`, or `http2` with `hpack` in a `session`
//! (codec) → `route` (decide) → `balance` (pick) → `upstream` (lease) → `exchange` (relay) → `account`. `grpc` is what gRPC
//! adds to a request. `sys` is the only room that talks to the kernel, `sim` the one that replaces it.

#![deny(unsafe_code)]

pub mod account;
pub mod balance;
pub mod document;
pub mod exchange;
pub mod explain;
pub mod fault;
pub mod grpc;
pub mod hpack;
pub mod http1;
pub mod http2;
pub mod limits;
pub mod net;
pub mod preamble;
pub mod reason;
pub mod route;
pub mod session;
#[cfg(feature = "sim")]
pub mod sim;
#[expect(unsafe_code, reason = "the one room that talks to the kernel; each block says why it is sound")]
pub mod sys;
pub mod tls;
pub mod upstream;
pub mod worker;
