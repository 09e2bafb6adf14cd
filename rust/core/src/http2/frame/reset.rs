//! RST_STREAM: the end of one stream, at once and in both directions. RFC 9113 §6.4.

use super::{Header, Kind, exactly, header, on_stream};
use crate::http2::cause::Fault;
use crate::http2::code::Code;

/// Bytes of the payload.
pub const LEN: usize = 4;

/// Reads the payload: why the stream ended.
///
/// # Errors
/// On stream 0; of another length than four.
pub fn parse(head: &Header, payload: &[u8]) -> Result<Code, Fault> {
    let bytes = *exactly(payload)?;
    on_stream(head)?;
    Ok(Code(u32::from_be_bytes(bytes)))
}

/// Appends an RST_STREAM frame.
pub fn write(stream: u32, code: Code, out: &mut Vec<u8>) {
    header(LEN, Kind::Reset, 0, stream, out);
    out.extend_from_slice(&code.0.to_be_bytes());
}
