//! What request and response heads have in common: their limits, their fields, and how far reading one has come.
//!
//! Theory: a head is read left to right and refused at the first byte that makes it wrong. So for every prefix of a
//! message the answer is `Partial` or the one that the whole message gets: how the network cuts it decides nothing.

use super::Span;
pub use super::cause::{Cause, Refusal};
pub use super::known::Known;

/// What a head may cost. Exceeding one is refused with the status named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole head, empty lines before it and the empty line after it included: 431.
    pub header_bytes: u32,
    /// Number of fields: 431.
    pub headers: u16,
    /// Bytes of the request target: 414.
    pub target_bytes: u32,
    /// Bytes of one field name: 431.
    pub name_bytes: u16,
    /// Empty lines passed over before a request line: 400.
    pub empty_lines: u8,
}

impl Default for Limits {
    fn default() -> Self {
        use crate::limits::{EMPTY_LINES, FIELD_NAME_BYTES, HEAD_BYTES, HEAD_FIELDS, TARGET_BYTES};
        Self {
            header_bytes: HEAD_BYTES,
            headers: HEAD_FIELDS,
            target_bytes: TARGET_BYTES,
            name_bytes: FIELD_NAME_BYTES,
            empty_lines: EMPTY_LINES,
        }
    }
}

/// One field line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name, a token, as it was written.
    pub name: Span,
    /// The value without whitespace at either end. HTAB, SP, VCHAR and obs-text only.
    pub value: Span,
    /// The whole line, CRLF included.
    pub line: Span,
    /// Which of the names with a meaning.
    pub known: Known,
    /// The line is exactly `name: value` CRLF, so copying it is the same as writing it anew.
    pub plain: bool,
    /// Meant for the next hop only, by itself or because Connection names it (RFC 9110 §7.6.1): never forwarded.
    pub hop: bool,
    /// Came over HTTP/2 with the wish never to enter a compression table; whoever encodes it again carries the wish on
    /// (RFC 7541 §6.2.3).
    pub never_indexed: bool,
}

/// How far a head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of it is there; `head_len` says where it ends.
    Complete,
    /// Keep the bytes and parse again with more.
    Partial,
}

/// Where the body after a head ends. RFC 9112 §6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk and its trailers.
    Chunked,
    /// When the peer closes (responses only).
    UntilClose,
}

impl Framing {
    /// Whether a message with this framing has a body.
    #[must_use]
    pub const fn has_body(self) -> bool {
        !matches!(self, Self::None | Self::Length(0))
    }

    /// The length, if one is announced.
    #[must_use]
    pub const fn length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            _ => None,
        }
    }
}

/// Says when a head that came in pieces is worth parsing again, so that dripped bytes are each looked at once and not
/// once per drip.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scan {
    seen: u32,
}

impl Scan {
    /// For a new head.
    #[must_use]
    pub const fn new() -> Self {
        Self { seen: 0 }
    }

    /// Whether the bytes that came since the last call end a head, or are more than a head may have. `buf` holds the
    /// head from its first byte. LF alone counts as a line end here, so that such heads are refused at once.
    #[must_use]
    pub fn complete(&mut self, buf: &[u8], limits: &Limits) -> bool {
        let from = (self.seen as usize).saturating_sub(2);
        self.seen = u32::try_from(buf.len()).unwrap_or(u32::MAX);
        let fresh = buf.get(from..).unwrap_or(&[]);
        self.seen > limits.header_bytes || ends(fresh)
    }
}

fn ends(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| {
        let after = bytes.get(at + 1..).unwrap_or(&[]);
        after.starts_with(b"\n") || after.starts_with(b"\r\n")
    })
}

/// Why reading stopped before the end of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes ran out.
    Partial,
    /// A fault.
    Refuse(Cause),
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Self {
        Self::Refuse(cause)
    }
}

/// The first `header_bytes` of `buf`: nothing after them is looked at, so that a fault beyond the limit cannot be
/// reported instead of the limit.
pub(super) fn window<'a>(buf: &'a [u8], limits: &Limits) -> &'a [u8] {
    buf.get(..limits.header_bytes as usize).unwrap_or(buf)
}

/// Turns the end of reading within the window into an answer about the whole.
pub(super) fn conclude(read: Result<(), Stop>, len: usize, limits: &Limits) -> Result<Progress, Cause> {
    match read {
        Ok(()) => Ok(Progress::Complete),
        Err(Stop::Partial) if len > limits.header_bytes as usize => Err(Cause::HeadTooLarge),
        Err(Stop::Partial) => Ok(Progress::Partial),
        Err(Stop::Refuse(cause)) => Err(cause),
    }
}

/// The byte at `at`, or `Partial`.
#[inline(always)]
pub(super) fn byte(buf: &[u8], at: usize) -> Result<u8, Stop> {
    buf.get(at).copied().ok_or(Stop::Partial)
}

/// Expects CRLF at `at`, where a line's content stopped; `otherwise` is the fault if neither CR nor LF is there.
/// Returns the index after it.
#[inline(always)]
pub(super) fn line_end(buf: &[u8], at: usize, otherwise: Cause) -> Result<usize, Stop> {
    match buf.get(at..).unwrap_or(&[]) {
        [b'\r', b'\n', ..] => Ok(at + 2),
        [] | [b'\r'] => Err(Stop::Partial),
        [b'\r', ..] => Err(Cause::BareCr.into()),
        [b'\n', ..] => Err(Cause::BareLf.into()),
        _ => Err(otherwise.into()),
    }
}

/// A span of indexes that lie within the window, hence within `u32`.
#[inline(always)]
pub(crate) const fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}
