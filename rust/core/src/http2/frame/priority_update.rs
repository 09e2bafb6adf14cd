//! PRIORITY_UPDATE: another priority for a response. RFC 9218 §7.1.

use super::{Header, Kind, header, on_connection, u31};
use crate::http2::cause::{Cause, Fault};

/// A PRIORITY_UPDATE frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorityUpdate<'a> {
    /// The stream whose response it is about.
    pub prioritized: u32,
    /// As in the Priority field: a structured field.
    pub value: &'a [u8],
}

impl<'a> PriorityUpdate<'a> {
    /// Bytes of the payload before the value.
    pub const LEN: usize = 4;

    /// Reads the payload.
    ///
    /// # Errors
    /// On another stream than 0; shorter than four bytes; about stream 0.
    pub fn parse(head: &Header, payload: &'a [u8]) -> Result<Self, Fault> {
        on_connection(head)?;
        let Some((stream, value)) = payload.split_first_chunk() else {
            return Err(Fault::Connection(Cause::FrameSize));
        };
        match u31(*stream) {
            0 => Err(Fault::Connection(Cause::StreamMissing)),
            prioritized => Ok(Self { prioritized, value }),
        }
    }

    /// Appends a PRIORITY_UPDATE frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        header(Self::LEN + self.value.len(), Kind::PriorityUpdate, 0, 0, out);
        out.extend_from_slice(&self.prioritized.to_be_bytes());
        out.extend_from_slice(self.value);
    }
}
