//! DATA: a piece of a body. RFC 9113 §6.1.
//!
//! Theory: of all frames only DATA may be long and come in many pieces, so it is never collected: [`Start`] says from its
//! header (and the padding's length, if there is one) what the payload will be, and the pieces are handed on as they
//! come. The whole frame counts against the windows, padding included (§6.9.1).

use super::{END_STREAM, Header, Kind, PADDED, header, on_stream};
use crate::http2::cause::{Cause, Fault};

/// What a DATA frame announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Bytes of the body.
    pub data: u32,
    /// Bytes of padding after them.
    pub padding: u32,
    /// The body ends with this frame.
    pub end: bool,
}

impl Start {
    /// Reads what the header says, and for a padded frame the first byte of the payload; `None` asks for that byte.
    ///
    /// # Errors
    /// On stream 0, without room for the length of the padding, or with more padding than payload.
    #[inline]
    pub fn parse(head: &Header, first: Option<u8>) -> Result<Option<Self>, Fault> {
        on_stream(head)?;
        let end = head.has(END_STREAM);
        if !head.has(PADDED) {
            return Ok(Some(Self { data: head.length, padding: 0, end }));
        }
        let Some(room) = head.length.checked_sub(1) else { return Err(Fault::Connection(Cause::FrameSize)) };
        let Some(first) = first else { return Ok(None) };
        let padding = u32::from(first);
        let data = room.checked_sub(padding).ok_or(Fault::Connection(Cause::Padding))?;
        Ok(Some(Self { data, padding, end }))
    }
}

/// Appends the header of a DATA frame of `length` bytes, without padding.
#[inline]
pub fn write_header(length: usize, end: bool, stream: u32, out: &mut Vec<u8>) {
    header(length, Kind::Data, if end { END_STREAM } else { 0 }, stream, out);
}
