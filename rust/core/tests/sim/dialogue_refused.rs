//! Streams that an upstream has refused: it has not looked at them, so whatever they ask goes to another connection, with
//! all of its body that has left.

use gateway_core::document::Protocol;
use gateway_core::reason::Reason;
use gateway_core::worker::limits::REPLAY_BYTES;

use super::frames::{self, HELLO, beginning, data, goaway, head, last_data};
use super::plan::{self, forward, rule};
use super::stage::{KIND, Speaker, Stage};

const POST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":path", "/a"), (":authority", "a")];
const OLD_POST: &str = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nbody";

fn stage() -> Stage {
    let mut document = plan::document(vec![rule("all", "/", forward(0))], vec![frames::upstream("two")]);
    document.listeners[0].protocols = vec![Protocol::Http1, Protocol::H2];
    let stage = Stage::on(document, KIND);
    frames::serve(&stage);
    stage
}

/// What the client says reaches a connection that refuses it; the client and the next connection.
fn refused(stage: &mut Stage, says: &str) -> (Speaker, Speaker) {
    let client = stage.client(says);
    let mut first = frames::server(stage);
    assert!(first.text().contains("body"), "a part of the body has left: {:?}", first.text());
    stage.say(&mut first, &goaway(0));
    (client, frames::server(stage))
}

fn answer(stage: &mut Stage, server: &mut Speaker) {
    stage.say(server, &head(1, &[(":status", "200")]));
    assert_eq!(stage.ended(Reason::Ok), 1);
}

#[test]
fn a_whole_request_of_a_stream_is_sent_again_with_its_body() {
    let mut stage = stage();
    let says = HELLO.to_owned() + &beginning(1, &POST) + &data(1, "some") + &last_data(1, "body");
    let (_client, mut second) = refused(&mut stage, &says);
    assert!(second.text().contains("somebody"), "{:?}", second.text());
    answer(&mut stage, &mut second);
}

#[test]
fn what_follows_of_a_body_follows_what_is_sent_again() {
    let mut stage = stage();
    let says = HELLO.to_owned() + &beginning(1, &POST) + &data(1, "body");
    let (mut client, mut second) = refused(&mut stage, &says);
    assert!(second.text().contains("body"), "{:?}", second.text());
    stage.say(&mut client, &last_data(1, " and soul"));
    assert!(stage.next(&mut second).ends_with(" and soul"));
    answer(&mut stage, &mut second);
}

#[test]
fn a_request_of_http1_is_sent_again_with_its_body_too() {
    let mut stage = stage();
    let (mut client, mut second) = refused(&mut stage, OLD_POST);
    assert!(second.text().contains("body"), "{:?}", second.text());
    stage.say(&mut client, "soul");
    assert!(stage.next(&mut second).ends_with("soul"));
    answer(&mut stage, &mut second);
}

/// It is kept until the answer begins, and no more of it than of any other request.
#[test]
fn a_long_body_is_not_sent_again() {
    let mut stage = stage();
    let mut client = stage.client(&(HELLO.to_owned() + &beginning(1, &POST)));
    let mut first = frames::server(&mut stage);
    let piece = "x".repeat(100);
    for _ in 0..=REPLAY_BYTES / piece.len() {
        stage.say(&mut client, &data(1, &piece));
        stage.hear(&mut first);
    }
    assert!(stage.house.worker.census().carried <= REPLAY_BYTES);
    stage.say(&mut first, &goaway(0));
    assert_eq!(stage.ended(Reason::UpstreamClosed), 1);
}
