//! What the two sides have agreed upon.

use super::frame::settings::LEAST_FRAME;
use crate::http1::head::Limits;

/// Which side of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The peer asks: downstream.
    Server,
    /// We ask: upstream.
    Client,
}

/// What our first flight offers. It was written elsewhere; here is what it means for the connection.
#[derive(Debug, Clone, Copy)]
pub struct LocalSettings {
    /// SETTINGS_MAX_CONCURRENT_STREAMS: streams that the peer may have open. (Server.)
    pub max_streams: u32,
    /// SETTINGS_INITIAL_WINDOW_SIZE: bytes that the peer may send on a stream before they are consumed.
    pub stream_window: u32,
    /// The same for the whole connection; what exceeds 65 535 must have been offered by a WINDOW_UPDATE.
    pub connection_window: u32,
    /// SETTINGS_MAX_FRAME_SIZE, bytes, 16 384 to 2^24-1.
    pub max_frame: u32,
    /// SETTINGS_HEADER_TABLE_SIZE, bytes.
    pub table: u16,
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL: extended CONNECT may be asked for (RFC 8441). (Server.)
    pub connect: bool,
    /// What a head may cost.
    pub limits: Limits,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self {
            max_streams: 128,
            stream_window: DEFAULT_WINDOW,
            connection_window: DEFAULT_WINDOW,
            max_frame: LEAST_FRAME,
            table: crate::limits::HPACK_TABLE_BYTES,
            connect: false,
            limits: Limits::default(),
        }
    }
}

/// Every window before anybody says otherwise, bytes. RFC 9113 §6.5.2, §6.9.2.
pub const DEFAULT_WINDOW: u32 = 65_535;

/// What the peer has told us, or what is so until it does. RFC 9113 §6.5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerSettings {
    /// Streams that we may have open.
    pub max_streams: u32,
    /// Bytes that we may send on a new stream.
    pub stream_window: u32,
    /// Bytes of the largest frame it takes.
    pub max_frame: u32,
    /// Bytes of the largest head it takes, as RFC 9113 §6.5.2 counts them; advice.
    pub max_header_list: u32,
    /// It understands extended CONNECT (RFC 8441).
    pub connect: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            max_streams: u32::MAX,
            stream_window: DEFAULT_WINDOW,
            max_frame: LEAST_FRAME,
            max_header_list: u32::MAX,
            connect: false,
        }
    }
}
