//! What the encoder writes is decoded to what it was given.

mod hpack_wire;

use gateway_core::hpack::{Block, Decoder, Encoder, Pseudo};
use gateway_core::http1::head::Limits;
use gateway_core::http1::response::{Answering, Response};
use hpack_wire::text;
use proptest::prelude::*;

fn encoded(write: impl Fn(&Encoder, &mut Vec<u8>)) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    encoder.begin(&mut out);
    write(&encoder, &mut out);
    out
}

fn decoded(wire: &[u8]) -> Block {
    let (mut decoder, mut head) = (Decoder::new(), Block::new());
    let limits = Limits { headers: u16::MAX, header_bytes: u32::MAX, ..Limits::default() };
    assert_eq!(decoder.decode(wire, &limits, &mut head), Ok(()));
    assert_eq!(decoder.churn().inserted, 0, "the encoder inserts nothing");
    head
}

#[test]
fn the_first_block_says_that_the_table_is_empty_and_no_other() {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    encoder.begin(&mut out);
    encoder.status(200, &mut out);
    assert_eq!(out, [0x20, 0x88]);
    encoder.begin(&mut out);
    assert_eq!(out.len(), 2);
}

#[test]
fn every_status_is_written() {
    for status in 100..=599 {
        let head = decoded(&encoded(|encoder, out| encoder.status(status, out)));
        assert_eq!(text(&head), format!(":status: {status}\n"));
    }
}

#[test]
fn what_the_static_table_has_takes_one_byte() {
    let wire = encoded(|encoder, out| {
        encoder.pseudo(Pseudo::Method, b"GET", out);
        encoder.pseudo(Pseudo::Method, b"POST", out);
        encoder.pseudo(Pseudo::Scheme, b"http", out);
        encoder.pseudo(Pseudo::Scheme, b"https", out);
        encoder.pseudo(Pseudo::Path, b"/", out);
        encoder.pseudo(Pseudo::Path, b"/index.html", out);
        encoder.field(b"Accept-Encoding", b"gzip, deflate", false, out);
    });
    assert_eq!(wire, [0x20, 0x82, 0x83, 0x86, 0x87, 0x84, 0x85, 0x90]);
}

#[test]
fn credentials_and_what_came_as_such_are_never_to_be_indexed() {
    let never = |name: &[u8], never| {
        decoded(&encoded(|encoder, out| encoder.field(name, b"x", never, out))).fields[0].never_indexed
    };
    for name in [&b"Authorization"[..], b"cookie", b"proxy-authorization", b"Set-Cookie"] {
        assert!(never(name, false));
    }
    for name in [&b"accept"[..], b"x-token", b"accept-encoding"] {
        assert!(never(name, true) && !never(name, false));
    }
}

#[test]
fn an_http1_head_loses_what_is_about_its_connection() {
    let head =
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Type: a/b\r\n\
        Transfer-Encoding: chunked\r\nDate: now\r\nX-Own: Y\r\n\r\n";
    let mut response = Response::new();
    assert!(response.parse(head, &Limits::default(), Answering::default()).is_ok());
    let wire = encoded(|encoder, out| {
        encoder.status(response.status, out);
        encoder.fields(&response.fields, head, |field| field.name.of(head) == b"Date", out);
        encoder.lines(b"Via: 1.1 gateway\r\nConnection: close\r\nX-Empty: \r\nX-Url: http://x\r\n", out);
    });
    let lines = ":status: 200\ncontent-type: a/b\nx-own: Y\nvia: 1.1 gateway\nx-empty: \nx-url: http://x\n";
    assert_eq!(text(&decoded(&wire)), lines);
}

const NAMES: &[&str] =
    &["Accept", "accept-encoding", "X-A", "age", "te-x", "Strict-Transport-Security", "VIA", "x"];

fn field() -> impl Strategy<Value = (String, String, bool)> {
    let name =
        prop_oneof![prop::sample::select(NAMES).prop_map(String::from), "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,200}"];
    let value = prop_oneof![Just("gzip, deflate".into()), "([!-~]([ -~]{0,300}[!-~])?)?"];
    (name, value, any::<bool>())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        fields in prop::collection::vec(field(), 0..12),
        path in "/[!-~]{0,40}",
        method in "[A-Z]{1,10}",
        authority in "[a-z.]{1,40}",
    ) {
        let wire = encoded(|encoder, out| {
            encoder.pseudo(Pseudo::Method, method.as_bytes(), out);
            encoder.pseudo(Pseudo::Scheme, b"https", out);
            encoder.pseudo(Pseudo::Authority, authority.as_bytes(), out);
            encoder.pseudo(Pseudo::Path, path.as_bytes(), out);
            encoder.pseudo(Pseudo::Protocol, b"websocket", out);
            for (name, value, never) in &fields {
                encoder.field(name.as_bytes(), value.as_bytes(), *never, out);
            }
        });
        let head = decoded(&wire);
        let pseudo = |name| head.pseudo(name).map(|span| span.of(&head.text).to_vec());
        prop_assert_eq!(pseudo(Pseudo::Method), Some(method.into_bytes()));
        prop_assert_eq!(pseudo(Pseudo::Scheme), Some(b"https".to_vec()));
        prop_assert_eq!(pseudo(Pseudo::Authority), Some(authority.into_bytes()));
        prop_assert_eq!(pseudo(Pseudo::Path), Some(path.into_bytes()));
        prop_assert_eq!(pseudo(Pseudo::Protocol), Some(b"websocket".to_vec()));
        prop_assert_eq!(head.fields.len(), fields.len());
        for (ours, (name, value, never)) in head.fields.iter().zip(&fields) {
            let name = name.to_ascii_lowercase();
            prop_assert_eq!(ours.name.of(&head.text), name.as_bytes());
            prop_assert_eq!(ours.value.of(&head.text), value.as_bytes());
            prop_assert!(ours.never_indexed || !never);
        }
    }
}
