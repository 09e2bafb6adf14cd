//! CONTINUATION: a further part of a field block. RFC 9113 §6.10.

use super::{END_HEADERS, Header, Kind, header, on_stream};
use crate::http2::cause::Fault;

/// A CONTINUATION frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuation<'a> {
    /// The next part of the block.
    pub fragment: &'a [u8],
    /// The block is whole now.
    pub end_headers: bool,
}

impl<'a> Continuation<'a> {
    /// Reads the payload.
    ///
    /// # Errors
    /// On stream 0.
    pub fn parse(head: &Header, payload: &'a [u8]) -> Result<Self, Fault> {
        on_stream(head)?;
        Ok(Self { fragment: payload, end_headers: head.has(END_HEADERS) })
    }
}

/// Appends a CONTINUATION frame.
pub fn write(fragment: &[u8], end_headers: bool, stream: u32, out: &mut Vec<u8>) {
    let flags = if end_headers { END_HEADERS } else { 0 };
    header(fragment.len(), Kind::Continuation, flags, stream, out);
    out.extend_from_slice(fragment);
}
