//! The data plane of the gateway: codecs, decisions, relay. Knows nothing of Python.
//!
//! Rooms, in the order in which a request meets them (docs/life-of-a-request.md):
//! `worker` (accept, event loop) → `http1` (codec) → `route` (decide) → `balance` (pick) → `upstream` (lease) →
//! `exchange` (relay) → `account`. `sys` is the only room that talks to the kernel, `sim` the one that replaces it.

pub mod balance;
pub mod document;
pub mod explain;
pub mod http1;
pub mod limits;
pub mod route;
