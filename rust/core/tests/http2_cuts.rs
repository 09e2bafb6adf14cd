//! How the network cuts a conversation decides nothing: whole, byte by byte and cut at random, the events and the answers
//! are the same.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod http2_peer;

use gateway_core::http2::cause::Cause;
use gateway_core::http2::frame::settings::Setting;
use gateway_core::http2::frame::{ACK, Kind, PADDED, PRIORITY};
use gateway_core::http2::{LocalSettings, PREFACE, Role};
use http2_peer::*;
use proptest::prelude::*;

/// Every kind of frame that a client may send, and then one that ends the connection.
fn client_says() -> Vec<u8> {
    let prioritised = [&[0, 0, 0, 3, 200][..], &fields(&GET)].concat();
    let padded = [&[5][..], &fields(&POST), &[0; 5]].concat();
    [
        PREFACE.to_vec(),
        settings(&[Setting::InitialWindow(10), Setting::MaxFrameSize(20_000)]),
        frame(Kind::Settings, ACK, 0, b""),
        frame(Kind::Headers, 5 | PRIORITY, 1, &prioritised),
        frame(Kind::Headers, 4 | PADDED, 3, &padded),
        frame(Kind::Priority, 0, 3, &[0, 0, 0, 0, 1]),
        data(3, b"hello", false),
        frame(Kind::Data, PADDED, 3, &[3, b'x', b'y', 0, 0, 0]),
        frame(Kind::Ping, 0, 0, b"12345678"),
        frame(Kind::Unknown, 9, 9, b"whatever this is"),
        data(3, b"", false),
        window(0, 1000),
        window(3, 1000),
        frame(Kind::PriorityUpdate, 0, 0, &[&[0, 0, 0, 3][..], &[b' '; 100], b"u=1"].concat()),
        cut_request(5, &[("a", "b")], 7),
        head_frame(3, &fields(&[("trailer-field", "x")]), true),
        request(7, &[("content-length", "3")], false),
        data(7, b"four", true),
        request(9, &[("Bad", "x")], true),
        request(11, &[], false),
        reset(11, 8),
        frame(Kind::GoAway, 0, 0, b"\0\0\0\0\0\0\0\0and why"),
        frame(Kind::Ping, 0, 0, b"short"),
        b"never looked at".to_vec(),
    ]
    .concat()
}

/// The same of a server, to a client that has asked three times.
fn server_says() -> Vec<u8> {
    [
        settings(&[Setting::MaxConcurrentStreams(7)]),
        head_frame(1, &fields(&[(":status", "103"), ("link", "</a>")]), false),
        head_frame(1, &fields(&[(":status", "200"), ("content-length", "11")]), false),
        data(1, b"hello ", false),
        head_frame(3, &fields(&[(":status", "200")]), false),
        data(1, b"world", true),
        frame(Kind::Ping, ACK, 0, b"12345678"),
        data(3, &[b'z'; 300], false),
        frame(Kind::GoAway, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]),
        head_frame(3, &fields(&[("grpc-status", "0")]), true),
        frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]),
    ]
    .concat()
}

type Outcome = (Vec<Seen>, Vec<u8>, Result<(), Cause>);

fn hear(role: Role, pieces: &[&[u8]]) -> Outcome {
    let mut subject = Subject::new(role, &LocalSettings::default());
    if role == Role::Client {
        for _ in 0..3 {
            subject.ask(true);
        }
    }
    let mut result = Ok(());
    for piece in pieces {
        result = subject.feed(piece);
    }
    (subject.events, subject.out, result)
}

fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min((*size).max(1)));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn the_conversations_say_all_there_is() {
    let says = client_says();
    let (events, _, result) = hear(Role::Server, &[&says]);
    assert_eq!(result, Err(Cause::FrameSize));
    assert_eq!(events.len(), 13, "{events:#?}");
    let says = server_says();
    let (events, _, result) = hear(Role::Client, &[&says]);
    assert_eq!(result, Err(Cause::Push));
    assert_eq!(events.len(), 11, "{events:#?}");
}

#[test]
fn byte_by_byte_is_the_same_as_whole() {
    for (role, says) in [(Role::Server, client_says()), (Role::Client, server_says())] {
        assert_eq!(hear(role, &cut(&says, &[1])), hear(role, &[&says]));
    }
}

#[test]
fn cut_in_two_anywhere_is_the_same_as_whole() {
    for (role, says) in [(Role::Server, client_says()), (Role::Client, server_says())] {
        let whole = hear(role, &[&says]);
        for at in 0..says.len() {
            let (first, second) = says.split_at(at);
            assert_eq!(hear(role, &[first, second]), whole, "cut at {at}");
        }
    }
}

proptest! {
    #[test]
    fn cut_at_random_is_the_same_as_whole(sizes in prop::collection::vec(0..60usize, 1..40)) {
        for (role, says) in [(Role::Server, client_says()), (Role::Client, server_says())] {
            prop_assert_eq!(hear(role, &cut(&says, &sizes)), hear(role, &[&says]));
        }
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        sizes in prop::collection::vec(0..60usize, 1..10),
        at in any::<prop::sample::Index>(),
    ) {
        let says = client_says();
        let at = at.index(says.len());
        let says = [&says[..at], &bytes, &says[at..]].concat();
        prop_assert_eq!(hear(Role::Server, &cut(&says, &sizes)), hear(Role::Server, &[&says]));
    }
}
