//! One HTTP/2 connection over standard input and output, for conversations with implementations in other languages
//! (`tests/unit/test_http2_h2.py`).
//!
//! `streams server` answers every request with 200, its own body and, if it had trailers, the same trailers; one for
//! `/early` with 103 before; one for `/page` with a body of its own, so that a window can hold it back.
//! `streams client COUNT BYTES` asks COUNT times with BYTES of body (none: GET) and trailers. It ends when all has been
//! answered, with a line of JSON for each stream on standard error.

use std::collections::BTreeMap;
use std::io::{Read, StdinLock, Write, stderr, stdin, stdout};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;

use gateway_core::hpack::{Encoder, Pseudo};
use gateway_core::http1::head::Known;
use gateway_core::http1::response::Answering;
use gateway_core::http2::code::Code;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::{Connection, Event, Key, LocalSettings, PREFACE, Role, Scratch};

/// Bytes that are read at once.
const READ: usize = 16 * 1024;

/// What `/page` is answered with.
const PAGE: &[u8] = &[b'.'; 1024];

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
    let role =
        if arguments.get(1).is_some_and(|role| role == "client") { Role::Client } else { Role::Server };
    let mut side = Side::new(role, number(2), number(3));
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut read = vec![0; READ];
    loop {
        side.ask();
        side.send();
        output.write_all(&side.out)?;
        output.flush()?;
        side.out.clear();
        side.connection.flushed();
        if side.is_done() {
            break;
        }
        let count = input.read(&mut read)?;
        if count == 0 || !side.receive(read.get(..count).unwrap_or(&[])) {
            break;
        }
    }
    output.write_all(&side.out)?;
    output.flush()?;
    side.report()?;
    if side.connection.failed().is_some() { linger(&mut input) } else { Ok(()) }
}

/// A socket that is closed with bytes unread is reset, and the last words are lost.
fn linger(input: &mut StdinLock<'_>) -> std::io::Result<()> {
    TcpStream::from(stdin().as_fd().try_clone_to_owned()?).shutdown(Shutdown::Write)?;
    std::io::copy(input, &mut std::io::sink()).map(|_| ())
}

#[derive(Default)]
struct Talk {
    /// What is still to be sent.
    pending: Vec<u8>,
    /// The last of it is there.
    whole: bool,
    trailers: Vec<u8>,
    ended: bool,
    said: String,
    status: u16,
    got: usize,
}

struct Side {
    role: Role,
    connection: Connection,
    scratch: Scratch,
    out: Vec<u8>,
    talks: BTreeMap<u32, (Key, Talk)>,
    left: usize,
    bytes: usize,
}

impl Side {
    fn new(role: Role, count: usize, bytes: usize) -> Self {
        let connection = Connection::new(role, &LocalSettings::default());
        let mut out = if role == Role::Client { PREFACE.to_vec() } else { Vec::new() };
        let push = if role == Role::Client { &[Setting::EnablePush(false)][..] } else { &[] };
        settings::write(&[&[Setting::MaxConcurrentStreams(128)], push].concat(), &mut out);
        let (scratch, talks) = (Scratch::default(), BTreeMap::new());
        Self { role, connection, scratch, out, talks, left: count, bytes }
    }

    fn is_done(&self) -> bool {
        self.role == Role::Client && self.left == 0 && self.connection.summary().live == 0
    }

    fn ask(&mut self) {
        while self.left > 0 && self.connection.room() > 0 {
            let method: &[u8] = if self.bytes > 0 { b"POST" } else { b"GET" };
            let write = |encoder: &Encoder, out: &mut Vec<u8>| {
                encoder.pseudo(Pseudo::Method, method, out);
                encoder.pseudo(Pseudo::Scheme, b"http", out);
                encoder.pseudo(Pseudo::Authority, b"example.com", out);
                encoder.pseudo(Pseudo::Path, b"/a?b=c", out);
                encoder.field(b"X-Mixed-Case", b"kept", false, out);
            };
            let end = self.bytes == 0;
            let Some(key) = self.connection.request(Answering::default(), end, &mut self.out, write) else {
                return;
            };
            let pending = (0..self.bytes).map(|at| at as u8).collect();
            let trailers = b"x-sum: 1\r\n".to_vec();
            self.talks.insert(
                key.id,
                (key, Talk { pending, trailers, whole: true, ended: end, ..Talk::default() }),
            );
            self.left -= 1;
        }
    }

    /// Sends what the windows allow, and lets the peer send as much again.
    fn send(&mut self) {
        for (key, talk) in self.talks.values_mut().filter(|(_, talk)| !talk.ended) {
            let end = talk.whole && talk.trailers.is_empty();
            let went = self.connection.data(*key, &talk.pending, end, &mut self.out);
            talk.pending.drain(..went);
            if self.role == Role::Server {
                self.connection.consumed(*key, went as u32, &mut self.out);
            }
            talk.ended = talk.whole && talk.pending.is_empty();
            if talk.ended && !end {
                let trailers = std::mem::take(&mut talk.trailers);
                self.connection.trailers(*key, &mut self.out, |encoder, out| encoder.lines(&trailers, out));
            }
        }
    }

    /// False once the connection has failed.
    fn receive(&mut self, mut input: &[u8]) -> bool {
        loop {
            let event = match self.connection.next(&mut input, &mut self.scratch, &mut self.out) {
                Ok(Some(event)) => event,
                Ok(None) => return true,
                Err(_) => return false,
            };
            match event {
                Event::Request { key, end, heads } => {
                    let secret = heads.request.fields.iter().any(|field| field.known == Known::Cookie);
                    let said = if secret { "cookie" } else { "" };
                    let write = |encoder: &Encoder, out: &mut Vec<u8>| {
                        encoder.status(200, out);
                        encoder.field(b"x-saw", said.as_bytes(), false, out);
                    };
                    let path = heads.request.path.of(&heads.block.text);
                    if path == b"/early" {
                        let early = |encoder: &Encoder, out: &mut Vec<u8>| encoder.status(103, out);
                        self.connection.informational(key, &mut self.out, early);
                    }
                    let pending = if path == b"/page" { PAGE.to_vec() } else { Vec::new() };
                    self.connection.head(key, false, &mut self.out, write);
                    self.talks.insert(key.id, (key, Talk { pending, whole: end, ..Talk::default() }));
                }
                Event::Refused { key, refusal, .. } => {
                    let write = |encoder: &Encoder, out: &mut Vec<u8>| encoder.status(refusal.status, out);
                    self.connection.head(key, true, &mut self.out, write);
                    self.connection.reset(key, Code::NO_ERROR, &mut self.out);
                }
                Event::Response { key, heads, .. } => {
                    let status = heads.response.status;
                    self.talks.entry(key.id).and_modify(|(_, talk)| talk.status = status);
                }
                Event::Data { key, bytes, end } => {
                    let (role, count) = (self.role, bytes.len());
                    self.talks.entry(key.id).and_modify(|(_, talk)| take(role, talk, bytes, end));
                    if role == Role::Client {
                        self.connection.consumed(key, count as u32, &mut self.out);
                    }
                }
                Event::Trailers { key, lines } => {
                    let (role, lines) = (self.role, lines.to_vec());
                    self.talks.entry(key.id).and_modify(|(_, talk)| {
                        if role == Role::Server {
                            (talk.trailers, talk.whole) = (lines, true);
                        } else {
                            talk.said = String::from_utf8_lossy(&lines).trim().into();
                        }
                    });
                }
                Event::Reset { key, code, .. } => {
                    self.talks.entry(key.id).and_modify(|(_, talk)| {
                        (talk.ended, talk.said) = (true, format!("reset {}", code.0));
                    });
                }
                Event::Settings(_) => settings::write_ack(&mut self.out),
                _ => {}
            }
        }
    }

    fn report(&self) -> std::io::Result<()> {
        for (id, (_, talk)) in &self.talks {
            let Talk { status, got, said, .. } = talk;
            writeln!(stderr(), r#"{{"id": {id}, "status": {status}, "bytes": {got}, "said": "{said}"}}"#)?;
        }
        Ok(())
    }
}

fn take(role: Role, talk: &mut Talk, bytes: &[u8], end: bool) {
    talk.got += bytes.len();
    if role == Role::Server {
        talk.pending.extend_from_slice(bytes);
        talk.whole = end;
    }
}
