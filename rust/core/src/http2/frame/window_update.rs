//! WINDOW_UPDATE: leave to send so many bytes more. RFC 9113 §6.9.

use super::{Header, Kind, exactly, header, u31};
use crate::http2::cause::{Cause, Fault};

/// Bytes of the payload.
pub const LEN: usize = 4;

/// Reads the payload: the increment, 1 to 2^31-1.
///
/// # Errors
/// Of another length than four; an increment of zero, which is a fault of the stream if it names one.
#[inline]
pub fn parse(head: &Header, payload: &[u8]) -> Result<u32, Fault> {
    match u31(*exactly(payload)?) {
        0 if head.stream == 0 => Err(Fault::Connection(Cause::IncrementZero)),
        0 => Err(Fault::Stream(Cause::IncrementZero)),
        increment => Ok(increment),
    }
}

/// Appends a WINDOW_UPDATE frame; `increment` must be 1 to 2^31-1.
pub fn write(stream: u32, increment: u32, out: &mut Vec<u8>) {
    header(LEN, Kind::WindowUpdate, 0, stream, out);
    out.extend_from_slice(&increment.to_be_bytes());
}
