//! Response heads: what is understood, and what is refused and why. A refusal is always 502 to the client.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::http1::head::{Cause, Framing, Limits, Progress, Refusal};
use gateway_core::http1::response::{Answering, Response};

const GET: Answering = Answering { head: false, upgrade: false };
const HEAD: Answering = Answering { head: true, upgrade: false };
const UPGRADE: Answering = Answering { head: false, upgrade: true };

fn parse(head: &[u8], answering: Answering) -> Result<Response, Refusal> {
    let mut response = Response::new();
    match response.parse(head, &Limits::default(), answering)? {
        Progress::Complete => Ok(response),
        Progress::Partial => panic!("partial: {}", String::from_utf8_lossy(head)),
    }
}

#[track_caller]
fn refused(head: &str, answering: Answering, cause: Cause) {
    assert_eq!(parse(head.as_bytes(), answering).map(|_| ()), Err(Refusal { status: 502, cause }));
}

fn framing(head: &str, answering: Answering) -> Framing {
    parse(head.as_bytes(), answering).unwrap().framing
}

#[test]
fn a_response_is_taken_apart() {
    let head = b"HTTP/1.1 404 Not \xe9 Found\r\nServer: x\r\nContent-Length: 2\r\n\r\nno";
    let response = parse(head, GET).unwrap();
    assert_eq!((response.status, response.minor), (404, 1));
    assert_eq!(response.reason.of(head), b"Not \xe9 Found");
    assert_eq!(response.framing, Framing::Length(2));
    assert_eq!(response.head_len as usize, head.len() - 2);
    assert!(response.keep_alive && !response.upgrade);
    assert_eq!(response.fields.len(), 2);
}

#[test]
fn a_reason_may_be_missing() {
    for line in ["HTTP/1.1 200 ", "HTTP/1.1 200"] {
        let head = format!("{line}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        assert!(parse(&head, GET).unwrap().reason.of(&head).is_empty());
    }
}

#[test]
fn a_malformed_status_line_is_refused() {
    for line in [
        "HTTP/1.1",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 2x0 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200\tOK",
        "200 OK",
        "",
    ] {
        refused(&format!("{line}\r\n\r\n"), GET, Cause::StatusLine);
    }
    refused("HTTP/1.1 200 O\0K\r\n\r\n", GET, Cause::ReasonByte);
    refused("HTTP/2.0 200 OK\r\n\r\n", GET, Cause::VersionUnsupported);
    refused("HTTP/1.1 200 OK\n\n", GET, Cause::BareLf);
}

#[test]
fn a_status_outside_the_classes_is_refused() {
    for status in ["000", "099", "600", "999"] {
        refused(&format!("HTTP/1.1 {status} X\r\n\r\n"), GET, Cause::StatusCode);
    }
    assert!(parse(b"HTTP/1.1 599 X\r\n\r\n", GET).is_ok());
}

#[test]
fn the_fields_are_read_as_strictly_as_in_requests() {
    refused("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", GET, Cause::SpaceBeforeColon);
    refused("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", GET, Cause::Folded);
    refused("HTTP/1.1 200 OK\r\nX: \u{1}\r\n\r\n", GET, Cause::ValueByte);
    refused("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", GET, Cause::LengthInvalid);
    refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", GET, Cause::LengthRepeated);
}

#[test]
fn an_answer_with_length_and_coding_is_refused_so_that_no_answer_reaches_another_client() {
    refused(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        GET,
        Cause::LengthAndCoding,
    );
    refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", GET, Cause::CodingInvalid);
    refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", GET, Cause::CodingUnsupported);
    refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", GET, Cause::CodingVersion);
}

#[test]
fn the_body_ends_as_rfc_9112_6_3_says() {
    assert_eq!(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", GET), Framing::Chunked);
    assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", GET), Framing::Length(7));
    assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n", GET), Framing::UntilClose);
    assert!(!parse(b"HTTP/1.1 200 OK\r\n\r\n", GET).unwrap().keep_alive);
}

#[test]
fn head_1xx_204_and_304_have_no_body_whatever_the_fields_say() {
    for fields in ["", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n"] {
        assert_eq!(framing(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), HEAD), Framing::None);
        for status in [100, 103, 204, 304] {
            assert_eq!(framing(&format!("HTTP/1.1 {status} X\r\n{fields}\r\n"), GET), Framing::None);
        }
    }
    let head = b"HTTP/1.1 304 X\r\nContent-Length: 7\r\n\r\n";
    let response = parse(head, GET).unwrap();
    assert_eq!(response.fields.len(), 1, "its length is to be forwarded");
    assert!(response.keep_alive);
}

#[test]
fn a_connection_is_not_used_again_after_a_204_that_announces_a_body() {
    assert!(parse(b"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", GET).unwrap().keep_alive);
    assert!(!parse(b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n", GET).unwrap().keep_alive);
    assert!(!parse(b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n", GET).unwrap().keep_alive);
}

#[test]
fn only_101_switches_cve_2024_23326() {
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert!(parse(format!("HTTP/1.1 101 X\r\n{fields}\r\n").as_bytes(), UPGRADE).unwrap().upgrade);
    let ok =
        parse(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n").as_bytes(), UPGRADE).unwrap();
    assert!(!ok.upgrade);
}

#[test]
fn a_101_that_was_not_asked_for_or_says_not_to_what_is_refused() {
    refused("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", GET, Cause::SwitchUnasked);
    refused("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", UPGRADE, Cause::SwitchIncomplete);
    refused("HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n", UPGRADE, Cause::SwitchIncomplete);
    refused(
        "HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        UPGRADE,
        Cause::SwitchIncomplete,
    );
}

#[test]
fn an_http_1_0_server_must_say_that_the_connection_lives_on() {
    let lives = |head: &str| parse(head.as_bytes(), GET).unwrap().keep_alive;
    assert!(!lives("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(lives("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
    assert!(!lives("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
}
