//! Heads and bodies for properties: mostly right, each in danger of one or two faults, so that both sides of every rule
//! are visited.

#![allow(dead_code, clippy::indexing_slicing, reason = "each test takes what it needs")]

use proptest::prelude::*;

/// One of the texts.
fn pick(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(texts).prop_map(|text| text.as_bytes().to_vec())
}

const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "OPTIONS", "PATCH", "get", "M-SEARCH", "CONNECT", "G(T", ""];
const TARGETS: &[&str] = &[
    "/",
    "/a/b?c=d",
    "/?",
    "*",
    "http://h",
    "http://h:80/x?y",
    "HTTPS://[::1]/",
    "http://u@h/",
    "ftp://h/",
    "h:80",
    "/a#b",
    "/\u{e9}",
    "a",
    "",
    "//x",
    "/a?b?c",
    "http://h?q",
];
const VERSIONS: &[&str] =
    &["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "HTTP/11", ""];
const STATUSES: &[&str] = &[
    "200 OK",
    "204 ",
    "304",
    "101 Switching",
    "100 Continue",
    "099 X",
    "600 X",
    "20 X",
    "500 \u{e9}",
    "200\t",
];
const NAMES: &[&str] = &[
    "Host",
    "host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Expect",
    "TE",
    "X-A",
    "x_b",
    "Accept",
    "X-Forwarded-For",
    "a",
    "Bad Name",
    "",
    "\u{e9}",
    "Trailer",
    "X-Request-Id",
];
const VALUES: &[&str] = &[
    "h",
    "example.com:80",
    "[::1]:8080",
    "5",
    "0",
    "05",
    "+5",
    "5, 5",
    "chunked",
    "gzip, chunked",
    "close",
    "keep-alive, X-A",
    "upgrade",
    "websocket",
    "h2c",
    "100-continue",
    "trailers",
    "",
    "a b\tc",
    "\u{e9}\u{fc}",
    "a\u{7f}",
    "a\rb",
    "a\0",
    "a long value that is longer than any word of the machine, by far; q=0.9",
];
const COLONS: &[&str] = &[": ", ":", ":  \t", " : ", ""];
const ENDS: &[&str] =
    &["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", " \r\n", "\n", "\r", "\r\n "];

fn field() -> impl Strategy<Value = Vec<u8>> {
    let colon = prop_oneof![12 => Just(b": ".to_vec()), 1 => pick(COLONS)];
    (pick(NAMES), colon, pick(VALUES), pick(ENDS))
        .prop_map(|(name, colon, value, end)| [name, colon, value, end].concat())
}

fn fields() -> impl Strategy<Value = Vec<u8>> {
    let sound = prop::sample::select(
        &["Host: h\r\n", "Host: h\r\nX-A: b\r\n", "Host: a.example:80\r\nContent-Length: 3\r\n", "X-A:\r\n"]
            [..],
    );
    (sound, prop::collection::vec(field(), 0..5))
        .prop_map(|(sound, more)| [sound.as_bytes(), &more.concat()].concat())
}

/// The beginning of a request: a head, and something after it.
pub fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        3 => Just(b"GET /a/b?c HTTP/1.1\r\n".to_vec()),
        2 => (pick(METHODS), pick(TARGETS), pick(VERSIONS), pick(ENDS))
            .prop_map(|(method, target, version, end)| [method, b" ".to_vec(), target, b" ".to_vec(), version, end].concat()),
    ];
    let before = prop_oneof![8 => Just(""), 1 => Just("\r\n"), 1 => Just("\r\n\r\n"), 1 => Just("\r\n\r\n\r\n"), 1 => Just("\n")];
    mutated(
        (before, line, fields())
            .prop_map(|(before, line, fields)| [before.as_bytes(), &line, &fields, b"\r\nrest"].concat()),
    )
}

/// The beginning of a response: a head, and something after it.
pub fn response() -> impl Strategy<Value = Vec<u8>> {
    let line = (pick(VERSIONS), pick(STATUSES), pick(ENDS))
        .prop_map(|(version, status, end)| [version, b" ".to_vec(), status, end].concat());
    let line = prop_oneof![3 => Just(b"HTTP/1.1 200 OK\r\n".to_vec()), 2 => line];
    mutated((line, fields()).prop_map(|(line, fields)| [line, fields, b"\r\nrest".to_vec()].concat()))
}

const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n",
    "1\r\nx\r\n",
    "A;name=value\r\n0123456789\r\n",
    "0005\r\nhello\r\n",
    "5\nhello\r\n",
    "5\r\nhelloXX",
    "+5\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "\r\n",
    "5;\u{1}\r\nhello\r\n",
    "0000000000000000f\r\n",
    "ffffffffffffffff\r\nx",
    "5\r\nhello\r\r",
    "5;a\nb\r\nhello\r\n",
];
const SECTIONS: &[&str] = &[
    "\r\n",
    "X-Sum: 1\r\n\r\n",
    "Content-Length: 3\r\nX-Sum:2 \r\n\r\n",
    "X-Sum : 1\r\n\r\n",
    "X: 1\n\r\n",
    " folded\r\n\r\n",
    "X-Sum: 1\r\n\n",
    "\rX",
    "\n",
    "",
];

/// A chunked body, and something after it.
pub fn chunked() -> impl Strategy<Value = Vec<u8>> {
    let sound = prop::collection::vec(prop_oneof![9 => pick(&CHUNKS[..4]), 1 => pick(CHUNKS)], 0..8);
    mutated((sound, pick(SECTIONS)).prop_map(|(chunks, section)| {
        [chunks.concat(), b"0\r\n".to_vec(), section, b"rest".to_vec()].concat()
    }))
}

/// Half of them with one byte changed.
fn mutated(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![prop::sample::select(&b"\r\n\t :\0\x7f\xff0;a"[..]), any::<u8>()];
    (bytes, any::<bool>(), any::<prop::sample::Index>(), byte).prop_map(|(mut bytes, change, at, byte)| {
        if change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}
