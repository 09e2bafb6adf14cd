//! SETTINGS: what the sender is able and willing to take. RFC 9113 §6.5, RFC 8441 §3, RFC 9218 §2.1.
//!
//! Rules: entries are applied in the order in which they stand (§6.5.3); unknown ones are passed over; every value is
//! checked here, for the ranges do not depend on the connection.

use super::{ACK, Header, Kind, header, on_connection};
use crate::http2::cause::{Cause, Fault};

/// The largest flow-control window, bytes. §6.9.1.
pub const LARGEST_WINDOW: u32 = (1 << 31) - 1;

/// The frame size that everybody must take, bytes. §4.2.
pub const LEAST_FRAME: u32 = 1 << 14;

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// 0x1: the decoder's table, bytes.
    TableSize(u32),
    /// 0x2.
    EnablePush(bool),
    /// 0x3.
    MaxConcurrentStreams(u32),
    /// 0x4: bytes, at most [`LARGEST_WINDOW`].
    InitialWindow(u32),
    /// 0x5: bytes, [`LEAST_FRAME`] to 2^24-1.
    MaxFrameSize(u32),
    /// 0x6: bytes as RFC 9113 §6.5.2 counts them.
    MaxHeaderList(u32),
    /// 0x8, RFC 8441.
    EnableConnect(bool),
    /// 0x9, RFC 9218.
    NoTree(bool),
}

impl Setting {
    /// Bytes of one entry.
    pub const LEN: usize = 6;

    /// `None` for an unknown one.
    fn of(id: u16, value: u32) -> Result<Option<Self>, Fault> {
        Ok(Some(match id {
            0x1 => Self::TableSize(value),
            0x2 => Self::EnablePush(flag(value)?),
            0x3 => Self::MaxConcurrentStreams(value),
            0x4 if value > LARGEST_WINDOW => return Err(Fault::Connection(Cause::SettingWindow)),
            0x4 => Self::InitialWindow(value),
            0x5 if (LEAST_FRAME..1 << 24).contains(&value) => Self::MaxFrameSize(value),
            0x5 => return Err(Fault::Connection(Cause::SettingValue)),
            0x6 => Self::MaxHeaderList(value),
            0x8 => Self::EnableConnect(flag(value)?),
            0x9 => Self::NoTree(flag(value)?),
            _ => return Ok(None),
        }))
    }

    const fn raw(self) -> (u16, u32) {
        match self {
            Self::TableSize(value) => (0x1, value),
            Self::EnablePush(on) => (0x2, on as u32),
            Self::MaxConcurrentStreams(value) => (0x3, value),
            Self::InitialWindow(value) => (0x4, value),
            Self::MaxFrameSize(value) => (0x5, value),
            Self::MaxHeaderList(value) => (0x6, value),
            Self::EnableConnect(on) => (0x8, on as u32),
            Self::NoTree(on) => (0x9, on as u32),
        }
    }
}

const fn flag(value: u32) -> Result<bool, Fault> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Fault::Connection(Cause::SettingValue)),
    }
}

/// Checks the frame as such; its entries are read by [`entries`].
///
/// # Errors
/// On another stream than 0; an acknowledgement that is not empty; not a whole number of entries.
pub const fn check(head: &Header) -> Result<(), Fault> {
    let length = head.length as usize;
    let wrong = if head.has(ACK) { length != 0 } else { !length.is_multiple_of(Setting::LEN) };
    if wrong { Err(Fault::Connection(Cause::FrameSize)) } else { on_connection(head) }
}

/// The entries of a payload in their order, without the unknown ones; each may be out of its range.
pub fn entries(payload: &[u8]) -> impl Iterator<Item = Result<Setting, Fault>> {
    let (chunks, _) = payload.as_chunks::<{ Setting::LEN }>();
    chunks.iter().filter_map(|[i1, i0, v3, v2, v1, v0]| {
        let id = u16::from_be_bytes([*i1, *i0]);
        Setting::of(id, u32::from_be_bytes([*v3, *v2, *v1, *v0])).transpose()
    })
}

/// Appends a SETTINGS frame.
pub fn write(settings: &[Setting], out: &mut Vec<u8>) {
    header(settings.len() * Setting::LEN, Kind::Settings, 0, 0, out);
    for setting in settings {
        let (id, value) = setting.raw();
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends an acknowledgement.
pub fn write_ack(out: &mut Vec<u8>) {
    header(0, Kind::Settings, ACK, 0, out);
}
