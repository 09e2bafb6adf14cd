//! Every refusal that a single frame can earn, by name; and what must be ignored is. RFC 9113 §4, §6.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::http2::cause::{Cause, Fault};
use gateway_core::http2::frame::goaway::GoAway;
use gateway_core::http2::frame::headers::Headers;
use gateway_core::http2::frame::priority::Priority;
use gateway_core::http2::frame::priority_update::PriorityUpdate;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::frame::{ACK, Header, Kind, PADDED, PRIORITY, data, ping, push_promise, reset};
use gateway_core::http2::frame::{continuation::Continuation, window_update};

fn head(kind: Kind, flags: u8, stream: u32, length: u32) -> Header {
    Header { length, kind, flags, stream }
}

fn connection<T>(answer: Result<T, Fault>) -> Cause {
    match answer {
        Err(Fault::Connection(cause)) => cause,
        Err(Fault::Stream(cause)) => panic!("{cause:?} of the stream only"),
        Ok(_) => panic!("accepted"),
    }
}

fn stream<T>(answer: Result<T, Fault>) -> Cause {
    match answer {
        Err(Fault::Stream(cause)) => cause,
        Err(Fault::Connection(cause)) => panic!("{cause:?} of the connection"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn a_header_is_read_as_it_was_written_and_its_reserved_bit_is_ignored() {
    let written = head(Kind::Headers, 0x25, 0x7fff_ffff, 0x00ff_ffff);
    let mut bytes = written.bytes();
    assert_eq!(Header::parse(&bytes), written);
    bytes[5] |= 0x80;
    assert_eq!(Header::parse(&bytes), written);
}

#[test]
fn a_type_that_nobody_defined_is_unknown() {
    for byte in (0xa..0x10).chain(0x11..=0xff) {
        assert_eq!(Header::parse(&[0, 0, 0, byte, 0, 0, 0, 0, 1]).kind, Kind::Unknown);
    }
}

#[test]
fn frames_about_a_stream_must_name_one() {
    let on_zero = |kind, length| head(kind, 0, 0, length);
    assert_eq!(connection(data::Start::parse(&on_zero(Kind::Data, 0), None)), Cause::StreamMissing);
    assert_eq!(connection(Headers::parse(&on_zero(Kind::Headers, 0), b"")), Cause::StreamMissing);
    assert_eq!(connection(Priority::parse(&on_zero(Kind::Priority, 5), &[0; 5])), Cause::StreamMissing);
    assert_eq!(connection(reset::parse(&on_zero(Kind::Reset, 4), &[0; 4])), Cause::StreamMissing);
    assert_eq!(connection(Continuation::parse(&on_zero(Kind::Continuation, 0), b"")), Cause::StreamMissing);
    let about_zero = PriorityUpdate::parse(&on_zero(Kind::PriorityUpdate, 4), &[0; 4]);
    assert_eq!(connection(about_zero), Cause::StreamMissing);
}

#[test]
fn frames_about_the_connection_must_name_no_stream() {
    let on_one = |kind, length| head(kind, 0, 1, length);
    assert_eq!(connection(settings::check(&on_one(Kind::Settings, 0))), Cause::StreamNamed);
    assert_eq!(connection(ping::parse(&on_one(Kind::Ping, 8), &[0; 8])), Cause::StreamNamed);
    assert_eq!(connection(GoAway::parse(&on_one(Kind::GoAway, 8), &[0; 8])), Cause::StreamNamed);
    let update = PriorityUpdate::parse(&on_one(Kind::PriorityUpdate, 4), &[0, 0, 0, 1]);
    assert_eq!(connection(update), Cause::StreamNamed);
}

#[test]
fn a_length_that_the_type_cannot_have_is_refused_before_anything_is_read() {
    for length in [0, 3, 5] {
        let bytes = vec![0; length];
        let reset = reset::parse(&head(Kind::Reset, 0, 1, length as u32), &bytes);
        assert_eq!(connection(reset), Cause::FrameSize);
        let update = window_update::parse(&head(Kind::WindowUpdate, 0, 1, length as u32), &bytes);
        assert_eq!(connection(update), Cause::FrameSize);
    }
    for length in [0, 7, 9] {
        let answer = ping::parse(&head(Kind::Ping, 0, 0, length as u32), &vec![0; length]);
        assert_eq!(connection(answer), Cause::FrameSize);
    }
    assert_eq!(connection(GoAway::parse(&head(Kind::GoAway, 0, 0, 7), &[0; 7])), Cause::FrameSize);
    assert_eq!(connection(settings::check(&head(Kind::Settings, 0, 0, 5))), Cause::FrameSize);
    assert_eq!(connection(settings::check(&head(Kind::Settings, ACK, 0, 6))), Cause::FrameSize);
    assert_eq!(stream(Priority::parse(&head(Kind::Priority, 0, 1, 4), &[0; 4])), Cause::FrameSize);
    let update = PriorityUpdate::parse(&head(Kind::PriorityUpdate, 0, 0, 3), &[0; 3]);
    assert_eq!(connection(update), Cause::FrameSize);
    // Of two faults the length is the one that is named: h2spec asks for it.
    assert_eq!(connection(ping::parse(&head(Kind::Ping, 0, 1, 6), &[0; 6])), Cause::FrameSize);
    assert_eq!(connection(reset::parse(&head(Kind::Reset, 0, 0, 3), &[0; 3])), Cause::FrameSize);
    assert_eq!(connection(settings::check(&head(Kind::Settings, 0, 1, 5))), Cause::FrameSize);
}

#[test]
fn padding_must_leave_room() {
    let padded = |length| head(Kind::Data, PADDED, 1, length);
    assert_eq!(connection(data::Start::parse(&padded(0), None)), Cause::FrameSize);
    assert_eq!(data::Start::parse(&padded(3), None), Ok(None), "the length of the padding is still to come");
    let whole = data::Start { data: 0, padding: 2, end: false };
    assert_eq!(data::Start::parse(&padded(3), Some(2)), Ok(Some(whole)));
    assert_eq!(connection(data::Start::parse(&padded(3), Some(3))), Cause::Padding);
    let head = head(Kind::Headers, PADDED, 1, 3);
    assert_eq!(connection(Headers::parse(&head, &[3, 0, 0])), Cause::Padding);
    assert_eq!(Headers::parse(&head, &[1, 7, 0]).unwrap().fragment, [7]);
}

#[test]
fn a_stream_may_not_depend_on_itself() {
    let answer = Priority::parse(&head(Kind::Priority, 0, 5, 5), &[0x80, 0, 0, 5, 9]);
    assert_eq!(stream(answer), Cause::DependsOnItself);
    let headers = Headers::parse(&head(Kind::Headers, PRIORITY, 5, 6), &[0, 0, 0, 5, 9, 0x82]).unwrap();
    assert_eq!(headers.priority, Some(Err(Cause::DependsOnItself)));
    assert_eq!(headers.fragment, [0x82], "the block is decoded all the same: it may change the table");
    let short = Headers::parse(&head(Kind::Headers, PRIORITY, 5, 4), &[0; 4]);
    assert_eq!(connection(short), Cause::FrameSize);
}

#[test]
fn a_window_grows_by_something() {
    let update = |stream| window_update::parse(&head(Kind::WindowUpdate, 0, stream, 4), &[0x80, 0, 0, 0]);
    assert_eq!(connection(update(0)), Cause::IncrementZero);
    assert_eq!(stream(update(1)), Cause::IncrementZero);
}

#[test]
fn every_push_is_refused() {
    assert_eq!(connection(push_promise::parse(&head(Kind::PushPromise, 4, 1, 4))), Cause::Push);
}

#[test]
fn settings_are_read_in_order_and_unknown_ones_passed_over() {
    let payload =
        [[0, 4, 0, 0, 0, 1], [0x0a, 0x0a, 9, 9, 9, 9], [0, 4, 0, 0, 0, 2], [0, 8, 0, 0, 0, 1]].concat();
    let read: Result<Vec<_>, _> = settings::entries(&payload).collect();
    let want = [Setting::InitialWindow(1), Setting::InitialWindow(2), Setting::EnableConnect(true)];
    assert_eq!(read.unwrap(), want);
}

#[test]
fn absurd_settings_of_an_upstream_are_refused() {
    let one = |id: u8, value: u32| {
        let payload = [&[0, id][..], &value.to_be_bytes()].concat();
        settings::entries(&payload).collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(connection(one(4, 1 << 31)), Cause::SettingWindow);
    for (id, value) in [(2, 2), (5, (1 << 14) - 1), (5, 1 << 24), (8, 2), (9, u32::MAX)] {
        assert_eq!(connection(one(id, value)), Cause::SettingValue);
    }
    for (id, value) in [(4, (1 << 31) - 1), (5, 1 << 14), (5, (1 << 24) - 1), (1, u32::MAX), (3, 0), (6, 0)] {
        assert_eq!(one(id, value).unwrap().len(), 1);
    }
}
