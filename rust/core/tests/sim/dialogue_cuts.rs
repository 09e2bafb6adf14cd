//! How the network cuts what a client says decides nothing.
//!
//! Theory: a conversation is said at once, then in two pieces for every place where it can be cut, then byte by byte, and
//! then in pieces drawn by chance. What the client hears and why its requests ended must be the same each time. Reading a
//! head says so of itself (`http1_cuts.rs`); here the connection around it is held to it.

use std::fmt::Debug;

use gateway_core::document::Protocol;
use gateway_core::reason::Reason;

use super::dice::Dice;
use super::http::Message;
use super::plan;
use super::stage::Stage;

/// Without bodies: our own answer may come before a body does, and then nobody knows yet whether it is a good one.
const TALKS: [&str; 16] = [
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a HTTP/1.0\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\n\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /..%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n folded: no\r\n\r\n",
    "GET /a HTTP/1.1\nHost: a\n\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "\x16\x03\x01\x01\x0c\x01\r\n\r\n",
];

/// Two requests each that an upstream gets.
const FORWARDED: [&str; 5] = [
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nhell\r\n1\r\no\r\n0\r\nX-Sum: 1\r\n\r\n\
     GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //a/./b?c=%2f HTTP/1.1\r\nHost: a\r\nConnection: x-mine\r\nX-Mine: 1\r\n\r\n\
     POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n\
     GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\r\n\r\nDELETE /b HTTP/1.0\r\nHost: a\r\n\r\n",
];

/// What is heard in the end but for its date, and how its requests have ended.
fn heard(pieces: &[&str]) -> (String, [u64; 2]) {
    let mut document = plan::own(2);
    document.listeners[0].protocols = vec![Protocol::H2, Protocol::Http1];
    let mut stage = Stage::new(document);
    let mut client = stage.dial();
    for piece in pieces {
        stage.say(&mut client, piece);
    }
    let text = stage.hear(&mut client);
    let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("Date: "));
    (lines.collect(), [Reason::Ok, Reason::RequestInvalid].map(|reason| stage.ended(reason)))
}

/// What the upstream is asked, but for the number of the request; and what the client hears.
fn forwarded(pieces: &[&str]) -> (Vec<Message>, String) {
    let mut stage = Stage::plain();
    let mut client = stage.dial();
    for piece in pieces {
        stage.say(&mut client, piece);
    }
    let mut server = stage.server();
    let mut asked = Vec::new();
    for _ in 0..2 {
        let mut request = stage.request(&mut server);
        request.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("x-request-id"));
        asked.push(request);
        stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: now\r\n\r\nok");
    }
    (asked, stage.hear(&mut client))
}

fn in_pieces(talk: &'static str, cuts: &[usize]) -> Vec<&'static str> {
    let ends = cuts.iter().copied().chain([talk.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(start, end)| &talk[start..end]).collect()
}

/// In two pieces, and byte by byte.
fn the_same_wherever_it_is_cut<T: PartialEq + Debug>(talk: &'static str, goes: impl Fn(&[&str]) -> T) {
    let whole = goes(&[talk]);
    for cut in 1..talk.len() {
        assert_eq!(goes(&in_pieces(talk, &[cut])), whole, "{talk:?}, cut at {cut}");
    }
    let every: Vec<_> = (1..talk.len()).collect();
    assert_eq!(goes(&in_pieces(talk, &every)), whole, "{talk:?}, byte by byte");
}

#[test]
fn a_conversation_goes_the_same_way_wherever_it_is_cut() {
    for talk in TALKS {
        assert!(!heard(&[talk]).0.is_empty(), "{talk:?} is not answered");
        the_same_wherever_it_is_cut(talk, heard);
    }
}

#[test]
fn what_is_forwarded_is_the_same_wherever_it_is_cut() {
    for talk in FORWARDED {
        the_same_wherever_it_is_cut(talk, forwarded);
    }
}

#[test]
fn a_conversation_goes_the_same_way_in_pieces_drawn_by_chance() {
    let mut dice = Dice::new(9112);
    for talk in TALKS {
        let whole = heard(&[talk]);
        for _ in 0..100 {
            let cuts: Vec<_> = (1..talk.len()).filter(|_| dice.percent(15)).collect();
            assert_eq!(heard(&in_pieces(talk, &cuts)), whole, "{talk:?}, cut at {cuts:?}");
        }
    }
}
