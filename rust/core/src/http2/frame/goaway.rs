//! GOAWAY: no further streams, and which ones were looked at. RFC 9113 §6.8.

use super::{Header, Kind, header, on_connection, u31};
use crate::http2::cause::{Cause, Fault};
use crate::http2::code::Code;

/// A GOAWAY frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// Streams above it were not processed and may be tried elsewhere.
    pub last: u32,
    /// Why.
    pub code: Code,
    /// For people; not to be trusted.
    pub debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    /// Bytes of the payload without debug data.
    pub const LEN: usize = 8;

    /// Reads the payload, or as much of it as is wanted: the debug data may be cut.
    ///
    /// # Errors
    /// On another stream than 0; shorter than eight bytes.
    pub fn parse(head: &Header, payload: &'a [u8]) -> Result<Self, Fault> {
        on_connection(head)?;
        let Some(([s3, s2, s1, s0, c3, c2, c1, c0], debug)) = payload.split_first_chunk() else {
            return Err(Fault::Connection(Cause::FrameSize));
        };
        Ok(Self {
            last: u31([*s3, *s2, *s1, *s0]),
            code: Code(u32::from_be_bytes([*c3, *c2, *c1, *c0])),
            debug,
        })
    }

    /// Appends a GOAWAY frame. Debug data may be of [`super::LARGEST_LENGTH`] less eight bytes; the rest is left out.
    pub fn write(&self, out: &mut Vec<u8>) {
        let debug = self.debug.get(..super::LARGEST_LENGTH - Self::LEN).unwrap_or(self.debug);
        header(Self::LEN + debug.len(), Kind::GoAway, 0, 0, out);
        out.extend_from_slice(&self.last.to_be_bytes());
        out.extend_from_slice(&self.code.0.to_be_bytes());
        out.extend_from_slice(debug);
    }
}
