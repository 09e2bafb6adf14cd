//! One end of a connection: what has arrived there, what is on its way to it, and what is owed to whoever watches it.

use std::collections::VecDeque;
use std::io::ErrorKind;

use crate::net::{Ready, Token};

/// How the bytes towards an end stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// More may come.
    Open,
    /// The peer has sent its end.
    Fin,
    /// The peer has reset the connection.
    Reset,
}

/// How far a connect has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    /// With this error, which is told once.
    Failed(ErrorKind),
    Connected,
}

/// One end. `inbound` things travel from the peer to this end.
pub(super) struct End {
    pub(super) token: Option<Token>,
    /// It stands in the list of edges to deliver.
    pub(super) edged: bool,
    pub(super) state: State,
    /// On their way; each arrives with an event of its own, in order.
    pub(super) flight: VecDeque<Vec<u8>>,
    /// Arrived and not yet read.
    pub(super) arrived: VecDeque<u8>,
    /// What has arrived after the last byte.
    pub(super) tail: Tail,
    /// The reset was told to the reader.
    pub(super) told: bool,
    /// Bytes of `flight` and `arrived` together at the most.
    pub(super) capacity: usize,
    /// Bytes of them now.
    pub(super) used: usize,
    /// How long bytes travel to this end, ns.
    pub(super) latency: u64,
    /// When the last of what was sent to this end arrives: nothing overtakes.
    pub(super) last_at: u64,
    /// A write was refused or cut for want of space: an edge is owed when there is some.
    pub(super) nospace: bool,
    /// It has sent its end.
    pub(super) finished: bool,
    /// Its owner has closed it.
    pub(super) closed: bool,
}

impl End {
    pub(super) fn new(state: State, capacity: usize, latency: u64) -> Self {
        Self {
            token: None,
            edged: false,
            state,
            flight: VecDeque::new(),
            arrived: VecDeque::new(),
            tail: Tail::Open,
            told: false,
            capacity,
            used: 0,
            latency,
            last_at: 0,
            nospace: false,
            finished: false,
            closed: false,
        }
    }

    /// What epoll would say of it now, `space` being what its peer can take.
    pub(super) fn ready(&self, token: Token, space: bool) -> Ready {
        let broken = self.tail == Tail::Reset || matches!(self.state, State::Failed(_));
        let connected = self.state == State::Connected;
        Ready {
            token,
            readable: broken || (connected && (!self.arrived.is_empty() || self.tail != Tail::Open)),
            writable: broken || (connected && space),
            closed: broken || (connected && self.tail != Tail::Open),
        }
    }

    /// Take up to `buf.len()` bytes of what has arrived.
    pub(super) fn take(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.arrived.len());
        for (slot, byte) in buf.iter_mut().zip(self.arrived.drain(..count)) {
            *slot = byte;
        }
        self.used -= count;
        count
    }
}
