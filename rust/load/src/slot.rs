//! One connection's place: what is open there and what it is waiting for.

use crate::answer::Answer;
use std::os::fd::OwnedFd;

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Ready for a request.
    Free,
    /// A request is being sent or answered.
    Busy,
    /// A request has failed here; the next one waits for the next sweep.
    Resting,
}

/// A connection that comes and goes; the slot stays.
#[derive(Debug)]
pub struct Slot {
    /// The open connection, if there is one.
    pub socket: Option<OwnedFd>,
    /// Counts the connections of this slot, so that a late event of an old one is known.
    pub generation: u32,
    /// What the slot is doing.
    pub phase: Phase,
    /// Whether this connection has carried nothing yet: then an error is a failure to connect.
    pub fresh: bool,
    /// Bytes of the request that are sent.
    pub sent: usize,
    /// When latency counts from.
    pub intended: u64,
    /// When the request was begun.
    pub begun: u64,
    /// The reader of its answer.
    pub answer: Answer,
}

impl Slot {
    /// An empty place.
    pub fn new(to_head_request: bool) -> Self {
        Self {
            socket: None,
            generation: 0,
            phase: Phase::Free,
            fresh: true,
            sent: 0,
            intended: 0,
            begun: 0,
            answer: Answer::new(to_head_request),
        }
    }

    /// Takes a new connection and gives the token for its registration.
    pub fn open(&mut self, index: usize, socket: OwnedFd) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        self.socket = Some(socket);
        self.fresh = true;
        u64::from(self.generation) << 32 | index as u64
    }

    /// The slot and the generation that a token speaks of.
    pub fn parts(token: u64) -> (usize, u32) {
        ((token & u64::from(u32::MAX)) as usize, (token >> 32) as u32)
    }
}
