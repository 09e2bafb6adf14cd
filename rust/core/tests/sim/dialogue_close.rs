//! How a client's connection goes on or ends: pipelines that nobody reads, refusals, stray line ends.

use gateway_core::reason::Reason;
use gateway_core::sim::Chances;

use super::http::End;
use super::plan;
use super::stage::{KIND, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
/// Bytes under way in one direction on the narrow stage.
const NARROW: usize = 1_000;

/// A client that sends and never reads must not decide how much is held for it.
#[test]
fn pipelined_requests_of_a_client_that_does_not_read_are_no_longer_read() {
    let mut stage = Stage::on(plan::own(3_000), Chances { window: (NARROW as u64, NARROW as u64), ..KIND });
    let mut client = stage.dial();
    let mut sent = Vec::new();
    for _ in 0..300 {
        let sock = client.sock.as_ref().unwrap();
        let at = sent.len() % GET.len();
        if let Ok(count) = sock.write(&GET.as_bytes()[at..]) {
            sent.extend_from_slice(&GET.as_bytes()[at..at + count]);
        }
        stage.pass(1);
    }
    let census = stage.house.worker.census();
    assert!(sent.len() <= 3 * NARROW, "{} bytes were taken", sent.len());
    assert!(census.carried <= NARROW && census.unsent_down <= 2 * 3_500, "{census:?}");
    let requests = sent.len() / GET.len();
    let mut answers = 0;
    for _ in 0..requests * 5 {
        answers += stage.next(&mut client).matches("HTTP/1.1 200 OK\r\n").count();
        if answers == requests {
            return;
        }
    }
    panic!("{answers} of {requests}: those that were taken are answered");
}

/// RFC 9112 §9.6: a close with bytes unread is a reset, which may take the answer from the client.
#[test]
fn a_client_whose_request_is_refused_hears_the_answer_whatever_it_still_sends() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nx-long: {}", "x".repeat(70_000));
    for (says, status) in [
        ("POST / HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n", "400"),
        ("GET /../.. HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n", "400"),
        (long.as_str(), "431"),
    ] {
        let mut stage = Stage::new(plan::own(2));
        let mut client = stage.client(says);
        let more = "x".repeat(20_000);
        stage.say(&mut client, &more);
        stage.say(&mut client, &more);
        let heard = stage.hear(&mut client);
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{says:.40}: {heard}");
        assert!(heard.contains("\r\nConnection: close\r\n"), "{heard}");
        assert_eq!((heard.matches("HTTP/1.1 ").count(), client.end), (1, Some(End::Orderly)), "{says:.40}");
        drop(client);
        stage.pass(5);
        assert_eq!(stage.house.worker.census().downs, 0);
    }
}

/// What lingers is bounded in bytes and in time.
#[test]
fn a_refused_client_that_never_stops_sending_is_closed() {
    let mut stage = Stage::new(plan::own(2));
    let mut client = stage.client("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    let more = "x".repeat(10_000);
    for _ in 0..(gateway_core::worker::limits::LINGER_MS / 100 + 1) {
        stage.say(&mut client, &more);
        stage.pass(100);
    }
    assert_eq!(stage.house.worker.census().downs, 0);
    assert_eq!(stage.ended(Reason::RequestInvalid), 1);
}

/// How the network cuts them decides nothing.
#[test]
fn more_empty_lines_than_are_forgiven_are_refused_however_they_come() {
    let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let forgiven = "\r\n\r\n";
    let more = [
        &["\r\n", "\r\n", "\r\n", get][..],
        &["\r\n\r\n", "\r\n", get],
        &["\r\n", "\r\n\r\n", get],
        &["\r", "\n", "\r\n\r", "\n", get],
        &["\r\n\r\n", "\r", "\n", get],
        &["\r\n\r\n", "\r\nGET"],
    ];
    for lines in more {
        let mut stage = Stage::new(plan::own(2));
        let mut client = stage.client(&format!("{forgiven}{get}"));
        assert!(stage.next(&mut client).ends_with("\r\n\r\nxx"));
        for piece in ["\r\n", "\r\n", get] {
            stage.say(&mut client, piece);
        }
        assert!(stage.next(&mut client).ends_with("\r\n\r\nxx"), "as many before each request");
        for piece in lines {
            stage.say(&mut client, piece);
        }
        assert!(stage.next(&mut client).starts_with("HTTP/1.1 400 "), "{lines:?}");
        assert_eq!((stage.ended(Reason::Ok), stage.ended(Reason::RequestInvalid)), (2, 1));
    }
}

/// RFC 9112 §2.2: some clients end a body with an empty line that belongs to nothing.
#[test]
fn an_empty_line_after_a_body_is_not_answered_and_begins_no_head() {
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    for pieces in [vec![format!("{post}\r\n")], vec![post.to_owned(), "\r\n".into()]] {
        let mut stage = Stage::new(plan::own(2));
        let mut client = stage.dial();
        for piece in &pieces {
            stage.say(&mut client, piece);
        }
        assert!(stage.next(&mut client).ends_with("\r\n\r\nxx"));
        stage.pass(u64::from(plan::listener(0).header_timeout) + 500);
        assert_eq!((stage.next(&mut client).as_str(), client.end), ("", None));
        stage.say(&mut client, post);
        assert!(stage.next(&mut client).ends_with("\r\n\r\nxx"));
        assert_eq!(stage.ended(Reason::Ok), 2);
    }
}
