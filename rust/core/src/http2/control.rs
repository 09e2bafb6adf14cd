//! The short frames: RST_STREAM, WINDOW_UPDATE, PRIORITY, SETTINGS, PING, GOAWAY. RFC 9113 §6.3 to §6.9, RFC 9218 §7.
//!
//! Rules: each costs the peer a token of a budget before anything else is done with it.

use super::cause::{Cause, Fault};
use super::connection::Connection;
use super::event::{Event, Scratch, Why};
use super::frame::goaway::GoAway;
use super::frame::priority::Priority;
use super::frame::priority_update::PriorityUpdate;
use super::frame::settings::{self, Setting};
use super::frame::{ACK, Header, ping, reset, window_update};
use super::limits::Budget;
use super::receive::Came;
use super::settings::Role;
use super::state::{Late, Phase};
use super::stream::Key;
use super::urgency::Urgency;

impl Connection {
    pub(super) fn reset_stream(
        &mut self,
        header: &Header,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let code = reset::parse(header, payload)?;
        let Some(slot) = self.streams.find(header.stream) else {
            return self.late(Late::Reset, header.stream);
        };
        if self.role == Role::Server {
            self.budgets.spend(Budget::Resets, 1)?;
        }
        self.drop_stream(slot, out);
        Ok(Came::Plain(Event::Reset { key: Key { slot, id: header.stream }, code, why: None }))
    }

    /// A short frame for a stream that is not open.
    fn late(&mut self, late: Late, id: u32) -> Result<Came<'static>, Fault> {
        late.judge(self.absent(id))?;
        self.budgets.spend(Budget::Closed, 1)?;
        Ok(Came::Nothing)
    }

    #[inline]
    pub(super) fn window_update(
        &mut self,
        header: &Header,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        self.budgets.spend(Budget::Windows, 1)?;
        let increment = i64::from(window_update::parse(header, payload)?);
        if header.stream == 0 {
            self.send.change(increment).map_err(Fault::Connection)?;
            return Ok(Came::Nothing);
        }
        let Some(slot) = self.streams.find(header.stream) else {
            return self.late(Late::WindowUpdate, header.stream);
        };
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(Came::Nothing) };
        if let Err(cause) = stream.send.change(increment) {
            return self.fault(slot, Why::Frame(cause), cause.code(), out).map(Came::Plain);
        }
        self.resume(slot);
        Ok(Came::Nothing)
    }

    /// A window has grown: lets the stream stand in line again, if it has something to send.
    fn resume(&mut self, slot: u32) {
        let wants = self.streams.at(slot).is_some_and(|stream| stream.wants && stream.send.room() > 0);
        if wants {
            self.ready.enter(slot, false, &mut self.streams);
        }
    }

    pub(super) fn priority(&mut self, header: &Header, payload: &[u8]) -> Result<Came<'static>, Fault> {
        self.budgets.spend(Budget::Priorities, 1)?;
        Priority::parse(header, payload)?;
        Ok(Came::Nothing)
    }

    /// RFC 9218 §7.1. One for a stream that is not open yet is passed over: its Priority field will say as much.
    pub(super) fn priority_update(
        &mut self,
        header: &Header,
        payload: &[u8],
    ) -> Result<Came<'static>, Fault> {
        self.budgets.spend(Budget::Priorities, 1)?;
        if self.role == Role::Client {
            return Err(Fault::Connection(Cause::PriorityUnasked));
        }
        let update = PriorityUpdate::parse(header, payload)?;
        if update.prioritized.is_multiple_of(2) {
            return Err(Fault::Connection(Cause::StreamId));
        }
        let Some(slot) = self.streams.find(update.prioritized) else { return Ok(Came::Nothing) };
        let queued = self.streams.at(slot).is_some_and(|stream| stream.queued);
        self.ready.leave(slot, &mut self.streams);
        if let Some(stream) = self.streams.at_mut(slot) {
            stream.urgency = Urgency::parse(update.value);
        }
        if queued {
            self.ready.enter(slot, false, &mut self.streams);
        }
        Ok(Came::Nothing)
    }

    pub(super) fn settings(
        &mut self,
        header: &Header,
        payload: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        settings::check(header)?;
        self.budgets.spend(Budget::Upward, 1)?;
        if header.has(ACK) {
            self.acknowledged(out);
            return Ok(Came::Plain(Event::SettingsAck));
        }
        let window = self.peer.stream_window;
        for setting in settings::entries(payload) {
            self.apply(setting?)?;
        }
        self.resize(i64::from(self.peer.stream_window) - i64::from(window))?;
        // Only now may its peer count on it, and we on windows that have grown: so the answer waits for nobody.
        settings::write_ack(out);
        self.provoked(Header::LEN)?;
        scratch.bytes.clear();
        scratch.bytes.extend_from_slice(payload);
        Ok(Came::Settings)
    }

    fn apply(&mut self, setting: Setting) -> Result<(), Fault> {
        match setting {
            Setting::MaxConcurrentStreams(most) => self.peer.max_streams = most,
            Setting::InitialWindow(size) => self.peer.stream_window = size,
            Setting::MaxFrameSize(size) => self.peer.max_frame = size,
            Setting::MaxHeaderList(size) => self.peer.max_header_list = size,
            // RFC 9113 §6.5.2: a server has nothing to be pushed to it. RFC 8441 §3: what was offered stays.
            Setting::EnablePush(true) if self.role == Role::Client => {
                return Err(Fault::Connection(Cause::SettingValue));
            }
            Setting::EnableConnect(false) if self.peer.connect => {
                return Err(Fault::Connection(Cause::SettingValue));
            }
            Setting::EnableConnect(on) => self.peer.connect = on,
            // Our encoder keeps no table, and nothing here follows the tree of RFC 7540.
            Setting::TableSize(_) | Setting::EnablePush(_) | Setting::NoTree(_) => {}
        }
        Ok(())
    }

    /// Changes what may be sent on every open stream. RFC 9113 §6.9.2.
    fn resize(&mut self, by: i64) -> Result<(), Fault> {
        if by == 0 {
            return Ok(());
        }
        for (_, stream) in self.streams.each() {
            stream.send.change(by).map_err(Fault::Connection)?;
        }
        for slot in 0..self.streams.slots() {
            if self.streams.at(slot).is_some_and(|stream| stream.send.room() == 0) {
                self.ready.leave(slot, &mut self.streams);
            } else {
                self.resume(slot);
            }
        }
        Ok(())
    }

    /// Our SETTINGS are in force: what was granted only because the peer could not know them is taken back.
    fn acknowledged(&mut self, out: &mut Vec<u8>) {
        if self.acknowledged {
            return;
        }
        self.acknowledged = true;
        self.decoder.set_limit(self.local.table);
        let window = self.stream_window();
        for (_, stream) in self.streams.each() {
            stream.receive.resize(window);
            // What did not make up half of the larger window may do so for the smaller one.
            let increment = stream.receive.consumed(0).filter(|_| stream.theirs != Phase::Ended);
            if let Some(increment) = increment {
                window_update::write(stream.id, increment, out);
            }
        }
    }

    pub(super) fn ping(
        &mut self,
        header: &Header,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let payload = ping::parse(header, payload)?;
        if header.has(ACK) {
            self.budgets.spend(Budget::Upward, 1)?;
            return Ok(Came::Plain(Event::PingAck(payload)));
        }
        self.budgets.spend(Budget::Pings, 1)?;
        ping::write(payload, true, out);
        self.provoked(Header::LEN + ping::LEN)?;
        Ok(Came::Nothing)
    }

    pub(super) fn away(&mut self, header: &Header, payload: &[u8]) -> Result<Came<'static>, Fault> {
        let away = GoAway::parse(header, payload)?;
        self.budgets.spend(Budget::Upward, 1)?;
        let last = self.away_received.map_or(away.last, |before| before.min(away.last));
        self.away_received = Some(last);
        if self.role == Role::Client {
            self.orphans_from = Some(0);
        }
        Ok(Came::Plain(Event::GoAway { last, code: away.code }))
    }
}
