//! Two of our own connections talk to each other, client and server, under random cuts, windows, resets and delays: every
//! stream ends exactly once on either side, what arrives is what was sent, no window leaks and no stream is forgotten.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use gateway_core::hpack::Pseudo;
use gateway_core::http1::response::Answering;
use gateway_core::http2::code::Code;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::{Connection, Event, Key, LocalSettings, PREFACE, Role, Scratch};
use proptest::prelude::*;

const STREAMS: u32 = 8;

/// How one side ends its message.
#[derive(Debug, Clone, Copy)]
struct Plan {
    bytes: usize,
    trailers: bool,
}

/// A stream as one side sees it.
#[derive(Debug)]
struct Talk {
    key: Key,
    plan: Plan,
    sent: usize,
    got: usize,
    ours_ended: bool,
    theirs_ended: bool,
    reset: bool,
}

impl Talk {
    fn new(key: Key, plan: Plan) -> Self {
        Self { key, plan, sent: 0, got: 0, ours_ended: false, theirs_ended: false, reset: false }
    }

    fn is_over(&self) -> bool {
        self.reset || self.ours_ended && self.theirs_ended
    }
}

struct Side {
    connection: Connection,
    scratch: Scratch,
    out: Vec<u8>,
    talks: BTreeMap<u32, Talk>,
    /// Bytes that have come and are not consumed.
    owed: Vec<(Key, u32)>,
    /// What the answers will be.
    plans: Vec<Plan>,
    window: u32,
}

fn byte(id: u32, at: usize) -> u8 {
    (id as usize * 7 + at) as u8
}

impl Side {
    fn new(role: Role, stream_window: u32, connection_window: u32, plans: Vec<Plan>) -> Self {
        let local =
            LocalSettings { max_streams: STREAMS, stream_window, connection_window, ..Default::default() };
        let mut out = if role == Role::Client { PREFACE.to_vec() } else { Vec::new() };
        let most = Setting::MaxConcurrentStreams(STREAMS);
        settings::write(&[most, Setting::InitialWindow(stream_window)], &mut out);
        if connection_window > 65_535 {
            let increment = (connection_window - 65_535).to_be_bytes();
            out.extend([&[0, 0, 4, 8, 0, 0, 0, 0, 0][..], &increment].concat());
        }
        let (connection, window) = (Connection::new(role, &local), connection_window);
        let talks = BTreeMap::new();
        Self { connection, scratch: Scratch::default(), out, talks, owed: Vec::new(), plans, window }
    }

    fn ask(&mut self, plan: Plan) {
        let whole = plan.bytes == 0 && !plan.trailers;
        let asked = self.connection.request(Answering::default(), whole, &mut self.out, |encoder, out| {
            encoder.pseudo(Pseudo::Method, b"POST", out);
            encoder.pseudo(Pseudo::Scheme, b"http", out);
            encoder.pseudo(Pseudo::Authority, b"h", out);
            encoder.pseudo(Pseudo::Path, b"/", out);
        });
        let Some(key) = asked else { return };
        let mut talk = Talk::new(key, plan);
        talk.ours_ended = whole;
        assert!(self.talks.insert(key.id, talk).is_none());
        self.send(key);
    }

    fn answer(&mut self, key: Key, end: bool) {
        let plan = self.plans[key.id as usize / 2 % self.plans.len()];
        let mut talk = Talk::new(key, plan);
        talk.theirs_ended = end;
        assert!(self.talks.insert(key.id, talk).is_none(), "a stream opens once");
        assert!(self.connection.informational(key, &mut self.out, |encoder, out| encoder.status(103, out)));
        assert!(self.connection.head(key, false, &mut self.out, |encoder, out| encoder.status(200, out)));
        self.send(key);
    }

    /// Goes on with a message, as far as the windows allow, in pieces.
    fn send(&mut self, key: Key) {
        let Some(talk) = self.talks.get_mut(&key.id).filter(|talk| !talk.is_over() && !talk.ours_ended)
        else {
            return;
        };
        let piece = (talk.plan.bytes - talk.sent).min(20_000);
        let bytes: Vec<u8> = (talk.sent..talk.sent + piece).map(|at| byte(key.id, at)).collect();
        let all = talk.sent + piece == talk.plan.bytes;
        let went = self.connection.data(key, &bytes, all && !talk.plan.trailers, &mut self.out);
        talk.sent += went;
        if went < piece {
            return;
        }
        if all && talk.plan.trailers {
            let write = |encoder: &gateway_core::hpack::Encoder, out: &mut Vec<u8>| {
                encoder.field(b"grpc-status", b"0", false, out);
            };
            assert!(self.connection.trailers(key, &mut self.out, write));
        }
        talk.ours_ended = all;
        self.connection.want(key);
    }

    fn take_turn(&mut self) {
        for _ in 0..64 {
            let Some(key) = self.connection.next_ready() else { return };
            assert!(!self.talks[&key.id].reset, "a stream that is over is in no line");
            self.send(key);
        }
    }

    fn reset(&mut self, pick: usize) {
        let open: Vec<Key> =
            self.talks.values().filter(|talk| !talk.is_over()).map(|talk| talk.key).collect();
        if let Some(key) = open.get(pick % open.len().max(1)) {
            self.connection.reset(*key, Code::CANCEL, &mut self.out);
            self.forget(*key);
        }
    }

    /// The stream was reset: nothing of it is consumed any more.
    fn forget(&mut self, key: Key) {
        let talk = self.talks.get_mut(&key.id).unwrap();
        assert!(!talk.is_over(), "a stream ends once");
        talk.reset = true;
        self.owed.retain(|(owed, _)| *owed != key);
    }

    fn consume(&mut self, count: usize) {
        for (key, bytes) in self.owed.drain(..count.min(self.owed.len())) {
            self.connection.consumed(key, bytes, &mut self.out);
        }
    }

    fn receive(&mut self, mut input: &[u8]) {
        loop {
            let event = self.connection.next(&mut input, &mut self.scratch, &mut self.out).unwrap();
            let Some(event) = event else { return };
            match event {
                Event::Request { key, end, .. } => self.answer(key, end),
                Event::Response { key, end, .. } => self.ended(key, end),
                Event::Informational { key, .. } => self.ended(key, false),
                Event::Trailers { key, .. } => self.ended(key, true),
                Event::Data { key, bytes, end } => {
                    let talk = self.talks.get_mut(&key.id).unwrap();
                    let right =
                        bytes.iter().enumerate().all(|(i, found)| *found == byte(key.id, talk.got + i));
                    assert!(right, "bytes in are bytes out");
                    talk.got += bytes.len();
                    self.owed.push((key, bytes.len() as u32));
                    self.ended(key, end);
                }
                Event::Reset { key, code, why } => {
                    // Before the server's SETTINGS have come, the client may ask more than is allowed.
                    assert!(why.is_none() && [Code::CANCEL, Code::REFUSED_STREAM].contains(&code));
                    self.forget(key);
                }
                Event::Settings(_) | Event::SettingsAck => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn ended(&mut self, key: Key, end: bool) {
        let talk = self.talks.get_mut(&key.id).unwrap();
        assert!(!talk.reset && !talk.theirs_ended, "nothing comes after the end");
        talk.theirs_ended = end;
    }

    /// Everything has been said.
    fn check(&self, other: &Self) {
        let summary = self.connection.summary();
        assert_eq!((summary.live, summary.held), (0, 0), "no stream is forgotten");
        assert_eq!(summary.receive_window, i64::from(self.window), "no window leaks");
        for (id, talk) in &self.talks {
            assert!(talk.is_over(), "stream {id} has not ended: {talk:?}");
            if let Some(theirs) = other.talks.get(id).filter(|theirs| !theirs.reset && !talk.reset) {
                assert_eq!(talk.got, theirs.sent);
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Ask(Plan),
    /// Moves so many bytes, to the server or to the client.
    Move(bool, usize),
    Consume(bool, usize),
    Turn(bool),
    Reset(bool, usize),
}

fn plan(most: usize) -> impl Strategy<Value = Plan> {
    (prop_oneof![Just(0), 0..50usize, 0..most], any::<bool>())
        .prop_map(|(bytes, trailers)| Plan { bytes, trailers })
}

fn act(most: usize) -> impl Strategy<Value = Act> {
    let side = any::<bool>;
    prop_oneof![
        3 => plan(most).prop_map(Act::Ask),
        6 => (side(), prop_oneof![1..40usize, 1..40_000usize]).prop_map(|(side, bytes)| Act::Move(side, bytes)),
        2 => (side(), 1..4usize).prop_map(|(side, count)| Act::Consume(side, count)),
        2 => side().prop_map(Act::Turn),
        1 => (side(), any::<usize>()).prop_map(|(side, pick)| Act::Reset(side, pick)),
    ]
}

fn shift(from: &mut Side, to: &mut Side, bytes: usize) {
    let rest = from.out.split_off(bytes.min(from.out.len()));
    let moved = std::mem::replace(&mut from.out, rest);
    to.receive(&moved);
    if from.out.is_empty() {
        from.connection.flushed();
    }
}

fn perform(act: Act, client: &mut Side, server: &mut Side) {
    let pick = |to_server: bool| if to_server { 0 } else { 1 };
    let sides = [&mut *client, &mut *server];
    match act {
        Act::Ask(plan) => client.ask(plan),
        Act::Move(true, bytes) => shift(client, server, bytes),
        Act::Move(false, bytes) => shift(server, client, bytes),
        Act::Consume(side, count) => sides.into_iter().nth(pick(side)).unwrap().consume(count),
        Act::Turn(side) => sides.into_iter().nth(pick(side)).unwrap().take_turn(),
        Act::Reset(side, stream) => sides.into_iter().nth(pick(side)).unwrap().reset(stream),
    }
}

/// Lets both sides speak and consume until nothing is left to say.
fn drain(client: &mut Side, server: &mut Side) {
    for _ in 0..100_000 {
        for side in [&mut *client, &mut *server] {
            side.consume(usize::MAX);
            side.take_turn();
        }
        if client.out.is_empty() && server.out.is_empty() {
            return;
        }
        shift(client, server, usize::MAX);
        shift(server, client, usize::MAX);
    }
    panic!("they never stop");
}

fn run(windows: [(u32, u32); 2], plans: Vec<Plan>, acts: Vec<Act>) {
    let mut client = Side::new(Role::Client, windows[0].0, windows[0].1, plans.clone());
    let mut server = Side::new(Role::Server, windows[1].0, windows[1].1, plans);
    for act in acts {
        perform(act, &mut client, &mut server);
    }
    drain(&mut client, &mut server);
    client.check(&server);
    server.check(&client);
}

fn windows(stream: std::ops::Range<u32>) -> impl Strategy<Value = (u32, u32)> {
    (stream, prop_oneof![Just(65_535), 65_535..300_000u32])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_stream_ends_once_and_no_window_leaks(
        client in windows(20_000..200_000),
        server in windows(20_000..200_000),
        plans in prop::collection::vec(plan(150_000), 1..8),
        acts in prop::collection::vec(act(150_000), 0..120),
    ) {
        run([client, server], plans, acts);
    }

    #[test]
    fn the_same_with_tiny_windows(
        client in windows(1..300),
        server in windows(1..300),
        plans in prop::collection::vec(plan(400), 1..8),
        acts in prop::collection::vec(act(400), 0..120),
    ) {
        run([client, server], plans, acts);
    }
}
