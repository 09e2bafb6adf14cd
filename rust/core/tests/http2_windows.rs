//! Flow control in both directions, and who may send next. RFC 9113 §5.2, §6.9; RFC 9218 §10.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod http2_peer;

use gateway_core::http2::cause::Cause;
use gateway_core::http2::frame::settings::Setting;
use gateway_core::http2::frame::{ACK, Kind, PADDED};
use gateway_core::http2::{Key, LocalSettings, PREFACE, Role, Why};
use http2_peer::*;

/// A server that may send `stream` bytes on each stream, with as many requests answered by heads.
fn answering(stream: u32, priorities: &[Option<&str>]) -> (Subject, Vec<Key>) {
    let mut subject = Subject::server();
    subject.feed(&settings(&[Setting::InitialWindow(stream)])).unwrap();
    for (i, priority) in priorities.iter().enumerate() {
        let extra: Vec<_> = priority.iter().map(|value| ("priority", *value)).collect();
        subject.feed(&request(2 * i as u32 + 1, &extra, true)).unwrap();
    }
    let keys = subject.keys.clone();
    for key in &keys {
        assert!(subject.answer(*key, false));
    }
    subject.frames();
    (subject, keys)
}

#[test]
fn more_data_than_the_window_allows_is_refused_on_the_stream_and_on_the_connection() {
    let small = LocalSettings { stream_window: 100, ..LocalSettings::default() };
    let mut subject = Subject::new(Role::Server, &small);
    subject.feed(&[PREFACE, &settings(&[]), &frame(Kind::Settings, ACK, 0, b"")].concat()).unwrap();
    subject.feed(&[request(1, &[], false), data(1, &[0; 101], false)].concat()).unwrap();
    let cause = Cause::WindowExceeded;
    assert_eq!(subject.events.last(), Some(&Seen::Reset(1, cause.code().0, Some(Why::Frame(cause)))));
    assert_eq!(subject.connection.summary().receive_window, 65_535, "the connection's room is not lost");
    let mut subject = Subject::server();
    subject.eager = false;
    subject.feed(&[request(1, &[], false), request(3, &[], false)].concat()).unwrap();
    let block = data(1, &[0; 16_000], false).repeat(4);
    subject.feed(&block).unwrap();
    assert_eq!(subject.feed(&data(3, &[0; 2_000], false)), Err(cause));
}

#[test]
fn a_smaller_window_counts_only_once_it_was_acknowledged() {
    let small = LocalSettings { stream_window: 100, ..LocalSettings::default() };
    let mut subject = Subject::new(Role::Server, &small);
    subject.eager = false;
    subject
        .feed(&[PREFACE, &settings(&[]), &request(1, &[], false), &data(1, &[0; 5_000], false)].concat())
        .unwrap();
    subject.feed(&frame(Kind::Settings, ACK, 0, b"")).unwrap();
    subject.feed(&data(1, &[0; 1], false)).unwrap();
    assert!(matches!(subject.events.last(), Some(Seen::Reset(1, 3, _))), "now it is negative");
}

#[test]
fn credit_that_was_too_little_for_the_larger_window_is_given_when_it_gets_smaller() {
    let small = LocalSettings { stream_window: 20_000, ..LocalSettings::default() };
    let mut subject = Subject::new(Role::Server, &small);
    let filled = data(1, &[0; 13_107], false).repeat(5);
    subject.feed(&[PREFACE, &settings(&[]), &request(1, &[], false), &filled].concat()).unwrap();
    subject.frames();
    subject.feed(&frame(Kind::Settings, ACK, 0, b"")).unwrap();
    let given: Vec<_> = subject.frames().iter().map(|(head, _)| (head.kind, head.stream)).collect();
    assert_eq!(given, [(Kind::WindowUpdate, 1)], "else the peer would wait for ever");
}

#[test]
fn window_updates_stand_for_many_frames_and_follow_what_was_consumed() {
    let mut subject = Subject::server();
    subject.eager = false;
    subject.feed(&request(1, &[], false)).unwrap();
    let key = subject.keys[0];
    assert_eq!(subject.frames().len(), 1, "SETTINGS are acknowledged");
    for _ in 0..60 {
        subject.feed(&data(1, &[0; 1_000], false)).unwrap();
    }
    assert_eq!(subject.frames(), [], "nothing was consumed");
    for _ in 0..60 {
        subject.connection.consumed(key, 1_000, &mut subject.out);
    }
    let frames = subject.frames();
    let given: Vec<_> = frames.iter().map(|(head, payload)| (head.stream, payload.clone())).collect();
    let increment = 33_000u32.to_be_bytes().to_vec();
    assert_eq!(given, [(1, increment.clone()), (0, increment)]);
    subject.connection.consumed(key, 1_000, &mut subject.out);
    assert_eq!(subject.connection.summary().receive_window, 65_535, "more than there was counts for nothing");
}

#[test]
fn padding_is_given_back_and_data_of_no_stream_too() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    for _ in 0..2_000 {
        subject.feed(&frame(Kind::Data, PADDED, 1, &[vec![200], vec![7; 300]].concat())).unwrap();
    }
    assert_eq!(subject.connection.summary().receive_window, 65_535);
    assert_eq!(subject.events.last(), Some(&Seen::Data(1, vec![7; 200_000], false)));
}

#[test]
fn data_waits_for_the_windows_and_goes_on_when_they_grow() {
    let (mut subject, keys) = answering(10, &[None]);
    let sent = subject.connection.data(keys[0], &[1; 25], true, &mut subject.out);
    assert_eq!((sent, subject.connection.next_ready()), (10, None));
    subject.feed(&window(1, 5)).unwrap();
    assert_eq!(subject.connection.next_ready(), Some(keys[0]));
    assert_eq!(subject.connection.next_ready(), None, "its turn is taken");
    assert_eq!(subject.connection.data(keys[0], &[1; 15], true, &mut subject.out), 5);
    subject.feed(&settings(&[Setting::InitialWindow(20)])).unwrap();
    assert_eq!(subject.connection.next_ready(), Some(keys[0]));
    assert_eq!(subject.connection.data(keys[0], &[1; 10], true, &mut subject.out), 10);
    let ends: Vec<_> = subject.frames().iter().map(|(head, _)| (head.length, head.flags)).collect();
    assert_eq!(ends, [(10, 0), (5, 0), (0, 1), (10, 1)], "data, and an acknowledgement of SETTINGS between");
    assert_eq!(subject.connection.summary().live, 0);
}

#[test]
fn a_window_may_become_negative_and_must_be_made_up_for() {
    let (mut subject, keys) = answering(100, &[None]);
    assert_eq!(subject.connection.data(keys[0], &[1; 90], false, &mut subject.out), 90);
    subject.feed(&settings(&[Setting::InitialWindow(20)])).unwrap();
    assert_eq!(subject.connection.data(keys[0], &[1; 5], false, &mut subject.out), 0);
    subject.feed(&window(1, 70)).unwrap();
    assert_eq!(subject.connection.next_ready(), None);
    subject.feed(&window(1, 2)).unwrap();
    assert_eq!(subject.connection.next_ready(), Some(keys[0]));
    assert_eq!(subject.connection.data(keys[0], &[1; 5], false, &mut subject.out), 2);
    assert_eq!(subject.connection.data(keys[0], b"", true, &mut subject.out), 0, "an end needs no window");
    assert_eq!(subject.connection.summary().live, 0);
}

#[test]
fn windows_never_exceed_31_bits() {
    let (mut subject, _) = answering(100, &[None]);
    let most = (1 << 31) - 1;
    subject.feed(&window(1, most)).unwrap();
    assert!(matches!(subject.events.last(), Some(Seen::Reset(1, 3, _))));
    assert_eq!(subject.feed(&window(0, most)), Err(Cause::WindowOverflow));
    let (mut subject, _) = answering(100, &[None]);
    subject.feed(&window(1, most - 100)).unwrap();
    assert_eq!(subject.feed(&settings(&[Setting::InitialWindow(101)])), Err(Cause::WindowOverflow));
}

/// The order in which streams that all wait for the connection's window get it, `bytes` at a time.
fn order(subject: &mut Subject, keys: &[Key], bytes: usize, turns: usize) -> Vec<u32> {
    let most = subject.connection.summary().send_window;
    for key in keys {
        assert_eq!(
            subject.connection.data(*key, &vec![0; most + 1], false, &mut subject.out),
            if key == &keys[0] { most } else { 0 }
        );
    }
    subject.feed(&window(0, 100_000)).unwrap();
    let mut order = Vec::new();
    for _ in 0..turns {
        let key = subject.connection.next_ready().unwrap();
        order.push(key.id);
        assert_eq!(subject.connection.data(key, &vec![0; bytes], false, &mut subject.out), bytes);
        subject.connection.want(key);
    }
    order
}

#[test]
fn equals_take_turns_and_the_urgent_go_first() {
    let (mut subject, keys) = answering(1_000_000, &[None; 3]);
    assert_eq!(order(&mut subject, &keys, 100, 6), [1, 3, 5, 1, 3, 5]);
    let (mut subject, keys) = answering(1_000_000, &[Some("u=5"), None, Some("u=0, i"), Some("i, u=0")]);
    assert_eq!(order(&mut subject, &keys, 100, 4), [5, 7, 5, 7]);
    let (mut subject, keys) = answering(1_000_000, &[Some("u=5"), None, Some("u=0, i")]);
    let update = frame(Kind::PriorityUpdate, 0, 0, &[&[0, 0, 0, 5][..], b"u=6"].concat());
    subject.feed(&update).unwrap();
    assert_eq!(order(&mut subject, &keys, 100, 2), [3, 3]);
}

#[test]
fn a_stream_that_wants_to_be_whole_first_stays_in_front() {
    let (mut subject, keys) = answering(1_000_000, &[Some("u=2"), Some("u=2")]);
    let most = subject.connection.summary().send_window;
    for key in &keys {
        subject.connection.data(*key, &vec![0; most + 1], false, &mut subject.out);
    }
    let first = subject.connection.next_ready();
    assert_eq!(first, None, "the connection's window is used up");
    for _ in 0..3 {
        subject.feed(&window(0, 100)).unwrap();
        let key = subject.connection.next_ready().unwrap();
        assert_eq!(key, keys[0]);
        assert_eq!(subject.connection.data(key, &[0; 101], false, &mut subject.out), 100);
    }
}

#[test]
fn a_stalled_stream_holds_nobody_up() {
    let (mut subject, keys) = answering(10, &[None, None]);
    assert_eq!(subject.connection.data(keys[0], &[0; 50], true, &mut subject.out), 10);
    assert_eq!(subject.connection.data(keys[1], &[0; 10], true, &mut subject.out), 10);
    assert_eq!(subject.connection.summary().live, 1);
}
