//! Error codes of RST_STREAM and GOAWAY. RFC 9113 §7.

/// An error code as it stands in a frame. Others than the registered ones may come and mean nothing special (§7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u32);

impl Code {
    /// Nothing is wrong: a graceful end, or the rest of a request is not needed.
    pub const NO_ERROR: Self = Self(0x0);
    /// A breach of the protocol without a better code.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// A fault of our own.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// More bytes than the window allows, or a window of more than 2^31-1.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// SETTINGS were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    /// A frame for a stream whose sender had ended it.
    pub const STREAM_CLOSED: Self = Self(0x5);
    /// A frame of a length that its type does not have.
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    /// Not processed at all: it is safe to send it again (§8.7).
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// No longer needed.
    pub const CANCEL: Self = Self(0x8);
    /// Field compression can no longer be kept in step.
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    /// The tunnel of a CONNECT broke.
    pub const CONNECT_ERROR: Self = Self(0xa);
    /// The peer costs more than it brings.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// The transport is not safe enough.
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    /// This must be asked by HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);
}
