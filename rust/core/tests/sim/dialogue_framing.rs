//! Where messages end: what is cut looks cut, what has no body has none, and what comes before or after a body passes.

use gateway_core::reason::Reason;

use super::http::End;
use super::stage::{Speaker, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD: &str = "GET /a HTTP/1.0\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A request has reached the server.
fn asked(says: &str) -> (Stage, Speaker, Speaker) {
    let mut stage = Stage::plain();
    let client = stage.client(says);
    let mut server = stage.server();
    stage.hear(&mut server);
    (stage, client, server)
}

/// The server says this and closes in order.
fn cut(says: &str, answer: &str) -> (String, Option<End>) {
    let (mut stage, mut client, mut server) = asked(says);
    stage.say(&mut server, answer);
    server.sock = None;
    let heard = stage.hear(&mut client);
    assert_eq!(stage.ended(Reason::UpstreamTruncated), 1, "{answer:?}");
    assert_eq!(stage.house.worker.census().ups, 0);
    (heard, client.end)
}

/// RFC 9112 §8: a recipient must be able to tell that the answer is incomplete.
#[test]
fn an_answer_with_a_length_that_ends_early_is_reset() {
    let (heard, end) = cut(GET, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert!(heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert_eq!(end, Some(End::Reset));
}

#[test]
fn a_chunked_answer_that_ends_early_is_reset_and_has_no_last_chunk() {
    for rest in ["5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "a\r\nhello"] {
        let (heard, end) = cut(GET, &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}"));
        assert!(heard.contains("hello") && !heard.contains("\r\n0\r\n"), "{rest:?}: {heard}");
        assert_eq!(end, Some(End::Reset), "{rest:?}");
    }
}

/// A client of HTTP/1.0 is sent such an answer until close: only a reset says that it was cut.
#[test]
fn a_chunked_answer_that_ends_early_is_reset_for_an_old_client_too() {
    let (heard, end) = cut(OLD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    assert!(heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert_eq!(end, Some(End::Reset));
}

/// Serve one request whose answer has no body, then another one: over the same two connections.
fn bodiless(method: &str, answer: &str) -> String {
    let (mut stage, mut client, mut server) = asked(&GET.replace("GET", method));
    stage.say(&mut server, answer);
    let first = stage.next(&mut client);
    stage.say(&mut client, GET);
    assert!(stage.next(&mut server).starts_with("GET /a "), "the server's connection is used again");
    stage.say(&mut server, OK);
    assert!(stage.next(&mut client).ends_with("\r\n\r\nok"), "the client's connection is used again");
    assert_eq!(stage.ended(Reason::Ok), 2);
    assert!(stage.nobody_else());
    assert!(first.ends_with("\r\n\r\n") && !first.contains("Transfer-Encoding"), "{first}");
    first
}

/// RFC 9110 §8.6, RFC 9112 §6.3.
#[test]
fn answers_to_head_and_304_keep_their_length_and_have_no_body() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4711\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4711\r\n\r\n"),
        ("HEAD", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4711\r\n\r\n"),
    ] {
        assert!(bodiless(method, answer).contains("\r\nContent-Length: 4711\r\n"), "{answer}");
    }
}

#[test]
fn answers_without_a_body_are_not_waited_for() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
    ] {
        assert!(!bodiless(method, answer).contains("Content-Length"), "{answer}");
    }
}

#[test]
fn trailers_pass_both_ways() {
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stage = Stage::plain();
    let mut client = stage.client(&format!("{post}2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n"));
    let mut server = stage.server();
    let asked = stage.request(&mut server);
    assert_eq!(
        (asked.body.as_slice(), asked.trailers),
        (b"hi".as_slice(), vec![("x-sum".into(), "1".into())])
    );
    stage.say(
        &mut server,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-end: 2\r\n\r\n",
    );
    let heard = stage.hear(&mut client);
    assert!(heard.ends_with("\r\n\r\n2\r\nok\r\n0\r\nx-end: 2\r\n\r\n"), "{heard}");
    assert_eq!(stage.house.worker.census().idle, 1);
}

/// RFC 9110 §10.1.1: who waits is told by the upstream, not by the gateway.
#[test]
fn a_100_continue_is_the_upstreams_to_give() {
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let (mut stage, mut client, mut server) = asked(head);
    assert!(server.text().contains("100-continue"), "{}", server.text());
    assert_eq!(stage.hear(&mut client), "");
    stage.say(&mut server, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(stage.next(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    stage.say(&mut client, "hi");
    assert_eq!(stage.next(&mut server), "hi");
    stage.say(&mut server, OK);
    assert!(stage.next(&mut client).ends_with("\r\n\r\nok"));
    assert_eq!((stage.ended(Reason::Ok), stage.house.worker.census().idle), (1, 1));
}

/// RFC 8297.
#[test]
fn early_hints_pass_at_once() {
    let (mut stage, mut client, mut server) = asked(GET);
    stage.say(&mut server, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    assert_eq!(stage.next(&mut client), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    stage.say(&mut server, OK);
    assert!(stage.next(&mut client).starts_with("HTTP/1.1 200 OK\r\n"));
}

/// RFC 9110 §15.2.
#[test]
fn a_client_of_http_1_0_is_never_sent_a_1xx() {
    let (mut stage, mut client, mut server) = asked(OLD);
    for informational in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"] {
        stage.say(&mut server, informational);
        assert_eq!(stage.hear(&mut client), "");
    }
    stage.say(&mut server, OK);
    let heard = stage.hear(&mut client);
    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") && heard.ends_with("\r\n\r\nok"), "{heard}");
}
