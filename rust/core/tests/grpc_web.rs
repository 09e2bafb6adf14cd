//! gRPC-Web against a plain model of it: whole bodies, built by hand, in whatever pieces they come.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::grpc::web::{OUTCOME, Translation, answer_type, is_outcome, request_type, wanted};
use gateway_core::grpc::{Form, base64};
use proptest::collection::vec;
use proptest::prelude::*;

fn message(flag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&[flag], &length.to_be_bytes()[..], bytes].concat()
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let (mut encoder, mut out) = (base64::Encoder::new(), Vec::new());
    encoder.encode(bytes, &mut out);
    encoder.flush(&mut out);
    out
}

fn untext(text: &[u8]) -> Vec<u8> {
    let (mut decoder, mut out) = (base64::Decoder::new(), Vec::new());
    decoder.decode(text, &mut out).unwrap();
    decoder.finish().unwrap();
    out
}

fn translation(form: Form) -> Translation {
    Translation::new(form, form)
}

/// What the client gets of `body` in pieces of `size`, then `trailers`.
fn answered(form: Form, body: &[u8], size: usize, trailers: &[u8]) -> Vec<u8> {
    let (mut web, mut out) = (translation(form), Vec::new());
    body.chunks(size).for_each(|piece| web.answer(piece, &mut out));
    web.answer_end(trailers, &mut out);
    out
}

fn types(asked: Form, accept: &[&str]) -> Form {
    wanted(asked, accept.iter().map(|value| value.as_bytes()))
}

#[test]
fn an_answer_ends_with_its_trailers_as_a_piece_of_the_body() {
    let body = message(0, b"hello");
    let trailers = b"Grpc-Status: 0\r\ngrpc-message: A:B\r\nX-Bin: Zg==\r\n";
    let shown = b"grpc-status: 0\r\ngrpc-message: A:B\r\nx-bin: Zg==\r\n";
    let wanted = [body.clone(), message(0x80, shown)].concat();
    assert_eq!(answered(Form::Binary, &body, 3, trailers), wanted);
    let wanted = [text(&body), text(&message(0x80, shown))].concat();
    assert_eq!(answered(Form::Text, &body, 3, trailers), wanted);
}

#[test]
fn an_answer_without_messages_has_its_trailers_alone() {
    let wanted = message(0x80, b"grpc-status: 5\r\n");
    assert_eq!(answered(Form::Binary, b"", 1, b"grpc-status: 5\r\n"), wanted);
    assert_eq!(untext(&answered(Form::Text, b"", 1, b"grpc-status: 5\r\n")), wanted);
}

#[test]
fn an_answer_without_trailers_gets_none() {
    assert_eq!(answered(Form::Binary, b"\0\0\0\0\x01", 2, b""), b"\0\0\0\0\x01");
    assert_eq!(answered(Form::Text, b"\0\0\0\0\x01", 2, b""), text(b"\0\0\0\0\x01"));
}

#[test]
fn the_client_says_how_it_wants_its_answer() {
    assert_eq!(types(Form::Text, &[]), Form::Text);
    assert_eq!(types(Form::Text, &["*/*"]), Form::Text);
    assert_eq!(types(Form::Binary, &["*/*"]), Form::Binary);
    assert_eq!(types(Form::Text, &["application/grpc-web"]), Form::Binary);
    assert_eq!(types(Form::Binary, &["application/json, application/grpc-web-text+proto"]), Form::Text);
    assert_eq!(
        types(Form::Binary, &["*/*", " application/grpc-web-text;q=0.9,application/grpc-web"]),
        Form::Text
    );
}

#[test]
fn content_types_are_translated_with_their_message_format() {
    let asked = |text: &str| {
        let mut out = Vec::new();
        request_type(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(asked("application/grpc-web"), "application/grpc");
    assert_eq!(asked("application/grpc-web+proto"), "application/grpc+proto");
    assert_eq!(asked("application/grpc-web-text-base64+json; charset=utf-8"), "application/grpc+json");
    assert_eq!(asked("application/grpc-web;a=b+c"), "application/grpc");
    let told = |text: &str, form| {
        let mut out = Vec::new();
        answer_type(text.as_bytes(), form, &mut out).then(|| String::from_utf8(out).unwrap())
    };
    assert_eq!(told("application/grpc", Form::Binary).unwrap(), "application/grpc-web");
    assert_eq!(told("application/grpc+proto", Form::Text).unwrap(), "application/grpc-web-text+proto");
    assert_eq!(told("text/html", Form::Text), None);
    assert_eq!(told("application/grpc-web", Form::Binary), None);
}

#[test]
fn the_outcome_is_three_fields_and_no_other() {
    assert!(OUTCOME.iter().all(|name| is_outcome(name) && is_outcome(&name.to_ascii_uppercase())));
    for name in
        ["grpc-encoding", "grpc-accept-encoding", "grpc-", "grpc-status-", "x-grpc-status", "date", ""]
    {
        assert!(!is_outcome(name.as_bytes()), "{name}");
    }
}

#[test]
fn a_message_is_written_whole_as_soon_as_it_is_there() {
    let (mut web, mut out) = (translation(Form::Text), Vec::new());
    for size in 0..20u8 {
        let sent = message(0, &vec![size; usize::from(size)]);
        out.clear();
        web.answer(&sent, &mut out);
        assert_eq!(untext(&out), sent);
    }
}

proptest! {
    #[test]
    fn a_text_request_is_decoded_in_whatever_runs_and_pieces_it_comes(
        runs in vec(vec(any::<u8>(), 0..20), 0..6), size in 1usize..16,
    ) {
        let body: Vec<u8> = runs.iter().flat_map(|run| text(run)).collect();
        let (mut web, mut out) = (translation(Form::Text), Vec::new());
        prop_assert!(web.changes_request());
        for piece in body.chunks(size) {
            web.request(piece, false, &mut out).unwrap();
        }
        prop_assert!(web.request(b"", true, &mut out).is_ok());
        prop_assert_eq!(out, runs.concat());
    }

    #[test]
    fn a_binary_request_is_left_alone(body in vec(any::<u8>(), 0..60), size in 1usize..16) {
        let (mut web, mut out) = (translation(Form::Binary), Vec::new());
        prop_assert!(!web.changes_request());
        for piece in body.chunks(size) {
            web.request(piece, false, &mut out).unwrap();
        }
        prop_assert!(web.request(b"", true, &mut out).is_ok());
        prop_assert_eq!(out, body);
    }

    #[test]
    fn an_answer_is_the_same_however_it_was_cut(
        messages in vec(vec(any::<u8>(), 0..20), 0..6), rest in vec(any::<u8>(), 0..12), size in 1usize..16,
    ) {
        let mut wanted = Vec::new();
        let mut body = Vec::new();
        for bytes in &messages {
            body.extend(message(0, bytes));
            wanted.extend(text(&message(0, bytes)));
        }
        prop_assert_eq!(answered(Form::Text, &body, size, b""), wanted);
        // A body that ends in the middle of a message is cut all the same.
        body.extend(&rest);
        let whole = answered(Form::Text, &body, body.len().max(1), b"grpc-status: 0\r\n");
        prop_assert_eq!(answered(Form::Text, &body, size, b"grpc-status: 0\r\n"), whole.clone());
        prop_assert_eq!(untext(&whole), answered(Form::Binary, &body, size, b"grpc-status: 0\r\n"));
    }
}
