//! Invariant: whatever bytes a peer sends on an HTTP/2 connection, in either role, they are read to their end or refused
//! for one cause; memory held and bytes answered stay within a small multiple of what came; cutting the bytes anywhere
//! changes neither events nor answers; what is answered is whole frames; and room taken for data that was consumed, or
//! that belongs to no stream, is given back to the last byte.

#![no_main]

use gateway_core::hpack::Pseudo;
use gateway_core::http1::response::Answering;
use gateway_core::http2::cause::Cause;
use gateway_core::http2::frame::Header;
use gateway_core::http2::{Connection, DEFAULT_WINDOW, Event, LocalSettings, PREFACE, Role, Scratch};
use libfuzzer_sys::fuzz_target;

/// Requests that a client has open before anything comes.
const ASKED: usize = 3;
/// Bytes that may be held or answered whatever came.
const ALLOWANCE: usize = 32 * 1024;

#[derive(Debug, PartialEq, Eq)]
struct Heard {
    events: Vec<String>,
    out: Vec<u8>,
    failed: Option<Cause>,
}

fuzz_target!(|input: (bool, u16, u16, &[u8])| {
    let (client, first, second, bytes) = input;
    let role = if client { Role::Client } else { Role::Server };
    let begin = if client { &[][..] } else { PREFACE };
    let says = [begin, &[0, 0, 0, 4, 0, 0, 0, 0, 0], bytes].concat();
    let whole = hear(role, &says, &[]);
    let place = |cut: u16| usize::from(cut) % (says.len() + 1);
    let mut cuts = [place(first), place(second)];
    cuts.sort_unstable();
    assert_eq!(hear(role, &says, &cuts), whole, "cut at {cuts:?}");
    assert!(whole.out.len() <= 4 * says.len() + ALLOWANCE);
    check_frames(&whole.out);
});

fn hear(role: Role, says: &[u8], cuts: &[usize]) -> Heard {
    let mut connection = Connection::new(role, &LocalSettings::default());
    let (mut scratch, mut heard, mut at) = (Scratch::default(), begun(), 0);
    if role == Role::Client {
        ask(&mut connection);
    }
    for end in cuts.iter().copied().chain([says.len()]) {
        let mut piece = &says[at..end];
        at = end;
        while heard.failed.is_none() {
            match connection.next(&mut piece, &mut scratch, &mut heard.out) {
                Ok(Some(event)) => {
                    let eaten = note(&event, &mut heard.events);
                    if let Some((key, bytes)) = eaten {
                        connection.consumed(key, bytes, &mut heard.out);
                    }
                }
                Ok(None) => break,
                Err(cause) => heard.failed = Some(cause),
            }
        }
        assert!(heard.failed.is_some() || piece.is_empty());
        assert!(connection.held() <= 2 * says.len() + ALLOWANCE);
    }
    if heard.failed.is_none() {
        check_room(&connection);
    }
    heard
}

fn begun() -> Heard {
    Heard { events: Vec::new(), out: Vec::new(), failed: None }
}

/// What is missing of the connection's window is what a frame that was cut still has to bring.
fn check_room(connection: &Connection) {
    let summary = connection.summary();
    let missing = i64::from(DEFAULT_WINDOW) - summary.receive_window;
    assert!((0..=16_384).contains(&missing) && summary.held <= missing as u64, "{summary:?}");
}

/// Pieces of data that follow one another are one; says what was eaten.
fn note(event: &Event<'_>, events: &mut Vec<String>) -> Option<(gateway_core::http2::Key, u32)> {
    let Event::Data { key, bytes, end } = event else {
        let text = match event {
            Event::Request { key, end, heads } => format!("{key:?} {end} {:?}", heads.block.text),
            Event::Response { key, end, heads } => format!("{key:?} {end} {:?}", heads.block.text),
            Event::Informational { key, heads } => format!("{key:?} {:?}", heads.block.text),
            other => format!("{other:?}"),
        };
        events.push(text);
        return None;
    };
    let begin = format!("data {key:?}");
    match events.last_mut().filter(|last| last.starts_with(&begin) && !last.ends_with('\n')) {
        Some(last) => last.push_str(&bytes.escape_ascii().to_string()),
        None => events.push(format!("{begin} {}", bytes.escape_ascii())),
    }
    if let Some(last) = events.last_mut().filter(|_| *end) {
        last.push('\n');
    }
    Some((*key, bytes.len() as u32))
}

fn ask(connection: &mut Connection) {
    let mut out = Vec::new();
    for _ in 0..ASKED {
        let asked = connection.request(Answering::default(), true, &mut out, |encoder, out| {
            encoder.pseudo(Pseudo::Method, b"GET", out);
        });
        assert!(asked.is_some());
    }
}

fn check_frames(mut out: &[u8]) {
    while let Some((head, rest)) = out.split_first_chunk() {
        let length = Header::parse(head).length as usize;
        assert!(length <= 16_384);
        out = rest.get(length..).expect("whole frames");
    }
    assert!(out.is_empty());
}
