//! One open stream.

use super::state::Phase;
use super::urgency::Urgency;
use super::window::{ReceiveWindow, SendWindow};
use crate::http1::response::Answering;

/// Names a stream. The slot is for tables of the caller's own: it is below the bound on open streams and belongs to this
/// stream until that has ended. The identifier makes a key that has gone stale harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Place in the slab.
    pub slot: u32,
    /// Stream identifier.
    pub id: u32,
}

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// The body's length is not announced.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// What is kept about an open stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// Identifier; 0 in a free slot.
    pub id: u32,
    /// What we may send.
    pub send: SendWindow,
    /// What the peer may send.
    pub receive: ReceiveWindow,
    /// Bytes handed out and not consumed yet.
    pub held: u32,
    /// Bytes of the peer's body still to come, or [`UNKNOWN`].
    pub expect: u64,
    /// How far our message has come.
    pub ours: Phase,
    /// How far the peer's has.
    pub theirs: Phase,
    /// What a response would answer.
    pub answering: Answering,
    /// Informational responses so far.
    pub informational: u8,
    /// Its place among those that have something to send.
    pub urgency: Urgency,
    /// It stands in a line of [`super::ready`].
    pub queued: bool,
    /// There is more to send than the windows allowed.
    pub wants: bool,
    /// Neighbours in that line, or the next free slot.
    pub next: u32,
    /// See `next`.
    pub previous: u32,
}

impl Stream {
    pub(super) const fn new(id: u32, send: u32, receive: u32) -> Self {
        Self {
            id,
            send: SendWindow::new(send),
            receive: ReceiveWindow::new(receive),
            held: 0,
            expect: UNKNOWN,
            ours: Phase::Head,
            theirs: Phase::Head,
            answering: Answering { head: false, upgrade: false },
            informational: 0,
            urgency: Urgency::UNSAID,
            queued: false,
            wants: false,
            next: NONE,
            previous: NONE,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ours == Phase::Ended && self.theirs == Phase::Ended
    }
}
