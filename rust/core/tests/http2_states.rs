//! What each frame does to a stream, and what it may not do: RFC 9113 §5.1, §6, §8, each rule by name.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod http2_peer;

use gateway_core::http1::head;
use gateway_core::http2::cause::Cause;
use gateway_core::http2::code::Code;
use gateway_core::http2::frame::settings::Setting;
use gateway_core::http2::frame::{ACK, Kind, PADDED};
use gateway_core::http2::{LocalSettings, PREFACE, Role, Why};
use http2_peer::*;

/// The connection fails for this cause, and says so in its last frame.
fn fails(mut subject: Subject, input: &[u8], cause: Cause) {
    assert_eq!(subject.feed(input), Err(cause));
    let (head, payload) = subject.frames().pop().unwrap();
    assert_eq!((head.kind, &payload[4..8]), (Kind::GoAway, &cause.code().0.to_be_bytes()[..]));
    assert_eq!(subject.feed(b"x"), Err(cause), "nothing is read any more");
}

/// The stream is reset for this cause, the connection goes on.
fn resets(mut subject: Subject, input: &[u8], id: u32, cause: Cause) {
    subject.feed(input).unwrap();
    assert_eq!(subject.events.last(), Some(&Seen::Reset(id, cause.code().0, Some(Why::Frame(cause)))));
    let (head, payload) = subject.frames().pop().unwrap();
    assert_eq!((head.kind, head.stream), (Kind::Reset, id));
    assert_eq!(payload, cause.code().0.to_be_bytes());
    subject.feed(&request(101, &[], true)).unwrap();
    assert!(matches!(subject.events.last(), Some(Seen::Request(101, ..))));
}

/// A server with a request on stream 1 whose body is still to come.
fn open() -> Subject {
    let mut subject = Subject::server();
    subject.feed(&request(1, &[], false)).unwrap();
    subject
}

/// A client whose request on stream 1 is whole.
fn asked() -> Subject {
    let mut subject = Subject::client();
    subject.ask(true);
    subject.frames();
    subject
}

#[test]
fn the_first_bytes_of_a_client_are_the_preface_and_then_settings() {
    let fresh = || Subject::new(Role::Server, &LocalSettings::default());
    fails(fresh(), b"GET / HTTP/1.1\r\n", Cause::Preface);
    fails(fresh(), &[PREFACE, &frame(Kind::Ping, 0, 0, &[0; 8])].concat(), Cause::SettingsFirst);
    fails(fresh(), &[PREFACE, &frame(Kind::Settings, ACK, 0, b"")].concat(), Cause::SettingsFirst);
    fails(
        Subject::new(Role::Client, &LocalSettings::default()),
        &request(1, &[], true),
        Cause::SettingsFirst,
    );
}

#[test]
fn frames_for_idle_streams_are_connection_errors() {
    fails(Subject::server(), &data(1, b"x", false), Cause::StreamIdle);
    fails(Subject::server(), &reset(1, 8), Cause::StreamIdle);
    fails(Subject::server(), &window(1, 1), Cause::StreamIdle);
    fails(Subject::server(), &window(2, 1), Cause::StreamIdle);
    fails(Subject::client(), &head_frame(1, &fields(&[(":status", "200")]), true), Cause::StreamId);
    fails(Subject::client(), &data(1, b"x", true), Cause::StreamIdle);
}

#[test]
fn identifiers_are_odd_and_grow() {
    fails(Subject::server(), &request(2, &[], true), Cause::StreamId);
    let mut subject = Subject::server();
    subject.feed(&request(5, &[], true)).unwrap();
    fails(subject, &request(3, &[], true), Cause::StreamId);
}

#[test]
fn frames_after_the_end_of_a_message() {
    let ended = || {
        let mut subject = Subject::server();
        subject.feed(&request(1, &[], true)).unwrap();
        subject
    };
    resets(ended(), &data(1, b"x", false), 1, Cause::StreamClosed);
    resets(ended(), &request(1, &[], true), 1, Cause::StreamClosed);
    let closed = || {
        let mut subject = ended();
        let key = subject.keys[0];
        assert!(subject.answer(key, true));
        subject.frames();
        subject
    };
    fails(closed(), &data(1, b"x", false), Cause::StreamClosed);
    fails(closed(), &request(1, &[], true), Cause::StreamClosed);
    let mut subject = closed();
    subject.feed(&[window(1, 1), reset(1, 8)].concat()).unwrap();
    assert_eq!(subject.events.len(), 1, "WINDOW_UPDATE and RST_STREAM may be late");
}

#[test]
fn frames_after_a_reset() {
    let mut subject = open();
    subject.feed(&reset(1, 8)).unwrap();
    assert_eq!(subject.events.last(), Some(&Seen::Reset(1, 8, None)));
    fails(subject, &data(1, b"x", false), Cause::StreamClosed);
    let mut subject = open();
    let key = subject.keys[0];
    subject.connection.reset(key, Code::CANCEL, &mut subject.out);
    subject.events.clear();
    let trailers = head_frame(1, &fields(&[("a", "b")]), true);
    subject.feed(&[data(1, b"in flight", false), window(1, 5), trailers, reset(1, 0)].concat()).unwrap();
    assert_eq!(subject.events, [], "what was in flight when we reset is passed over");
    assert_eq!(subject.connection.summary().receive_window, 65_535);
}

#[test]
fn trailers_end_the_stream() {
    let trailers = fields(&[("a", "b")]);
    let mut subject = open();
    subject.feed(&[data(1, b"x", false), head_frame(1, &trailers, true)].concat()).unwrap();
    assert_eq!(subject.events[2..], [Seen::Trailers(1, "a: b\r\n".into())]);
    resets(open(), &head_frame(1, &trailers, false), 1, Cause::TrailersOpen);
    let mut subject = open();
    subject.feed(&head_frame(1, &fields(&[(":status", "200")]), true)).unwrap();
    let why = Why::Message(head::Cause::PseudoUnexpected);
    assert_eq!(subject.events.last(), Some(&Seen::Reset(1, 1, Some(why))));
}

#[test]
fn a_body_that_contradicts_content_length_resets_its_stream() {
    let announced = |bytes: &[&[u8]]| {
        let mut input = request(1, &[("content-length", "4")], false);
        for (at, piece) in bytes.iter().enumerate() {
            input.extend(data(1, piece, at + 1 == bytes.len()));
        }
        input
    };
    let mut subject = Subject::server();
    subject.feed(&announced(&[b"12", b"34"])).unwrap();
    assert_eq!(subject.events.last(), Some(&Seen::Data(1, b"1234".to_vec(), true)));
    resets(Subject::server(), &announced(&[b"12", b"345"]), 1, Cause::LengthContradicted);
    resets(Subject::server(), &announced(&[b"12", b"3"]), 1, Cause::LengthContradicted);
    resets(Subject::server(), &announced(&[b"12345", b""]), 1, Cause::LengthContradicted);
    let head = request(1, &[("content-length", "4")], false);
    let short = [head, data(1, b"123", false), head_frame(1, &fields(&[("a", "b")]), true)].concat();
    resets(Subject::server(), &short, 1, Cause::LengthContradicted);
    let mut subject = Subject::server();
    subject.feed(&request(1, &[("content-length", "4")], true)).unwrap();
    assert_eq!(subject.events, [Seen::Malformed(1, head::Cause::LengthContradicted)]);
}

#[test]
fn a_misbehaving_upstream_gets_its_stream_reset_or_its_connection_ended() {
    let status = |code: &str, end| head_frame(1, &fields(&[(":status", code)]), end);
    let mut subject = asked();
    subject.feed(&[status("103", false), status("200", false), data(1, b"x", true)].concat()).unwrap();
    let want =
        [Seen::Informational(1, 103), Seen::Response(1, 200, false), Seen::Data(1, b"x".to_vec(), true)];
    assert_eq!(subject.events, want);
    let stream = |input: &[u8], why: Why, code: Code| {
        let mut subject = asked();
        subject.feed(input).unwrap();
        assert_eq!(subject.events.last(), Some(&Seen::Reset(1, code.0, Some(why))));
    };
    stream(&data(1, b"x", false), Why::Frame(Cause::DataBeforeHead), Code::PROTOCOL_ERROR);
    stream(&status("103", true), Why::Message(head::Cause::InformationalEnd), Code::PROTOCOL_ERROR);
    stream(&status("101", false), Why::Message(head::Cause::SwitchUnasked), Code::PROTOCOL_ERROR);
    let flood = status("103", false).repeat(33);
    stream(&flood, Why::Frame(Cause::InformationalFlood), Code::ENHANCE_YOUR_CALM);
    fails(asked(), &frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2]), Cause::Push);
    fails(asked(), &settings(&[Setting::EnablePush(true)]), Cause::SettingValue);
    let back = [settings(&[Setting::EnableConnect(true)]), settings(&[Setting::EnableConnect(false)])];
    fails(asked(), &back.concat(), Cause::SettingValue);
    fails(asked(), &frame(Kind::PriorityUpdate, 0, 0, &[0, 0, 0, 1]), Cause::PriorityUnasked);
}

#[test]
fn streams_above_a_goaway_are_given_back_as_refused() {
    let mut subject = Subject::client();
    for _ in 0..3 {
        subject.ask(true);
    }
    let away = frame(Kind::GoAway, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0, b'd', b'e', b'b']);
    subject.feed(&away).unwrap();
    let refused = |id| Seen::Reset(id, Code::REFUSED_STREAM.0, None);
    assert_eq!(subject.events, [Seen::GoAway(1, 0), refused(3), refused(5)]);
    assert_eq!((subject.connection.room(), subject.connection.summary().live), (0, 1));
    subject.feed(&head_frame(1, &fields(&[(":status", "204")]), true)).unwrap();
    assert_eq!(subject.connection.summary().live, 0);
}

#[test]
fn a_stream_after_our_goaway_is_refused() {
    let mut subject = open();
    subject.connection.goaway(1, Code::NO_ERROR, &mut subject.out);
    subject.frames();
    subject.feed(&request(3, &[], true)).unwrap();
    assert_eq!(subject.frames()[0].1, Code::REFUSED_STREAM.0.to_be_bytes());
    subject.feed(&data(1, b"x", true)).unwrap();
    assert_eq!(subject.events.len(), 2, "the open one goes on");
}

#[test]
fn a_stream_above_the_limit_is_refused_and_its_block_still_decoded() {
    let local = LocalSettings { max_streams: 1, ..LocalSettings::default() };
    let mut subject = Subject::new(Role::Server, &local);
    subject.feed(&[PREFACE, &settings(&[])].concat()).unwrap();
    subject.feed(&request(1, &[], true)).unwrap();
    let mut block = fields(&GET);
    block.extend([0x40, 1, b'a', 1, b'b']);
    subject.feed(&head_frame(3, &block, true)).unwrap();
    assert_eq!(subject.frames().last().unwrap().1, Code::REFUSED_STREAM.0.to_be_bytes());
    let key = subject.keys[0];
    subject.answer(key, true);
    let mut block = fields(&GET);
    block.push(0x80 | 62);
    subject.feed(&head_frame(5, &block, true)).unwrap();
    assert_eq!(subject.events.last(), Some(&Seen::Request(5, "/p".into(), true)));
}

#[test]
fn a_head_past_a_limit_can_be_answered() {
    let long = "x".repeat(100);
    let many: Vec<_> = (0..101).map(|_| ("a", long.as_str())).collect();
    let mut subject = Subject::server();
    subject.feed(&request(1, &many, false)).unwrap();
    assert_eq!(subject.events, [Seen::Refused(1, 431, false)]);
    let key = subject.keys[0];
    assert!(subject.answer(key, true));
    subject.connection.reset(key, Code::NO_ERROR, &mut subject.out);
    assert_eq!(subject.connection.summary().live, 0);
}

#[test]
fn connect_is_refused_and_extended_connect_only_if_it_was_offered() {
    let connect = fields(&[(":method", "CONNECT"), (":authority", "h:1")]);
    let mut subject = Subject::server();
    subject.feed(&head_frame(1, &connect, false)).unwrap();
    assert_eq!(subject.events, [Seen::Refused(1, 501, false)]);
    let extended = fields(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/chat"),
        (":authority", "h"),
    ]);
    subject.feed(&head_frame(3, &extended, false)).unwrap();
    assert_eq!(subject.events[1], Seen::Malformed(3, head::Cause::PseudoUnexpected));
    let mut subject =
        Subject::new(Role::Server, &LocalSettings { connect: true, ..LocalSettings::default() });
    subject
        .feed(&[PREFACE, &settings(&[]), &head_frame(1, &extended, false), &data(1, b"\x81", false)].concat())
        .unwrap();
    assert!(subject.scratch.request.upgrade);
    assert_eq!(
        subject.events[1..],
        [Seen::Request(1, "/chat".into(), false), Seen::Data(1, vec![0x81], false)]
    );
}

#[test]
fn nothing_comes_between_the_parts_of_a_block() {
    let whole = cut_request(1, &[], 10);
    let first = 9 + 10;
    let with = |between: &[u8]| [&whole[..first], between, &whole[first..]].concat();
    fails(Subject::server(), &with(&frame(Kind::Ping, 0, 0, &[0; 8])), Cause::BlockInterrupted);
    fails(Subject::server(), &with(&frame(Kind::Continuation, 0, 3, b"")), Cause::BlockInterrupted);
    fails(Subject::server(), &with(&frame(Kind::Unknown, 0, 1, b"")), Cause::BlockInterrupted);
    fails(Subject::server(), &frame(Kind::Continuation, 4, 1, b""), Cause::NothingToContinue);
    let mut subject = Subject::server();
    subject.feed(&whole).unwrap();
    assert_eq!(subject.events, [Seen::Request(1, "/p".into(), true)]);
}

#[test]
fn faults_of_single_frames_reach_as_far_as_the_rfc_says() {
    fails(open(), &frame(Kind::Data, PADDED, 1, &[1]), Cause::Padding);
    fails(open(), &frame(Kind::Ping, 0, 0, &[0; 1000]), Cause::FrameSize);
    fails(open(), &frame(Kind::Data, 0, 1, &vec![0; 16_385]), Cause::FrameTooLarge);
    fails(open(), &head_frame(3, &[0x80], true), Cause::Compression);
    fails(open(), &window(0, 0), Cause::IncrementZero);
    resets(open(), &window(1, 0), 1, Cause::IncrementZero);
    resets(open(), &frame(Kind::Priority, 0, 1, &[0; 300]), 1, Cause::FrameSize);
    resets(open(), &frame(Kind::Priority, 0, 1, &[0, 0, 0, 1, 0]), 1, Cause::DependsOnItself);
    fails(Subject::server(), &frame(Kind::Priority, 0, 1, &[0, 0, 0, 1, 0]), Cause::DependsOnItself);
}

#[test]
fn a_faulty_frame_is_answered_though_its_stream_has_just_ended() {
    let faulty =
        [window(1, 0), frame(Kind::Priority, 0, 1, &[0; 4]), frame(Kind::Priority, 0, 1, &[0, 0, 0, 1, 0])];
    for (input, cause) in faulty.iter().zip([Cause::IncrementZero, Cause::FrameSize, Cause::DependsOnItself])
    {
        let mut subject = Subject::server();
        subject.feed(&request(1, &[], true)).unwrap();
        subject.answer(subject.keys[0], true);
        subject.frames();
        subject.feed(input).unwrap();
        assert_eq!(subject.frames(), frames(&reset(1, cause.code().0)));
        assert_eq!(subject.events.len(), 1, "the request has ended, and ends once");
        subject.feed(&request(3, &[], true)).unwrap();
    }
    let mut subject = open();
    subject.connection.reset(subject.keys[0], Code::CANCEL, &mut subject.out);
    subject.frames();
    subject.feed(&window(1, 0)).unwrap();
    assert_eq!(subject.frames(), [], "one reset is enough");
}

#[test]
fn pings_are_answered_in_place_and_answers_reported() {
    let mut subject = Subject::server();
    subject.feed(&frame(Kind::Ping, 0, 0, b"12345678")).unwrap();
    let (head, payload) = subject.frames().pop().unwrap();
    assert_eq!((head.kind, head.flags, &payload[..]), (Kind::Ping, ACK, &b"12345678"[..]));
    subject.feed(&frame(Kind::Ping, ACK, 0, b"abcdefgh")).unwrap();
    assert_eq!(subject.events, [Seen::PingAck(*b"abcdefgh")]);
    assert_eq!(subject.frames(), []);
}

#[test]
fn a_block_larger_than_the_peers_frames_is_continued() {
    let mut subject = asked();
    let value = vec![b'v'; 40_000];
    let key = subject.connection.request(Default::default(), true, &mut subject.out, |encoder, out| {
        encoder.field(b"x", &value, false, out);
    });
    let frames = subject.frames();
    let kinds: Vec<_> = frames.iter().map(|(head, _)| (head.kind, head.length, head.flags)).collect();
    assert_eq!(kinds[..2], [(Kind::Headers, 16_384, 1), (Kind::Continuation, 16_384, 0)]);
    assert_eq!((kinds[2].0, kinds[2].2, kinds.len()), (Kind::Continuation, 4, 3));
    assert!(key.is_some());
}

#[test]
fn what_is_written_out_of_order_is_passed_over() {
    let mut subject = open();
    let key = subject.keys[0];
    assert_eq!(subject.connection.data(key, b"x", false, &mut subject.out), 0);
    assert!(!subject.connection.trailers(key, &mut subject.out, |_, _| {}));
    assert!(subject.answer(key, false) && !subject.answer(key, false));
    assert!(!subject.connection.informational(key, &mut subject.out, |_, _| {}));
    assert!(subject.connection.trailers(key, &mut subject.out, |_, _| {}));
    assert_eq!(subject.connection.data(key, b"x", true, &mut subject.out), 0);
    assert_eq!(subject.frames().len(), 3, "an acknowledgement, a head and trailers");
    subject.connection.reset(key, Code::CANCEL, &mut subject.out);
    subject.connection.reset(key, Code::CANCEL, &mut subject.out);
    assert_eq!(subject.frames().len(), 1);
}
