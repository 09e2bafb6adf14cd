//! HTTP/1.1 (RFC 9112) as sans-I/O state machines: bytes in, meaning out. No socket, no clock, no global.
//!
//! Theory: a head is parsed in one pass into spans over the caller's buffer ([`request::Request`],
//! [`response::Response`]); nothing is copied, and nothing is allocated once they are warm. What is forwarded is
//! re-serialised from those spans, never passed through. A body is a [`body::Decoder`]: it says which part of the input
//! is data, and when the message ends.
//!
//! Rules: refuse what RFC 9112 calls invalid; a refusal names its cause; how the network cuts a message decides
//! nothing. Limits of heads are the caller's, those of chunks and trailers are in [`crate::limits`].

pub mod authority;
pub mod body;
pub(crate) mod bytes;
mod cause;
pub(crate) mod fields;
pub mod head;
mod known;
pub mod request;
pub mod response;
pub(crate) mod trailers;
mod version;

/// A run of bytes in the buffer a head was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Whether there is nothing in it.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The bytes of this span in the buffer that it came from.
    #[inline]
    #[must_use]
    pub fn of<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        buf.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}
