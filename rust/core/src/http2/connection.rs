//! One HTTP/2 connection, either side of it: its state, and what it says about itself.
//!
//! Reading is in [`super::receive`], writing in [`super::send`].

use super::budget::Budgets;
use super::cause::{Cause, Fault};
use super::code::Code;
use super::event::{Event, Why};
use super::frame::goaway::GoAway;
use super::frame::reset;
use super::graves::Graves;
use super::limits::{Budget, OWN_STREAMS, UNREAD_ANSWER_BYTES};
use super::reader::Reader;
use super::ready::Ready;
use super::settings::{DEFAULT_WINDOW, LocalSettings, PeerSettings, Role};
use super::state::Absent;
use super::stream::{Key, Stream};
use super::streams::Streams;
use super::window::{ReceiveWindow, SendWindow};
use crate::hpack::{Decoder, Encoder};

/// The highest stream identifier. RFC 9113 §5.1.1.
pub const LAST_STREAM: u32 = (1 << 31) - 1;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) role: Role,
    pub(super) local: LocalSettings,
    pub(super) peer: PeerSettings,
    pub(super) reader: Reader,
    pub(super) decoder: Decoder,
    pub(super) encoder: Encoder,
    pub(super) streams: Streams,
    pub(super) ready: Ready,
    /// The identifier of the stream that was taken out of its line last: it is its turn.
    pub(super) on_turn: u32,
    pub(super) graves: Graves,
    pub(super) budgets: Budgets,
    pub(super) send: SendWindow,
    pub(super) receive: ReceiveWindow,
    /// Bytes handed out for streams that have ended since, and not consumed yet.
    pub(super) loose: u32,
    /// Our SETTINGS are in force at the peer.
    pub(super) acknowledged: bool,
    /// The highest identifier that the peer has opened.
    pub(super) last_peer: u32,
    /// Identifiers passed over when the last stream was opened: from here to `last_peer`, both excluded.
    pub(super) skipped_from: u32,
    /// The identifier that we open next.
    pub(super) next_own: u32,
    /// Streams of the peer above it are not processed any more: our GOAWAY.
    pub(super) away_sent: u32,
    /// Streams of ours above it were not processed: the peer's GOAWAY.
    pub(super) away_received: Option<u32>,
    /// Slots from here on have still to be looked at for such streams.
    pub(super) orphans_from: Option<u32>,
    /// Bytes of answers that the peer provoked since all was sent the last time.
    unread: u32,
    failed: Option<Cause>,
}

/// What there is to say about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Streams that are open.
    pub live: u32,
    /// The highest identifier that the peer has opened.
    pub last_peer: u32,
    /// Bytes that the peer may send on the connection, or could if it were told, once all it sent is consumed.
    pub receive_window: i64,
    /// Bytes that we may send on the connection.
    pub send_window: usize,
    /// Bytes handed out and not consumed yet.
    pub held: u64,
    /// What the peer has told us.
    pub peer: PeerSettings,
}

impl Connection {
    /// A new connection, whose first flight (a client's preface, and SETTINGS) was made elsewhere and offers `local`.
    #[must_use]
    pub fn new(role: Role, local: &LocalSettings) -> Self {
        Self {
            role,
            local: *local,
            peer: PeerSettings::default(),
            reader: Reader::new(role),
            decoder: Decoder::new(),
            encoder: Encoder::new(),
            streams: Streams::new(),
            ready: Ready::new(),
            on_turn: 0,
            graves: Graves::default(),
            budgets: Budgets::new(),
            send: SendWindow::new(DEFAULT_WINDOW),
            receive: ReceiveWindow::new(local.connection_window.max(DEFAULT_WINDOW)),
            loose: 0,
            acknowledged: false,
            last_peer: 0,
            skipped_from: 0,
            next_own: 1,
            away_sent: u32::MAX,
            away_received: None,
            orphans_from: None,
            unread: 0,
            failed: None,
        }
    }

    /// A turn begins at `now`, ns from any beginning: budgets are filled up.
    pub fn turn(&mut self, now: u64) {
        self.budgets.turn(now);
    }

    /// All that was written to `out` so far has been sent.
    pub fn flushed(&mut self) {
        self.unread = 0;
    }

    /// Why the connection failed, if it did.
    #[must_use]
    pub const fn failed(&self) -> Option<Cause> {
        self.failed
    }

    /// Gives memory back while no stream is open.
    pub fn rest(&mut self) {
        self.streams.rest();
    }

    /// Bytes of memory held, this structure itself not counted.
    #[must_use]
    pub fn held(&self) -> usize {
        self.streams.held() + self.decoder.held() + self.reader.held()
    }

    /// What the peer has told us.
    #[must_use]
    pub const fn peer(&self) -> &PeerSettings {
        &self.peer
    }

    /// The state of the whole.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let open = (0..self.streams.slots()).filter_map(|slot| self.streams.at(slot));
        let held: u64 = open.map(|stream| u64::from(stream.held)).sum();
        Summary {
            live: self.streams.live(),
            last_peer: self.last_peer,
            receive_window: self.receive.sum(),
            send_window: self.send.room(),
            held: held + u64::from(self.loose),
            peer: self.peer,
        }
    }

    /// The streams that are open, for whoever has to end them with the connection.
    pub fn open_streams(&self) -> impl Iterator<Item = Key> {
        (0..self.streams.slots())
            .filter_map(|slot| self.streams.at(slot).map(|stream| Key { slot, id: stream.id }))
    }

    /// Streams that we could open now, so that another connection can be made before there are none. (Client.)
    #[must_use]
    pub fn room(&self) -> u32 {
        if self.away_received.is_some() || self.failed.is_some() || self.next_own > LAST_STREAM {
            return 0;
        }
        self.peer.max_streams.min(OWN_STREAMS).saturating_sub(self.streams.live())
    }

    /// Ends the connection for a fault of the peer's: GOAWAY, and nothing is read from now on. RFC 9113 §5.4.1.
    pub(super) fn fail(&mut self, cause: Cause, out: &mut Vec<u8>) -> Cause {
        self.failed = Some(cause);
        let last = self.last_peer.min(self.away_sent);
        GoAway { last, code: cause.code(), debug: &[] }.write(out);
        self.reader.close();
        cause
    }

    /// The window that a new stream of the peer's has: before our SETTINGS are acknowledged, it may not know a smaller one.
    pub(super) fn stream_window(&self) -> u32 {
        let window = self.local.stream_window;
        if self.acknowledged { window } else { window.max(DEFAULT_WINDOW) }
    }

    /// What a stream is that is not open.
    pub(super) fn absent(&self, id: u32) -> Absent {
        let ours = self.role == Role::Client;
        let idle = if ours { id >= self.next_own } else { id > self.last_peer };
        if id.is_multiple_of(2) || idle {
            Absent::Idle
        } else if self.graves.has(id) {
            Absent::Reset
        } else if !ours && id > self.skipped_from && id < self.last_peer {
            Absent::Skipped
        } else {
            Absent::Closed
        }
    }

    /// Accounts for an answer that the peer provoked.
    pub(super) fn provoked(&mut self, bytes: usize) -> Result<(), Fault> {
        self.unread = self.unread.saturating_add(bytes as u32);
        let full = self.unread > UNREAD_ANSWER_BYTES;
        if full { Err(Fault::Connection(Cause::UnreadAnswers)) } else { Ok(()) }
    }

    /// Writes an RST_STREAM that the peer provoked.
    pub(super) fn refuse(&mut self, id: u32, code: Code, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.budgets.spend(Budget::Provoked, 1)?;
        reset::write(id, code, out);
        self.graves.add(id);
        self.provoked(super::frame::Header::LEN + reset::LEN)
    }

    /// Resets the stream in `slot` for a fault of the peer's.
    pub(super) fn fault(
        &mut self,
        slot: u32,
        why: Why,
        code: Code,
        out: &mut Vec<u8>,
    ) -> Result<Event<'static>, Fault> {
        let id = self.streams.at(slot).map_or(0, |stream| stream.id);
        self.drop_stream(slot, out);
        self.refuse(id, code, out)?;
        Ok(Event::Reset { key: Key { slot, id }, code, why: Some(why) })
    }

    /// Removes a stream that ended early. Nobody will consume what it holds.
    pub(super) fn drop_stream(&mut self, slot: u32, out: &mut Vec<u8>) {
        self.ready.leave(slot, &mut self.streams);
        let held = self.streams.at(slot).map_or(0, |stream| stream.held);
        self.streams.remove(slot);
        self.give_back(held, out);
    }

    /// Removes the stream in `slot` if both sides have ended. What it holds is still to be consumed.
    #[inline]
    pub(super) fn settle(&mut self, slot: u32) {
        if let Some(held) = self.streams.at(slot).filter(|stream| stream.is_over()).map(|stream| stream.held)
        {
            self.ready.leave(slot, &mut self.streams);
            self.streams.remove(slot);
            self.loose = self.loose.saturating_add(held);
            self.budgets.earn_stream();
        }
    }

    /// Gives the peer room on the connection.
    #[inline]
    pub(super) fn give_back(&mut self, bytes: u32, out: &mut Vec<u8>) {
        if let Some(increment) = self.receive.consumed(bytes) {
            super::frame::window_update::write(0, increment, out);
        }
    }

    /// Opens a stream.
    pub(super) fn open_stream(&mut self, id: u32) -> Key {
        let (send, receive) = (self.peer.stream_window, self.stream_window());
        self.streams.insert(Stream::new(id, send, receive))
    }
}
