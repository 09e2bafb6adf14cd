//! HTTP/2 on one connection: many requests at once. No socket, no clock.
//!
//! Theory: the protocol is gateway-core's connection in the role of a client; here is what it leaves to others (the
//! first flight) and what a generator wants to know. Every request has the same field block, so that a request costs one
//! copy. What a turn has to say is one buffer and one send.
//!
//! Rules: windows are as wide as h2load's, so that an answer is never held up by the generator. A connection that the
//! server is leaving (GOAWAY), or whose identifiers are used up, takes no new request: those wait, the last answer ends
//! it, and another one takes its place.

use crate::asked::{Asked, Ended, judge};
use crate::grpc::Reply;
use crate::plan::Plan;
use crate::tally::Failure;
use gateway_core::http1::response::Answering;
use gateway_core::http2::code::Code;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::frame::window_update;
use gateway_core::http2::{Connection, DEFAULT_WINDOW, Event, Key, LocalSettings, PREFACE, Role, Scratch};
use std::collections::VecDeque;

/// Bytes of both windows. h2load's figure.
const WINDOW_BYTES: u32 = (1 << 30) - 1;

/// A stream that is open, in the slot that its connection gave it.
#[derive(Debug, Default)]
struct Stream {
    /// 0 in a free slot.
    id: u32,
    asked: Asked,
    status: u16,
    /// Bytes of the answer's body so far.
    bytes: u64,
    /// Bytes of the request's body that have gone.
    sent: usize,
    grpc: Reply,
}

/// A connection and its requests.
#[derive(Debug)]
pub struct Many<'p> {
    plan: &'p Plan,
    connection: Connection,
    streams: Vec<Stream>,
    /// Requests that the server does not take yet.
    waiting: VecDeque<Asked>,
    live: usize,
    out: Vec<u8>,
    /// Bytes of `out` that have gone.
    sent: usize,
    /// The connection takes no new request.
    leaving: bool,
}

impl<'p> Many<'p> {
    /// For a new connection.
    pub fn new(plan: &'p Plan) -> Self {
        let mut many = Self {
            plan,
            connection: Connection::new(Role::Client, &offer()),
            streams: Vec::new(),
            waiting: VecDeque::new(),
            live: 0,
            out: Vec::new(),
            sent: 0,
            leaving: false,
        };
        many.restart();
        many
    }

    /// Forgets the last connection and writes the first flight. What waited still waits.
    pub fn restart(&mut self) {
        self.connection = Connection::new(Role::Client, &offer());
        self.streams.clear();
        (self.live, self.sent, self.leaving) = (0, 0, false);
        self.out.clear();
        self.out.extend_from_slice(PREFACE);
        settings::write(&[Setting::EnablePush(false), Setting::InitialWindow(WINDOW_BYTES)], &mut self.out);
        window_update::write(0, WINDOW_BYTES - DEFAULT_WINDOW, &mut self.out);
        self.release();
    }

    /// Takes a request.
    pub fn begin(&mut self, asked: Asked) {
        if !self.waiting.is_empty() || !self.ask(asked) {
            self.waiting.push_back(asked);
        }
    }

    /// What is still to be sent.
    pub fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// So many bytes of it have gone.
    pub fn sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
            self.connection.flushed();
        }
    }

    /// Nothing is under way.
    pub fn idle(&self) -> bool {
        self.live == 0 && self.waiting.is_empty()
    }

    /// The connection is of no more use.
    pub fn over(&self) -> bool {
        self.leaving && self.live == 0
    }

    /// Takes bytes of the connection. An error ends it.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        heads: &mut Scratch,
        ended: &mut Vec<Ended>,
    ) -> Result<(), Failure> {
        loop {
            match self.connection.next(&mut bytes, heads, &mut self.out) {
                Ok(Some(event)) => self.take(event, ended),
                Ok(None) => break,
                Err(_) => return Err(Failure::Malformed),
            }
        }
        if !self.plan.body.is_empty() {
            while let Some(key) = self.connection.next_ready() {
                self.send_body(key);
            }
        }
        self.release();
        Ok(())
    }

    /// A turn begins at `now`.
    pub fn turn(&mut self, now: u64) {
        self.connection.turn(now);
    }

    /// The requests fail with the connection.
    pub fn abandon(&mut self, failure: Failure, ended: &mut Vec<Ended>) {
        for stream in self.streams.drain(..).filter(|stream| stream.id != 0) {
            let short = failure == Failure::Closed && stream.status != 0;
            ended.push(stream.asked.ended(Err(if short { Failure::Short } else { failure })));
        }
        ended.extend(self.waiting.drain(..).map(|asked| asked.ended(Err(failure))));
        self.live = 0;
    }

    /// Ends requests that were begun before `limit`; the connection stays.
    pub fn expire(&mut self, limit: u64, ended: &mut Vec<Ended>) {
        for slot in 0..self.streams.len() {
            let stream = &self.streams[slot];
            if stream.id != 0 && stream.asked.begun < limit {
                let key = Key { slot: slot as u32, id: stream.id };
                self.connection.reset(key, Code::CANCEL, &mut self.out);
                self.end(key, Err(Failure::Timeout), ended);
            }
        }
        while self.waiting.front().is_some_and(|asked| asked.begun < limit) {
            ended.extend(self.waiting.pop_front().map(|asked| asked.ended(Err(Failure::Timeout))));
        }
        self.release();
    }

    fn take(&mut self, event: Event<'_>, ended: &mut Vec<Ended>) {
        match event {
            Event::Response { key, end, heads } => {
                let Some(stream) = self.stream(key) else { return };
                stream.status = heads.response.status;
                if self.plan.grpc {
                    self.streams[key.slot as usize].grpc.head(&heads.response, &heads.block.text);
                }
                if end {
                    self.answered(key, ended);
                }
            }
            Event::Data { key, bytes, end } => {
                self.connection.consumed(key, bytes.len() as u32, &mut self.out);
                let Some(stream) = self.stream(key) else { return };
                stream.bytes += bytes.len() as u64;
                if self.plan.grpc {
                    self.streams[key.slot as usize].grpc.data(bytes);
                }
                if end {
                    self.answered(key, ended);
                }
            }
            Event::Trailers { key, lines } => {
                if let Some(stream) = self.stream(key) {
                    stream.grpc.trailers(lines);
                    self.answered(key, ended);
                }
            }
            Event::Reset { key, why, .. } => {
                let failure = match why {
                    Some(_) => Failure::Malformed,
                    None if self.leaving => Failure::GoAway,
                    None => Failure::Reset,
                };
                self.end(key, Err(failure), ended);
            }
            Event::GoAway { .. } => self.leaving = true,
            Event::Informational { .. } | Event::Settings(_) | Event::SettingsAck | Event::PingAck(_) => {}
            // A server's events, which a client never sees.
            Event::Request { .. } | Event::Refused { .. } | Event::Malformed { .. } => {}
        }
    }

    /// The answer is complete. What is left of the request is not needed any more (RFC 9113, 8.1).
    fn answered(&mut self, key: Key, ended: &mut Vec<Ended>) {
        let Some(stream) = self.stream(key) else { return };
        let (status, bytes, sent) = (stream.status, stream.bytes, stream.sent);
        let reply = std::mem::take(&mut stream.grpc);
        if sent < self.plan.body.len() {
            self.connection.reset(key, Code::NO_ERROR, &mut self.out);
        }
        let judged = judge(self.plan, status, bytes);
        let outcome = judged.and_then(|()| if self.plan.grpc { reply.judge() } else { Ok(()) });
        self.end(key, outcome, ended);
    }

    fn end(&mut self, key: Key, outcome: Result<(), Failure>, ended: &mut Vec<Ended>) {
        let Some(stream) = self.stream(key) else { return };
        stream.id = 0;
        ended.push(stream.asked.ended(outcome));
        self.live -= 1;
        self.leaving |= !self.plan.keep;
    }

    fn stream(&mut self, key: Key) -> Option<&mut Stream> {
        self.streams.get_mut(key.slot as usize).filter(|stream| stream.id == key.id)
    }

    /// Asks for what waited, as far as there is room.
    fn release(&mut self) {
        while let Some(asked) = self.waiting.pop_front() {
            if !self.ask(asked) {
                self.waiting.push_front(asked);
                return;
            }
        }
    }

    /// Opens a stream; false if there is no room for one.
    fn ask(&mut self, asked: Asked) -> bool {
        if self.leaving {
            return false;
        }
        let plan = self.plan;
        let answering = Answering { head: plan.head, upgrade: false };
        let end = plan.body.is_empty();
        let block = |_: &_, out: &mut Vec<u8>| out.extend_from_slice(&plan.request);
        let Some(key) = self.connection.request(answering, end, &mut self.out, block) else {
            self.leaving |= self.live == 0; // no identifiers are left
            return false;
        };
        let slot = key.slot as usize;
        if slot >= self.streams.len() {
            self.streams.resize_with(slot + 1, Stream::default);
        }
        self.streams[slot] = Stream { id: key.id, asked, ..Stream::default() };
        self.live += 1;
        if !end {
            self.send_body(key);
        }
        true
    }

    /// Sends what the windows allow of a request's body.
    fn send_body(&mut self, key: Key) {
        let plan = self.plan;
        let Some(from) = self.stream(key).map(|stream| stream.sent) else { return };
        let went = self.connection.data(key, &plan.body[from..], true, &mut self.out);
        if let Some(stream) = self.stream(key) {
            stream.sent += went;
        }
    }
}

fn offer() -> LocalSettings {
    LocalSettings { stream_window: WINDOW_BYTES, connection_window: WINDOW_BYTES, ..LocalSettings::default() }
}

#[cfg(test)]
#[path = "http2_tests.rs"]
mod tests;
