//! The client's connection against gateway-core's in the role of a server: what ends well, what ends badly, what waits.

use super::{Asked, Ended, Many, Plan, WINDOW_BYTES};
use crate::plan::parse;
use crate::tally::Failure;
use gateway_core::http2::code::Code;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::{Connection, Event, Key, LocalSettings, Role, Scratch};

fn plan(options: &str) -> Plan {
    let line = format!("--protocol|h2|--streams|4|{options}|http://127.0.0.1:1/p");
    parse(line.split('|').map(str::to_owned)).unwrap()
}

struct Pair<'p> {
    client: Many<'p>,
    server: Connection,
    heads: Scratch,
    to_client: Vec<u8>,
    /// Requests that have come, and whether their head was all of them.
    requests: Vec<(Key, bool)>,
    /// Bytes of their bodies.
    body: usize,
    ended: Vec<Ended>,
}

impl<'p> Pair<'p> {
    fn new(plan: &'p Plan, offer: &[Setting]) -> Self {
        let mut to_client = Vec::new();
        settings::write(offer, &mut to_client);
        let local = LocalSettings { max_streams: 100, ..LocalSettings::default() };
        let (client, server) = (Many::new(plan), Connection::new(Role::Server, &local));
        let heads = Scratch::default();
        Self { client, server, heads, to_client, requests: Vec::new(), body: 0, ended: Vec::new() }
    }

    fn ask(&mut self, requests: u64) {
        for intended in 0..requests {
            self.client.begin(Asked { intended, begun: intended });
        }
    }

    /// What the client has said reaches the server, and back, until nobody has anything to say.
    fn exchange(&mut self) -> Result<(), Failure> {
        while !self.client.unsent().is_empty() || !self.to_client.is_empty() {
            let said = self.client.unsent().to_vec();
            self.client.sent(said.len());
            let mut input = &said[..];
            while let Some(event) =
                self.server.next(&mut input, &mut self.heads, &mut self.to_client).unwrap()
            {
                match event {
                    Event::Request { key, end, .. } => self.requests.push((key, end)),
                    Event::Data { key, bytes, .. } => {
                        self.body += bytes.len();
                        self.server.consumed(key, bytes.len() as u32, &mut self.to_client);
                    }
                    _ => {}
                }
            }
            let heard = std::mem::take(&mut self.to_client);
            self.client.feed(&heard, &mut self.heads, &mut self.ended)?;
        }
        Ok(())
    }

    fn answer(&mut self, key: Key, status: u16, body: &[u8]) {
        let head = body.is_empty();
        assert!(self.server.head(key, head, &mut self.to_client, |e, out| e.status(status, out)));
        if !head {
            assert_eq!(self.server.data(key, body, true, &mut self.to_client), body.len());
        }
    }

    fn outcomes(&mut self) -> Vec<(u64, Result<(), Failure>)> {
        self.ended.drain(..).map(|ended| (ended.intended, ended.outcome)).collect()
    }
}

#[test]
fn requests_are_told_apart_and_judged_by_status_and_length() {
    let plan = plan("--expect|3");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(4);
    pair.exchange().unwrap();
    let keys: Vec<_> = pair.requests.iter().map(|(key, _)| *key).collect();
    pair.answer(keys[2], 200, b"abc");
    pair.answer(keys[0], 503, b"abc");
    pair.answer(keys[1], 200, b"abcd");
    pair.answer(keys[3], 204, b"");
    pair.exchange().unwrap();
    let (status, length) = (Err(Failure::Status), Err(Failure::Length));
    assert_eq!(pair.outcomes(), [(2, Ok(())), (0, status), (1, length), (3, length)]);
    assert!(pair.client.idle() && !pair.client.over());
}

#[test]
fn the_first_flight_opens_both_windows_and_forbids_push() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[]);
    pair.exchange().unwrap();
    assert_eq!(pair.server.peer().stream_window, WINDOW_BYTES);
    assert_eq!(pair.server.summary().send_window, WINDOW_BYTES as usize);
}

#[test]
fn the_settings_of_the_server_are_acknowledged_once() {
    let plan = plan("");
    let mut client = Many::new(&plan);
    client.sent(client.unsent().len());
    let (mut offer, mut ack) = (Vec::new(), Vec::new());
    settings::write(&[], &mut offer);
    settings::write_ack(&mut ack);
    client.feed(&offer, &mut Scratch::default(), &mut Vec::new()).unwrap();
    assert_eq!(client.unsent(), ack);
}

#[test]
fn what_the_server_has_no_room_for_waits_its_turn() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[Setting::MaxConcurrentStreams(2)]);
    pair.exchange().unwrap();
    pair.ask(4);
    pair.exchange().unwrap();
    assert_eq!(pair.requests.len(), 2);
    let (first, _) = pair.requests[0];
    pair.answer(first, 200, b"x");
    pair.exchange().unwrap();
    assert_eq!((pair.requests.len(), pair.outcomes()), (3, vec![(0, Ok(()))]));
    pair.client.expire(4, &mut pair.ended);
    assert_eq!(pair.outcomes().len(), 3, "those that wait can be late as well");
    assert!(pair.client.idle());
}

#[test]
fn a_reset_ends_one_request_and_no_other() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(2);
    pair.exchange().unwrap();
    let (first, second) = (pair.requests[0].0, pair.requests[1].0);
    pair.server.reset(first, Code::INTERNAL_ERROR, &mut pair.to_client);
    pair.answer(second, 200, b"x");
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(0, Err(Failure::Reset)), (1, Ok(()))]);
}

#[test]
fn a_length_that_is_contradicted_is_malformed() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(1);
    pair.exchange().unwrap();
    let (key, _) = pair.requests[0];
    let head = |e: &gateway_core::hpack::Encoder, out: &mut Vec<u8>| {
        e.status(200, out);
        e.field(b"content-length", b"5", false, out);
    };
    assert!(pair.server.head(key, false, &mut pair.to_client, head));
    pair.server.data(key, b"abc", true, &mut pair.to_client);
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(0, Err(Failure::Malformed))]);
}

#[test]
fn goaway_fails_what_was_not_taken_and_the_rest_ends_before_the_connection_does() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(2);
    pair.exchange().unwrap();
    let (first, _) = pair.requests[0];
    pair.server.goaway(first.id, Code::NO_ERROR, &mut pair.to_client);
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(1, Err(Failure::GoAway))]);
    pair.client.begin(Asked { intended: 7, begun: 7 });
    pair.exchange().unwrap();
    assert!(!pair.client.over(), "one answer is still to come");
    pair.answer(first, 200, b"x");
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(0, Ok(()))]);
    assert!(pair.client.over() && !pair.client.idle(), "what waits needs another connection");
    pair.client.restart();
    assert!(!pair.client.over() && pair.client.live == 1);
}

#[test]
fn with_the_connection_every_request_fails_once_and_begun_answers_are_short() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[Setting::MaxConcurrentStreams(2)]);
    pair.exchange().unwrap();
    pair.ask(3);
    pair.exchange().unwrap();
    let (second, _) = pair.requests[1];
    assert!(pair.server.head(second, false, &mut pair.to_client, |e, out| e.status(200, out)));
    pair.exchange().unwrap();
    pair.client.abandon(Failure::Closed, &mut pair.ended);
    let (closed, short) = (Err(Failure::Closed), Err(Failure::Short));
    assert_eq!(pair.outcomes(), [(0, closed), (1, short), (2, closed)]);
    pair.client.abandon(Failure::Closed, &mut pair.ended);
    assert_eq!(pair.outcomes(), []);
}

#[test]
fn a_late_request_is_cancelled_and_its_late_answer_harms_nobody() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(2);
    pair.exchange().unwrap();
    pair.client.expire(1, &mut pair.ended);
    assert_eq!(pair.outcomes(), [(0, Err(Failure::Timeout))]);
    let (first, second) = (pair.requests[0].0, pair.requests[1].0);
    pair.answer(first, 200, b"late");
    pair.answer(second, 200, b"x");
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(1, Ok(()))]);
}

#[test]
fn a_connection_for_one_request_is_over_with_it_however_it_ended() {
    for good in [true, false] {
        let line = "--protocol|h2|--new-connections|http://127.0.0.1:1/p";
        let plan = parse(line.split('|').map(str::to_owned)).unwrap();
        let mut pair = Pair::new(&plan, &[]);
        pair.ask(1);
        pair.exchange().unwrap();
        assert!(!pair.client.over());
        let (key, _) = pair.requests[0];
        match good {
            true => pair.answer(key, 200, b"x"),
            false => pair.server.reset(key, Code::INTERNAL_ERROR, &mut pair.to_client),
        }
        pair.exchange().unwrap();
        assert_eq!(pair.outcomes().len(), 1);
        assert!(pair.client.over());
    }
}

#[test]
fn what_is_not_http2_ends_the_connection() {
    let plan = plan("");
    let mut pair = Pair::new(&plan, &[]);
    let fate = pair.client.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n", &mut pair.heads, &mut pair.ended);
    assert_eq!(fate, Err(Failure::Malformed));
}

#[test]
fn a_body_larger_than_the_windows_goes_in_turns() {
    let plan = plan("--body|200KiB");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(2);
    pair.exchange().unwrap();
    assert_eq!((pair.requests.len(), pair.body), (2, 2 * 200 * 1024));
    for (key, end) in std::mem::take(&mut pair.requests) {
        assert!(!end);
        pair.answer(key, 200, b"x");
    }
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(0, Ok(())), (1, Ok(()))]);
}

#[test]
fn an_answer_before_the_whole_request_is_good_and_the_rest_is_not_sent() {
    let plan = plan("--body|200KiB");
    let mut pair = Pair::new(&plan, &[Setting::InitialWindow(10)]);
    pair.exchange().unwrap();
    pair.ask(1);
    let said = pair.client.unsent().to_vec();
    pair.client.sent(said.len());
    let (mut input, mut heads) = (&said[..], Scratch::default());
    let Some(Event::Request { key, .. }) =
        pair.server.next(&mut input, &mut heads, &mut pair.to_client).unwrap()
    else {
        panic!("a request")
    };
    pair.answer(key, 200, b"x");
    pair.exchange().unwrap();
    assert_eq!(pair.outcomes(), [(0, Ok(()))]);
    assert!(pair.client.idle());
}

#[test]
fn a_grpc_answer_needs_its_trailers() {
    let plan = plan("--grpc");
    let mut pair = Pair::new(&plan, &[]);
    pair.ask(3);
    pair.exchange().unwrap();
    let keys: Vec<_> = pair.requests.iter().map(|(key, _)| *key).collect();
    let head = |e: &gateway_core::hpack::Encoder, out: &mut Vec<u8>| {
        e.status(200, out);
        e.field(b"content-type", b"application/grpc", false, out);
    };
    for (key, status) in [(keys[0], Some("0")), (keys[1], Some("13")), (keys[2], None)] {
        assert!(pair.server.head(key, false, &mut pair.to_client, head));
        pair.server.data(key, b"\0\0\0\0\x01a", status.is_none(), &mut pair.to_client);
        if let Some(status) = status {
            pair.server.trailers(key, &mut pair.to_client, |e, out| {
                e.field(b"grpc-status", status.as_bytes(), false, out);
            });
        }
    }
    pair.exchange().unwrap();
    let fault = Err(Failure::Grpc);
    assert_eq!(pair.outcomes(), [(0, Ok(())), (1, fault), (2, fault)]);
}
