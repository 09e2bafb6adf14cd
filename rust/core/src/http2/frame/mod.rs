//! Frames: nine bytes of header, then a payload whose meaning depends on the type. RFC 9113 §4, §6.
//!
//! Theory: one file per type. A file has the payload as a struct that borrows from the bytes it was parsed from, `parse`
//! with every check that needs no more than the frame itself, and `write`. What needs the stream or the connection is
//! checked where those are known.
//!
//! Rules: a length is checked before anything is read; reserved bits and undefined flags are ignored when read and never
//! set when written (§4.1).

pub mod continuation;
pub mod data;
pub mod goaway;
pub mod headers;
pub mod ping;
pub mod priority;
pub mod priority_update;
pub mod push_promise;
pub mod reset;
pub mod settings;
pub mod window_update;

use super::cause::{Cause, Fault};

/// The type of a frame. RFC 9113 §6, RFC 9218 §7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// §6.1.
    Data = 0x0,
    /// §6.2.
    Headers = 0x1,
    /// §6.3.
    Priority = 0x2,
    /// §6.4.
    Reset = 0x3,
    /// §6.5.
    Settings = 0x4,
    /// §6.6.
    PushPromise = 0x5,
    /// §6.7.
    Ping = 0x6,
    /// §6.8.
    GoAway = 0x7,
    /// §6.9.
    WindowUpdate = 0x8,
    /// §6.10.
    Continuation = 0x9,
    /// RFC 9218 §7.1.
    PriorityUpdate = 0x10,
    /// Anything else: ignored (§5.5).
    Unknown = 0xff,
}

impl Kind {
    #[inline(always)]
    const fn of(byte: u8) -> Self {
        match byte {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x2 => Self::Priority,
            0x3 => Self::Reset,
            0x4 => Self::Settings,
            0x5 => Self::PushPromise,
            0x6 => Self::Ping,
            0x7 => Self::GoAway,
            0x8 => Self::WindowUpdate,
            0x9 => Self::Continuation,
            0x10 => Self::PriorityUpdate,
            _ => Self::Unknown,
        }
    }
}

/// DATA and HEADERS: the sender's last frame on this stream, but for CONTINUATION.
pub const END_STREAM: u8 = 0x1;
/// SETTINGS and PING: an acknowledgement.
pub const ACK: u8 = 0x1;
/// HEADERS, PUSH_PROMISE and CONTINUATION: the field block ends here.
pub const END_HEADERS: u8 = 0x4;
/// DATA, HEADERS and PUSH_PROMISE: padded.
pub const PADDED: u8 = 0x8;
/// HEADERS: five bytes of priority come first.
pub const PRIORITY: u8 = 0x20;

/// The largest length that fits in a header, bytes. §4.1.
pub const LARGEST_LENGTH: usize = (1 << 24) - 1;

/// The nine bytes before every payload. §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload.
    pub length: u32,
    /// Type.
    pub kind: Kind,
    /// Flags, undefined ones included.
    pub flags: u8,
    /// Stream identifier, 31 bits; 0 is the connection.
    pub stream: u32,
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 9;

    /// Reads a header. There is no invalid one.
    #[inline(always)]
    #[must_use]
    pub const fn parse(bytes: &[u8; Self::LEN]) -> Self {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = *bytes;
        Self {
            length: u32::from_be_bytes([0, l2, l1, l0]),
            kind: Kind::of(kind),
            flags,
            stream: u31([s3, s2, s1, s0]),
        }
    }

    /// Whether a flag is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The nine bytes.
    #[inline(always)]
    #[must_use]
    pub const fn bytes(&self) -> [u8; Self::LEN] {
        let [_, l2, l1, l0] = self.length.to_be_bytes();
        let [s3, s2, s1, s0] = self.stream.to_be_bytes();
        [l2, l1, l0, self.kind as u8, self.flags, s3, s2, s1, s0]
    }
}

/// Appends a header. `length` must be at most [`LARGEST_LENGTH`].
#[inline(always)]
pub(super) fn header(length: usize, kind: Kind, flags: u8, stream: u32, out: &mut Vec<u8>) {
    let header = Header { length: length as u32, kind, flags, stream };
    out.extend_from_slice(&header.bytes());
}

/// Thirty-one bits; the reserved one is ignored. §4.1.
#[inline(always)]
const fn u31(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes) & 0x7fff_ffff
}

/// The payload as exactly `N` bytes.
#[inline(always)]
fn exactly<const N: usize>(payload: &[u8]) -> Result<&[u8; N], Fault> {
    payload.try_into().map_err(|_| Fault::Connection(Cause::FrameSize))
}

/// The frame must name a stream.
#[inline(always)]
const fn on_stream(header: &Header) -> Result<(), Fault> {
    if header.stream == 0 { Err(Fault::Connection(Cause::StreamMissing)) } else { Ok(()) }
}

/// The frame must name stream 0.
#[inline(always)]
const fn on_connection(header: &Header) -> Result<(), Fault> {
    if header.stream != 0 { Err(Fault::Connection(Cause::StreamNamed)) } else { Ok(()) }
}

/// The payload without its padding. §6.1, §6.2: padding of the payload's length or more is a connection error.
fn unpadded<'a>(header: &Header, payload: &'a [u8]) -> Result<&'a [u8], Fault> {
    if !header.has(PADDED) {
        return Ok(payload);
    }
    let (padding, rest) = payload.split_first().ok_or(Fault::Connection(Cause::FrameSize))?;
    let kept = rest.len().checked_sub(usize::from(*padding)).ok_or(Fault::Connection(Cause::Padding))?;
    Ok(rest.get(..kept).unwrap_or(&[]))
}
