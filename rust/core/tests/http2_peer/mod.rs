//! What the HTTP/2 tests share: frames as a peer writes them, and events in a form that can be kept and compared.

#![allow(dead_code, reason = "each test binary uses its own part")]

use gateway_core::hpack::{Encoder, Pseudo};
use gateway_core::http1::head;
use gateway_core::http2::cause::Cause;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::frame::{Header, Kind, continuation, headers};
use gateway_core::http2::{Connection, Event, Key, LocalSettings, PREFACE, Role, Scratch, Why};

/// An event that has been seen, without what it borrowed. Pieces of data that follow one another are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Request(u32, String, bool),
    Refused(u32, u16, bool),
    Malformed(u32, head::Cause),
    Response(u32, u16, bool),
    Informational(u32, u16),
    Data(u32, Vec<u8>, bool),
    Trailers(u32, String),
    Reset(u32, u32, Option<Why>),
    Settings(Vec<u8>),
    SettingsAck,
    PingAck([u8; 8]),
    GoAway(u32, u32),
}

pub fn seen(event: &Event<'_>) -> Seen {
    match event {
        Event::Request { key, end, heads } => {
            let target = heads.request.path.of(&heads.block.text);
            Seen::Request(key.id, String::from_utf8_lossy(target).into(), *end)
        }
        Event::Refused { key, end, refusal, .. } => Seen::Refused(key.id, refusal.status, *end),
        Event::Malformed { id, refusal } => Seen::Malformed(*id, refusal.cause),
        Event::Response { key, end, heads } => Seen::Response(key.id, heads.response.status, *end),
        Event::Informational { key, heads } => Seen::Informational(key.id, heads.response.status),
        Event::Data { key, bytes, end } => Seen::Data(key.id, bytes.to_vec(), *end),
        Event::Trailers { key, lines } => Seen::Trailers(key.id, String::from_utf8_lossy(lines).into()),
        Event::Reset { key, code, why } => Seen::Reset(key.id, code.0, *why),
        Event::Settings(payload) => Seen::Settings(payload.to_vec()),
        Event::SettingsAck => Seen::SettingsAck,
        Event::PingAck(payload) => Seen::PingAck(*payload),
        Event::GoAway { last, code } => Seen::GoAway(*last, code.0),
    }
}

/// A connection under test, with what it has said.
pub struct Subject {
    pub connection: Connection,
    pub scratch: Scratch,
    pub out: Vec<u8>,
    pub events: Vec<Seen>,
    pub keys: Vec<Key>,
    /// Data is consumed as it comes.
    pub eager: bool,
}

impl Subject {
    pub fn new(role: Role, local: &LocalSettings) -> Self {
        let (scratch, out) = (Scratch::default(), Vec::new());
        let connection = Connection::new(role, local);
        Self { connection, scratch, out, events: Vec::new(), keys: Vec::new(), eager: true }
    }

    /// A server that has had the preface and empty SETTINGS.
    pub fn server() -> Self {
        let mut subject = Self::new(Role::Server, &LocalSettings::default());
        subject.feed(PREFACE).unwrap();
        subject.feed(&settings(&[])).unwrap();
        subject.events.clear();
        subject
    }

    /// A client that has had empty SETTINGS.
    pub fn client() -> Self {
        let mut subject = Self::new(Role::Client, &LocalSettings::default());
        subject.feed(&settings(&[])).unwrap();
        subject.events.clear();
        subject
    }

    pub fn feed(&mut self, mut input: &[u8]) -> Result<(), Cause> {
        loop {
            let Some(event) = self.connection.next(&mut input, &mut self.scratch, &mut self.out)? else {
                assert!(input.is_empty(), "all input is read");
                return Ok(());
            };
            let mut eaten = None;
            match &event {
                Event::Request { key, .. } | Event::Refused { key, .. } => self.keys.push(*key),
                Event::Data { key, bytes, .. } => eaten = Some((*key, bytes.len() as u32)),
                _ => {}
            }
            let now = seen(&event);
            if let Some((key, bytes)) = eaten.filter(|_| self.eager) {
                self.connection.consumed(key, bytes, &mut self.out);
            }
            self.note(now);
        }
    }

    fn note(&mut self, now: Seen) {
        match (self.events.last_mut(), now) {
            (Some(Seen::Data(id, bytes, end)), Seen::Data(now, more, ended)) if *id == now && !*end => {
                bytes.extend_from_slice(&more);
                *end = ended;
            }
            (_, now) => self.events.push(now),
        }
    }

    /// Opens a request of ours.
    pub fn ask(&mut self, end: bool) -> Key {
        let asked = self.connection.request(head_answering(), end, &mut self.out, get);
        asked.unwrap()
    }

    /// Answers a request with a head.
    pub fn answer(&mut self, key: Key, end: bool) -> bool {
        self.connection.head(key, end, &mut self.out, |encoder, out| encoder.status(200, out))
    }

    /// The frames that have been written since the last call.
    pub fn frames(&mut self) -> Vec<(Header, Vec<u8>)> {
        let out = std::mem::take(&mut self.out);
        frames(&out)
    }
}

fn head_answering() -> gateway_core::http1::response::Answering {
    gateway_core::http1::response::Answering::default()
}

pub fn frames(mut bytes: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let head = Header::parse(head);
        let (payload, rest) = rest.split_at(head.length as usize);
        found.push((head, payload.to_vec()));
        bytes = rest;
    }
    found
}

fn get(encoder: &Encoder, out: &mut Vec<u8>) {
    for (name, value) in [(Pseudo::Method, "GET"), (Pseudo::Scheme, "http"), (Pseudo::Path, "/p")] {
        encoder.pseudo(name, value.as_bytes(), out);
    }
    encoder.pseudo(Pseudo::Authority, b"h", out);
}

pub fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let head = Header { length: payload.len() as u32, kind, flags, stream };
    [&head.bytes()[..], payload].concat()
}

pub fn settings(entries: &[Setting]) -> Vec<u8> {
    let mut out = Vec::new();
    settings::write(entries, &mut out);
    out
}

/// A field block of literals.
pub fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

pub const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/p"), (":authority", "h")];
pub const POST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":path", "/p"), (":authority", "h")];

pub fn head_frame(stream: u32, block: &[u8], end: bool) -> Vec<u8> {
    let mut out = Vec::new();
    headers::write(block, end, true, stream, &mut out);
    out
}

pub fn request(stream: u32, extra: &[(&str, &str)], end: bool) -> Vec<u8> {
    let base = if end { GET } else { POST };
    head_frame(stream, &fields(&[&base[..], extra].concat()), end)
}

/// The head in several frames, each with `piece` bytes of the block.
pub fn cut_request(stream: u32, extra: &[(&str, &str)], piece: usize) -> Vec<u8> {
    let block = fields(&[&GET[..], extra].concat());
    let (mut out, mut pieces) = (Vec::new(), block.chunks(piece));
    headers::write(pieces.next().unwrap(), true, pieces.len() == 0, stream, &mut out);
    while let Some(fragment) = pieces.next() {
        continuation::write(fragment, pieces.len() == 0, stream, &mut out);
    }
    out
}

pub fn data(stream: u32, bytes: &[u8], end: bool) -> Vec<u8> {
    frame(Kind::Data, u8::from(end), stream, bytes)
}

pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(Kind::Reset, 0, stream, &code.to_be_bytes())
}

pub fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(Kind::WindowUpdate, 0, stream, &increment.to_be_bytes())
}
