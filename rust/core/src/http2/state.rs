//! The states of a stream. RFC 9113 §5.1, §8.1.
//!
//! Theory: a stream is two messages, one each way, and each message is a head, perhaps after informational ones, a body,
//! and perhaps trailers. So each side of a stream is in one of three phases, and what the RFC calls the stream's state is
//! both phases together:
//!
//! | ours | theirs | RFC 9113 |
//! | --- | --- | --- |
//! | not ended | not ended | open |
//! | ended | not ended | half-closed (local) |
//! | not ended | ended | half-closed (remote) |
//! | ended | ended | closed |
//!
//! A stream that is closed is not kept; nor is one that is idle. What comes for those is judged by the second table.
//! There is no reserved stream, for nobody may push here.

use super::cause::{Cause, Fault};

/// How far one side of a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Its head is still to come.
    Head,
    /// Its head was final: data or trailers may follow.
    Body,
    /// END_STREAM.
    Ended,
}

/// What one side does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Act {
    /// An informational head. One that ends the stream is malformed.
    Informational,
    /// Another field block.
    Block,
    /// Another field block with END_STREAM.
    BlockEnd,
    /// DATA.
    Data,
    /// DATA with END_STREAM.
    DataEnd,
}

type Next = Result<Phase, Cause>;

/// What a side in this phase becomes by this act.
const NEXT: [[Next; 5]; 3] = {
    use Phase::{Body, Ended, Head};
    const NO_HEAD: Next = Err(Cause::DataBeforeHead);
    const OPEN: Next = Err(Cause::TrailersOpen);
    const CLOSED: Next = Err(Cause::StreamClosed);
    [
        // Informational, Block, BlockEnd, Data, DataEnd
        [Ok(Head), Ok(Body), Ok(Ended), NO_HEAD, NO_HEAD],
        [OPEN, OPEN, Ok(Ended), Ok(Body), Ok(Ended)],
        [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED],
    ]
};

impl Phase {
    /// The phase after `act`, or why it may not be.
    #[inline]
    pub(super) fn after(self, act: Act) -> Next {
        NEXT.get(self as usize)
            .and_then(|row| row.get(act as usize))
            .copied()
            .unwrap_or(Err(Cause::StreamClosed))
    }
}

/// What a stream is that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Absent {
    /// Never used so far.
    Idle,
    /// Never used, and below one that was, which closed it (§5.1.1).
    Skipped,
    /// We reset it a short while ago: what comes was in flight.
    Reset,
    /// Ended in both directions, or reset by the peer.
    Closed,
}

/// A frame for a stream that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Late {
    /// HEADERS; an idle stream that may be opened never gets here.
    Headers,
    /// DATA.
    Data,
    /// RST_STREAM.
    Reset,
    /// WINDOW_UPDATE.
    WindowUpdate,
}

/// `Ok` is ignored, within a budget; everything else ends the connection.
const LATE: [[Result<(), Cause>; 4]; 4] = {
    const ID: Result<(), Cause> = Err(Cause::StreamId);
    const IDLE: Result<(), Cause> = Err(Cause::StreamIdle);
    const CLOSED: Result<(), Cause> = Err(Cause::StreamClosed);
    [
        // Idle  Skipped  Reset  Closed
        [ID, ID, Ok(()), CLOSED],
        [IDLE, CLOSED, Ok(()), CLOSED],
        [IDLE, Ok(()), Ok(()), Ok(())],
        [IDLE, Ok(()), Ok(()), Ok(())],
    ]
};

impl Late {
    /// Whether the frame is ignored.
    pub(super) fn judge(self, absent: Absent) -> Result<(), Fault> {
        let row = LATE.get(self as usize);
        let verdict =
            row.and_then(|row| row.get(absent as usize)).copied().unwrap_or(Err(Cause::StreamClosed));
        verdict.map_err(Fault::Connection)
    }
}
