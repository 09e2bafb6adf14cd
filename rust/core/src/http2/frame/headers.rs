//! HEADERS: a field block, or its first part. RFC 9113 §6.2.

use super::priority::Priority;
use super::{END_HEADERS, END_STREAM, Header, Kind, PRIORITY, header, on_stream, unpadded};
use crate::http2::cause::{Cause, Fault};

/// A HEADERS frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The field block, or as much of it as fitted.
    pub fragment: &'a [u8],
    /// Nothing follows on this stream but CONTINUATION.
    pub end_stream: bool,
    /// The block is whole.
    pub end_headers: bool,
    /// A place in the given-up tree, or why it is none: a fault of the stream, after the block has been decoded.
    pub priority: Option<Result<Priority, Cause>>,
}

impl<'a> Headers<'a> {
    /// Reads the payload.
    ///
    /// # Errors
    /// On stream 0; too short for what its flags announce; more padding than payload.
    pub fn parse(head: &Header, payload: &'a [u8]) -> Result<Self, Fault> {
        on_stream(head)?;
        let mut fragment = unpadded(head, payload)?;
        let mut priority = None;
        if head.has(PRIORITY) {
            let Some((bytes, rest)) = fragment.split_first_chunk() else {
                return Err(Fault::Connection(Cause::FrameSize));
            };
            priority = Some(Priority::of(head.stream, bytes).map_err(Fault::cause));
            fragment = rest;
        }
        let (end_stream, end_headers) = (head.has(END_STREAM), head.has(END_HEADERS));
        Ok(Self { fragment, end_stream, end_headers, priority })
    }
}

/// The header of a HEADERS frame of `length` bytes, without padding and priority.
#[inline]
#[must_use]
pub fn head_of(length: usize, end_stream: bool, end_headers: bool, stream: u32) -> Header {
    let end_stream = if end_stream { END_STREAM } else { 0 };
    let end_headers = if end_headers { END_HEADERS } else { 0 };
    Header { length: length as u32, kind: Kind::Headers, flags: end_stream | end_headers, stream }
}

/// Appends a HEADERS frame.
pub fn write(fragment: &[u8], end_stream: bool, end_headers: bool, stream: u32, out: &mut Vec<u8>) {
    let head = head_of(fragment.len(), end_stream, end_headers, stream);
    header(fragment.len(), head.kind, head.flags, stream, out);
    out.extend_from_slice(fragment);
}
