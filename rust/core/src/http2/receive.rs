//! Reading: bytes in, one event after the other out.
//!
//! Theory: [`Connection::next`] takes frames from the input until something has happened that the caller must know, or
//! the input is used up. What a frame does is said in [`super::receive_data`], [`super::receive_head`] and
//! [`super::control`]. How the network cuts the bytes changes only into how many pieces data falls.
//!
//! Rules: a fault of the connection ends reading for good, and its GOAWAY is in `out`; a fault of a stream resets that
//! stream. Where the reader goes on is settled before a frame is looked at, so that a fault cannot lose its place.

use super::cause::{Cause, Fault};
use super::code::Code;
use super::connection::Connection;
use super::event::{Event, Scratch, Why};
use super::frame::{Header, Kind, push_promise};
use super::limits::Budget;
use super::reader::{Stage, wanted};
use super::state::Absent;
use super::stream::Key;
use crate::http1::head::Refusal;

/// What a piece of the input has brought.
pub(super) enum Came<'a> {
    /// Nothing that anybody must know.
    Nothing,
    /// The input is used up.
    Starved,
    Request(Key, bool),
    Refused(Key, bool, Refusal),
    Response(Key, bool),
    Informational(Key),
    Trailers(Key),
    Settings,
    /// Something that is not in the scratch.
    Plain(Event<'a>),
}

impl Connection {
    /// Reads on in `input`, which moves past what was read, until something happens. `None`: all of it was read. Answers
    /// that are the connection's own affair are appended to `out`.
    ///
    /// # Errors
    /// The peer broke the protocol or used up a budget. GOAWAY has been written: send it, and close. The streams that are
    /// open end with the connection.
    pub fn next<'a, 'i: 'a>(
        &mut self,
        input: &mut &'i [u8],
        scratch: &'a mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Cause> {
        if let Some(cause) = self.failed() {
            return Err(cause);
        }
        if let Some(event) = self.orphan(out) {
            return Ok(Some(event));
        }
        let came = loop {
            match self.step(input, scratch, out) {
                Ok(Came::Nothing) => {}
                Ok(came) => break came,
                Err(fault) => return Err(self.fail(fault.cause(), out)),
            }
        };
        Ok(Some(match came {
            Came::Nothing | Came::Starved => return Ok(None),
            Came::Request(key, end) => Event::Request { key, end, heads: scratch },
            Came::Refused(key, end, refusal) => Event::Refused { key, end, refusal, heads: scratch },
            Came::Response(key, end) => Event::Response { key, end, heads: scratch },
            Came::Informational(key) => Event::Informational { key, heads: scratch },
            Came::Trailers(key) => Event::Trailers { key, lines: &scratch.bytes },
            Came::Settings => Event::Settings(&scratch.bytes),
            Came::Plain(event) => event,
        }))
    }

    #[inline]
    fn step<'a>(
        &mut self,
        input: &mut &'a [u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'a>, Fault> {
        match self.reader.stage {
            Stage::Header => match self.reader.header(input) {
                Some(header) => {
                    self.begin(header)?;
                    Ok(Came::Nothing)
                }
                None => Ok(Came::Starved),
            },
            Stage::Payload(header) => self.payload(&header, input, scratch, out),
            Stage::Padding(header) => self.data_start(&header, input, out),
            Stage::Data(rest) => Ok(self.data_piece(rest, input)),
            Stage::Preface => Ok(if self.reader.preface(input)? { Came::Nothing } else { Came::Starved }),
            Stage::Skip(left) => {
                let count = (left as usize).min(input.len());
                *input = input.get(count..).unwrap_or(&[]);
                self.reader.skip(left - count as u32);
                Ok(if input.is_empty() { Came::Starved } else { Came::Nothing })
            }
            Stage::Closed => Ok(Came::Starved),
        }
    }

    /// What a header alone decides.
    #[inline]
    fn begin(&mut self, header: Header) -> Result<(), Fault> {
        if self.reader.first && (header.kind != Kind::Settings || header.has(super::frame::ACK)) {
            return Err(Fault::Connection(Cause::SettingsFirst));
        }
        self.reader.first = false;
        if header.length > self.local.max_frame {
            return Err(Fault::Connection(Cause::FrameTooLarge));
        }
        match &self.reader.open {
            Some(open) if header.kind != Kind::Continuation || header.stream != open.stream => {
                return Err(Fault::Connection(Cause::BlockInterrupted));
            }
            None if header.kind == Kind::Continuation => {
                return Err(Fault::Connection(Cause::NothingToContinue));
            }
            _ => {}
        }
        match header.kind {
            Kind::Data => self.reader.stage = Stage::Padding(header),
            Kind::PushPromise => push_promise::parse(&header)?,
            Kind::Unknown => {
                self.budgets.spend(Budget::Unknown, 1)?;
                self.reader.skip(header.length);
            }
            _ => {
                wanted(&header)?;
                self.reader.stage = Stage::Payload(header);
            }
        }
        Ok(())
    }

    #[inline]
    fn payload(
        &mut self,
        header: &Header,
        input: &mut &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let wanted = wanted(header)?;
        let after = header.length - wanted as u32;
        if self.reader.is_fresh()
            && let Some((payload, rest)) = input.split_at_checked(wanted)
        {
            *input = rest;
            self.reader.skip(after);
            return self.whole(header, payload, scratch, out);
        }
        let Some(payload) = self.reader.collect(input, wanted) else { return Ok(Came::Starved) };
        self.reader.skip(after);
        self.whole(header, &payload, scratch, out)
    }

    /// A frame whose payload is there.
    #[inline]
    fn whole(
        &mut self,
        header: &Header,
        payload: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let came = match header.kind {
            Kind::Headers => self.headers(header, payload, scratch, out),
            Kind::Continuation => self.continuation(header, payload, scratch, out),
            Kind::WindowUpdate => self.window_update(header, payload, out),
            Kind::Reset => self.reset_stream(header, payload, out),
            Kind::Priority => self.priority(header, payload),
            Kind::PriorityUpdate => self.priority_update(header, payload),
            Kind::Settings => self.settings(header, payload, scratch, out),
            Kind::Ping => self.ping(header, payload, out),
            Kind::GoAway => self.away(header, payload),
            Kind::Data | Kind::PushPromise | Kind::Unknown => Ok(Came::Nothing),
        };
        match came {
            Err(Fault::Stream(cause)) => self.stream_fault(header.stream, cause, out),
            came => came,
        }
    }

    /// Resets the stream that a faulty frame is about, also if it has ended meanwhile: what the peer gets to hear must
    /// not depend on which came first. One that was never opened cannot be reset (RFC 9113 §6.4).
    #[cold]
    pub(super) fn stream_fault(
        &mut self,
        id: u32,
        cause: Cause,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        if let Some(slot) = self.streams.find(id) {
            return self.fault(slot, Why::Frame(cause), cause.code(), out).map(Came::Plain);
        }
        match self.absent(id) {
            Absent::Idle => return Err(Fault::Connection(cause)),
            Absent::Reset => self.budgets.spend(Budget::Closed, 1)?,
            Absent::Skipped | Absent::Closed => self.refuse(id, cause.code(), out)?,
        }
        Ok(Came::Nothing)
    }

    /// One of the streams that the peer's GOAWAY says it did not process. RFC 9113 §6.8.
    #[inline]
    fn orphan(&mut self, out: &mut Vec<u8>) -> Option<Event<'static>> {
        let from = self.orphans_from?;
        let last = self.away_received.unwrap_or(u32::MAX);
        let above = |slot: &u32| self.streams.at(*slot).is_some_and(|stream| stream.id > last);
        let found = (from..self.streams.slots()).find(above);
        self.orphans_from = found.map(|slot| slot + 1);
        let slot = found?;
        let id = self.streams.at(slot)?.id;
        self.drop_stream(slot, out);
        Some(Event::Reset { key: Key { slot, id }, code: Code::REFUSED_STREAM, why: None })
    }
}
