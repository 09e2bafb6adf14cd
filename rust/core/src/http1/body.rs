//! Bodies: which bytes of the input are data, and when the message ends. RFC 9112 §6, §7.
//!
//! Theory: a decoder is fed what has arrived and answers with one run of data at most, consuming the framing on both
//! sides of it; the caller forwards that run from its own buffer and feeds the rest. Nothing is copied but trailers.
//! Data that precedes a fault is handed out before the fault is: how the network cuts a body decides nothing.
//!
//! Rules: chunk extensions are checked and dropped; no number from the peer is ever an amount of memory; framing may
//! not cost more than it carries.

use std::ops::Range;

use super::bytes::is_value;
use super::head::{Cause, Framing, Refusal};
use super::trailers::Trailers;
use crate::limits::{CHUNK_ALLOWANCE, CHUNK_EXTENSION_BYTES, CHUNK_OVERHEAD_BYTES};

/// What follows the data of a chunk, and the trailers of the last one.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The last chunk; trailer lines, if any, and [`CHUNK_END`] follow.
pub const LAST_CHUNK: &[u8] = b"0\r\n";

/// Digits of a chunk size: as many as 64 bits need, so that a size cannot overflow.
const SIZE_DIGITS: u8 = 16;

/// Appends what precedes the data of a chunk of `len` bytes, which must not be 0: that would end the body.
pub fn chunk_head(len: usize, out: &mut Vec<u8>) {
    debug_assert!(len > 0, "an empty chunk ends the body");
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = (len >> (place * 4)) as u8 & 0xf;
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
    out.extend_from_slice(b"\r\n");
}

/// What one call of [`Decoder::decode`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are done with, data included. If fewer than were given and not `done`, feed the rest.
    pub consumed: usize,
    /// Which of them are data; may be empty.
    pub data: Range<usize>,
    /// The message has ended; input after `consumed` belongs to the next one.
    pub done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length,
    UntilClose,
    /// In the digits of a chunk size.
    Size,
    /// In a chunk extension.
    Extension,
    /// After the CR of a size line.
    SizeLf,
    /// In the data of a chunk.
    Data,
    /// After the data of a chunk.
    DataCr,
    /// After the CR that follows the data.
    DataLf,
    /// In the trailer section.
    Trailers,
    /// After the CR of the last, empty line.
    EndLf,
    Done,
    Failed(Cause),
}

/// Decodes one body.
#[derive(Debug)]
pub struct Decoder {
    /// Bytes to come: of the body (`Length`), or of the chunk.
    remaining: u64,
    /// Allocated when the first trailer arrives.
    trailers: Option<Box<Trailers>>,
    /// By how much framing has exceeded what it may cost.
    excess: u32,
    /// Bytes of this chunk's extension.
    extension: u16,
    /// Digits of this chunk's size.
    digits: u8,
    state: State,
}

impl Decoder {
    /// For the body of a head with this framing.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        let (state, remaining) = match framing {
            Framing::None | Framing::Length(0) => (State::Done, 0),
            Framing::Length(length) => (State::Length, length),
            Framing::Chunked => (State::Size, 0),
            Framing::UntilClose => (State::UntilClose, 0),
        };
        Self { remaining, trailers: None, excess: 0, extension: 0, digits: 0, state }
    }

    /// Consumes framing and one run of data from the beginning of `input`.
    ///
    /// # Errors
    /// The first fault, once all data before it has been handed out; and then again at every call. The status is that
    /// of a request; a relay answers 502 for a response.
    #[inline]
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Refusal> {
        match self.state {
            State::Length => Ok(self.length(input)),
            State::UntilClose => Ok(Step { consumed: input.len(), data: 0..input.len(), done: false }),
            State::Done => Ok(Step { consumed: 0, data: 0..0, done: true }),
            State::Failed(cause) => Err(cause.into()),
            _ => self.chunked(input),
        }
    }

    /// The message has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes still to come of a body with a length; `None` for any other.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        (self.state == State::Length).then_some(self.remaining)
    }

    /// The peer has closed its side: ends a body that ends so.
    ///
    /// # Errors
    /// `Truncated` for any other body that has not ended: what was forwarded of it must not look complete.
    pub fn finish(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            State::Failed(cause) => Err(cause.into()),
            _ => Err(self.fail(Cause::Truncated)),
        }
    }

    /// The trailer fields that may be forwarded, each `name: value` CRLF; complete once the message has ended.
    #[must_use]
    pub fn trailers(&self) -> &[u8] {
        self.trailers.as_deref().map_or(&[], Trailers::lines)
    }

    #[inline]
    fn length(&mut self, input: &[u8]) -> Step {
        let taken = self.take(input.len());
        if self.remaining == 0 {
            self.state = State::Done;
        }
        Step { consumed: taken, data: 0..taken, done: self.remaining == 0 }
    }

    fn take(&mut self, available: usize) -> usize {
        let taken = usize::try_from(self.remaining).map_or(available, |remaining| remaining.min(available));
        self.remaining -= taken as u64;
        taken
    }

    fn chunked(&mut self, input: &[u8]) -> Result<Step, Refusal> {
        let mut at = 0;
        let mut data = 0..0;
        while let Some(rest @ [next, ..]) = input.get(at..) {
            let read = match self.state {
                State::Done => break,
                State::Data if !data.is_empty() => break,
                State::Data => {
                    let taken = self.take(rest.len());
                    data = at..at + taken;
                    if self.remaining == 0 {
                        self.state = State::DataCr;
                    }
                    Ok(taken)
                }
                State::Trailers => self.trailer(rest),
                _ => self.framing(*next).map(|()| 1),
            };
            match read {
                Ok(read) => at += read,
                Err(cause) => {
                    let refusal = self.fail(cause);
                    if data.is_empty() {
                        return Err(refusal);
                    }
                    break;
                }
            }
        }
        Ok(Step { consumed: at, data, done: self.is_done() })
    }

    #[cold]
    fn fail(&mut self, cause: Cause) -> Refusal {
        self.state = State::Failed(cause);
        cause.into()
    }

    /// One byte that is neither data nor trailer.
    #[inline]
    fn framing(&mut self, byte: u8) -> Result<(), Cause> {
        self.state = match (self.state, byte) {
            (State::Size, _) => self.size(byte)?,
            (State::Extension, _) => self.extension(byte)?,
            (State::SizeLf, b'\n') => self.begin()?,
            (State::SizeLf, _) => return Err(Cause::ChunkLineEnd),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => self.next(),
            (State::DataCr | State::DataLf, _) => return Err(Cause::ChunkDataEnd),
            (State::EndLf, b'\n') => State::Done,
            (State::EndLf, _) => return Err(Cause::BareCr),
            (other, _) => other,
        };
        Ok(())
    }

    /// Before the size of another chunk.
    fn next(&mut self) -> State {
        self.digits = 0;
        self.extension = 0;
        State::Size
    }

    fn size(&mut self, byte: u8) -> Result<State, Cause> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' | b';' | b'\n' if self.digits == 0 => return Err(Cause::ChunkSizeMissing),
            b'\r' => return Ok(State::SizeLf),
            b';' => return self.extension(byte),
            b'\n' => return Err(Cause::ChunkLineEnd),
            _ => return Err(Cause::ChunkSizeByte),
        };
        if self.digits == SIZE_DIGITS {
            return Err(Cause::ChunkSizeTooLarge);
        }
        self.digits += 1;
        self.remaining = self.remaining << 4 | u64::from(digit);
        Ok(State::Size)
    }

    fn extension(&mut self, byte: u8) -> Result<State, Cause> {
        match byte {
            b'\r' => return Ok(State::SizeLf),
            b'\n' => return Err(Cause::ChunkLineEnd),
            _ if !is_value(byte) => return Err(Cause::ChunkExtensionByte),
            _ => self.extension += 1,
        }
        if self.extension > CHUNK_EXTENSION_BYTES {
            return Err(Cause::ChunkExtensionTooLong);
        }
        Ok(State::Extension)
    }

    /// After a whole size line: accounts for what it cost.
    fn begin(&mut self) -> Result<State, Cause> {
        let line_ends = 4;
        let cost = u32::from(self.digits) + u32::from(self.extension) + line_ends;
        let carried = u32::try_from(self.remaining.saturating_mul(2)).unwrap_or(u32::MAX);
        self.excess = (self.excess + cost).saturating_sub(carried.saturating_add(CHUNK_ALLOWANCE));
        if self.excess > CHUNK_OVERHEAD_BYTES {
            return Err(Cause::ChunkOverhead);
        }
        Ok(if self.remaining == 0 { State::Trailers } else { State::Data })
    }

    /// Part of the trailer section: the rest of a line, or what there is of it. Returns how much was read.
    fn trailer(&mut self, rest: &[u8]) -> Result<usize, Cause> {
        let between_lines = self.trailers.as_ref().is_none_or(|trailers| trailers.between_lines());
        if between_lines && rest.first() == Some(&b'\r') {
            self.state = State::EndLf;
            return Ok(1);
        }
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let piece = rest.get(..end).unwrap_or(rest);
        self.trailers.get_or_insert_default().push(piece)?;
        Ok(end)
    }
}
