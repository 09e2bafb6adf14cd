//! The whole engine on the in-memory network. See tests/sim/README.md.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]

mod book;
mod client;
mod dialogue_ask;
mod dialogue_close;
mod dialogue_cuts;
mod dialogue_fields;
mod dialogue_framing;
mod dialogue_heads;
mod dialogue_listener;
mod dialogue_passthrough;
mod dialogue_preamble;
mod dialogue_refused;
mod dialogue_retry;
mod dialogue_stream_zero;
mod dialogue_timeouts;
mod dialogue_tls;
mod dialogue_turns;
mod dialogue_upgrade;
mod dice;
mod frames;
mod handler;
mod house;
mod http;
mod panics;
mod panics_streams;
mod plan;
mod promises;
mod secure;
mod seeds;
mod server;
mod stage;
mod story;
#[path = "../tls_peer/mod.rs"]
mod tls_peer;
mod wire;
