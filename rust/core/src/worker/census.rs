//! What a worker holds at this moment, counted rather than kept: for tests that nothing leaks and nothing grows.

use super::Worker;
use crate::net::Net;

/// What a worker holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Client connections.
    pub downs: usize,
    /// Streams of theirs.
    pub streams_down: usize,
    /// Upstream connections, leased and pooled.
    pub ups: usize,
    /// Streams of theirs.
    pub streams_up: usize,
    /// Connections that carry streams.
    pub sessions: usize,
    /// Of them, pooled.
    pub idle: usize,
    /// Exchanges under way.
    pub exchanges: usize,
    /// Exchanges that wait for a handler.
    pub asks: usize,
    /// Requests that the balancer believes to be under way.
    pub in_flight: usize,
    /// Timers that exist.
    pub timers: usize,
    /// Listening sockets known, closed ones included.
    pub listeners: usize,
    /// Snapshots that wait for their last exchange.
    pub retiring: usize,
    /// Bytes that clients have not taken yet.
    pub unsent_down: usize,
    /// Bytes that upstreams have not taken yet.
    pub unsent_up: usize,
    /// Bytes read and not yet understood, by TLS or HTTP, and requests kept for a replay.
    pub carried: usize,
    /// Client connections whose deadline passed more than [`LATE_NS`] ago.
    pub overdue: usize,
}

/// A deadline may be noticed this late: a tick of the wheel and the turn it falls into, ns.
const LATE_NS: u64 = 10_000_000;

impl<N: Net> Worker<N> {
    /// Count what is there. Walks over everything.
    #[must_use]
    pub fn census(&self) -> Census {
        let mut census = Census {
            downs: self.connections(),
            streams_down: self.streams,
            sessions: self.sessions.len(),
            asks: self.asks.len(),
            timers: self.wheel.len(),
            listeners: self.listeners.len(),
            retiring: self.retiring.len(),
            in_flight: self.groups.in_flight(),
            ..Census::default()
        };
        for down in self.downs.values() {
            census.unsent_down += down.io.backlog();
            census.carried += down.carry.len() + down.io.held();
            census.overdue += usize::from(down.due().saturating_add(LATE_NS) < self.now);
            if let Some(exchange) = &down.exchange {
                census.exchanges += 1;
                census.carried += exchange.replay.len();
            }
        }
        for up in self.ups.values() {
            let connection = up.stream.is_none();
            census.ups += usize::from(connection);
            census.streams_up += usize::from(!connection);
            census.idle += usize::from(connection && up.owner.is_none() && up.session.is_none());
            census.unsent_up += up.io.backlog();
            census.carried += up.carry.len() + up.io.held();
        }
        census
    }
}
