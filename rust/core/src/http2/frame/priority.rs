//! PRIORITY: a node in the dependency tree of RFC 7540 §5.3, which RFC 9113 §5.3.2 has given up.
//!
//! Rules: the frame is checked and passed over. Only the length and the dependency on itself are faults, and only of the
//! stream (RFC 9113 §6.3, RFC 7540 §5.3.1).

use super::{Header, Kind, header, on_stream, u31};
use crate::http2::cause::{Cause, Fault};

/// What was said about a stream's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priority {
    /// The stream that it depends on.
    pub depends_on: u32,
    /// As its only child.
    pub exclusive: bool,
    /// 0–255 for 1–256.
    pub weight: u8,
}

impl Priority {
    /// Bytes of it.
    pub const LEN: usize = 5;

    /// Reads the payload of a PRIORITY frame.
    ///
    /// # Errors
    /// On stream 0; of another length than five; dependent on itself.
    pub fn parse(head: &Header, payload: &[u8]) -> Result<Self, Fault> {
        on_stream(head)?;
        let bytes = payload.try_into().map_err(|_| Fault::Stream(Cause::FrameSize))?;
        Self::of(head.stream, bytes)
    }

    pub(super) fn of(stream: u32, bytes: &[u8; Self::LEN]) -> Result<Self, Fault> {
        let [s3, s2, s1, s0, weight] = *bytes;
        let depends_on = u31([s3, s2, s1, s0]);
        if depends_on == stream {
            return Err(Fault::Stream(Cause::DependsOnItself));
        }
        Ok(Self { depends_on, exclusive: s3 & 0x80 != 0, weight })
    }

    pub(super) fn bytes(&self) -> [u8; Self::LEN] {
        let high = u32::from(self.exclusive) << 31;
        let [s3, s2, s1, s0] = (self.depends_on | high).to_be_bytes();
        [s3, s2, s1, s0, self.weight]
    }

    /// Appends a PRIORITY frame.
    pub fn write(&self, stream: u32, out: &mut Vec<u8>) {
        header(Self::LEN, Kind::Priority, 0, stream, out);
        out.extend_from_slice(&self.bytes());
    }
}
