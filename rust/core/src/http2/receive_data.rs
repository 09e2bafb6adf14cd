//! DATA, as it comes: windows, lengths, and the pieces. RFC 9113 §6.1, §6.9, §8.1.1.
//!
//! Rules: a frame is judged as a whole when its header is there, and counts against both windows then. What nobody will
//! consume (padding, and data of streams that are no more) is given back at once, so that no room is ever lost.

use super::cause::{Cause, Fault};
use super::connection::Connection;
use super::event::{Event, Why};
use super::frame::data::Start;
use super::frame::{Header, PADDED, window_update};
use super::limits::{Budget, PINGS_PER_DATA};
use super::reader::{Rest, Stage};
use super::receive::Came;
use super::state::{Act, Late, Phase};
use super::stream::{Key, Stream, UNKNOWN};

impl Connection {
    /// A DATA frame begins.
    #[inline]
    pub(super) fn data_start<'a>(
        &mut self,
        header: &Header,
        input: &mut &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<Came<'a>, Fault> {
        let Some(start) = Start::parse(header, input.first().copied())? else { return Ok(Came::Starved) };
        if header.has(PADDED) {
            *input = input.get(1..).unwrap_or(&[]);
        }
        self.reader.skip(start.data + start.padding);
        self.receive.take(header.length).map_err(Fault::Connection)?;
        self.budgets.earn(Budget::Pings, PINGS_PER_DATA);
        if start.data == 0 && !start.end {
            self.budgets.spend(Budget::Empty, 1)?;
        }
        let Some(slot) = self.streams.find(header.stream) else {
            Late::Data.judge(self.absent(header.stream))?;
            self.budgets.spend(Budget::Closed, 1)?;
            self.give_back(header.length, out);
            return Ok(Came::Nothing);
        };
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(Came::Nothing) };
        if let Err(cause) = admit(stream, &start, header.length) {
            self.give_back(header.length, out);
            return self.fault(slot, Why::Frame(cause), cause.code(), out).map(Came::Plain);
        }
        let padding = header.length - start.data;
        if padding > 0 {
            if let Some(increment) = stream.receive.consumed(padding).filter(|_| !start.end) {
                window_update::write(header.stream, increment, out);
            }
            self.give_back(padding, out);
        }
        let key = Key { slot, id: header.stream };
        let rest = Rest { key, left: start.data, padding: start.padding, end: start.end };
        if start.data > 0 {
            self.reader.stage = Stage::Data(rest);
            return Ok(Came::Nothing);
        }
        Ok(if start.end { self.data_end(key, &[]) } else { Came::Nothing })
    }

    /// A piece of a DATA frame's data.
    #[inline]
    pub(super) fn data_piece<'a>(&mut self, mut rest: Rest, input: &mut &'a [u8]) -> Came<'a> {
        let count = (rest.left as usize).min(input.len());
        if count == 0 {
            return Came::Starved;
        }
        let (bytes, after) = input.split_at(count);
        *input = after;
        rest.left -= count as u32;
        if rest.left == 0 {
            self.reader.skip(rest.padding);
        } else {
            self.reader.stage = Stage::Data(rest);
        }
        if self.streams.get(rest.key).is_none() {
            return Came::Nothing;
        }
        if rest.end && rest.left == 0 {
            return self.data_end(rest.key, bytes);
        }
        Came::Plain(Event::Data { key: rest.key, bytes, end: false })
    }

    /// The last piece of a message.
    #[inline]
    fn data_end<'a>(&mut self, key: Key, bytes: &'a [u8]) -> Came<'a> {
        if let Some(stream) = self.streams.get(key) {
            stream.theirs = Phase::Ended;
        }
        self.settle(key.slot);
        Came::Plain(Event::Data { key, bytes, end: true })
    }
}

/// Judges a DATA frame, and accounts for it if it may be.
#[inline]
fn admit(stream: &mut Stream, start: &Start, length: u32) -> Result<(), Cause> {
    stream.theirs.after(if start.end { Act::DataEnd } else { Act::Data })?;
    stream.receive.take(length)?;
    if stream.expect != UNKNOWN {
        let left = stream.expect.checked_sub(u64::from(start.data));
        stream.expect = left.filter(|left| *left == 0 || !start.end).ok_or(Cause::LengthContradicted)?;
    }
    stream.held = stream.held.saturating_add(start.data);
    Ok(())
}
