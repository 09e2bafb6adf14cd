//! What happened to others over HTTP/2, and that it does not happen here: each flood ends with its own cause, within its
//! budget, with bounded output and memory; and the honest pattern that looks most like it never ends.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod http2_peer;

use gateway_core::http1::head;
use gateway_core::http2::cause::Cause;
use gateway_core::http2::code::Code;
use gateway_core::http2::frame::settings::Setting;
use gateway_core::http2::frame::{ACK, Kind};
use gateway_core::http2::limits::{ALLOWANCES, BLOCK_BYTES, Budget, CONTINUATIONS, UNREAD_ANSWER_BYTES};
use http2_peer::*;

const SECOND: u64 = 1_000_000_000;

/// How often `frames` can be said before the connection ends, which it must for this cause and with ENHANCE_YOUR_CALM.
fn lasts(mut subject: Subject, cause: Cause, mut frames: impl FnMut(u32) -> Vec<u8>) -> usize {
    for times in 0..20_000 {
        let round = frames(times);
        if let Err(found) = subject.feed(&round) {
            assert_eq!(found, cause);
            assert_eq!(cause.code(), Code::ENHANCE_YOUR_CALM);
            return times as usize;
        }
        subject.connection.flushed();
        subject.out.clear();
    }
    panic!("a flood of 20 000 rounds is let through");
}

fn burst(budget: Budget) -> usize {
    usize::from(ALLOWANCES[budget as usize].burst)
}

#[test]
fn rapid_reset_ends_calmly_cve_2023_44487() {
    let flood = |i| [request(2 * i + 1, &[], true), reset(2 * i + 1, 8)].concat();
    assert_eq!(lasts(Subject::server(), Cause::ResetFlood, flood), burst(Budget::Resets));
}

#[test]
fn cancelling_now_and_then_is_no_rapid_reset() {
    let mut subject = Subject::server();
    for i in 0..5000 {
        let id = 4 * i + 1;
        subject.feed(&[request(id, &[], true), request(id + 2, &[], true), reset(id, 8)].concat()).unwrap();
        let key = subject.keys[subject.keys.len() - 1];
        assert!(subject.answer(key, true));
        subject.out.clear();
    }
}

#[test]
fn a_reset_costs_the_same_however_many_streams_are_open_cve_2021_32778() {
    let mut subject = Subject::server();
    for i in 0..128 {
        subject.feed(&request(2 * i + 1, &[], false)).unwrap();
    }
    for i in 0..128 {
        subject.feed(&reset(2 * i + 1, 8)).unwrap();
    }
    assert_eq!(subject.connection.summary().live, 0);
    subject.connection.rest();
    assert!(subject.connection.held() < 1024, "and the memory is given back");
}

#[test]
fn made_you_reset_ends_calmly_cve_2025_8671() {
    let zero = |i| [request(2 * i + 1, &[], true), window(2 * i + 1, 0)].concat();
    assert_eq!(lasts(Subject::server(), Cause::ProvokedFlood, zero), burst(Budget::Provoked));
    let after_end = |i| [request(2 * i + 1, &[], true), data(2 * i + 1, b"x", false)].concat();
    assert_eq!(lasts(Subject::server(), Cause::ProvokedFlood, after_end), burst(Budget::Provoked));
    let malformed = |i| request(2 * i + 1, &[("Upper", "x")], true);
    assert_eq!(lasts(Subject::server(), Cause::ProvokedFlood, malformed), burst(Budget::Provoked));
    let overflow = |i| [request(2 * i + 1, &[], true), window(2 * i + 1, (1 << 31) - 1)].concat();
    assert_eq!(lasts(Subject::server(), Cause::ProvokedFlood, overflow), burst(Budget::Provoked));
}

#[test]
fn continuation_without_end_is_stopped_by_number_and_by_bytes_vu_421644() {
    let mut subject = Subject::server();
    let start = frame(Kind::Headers, 0, 1, b"");
    let one = frame(Kind::Continuation, 0, 1, &[0]);
    let many = [start.clone(), one.repeat(usize::from(CONTINUATIONS) + 1)].concat();
    assert_eq!(subject.feed(&many), Err(Cause::ContinuationFlood));
    let mut subject = Subject::server();
    let large = frame(Kind::Continuation, 0, 1, &[0; 16_384]);
    assert_eq!(subject.feed(&[start, large.repeat(5)].concat()), Err(Cause::HeadTooLarge));
    assert!(subject.connection.held() <= BLOCK_BYTES, "and what was kept is given back");
}

#[test]
fn a_head_in_a_few_frames_is_no_flood() {
    let long = "v".repeat(100);
    let mut subject = Subject::server();
    subject.feed(&cut_request(1, &[("a", &long), ("b", &long)], 40)).unwrap();
    assert!(matches!(subject.events[0], Seen::Request(1, ..)));
}

#[test]
fn pings_without_end_cve_2019_9512() {
    let flood = |_| frame(Kind::Ping, 0, 0, &[0; 8]);
    assert_eq!(lasts(Subject::server(), Cause::PingFlood, flood), burst(Budget::Pings));
}

#[test]
fn pings_that_measure_a_stream_are_no_flood() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    for _ in 0..5000 {
        subject.feed(&[data(1, b"x", false), frame(Kind::Ping, 0, 0, &[0; 8])].concat()).unwrap();
        subject.connection.flushed();
        subject.out.clear();
    }
}

#[test]
fn answers_that_nobody_reads_are_bounded_cve_2019_9517() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    let round = [data(1, b"x", false), frame(Kind::Ping, 0, 0, &[0; 8])].concat();
    let ended = (0..100_000).find_map(|_| subject.feed(&round).err());
    assert_eq!(ended, Some(Cause::UnreadAnswers));
    let pings = subject.frames().iter().filter(|(head, _)| head.kind == Kind::Ping).count();
    assert!(pings * 17 <= UNREAD_ANSWER_BYTES as usize + 17);
}

#[test]
fn a_cheap_frame_never_buys_a_wake_up_of_python_cve_2019_9515() {
    let floods: [fn(u32) -> Vec<u8>; 4] = [
        |i| settings(&[Setting::InitialWindow(i)]),
        |_| frame(Kind::Settings, ACK, 0, b""),
        |_| frame(Kind::GoAway, 0, 0, &[0; 8]),
        |_| frame(Kind::Ping, ACK, 0, &[0; 8]),
    ];
    for flood in floods {
        assert!(lasts(Subject::server(), Cause::SettingsFlood, flood) <= burst(Budget::Upward));
    }
    let mut subject = Subject::server();
    let entries = vec![Setting::InitialWindow(1); 33];
    assert_eq!(
        subject.feed(&settings(&entries)),
        Err(Cause::SettingsFlood),
        "nor many settings in one frame"
    );
}

#[test]
fn empty_frames_cve_2019_9518() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    assert_eq!(lasts(subject, Cause::EmptyFlood, |_| data(1, b"", false)), burst(Budget::Empty));
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    let padded = |_| frame(Kind::Data, 8, 1, &[255; 256]);
    assert_eq!(lasts(subject, Cause::EmptyFlood, padded), burst(Budget::Empty), "padding is not content");
}

#[test]
fn tiny_messages_of_a_long_stream_are_no_flood() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    for _ in 0..20_000 {
        subject.feed(&data(1, b"12345", false)).unwrap();
    }
}

#[test]
fn window_dribbles_cve_2019_9511() {
    let flood = |_| window(0, 1);
    assert_eq!(lasts(Subject::server(), Cause::WindowFlood, flood), burst(Budget::Windows));
}

#[test]
fn two_window_updates_for_each_frame_are_no_dribble() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    let key = subject.keys[0];
    assert!(subject.answer(key, false));
    for _ in 0..20_000 {
        assert_eq!(subject.connection.data(key, b"12345", false, &mut subject.out), 5);
        subject.feed(&[window(0, 5), window(1, 5)].concat()).unwrap();
        subject.out.clear();
    }
}

#[test]
fn priority_floods_cve_2019_9513() {
    let tree = |_| frame(Kind::Priority, 0, 1, &[0, 0, 0, 3, 0]);
    assert_eq!(lasts(Subject::server(), Cause::PriorityFlood, tree), burst(Budget::Priorities));
    let update = |_| frame(Kind::PriorityUpdate, 0, 0, &[&[0, 0, 0, 1][..], b"u=1"].concat());
    assert_eq!(lasts(Subject::server(), Cause::PriorityFlood, update), burst(Budget::Priorities));
}

#[test]
fn unknown_frames_are_passed_over_within_a_budget() {
    let unknown = |_| frame(Kind::Unknown, 0xff, 77, b"grease");
    assert_eq!(lasts(Subject::server(), Cause::UnknownFlood, unknown), burst(Budget::Unknown));
}

#[test]
fn frames_for_streams_that_were_reset_are_bounded() {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    let key = subject.keys[0];
    subject.connection.reset(key, Code::CANCEL, &mut subject.out);
    assert_eq!(lasts(subject, Cause::ClosedFlood, |_| data(1, b"x", false)), burst(Budget::Closed));
}

#[test]
fn churn_in_the_compression_table_is_bounded() {
    let mut block = fields(&GET);
    block.extend([0x40, 1, b'a', 0].repeat(4000));
    let churn = move |i| [head_frame(2 * i + 1, &block, true), reset(2 * i + 1, 8)].concat();
    assert!(lasts(Subject::server(), Cause::CompressionFlood, churn) <= 3);
}

#[test]
fn one_small_entry_referenced_thousands_of_times_is_too_large_and_takes_no_memory() {
    let mut block = fields(&GET);
    block.extend([&[0x40, 1, b'a', 126][..], &[b'v'; 126]].concat());
    block.extend([0x80 | 62].repeat(16_000));
    let mut subject = Subject::server();
    subject.feed(&head_frame(1, &block, true)).unwrap();
    assert_eq!(subject.events, [Seen::Refused(1, 431, true)]);
    assert!(subject.scratch.block.text.capacity() <= 20 * block.len());
}

#[test]
fn what_could_become_another_http1_request_is_a_stream_error() {
    let malformed = |extra: &[(&str, &str)], cause| {
        let mut subject = Subject::server();
        subject.feed(&request(1, extra, true)).unwrap();
        assert_eq!(subject.events, [Seen::Malformed(1, cause)]);
        assert_eq!(subject.frames().last().unwrap().1, Code::PROTOCOL_ERROR.0.to_be_bytes());
    };
    malformed(&[("a", "b\r\nc: d")], head::Cause::ValueByte);
    malformed(&[("a", "b\0")], head::Cause::ValueByte);
    malformed(&[("a b", "c")], head::Cause::NameInvalid);
    malformed(&[("transfer-encoding", "chunked")], head::Cause::ConnectionField);
    malformed(&[("connection", "close")], head::Cause::ConnectionField);
    malformed(&[("te", "gzip")], head::Cause::TeUnsupported);
    malformed(&[("host", "other")], head::Cause::HostDiffers);
    let path = |method: &str, path: &str, scheme: &str| {
        let block = [(":method", method), (":scheme", scheme), (":path", path), (":authority", "h")];
        let mut subject = Subject::server();
        subject.feed(&head_frame(1, &fields(&block), true)).unwrap();
        assert!(matches!(subject.events[..], [Seen::Malformed(1, _)]), "{method} {path} {scheme}");
    };
    path("GET /x HTTP/1.1", "/", "http");
    path("GET", "admin", "http");
    path("GET", "", "http");
    path("GET", "/a b", "http");
    path("GET", "/", "http://x/");
}

#[test]
fn time_gives_back_and_a_flood_at_the_allowed_rate_goes_on() {
    let mut subject = Subject::server();
    for second in 1..200 {
        subject.connection.turn(second * SECOND);
        for _ in 0..ALLOWANCES[Budget::Pings as usize].per_second {
            subject.feed(&frame(Kind::Ping, 0, 0, &[0; 8])).unwrap();
        }
        subject.connection.flushed();
        subject.out.clear();
    }
}

#[test]
fn an_upstream_without_bounds_does_not_size_our_tables() {
    let mut subject = Subject::client();
    let absurd = [Setting::MaxConcurrentStreams(u32::MAX), Setting::MaxFrameSize((1 << 24) - 1)];
    subject.feed(&settings(&absurd)).unwrap();
    let mut opened = 0;
    while subject.connection.room() > 0 {
        subject.ask(true);
        opened += 1;
    }
    assert_eq!(opened, gateway_core::http2::limits::OWN_STREAMS);
    assert!(subject.connection.held() < 64 * 1024);
}
