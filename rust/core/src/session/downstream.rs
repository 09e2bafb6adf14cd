//! Requests that come on a client's connection: each stream is a downstream of its own.

use super::stream::{Gone, Stream};
use super::{Owner, Session};
use crate::exchange::Step;
use crate::exchange::grpc::Grpc;
use crate::http1::head::{Framing, Limits, Refusal, Scan};
use crate::http2::{Connection, Key, LocalSettings, Role, Scratch};
use crate::net::Net;
use crate::reason::Reason;
use crate::route::Listener;
use crate::worker::border;
use crate::worker::downstream::{Down, Phase};
use crate::worker::io::Io;
use crate::worker::table::Id;
use crate::worker::{Kind, Worker, token};

/// What a client says first. RFC 9113 §3.4; read as HTTP/1, it is a whole head and a little more.
pub const PREFACE_HEAD: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// What our first flight to clients of this listener says.
fn settings(listener: &Listener) -> LocalSettings {
    let (header_bytes, headers) = (listener.header_bytes, listener.headers);
    LocalSettings {
        max_streams: listener.http2.max_concurrent_streams,
        stream_window: listener.http2.stream_window,
        connection_window: listener.http2.connection_window,
        max_frame: listener.http2.max_frame,
        connect: true,
        limits: Limits { header_bytes, headers, ..Limits::default() },
        ..LocalSettings::default()
    }
}

impl<N: Net> Worker<N> {
    /// From here on the connection speaks HTTP/2; `bytes` are the first that came.
    pub(crate) fn open_session(&mut self, id: Id, down: &mut Down<N::Sock>, bytes: &[u8]) -> Step {
        let (local, index) = self.local.that_knows(down.listener);
        let Some(listener) = local.description(index) else {
            return Step::Close;
        };
        let conn = Connection::new(Role::Server, &settings(listener));
        let number = self.next_conn();
        let mut session = Session::new(conn, Owner::Down(id), number, &listener.http2.preface);
        session.conn.turn(self.now);
        (session.listener, session.peer) = (down.listener, down.peer);
        session.known.clone_from(&down.known);
        let session = self.sessions.insert(session);
        crate::fault::point("session.open");
        self.names.insert(number, session);
        down.phase = Phase::Session { session, busy: false };
        let peer = down.peer.as_str().into();
        self.tell_opened(session, border::Owner::Listener(down.listener), peer);
        match self.take_frames(session, bytes) {
            Ok(()) => Step::Again,
            Err(cause) => self.expel(down, session, cause),
        }
    }

    /// A stream's downstream, without an exchange yet.
    fn stream_down(&mut self, session: Id, key: Key) -> Option<(Id, Box<Down<N::Sock>>)> {
        let found = self.sessions.get(session)?;
        let (listener, peer, known) = (found.listener, found.peer, found.known.clone());
        let id = self.downs.reserve();
        self.streams += 1;
        if let Some(found) = self.sessions.get(session) {
            found.occupy(key, id);
        }
        let down = Down {
            io: Io::without_socket(),
            stream: Some(Stream::new(session, key)),
            peer,
            known,
            listener,
            gauge: None,
            carry: Vec::new(),
            scan: Scan::new(),
            phase: Phase::Idle,
            exchange: None,
            since: self.now,
            moved: self.now,
            timer: self.wheel.create(token(Kind::Down, id)),
            served: 0,
            empty_lines: 0,
            header_timeout: u64::MAX,
            idle_timeout: u64::MAX,
            quiet_timeout: u64::MAX,
            leave_by: u64::MAX,
        };
        let place = match self.spare_downs.pop() {
            Some(mut place) => {
                *place = down;
                place
            }
            None => Box::new(down),
        };
        Some((id, place))
    }

    /// A request whose head is complete.
    pub(super) fn request_came(&mut self, session: Id, key: Key, end: bool, heads: &Scratch) {
        let Some((id, mut down)) = self.stream_down(session, key) else { return };
        let mut link = None;
        let step = self.start(id, &mut down, &mut link, &heads.request, &heads.block.text, Some(end));
        let step = self.go_on(id, &mut down, &mut link, step);
        self.put_back(id, down, link, step);
    }

    /// A request that is past a limit, or whose method is not served.
    pub(super) fn request_refused(
        &mut self,
        session: Id,
        key: Key,
        end: bool,
        refusal: Refusal,
        heads: &Scratch,
    ) {
        let Some((id, mut down)) = self.stream_down(session, key) else { return };
        let reason = match refusal.status {
            414 | 431 => Reason::RequestHeadTooLarge,
            _ => Reason::RequestInvalid,
        };
        let mut exchange = self.unborn(down.listener);
        if end {
            exchange.request = crate::http1::body::Decoder::new(Framing::None);
        }
        exchange.version = crate::exchange::Version::Http2;
        exchange.grpc = Grpc::of(&heads.request, &heads.block.text);
        down.exchange = Some(exchange);
        down.enter(Phase::Exchange, self.now);
        let step = self.answer_refusal(&mut down, reason, refusal.status, refusal.cause.text());
        self.put_back(id, down, None, step);
    }

    /// A request that was malformed: its stream is reset already; it is counted and logged.
    pub(super) fn request_malformed(&mut self, session: Id, refusal: Refusal) {
        let Some(found) = self.sessions.get(session) else { return };
        let (listener, peer) = (found.listener, found.peer);
        let mut exchange = self.unborn(listener);
        exchange.version = crate::exchange::Version::Http2;
        exchange.reason = Reason::RequestInvalid;
        exchange.status = refusal.status;
        self.tally(&mut exchange, &peer);
    }

    /// A piece of a request's body; with `end` the last one, and the trailers that follow it.
    pub(super) fn body_came(&mut self, session: Id, key: Key, bytes: &[u8], end: Option<&[u8]>) {
        let found = self.sessions.occupant(session, key).and_then(|id| Some((id, self.downs.take(id)?)));
        let Some((id, mut down)) = found else {
            if let Some(session) = self.sessions.get(session) {
                session.conn.consumed(key, u32::try_from(bytes.len()).unwrap_or(u32::MAX), &mut session.out);
            }
            return;
        };
        let mut link = self.hold(&down);
        down.moved = self.now;
        let step = self.take_stream_body(&mut down, &mut link, bytes, end).unwrap_or(Step::Again);
        let step = self.go_on(id, &mut down, &mut link, step);
        self.put_back(id, down, link, step);
    }

    /// The stream was reset: by the client, or for a fault of its.
    pub(super) fn client_reset(&mut self, session: Id, key: Key, fault: bool) {
        let Some(id) = self.sessions.occupant(session, key) else { return };
        let Some(mut down) = self.downs.take(id) else { return };
        let mut link = self.hold(&down);
        if let Some(stream) = down.stream.as_mut() {
            stream.gone = Some(Gone::Closed);
        }
        let step = if fault && let Some(exchange) = down.exchange.as_mut() {
            exchange.reason = Reason::RequestInvalid;
            self.conclude(&mut down);
            Step::Reset
        } else {
            self.fail(&mut down, &mut link, Reason::ClientGone)
        };
        self.put_back(id, down, link, step);
    }
}
