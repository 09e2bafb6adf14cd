//! Writing: everything is appended to a buffer of the caller's, so that a turn's output leaves with one send.
//!
//! Rules: a key that has gone stale is passed over, for the peer may have ended the stream meanwhile; so is what would
//! break the order of a message (a head after the head), which only a fault of ours can ask for.

use super::code::Code;
use super::connection::{Connection, LAST_STREAM};
use super::frame::goaway::GoAway;
use super::frame::{Header, continuation, data, headers, reset, window_update};
use super::limits::{Budget, DATA_BYTES, PINGS_PER_DATA, WINDOWS_PER_DATA};
use super::settings::Role;
use super::state::{Act, Phase};
use super::stream::Key;
use crate::hpack::Encoder;
use crate::http1::response::Answering;

impl Connection {
    /// Opens a stream with the head of a request, which `write` encodes. `None` if no stream can be opened. (Client.)
    pub fn request(
        &mut self,
        answering: Answering,
        end: bool,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Encoder, &mut Vec<u8>),
    ) -> Option<Key> {
        if self.role != Role::Client || self.room() == 0 {
            return None;
        }
        let id = self.next_own;
        self.next_own = id.saturating_add(2).min(LAST_STREAM + 2);
        let key = self.open_stream(id);
        if let Some(stream) = self.streams.get(key) {
            stream.answering = answering;
        }
        self.block(key, if end { Act::BlockEnd } else { Act::Block }, out, write);
        Some(key)
    }

    /// Writes an informational response. (Server.)
    pub fn informational(
        &mut self,
        key: Key,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Encoder, &mut Vec<u8>),
    ) -> bool {
        self.block(key, Act::Informational, out, write)
    }

    /// Writes the final head of a response. False if the stream is no more, or had its head. (Server.)
    pub fn head(
        &mut self,
        key: Key,
        end: bool,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Encoder, &mut Vec<u8>),
    ) -> bool {
        let fresh = self.streams.get(key).is_some_and(|stream| stream.ours == Phase::Head);
        fresh && self.block(key, if end { Act::BlockEnd } else { Act::Block }, out, write)
    }

    /// Ends the message with trailers. All data must have been written. False if the stream is no more.
    pub fn trailers(
        &mut self,
        key: Key,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Encoder, &mut Vec<u8>),
    ) -> bool {
        let open = self.streams.get(key).is_some_and(|stream| stream.ours == Phase::Body);
        open && self.block(key, Act::BlockEnd, out, write)
    }

    /// Writes a field block: HEADERS, and CONTINUATION if the peer's frames are too small.
    #[inline]
    fn block(
        &mut self,
        key: Key,
        act: Act,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Encoder, &mut Vec<u8>),
    ) -> bool {
        let Some(stream) = self.streams.get(key) else { return false };
        let Ok(phase) = stream.ours.after(act) else { return false };
        stream.ours = phase;
        let start = out.len();
        out.extend_from_slice(&[0; Header::LEN]);
        self.encoder.begin(out);
        write(&self.encoder, out);
        let length = out.len() - start - Header::LEN;
        let most = self.peer.max_frame as usize;
        let whole = length <= most;
        let head = headers::head_of(length.min(most), phase == Phase::Ended, whole, key.id);
        if let Some(place) = out.get_mut(start..start + Header::LEN) {
            place.copy_from_slice(&head.bytes());
        }
        if !whole {
            split(key.id, most, start + Header::LEN + most, out);
        }
        self.settle(key.slot);
        true
    }

    /// Writes as much of a body as the windows allow, and `end` if all of `bytes` went. Returns how much that was. What is
    /// left can be sent when [`next_ready`](Self::next_ready) names the stream. Before the head nothing is written.
    pub fn data(&mut self, key: Key, bytes: &[u8], end: bool, out: &mut Vec<u8>) -> usize {
        let Some(stream) = self.streams.get(key).filter(|stream| stream.ours == Phase::Body) else {
            return 0;
        };
        let room = bytes.len().min(stream.send.room()).min(self.send.room());
        let (now, later) = bytes.split_at(room);
        stream.send.spend(room);
        self.send.spend(room);
        let end = end && later.is_empty();
        stream.wants = !later.is_empty();
        let blocked = stream.send.room() == 0;
        let front = !stream.urgency.incremental && self.on_turn == key.id;
        if end {
            stream.ours = Phase::Ended;
        }
        self.frames(key.id, now, end, out);
        if later.is_empty() || blocked {
            self.ready.leave(key.slot, &mut self.streams);
        } else {
            self.ready.enter(key.slot, front, &mut self.streams);
        }
        if end {
            self.settle(key.slot);
        }
        room
    }

    /// DATA frames around `bytes`, which the windows allow.
    #[inline]
    fn frames(&mut self, id: u32, mut bytes: &[u8], end: bool, out: &mut Vec<u8>) {
        let most = DATA_BYTES.min(self.peer.max_frame as usize);
        while !bytes.is_empty() || end {
            let (piece, rest) = bytes.split_at(bytes.len().min(most));
            let last = rest.is_empty();
            data::write_header(piece.len(), end && last, id, out);
            out.extend_from_slice(piece);
            self.budgets.earn(Budget::Windows, WINDOWS_PER_DATA);
            self.budgets.earn(Budget::Pings, PINGS_PER_DATA);
            bytes = rest;
            if last {
                return;
            }
        }
    }

    /// The stream has more to send, though nothing was left over the last time: it takes its turn with the others.
    pub fn want(&mut self, key: Key) {
        let Some(stream) = self.streams.get(key).filter(|stream| stream.ours != Phase::Ended) else { return };
        stream.wants = true;
        if stream.send.room() > 0 {
            self.ready.enter(key.slot, false, &mut self.streams);
        }
    }

    /// Takes the stream whose turn it is out of its line: one that had more to send than the windows allowed, and now they
    /// allow some. [`data`](Self::data) puts it back if there is still more.
    pub fn next_ready(&mut self) -> Option<Key> {
        if self.send.room() == 0 {
            return None;
        }
        let slot = self.ready.first()?;
        self.ready.leave(slot, &mut self.streams);
        let id = self.streams.at(slot)?.id;
        self.on_turn = id;
        Some(Key { slot, id })
    }

    /// Ends a stream early. Bytes that it still holds need not be consumed any more.
    pub fn reset(&mut self, key: Key, code: Code, out: &mut Vec<u8>) {
        if self.streams.get(key).is_none() {
            return;
        }
        self.drop_stream(key.slot, out);
        self.graves.add(key.id);
        reset::write(key.id, code, out);
    }

    /// So many bytes of a body have been passed on: the peer may send as many again. Bytes of a stream that has ended in
    /// both directions must be consumed as well; those of one that was reset must not.
    pub fn consumed(&mut self, key: Key, bytes: u32, out: &mut Vec<u8>) {
        let bytes = match self.streams.get(key) {
            Some(stream) => {
                let bytes = bytes.min(stream.held);
                stream.held -= bytes;
                if stream.theirs != Phase::Ended
                    && let Some(increment) = stream.receive.consumed(bytes)
                {
                    window_update::write(key.id, increment, out);
                }
                bytes
            }
            None => {
                let bytes = bytes.min(self.loose);
                self.loose -= bytes;
                bytes
            }
        };
        self.give_back(bytes, out);
    }

    /// Announces the end: streams of the peer above `last` are refused from now on. `last` may be [`LAST_STREAM`], which
    /// only warns (RFC 9113 §6.8), and never grows.
    pub fn goaway(&mut self, last: u32, code: Code, out: &mut Vec<u8>) {
        self.away_sent = self.away_sent.min(last);
        GoAway { last: self.away_sent, code, debug: &[] }.write(out);
    }
}

/// Puts CONTINUATION headers into the part of a field block that did not fit in its first frame.
#[cold]
fn split(id: u32, most: usize, at: usize, out: &mut Vec<u8>) {
    let rest = out.split_off(at);
    let mut pieces = rest.chunks(most).peekable();
    while let Some(piece) = pieces.next() {
        continuation::write(piece, pieces.peek().is_none(), id, out);
    }
}
