//! What a peer may cost on one HTTP/2 connection: every bound with its unit, its reason and who else chose so.
//!
//! Theory: a frame that brings no progress costs a token; progress (a stream that ended as it should, data that moved)
//! and time give tokens back, up to the burst. So an honest peer never runs out, however long it lives, and a flood ends
//! within its burst, however fast it comes.

use super::cause::Cause;

/// CONTINUATION frames of one field block. CERT VU#421644. nghttp2 allows 8; a block of [`BLOCK_BYTES`] in frames of the
/// least size needs 4.
pub const CONTINUATIONS: u8 = 8;

/// Bytes of a compressed field block, all its frames together: as many as a head may have uncompressed.
pub const BLOCK_BYTES: usize = crate::limits::HEAD_BYTES as usize;

/// Entries of one SETTINGS frame. RFC 9113 defines six; nghttp2 takes 32.
pub const SETTINGS_ENTRIES: usize = 32;

/// Informational responses before the final one. Go's client allows 5, curl none in particular; 103 comes in batches.
pub const INFORMATIONAL: u8 = 32;

/// Bytes of a Priority value that are worth reading; `u=7, i` is what anybody sends. RFC 9218 §4.
pub const PRIORITY_BYTES: usize = 64;

/// Bytes of answers that the peer provoked (PING ACK, RST_STREAM) and that could not be sent yet. CVE-2019-9517. Envoy
/// and Go hold 1000 and 10 000 frames.
pub const UNREAD_ANSWER_BYTES: u32 = 16 * 1024;

/// Streams that we keep open at once towards an upstream, whatever it allows: nobody's number but our own sizes our
/// tables. nghttp2 and hyper use 100 until told otherwise; many servers offer 250.
pub const OWN_STREAMS: u32 = 256;

/// Streams that we have reset and whose late frames are still told from violations: as many as can be open, twice.
pub const REMEMBERED_RESETS: usize = 256;

/// Bytes of one DATA frame that we send, if the peer takes as many: large enough that nine bytes more do not count, small
/// enough that another stream need not wait. Everybody's default.
pub const DATA_BYTES: usize = 16 * 1024;

/// What a peer can run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Budget {
    /// RST_STREAM from a client. Rapid reset, CVE-2023-44487.
    Resets,
    /// RST_STREAM that we had to send. Made-you-reset, CVE-2025-8671.
    Provoked,
    /// PING and its ACK. CVE-2019-9512.
    Pings,
    /// SETTINGS, their ACK and GOAWAY, which Python is told of. CVE-2019-9515.
    Upward,
    /// DATA, HEADERS and CONTINUATION without content. CVE-2019-9518, CVE-2019-9516.
    Empty,
    /// WINDOW_UPDATE. CVE-2019-9511.
    Windows,
    /// PRIORITY and PRIORITY_UPDATE. CVE-2019-9513.
    Priorities,
    /// Frames of unknown type. RFC 9113 §5.5, §10.5.
    Unknown,
    /// Frames for streams that are no more. RFC 9113 §5.1.
    Closed,
    /// Entries evicted from the compression table. RFC 9113 §10.5.1.
    Churn,
}

/// How a budget is filled. In tokens.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// What there is at most, and at the beginning.
    pub burst: u16,
    /// What a second gives back.
    pub per_second: u16,
    /// What a stream gives back that ends as it should.
    pub per_stream: u16,
    /// What it is called when nothing is left.
    pub cause: Cause,
}

/// Number of budgets.
pub const BUDGETS: usize = 10;

const fn allow(burst: u16, per_second: u16, per_stream: u16, cause: Cause) -> Allowance {
    Allowance { burst, per_second, per_stream, cause }
}

/// The allowance of each [`Budget`], in its order.
pub const ALLOWANCES: [Allowance; BUDGETS] = [
    // A browser cancels what a page still loads, about a hundred at most. nghttp2: 1000 and 33/s; h2 (Rust): 20 at a time.
    allow(200, 33, 1, Cause::ResetFlood),
    // An honest peer provokes none. h2 (Rust): 1024 for ever; HAProxy's glitches: off.
    allow(100, 8, 1, Cause::ProvokedFlood),
    // gRPC measures bandwidth with one PING per few DATA frames; DATA gives back as well. Envoy: 1000 answers unsent.
    allow(200, 16, 2, Cause::PingFlood),
    // Once at the beginning and rarely later. Each wakes Python, so it is the tightest.
    allow(20, 1, 0, Cause::SettingsFlood),
    // Some peers end a body with an empty frame, which is none of these. Envoy: 1 in a row.
    allow(100, 10, 1, Cause::EmptyFlood),
    // One or two per DATA frame, which gives back four. Envoy: 5 + 2 × (streams + 10 × DATA frames).
    allow(1000, 100, 4, Cause::WindowFlood),
    // Firefox sent six at once and one per stream, browsers move streams about. Envoy: 100 per stream.
    allow(500, 20, 4, Cause::PriorityFlood),
    // Those who grease send one now and then.
    allow(100, 10, 1, Cause::UnknownFlood),
    // What was in flight when a stream was reset: a window of small frames, at worst.
    allow(2000, 200, 4, Cause::ClosedFlood),
    // A request that repeats nothing evicts about ten entries; three bytes are enough to evict one.
    allow(8000, 2000, 64, Cause::CompressionFlood),
];

/// Tokens of [`Budget::Windows`] that a DATA frame of ours gives back.
pub const WINDOWS_PER_DATA: u16 = 4;

/// Tokens of [`Budget::Pings`] that a DATA frame gives back, in either direction.
pub const PINGS_PER_DATA: u16 = 1;
