//! Each deadline has its own reason, and slow clients cost little. (Connects: see `dialogue_retry`.)

use gateway_core::document::{Action, Timeouts};
use gateway_core::reason::Reason;

use super::http::{End, drain};
use super::plan::{self, TIMEOUTS, forward, rule};
use super::stage::{SERVER, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

fn stage(timeouts: Timeouts) -> Stage {
    let mut document = plan::plain(SERVER);
    document.routes[0].rules[0].timeouts = timeouts;
    Stage::new(document)
}

#[test]
fn a_head_that_does_not_come_to_its_end_is_a_header_timeout() {
    let mut stage = stage(TIMEOUTS);
    let mut client = stage.client("GET / HTTP/1.1\r\nHo");
    stage.pass(1_900);
    assert_eq!(stage.hear(&mut client), "");
    stage.pass(150);
    stage.told(&mut client, Reason::HeaderTimeout);
    assert_eq!(client.end, Some(End::Orderly));
}

#[test]
fn a_server_that_does_not_begin_its_answer_is_a_per_try_timeout() {
    let mut stage = stage(Timeouts { per_try: 300, ..TIMEOUTS });
    let mut client = stage.client(GET);
    let _silent = stage.server();
    stage.pass(350);
    stage.told(&mut client, Reason::PerTryTimeout);
    assert_eq!(stage.house.worker.census().ups, 0, "that connection is not used again");
}

/// Bytes that keep coming move no deadline of the whole.
#[test]
fn a_server_that_only_hints_is_a_request_timeout() {
    let mut stage = stage(Timeouts { request: 700, ..TIMEOUTS });
    let mut client = stage.client(GET);
    let mut server = stage.server();
    for _ in 0..6 {
        stage.say(&mut server, "HTTP/1.1 103 Early Hints\r\n\r\n");
        stage.hear(&mut client);
        client.heard.clear();
        stage.pass(100);
    }
    stage.pass(150);
    stage.told(&mut client, Reason::RequestTimeout);
}

#[test]
fn a_server_that_says_nothing_is_an_idle_timeout() {
    let mut stage = stage(Timeouts { request: 0, idle: 1_000, ..TIMEOUTS });
    let mut client = stage.client(GET);
    let _silent = stage.server();
    stage.pass(1_050);
    stage.told(&mut client, Reason::IdleTimeout);
}

/// Who is waited for is the client: it is told so, and the server is not blamed.
#[test]
fn a_client_that_stalls_in_its_body_is_a_body_timeout() {
    for head in ["Content-Length: 4\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n4\r\nhi"] {
        let mut stage = stage(Timeouts { request: 0, idle: 1_000, ..TIMEOUTS });
        let mut client = stage.client(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{head}"));
        let mut server = stage.server();
        stage.pass(1_050);
        stage.told(&mut client, Reason::BodyTimeout);
        assert_eq!(client.end, Some(End::Orderly));
        stage.hear(&mut server);
        assert!(server.end.is_some(), "half a request must not look like one that goes on");
    }
}

/// A deadline that passes in the middle of an answer cuts it.
#[test]
fn an_answer_that_does_not_come_to_its_end_in_time_is_reset() {
    for (timeouts, reason) in [
        (Timeouts { request: 700, ..TIMEOUTS }, Reason::RequestTimeout),
        (Timeouts { idle: 500, ..TIMEOUTS }, Reason::IdleTimeout),
    ] {
        let mut stage = stage(timeouts);
        let mut client = stage.client("GET /a HTTP/1.0\r\nHost: a\r\n\r\n");
        let mut server = stage.server();
        stage.say(&mut server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        stage.pass(750);
        assert!(stage.hear(&mut client).ends_with("\r\n\r\nok"));
        assert_eq!((client.end, stage.ended(reason)), (Some(End::Reset), 1), "{reason:?}");
    }
}

/// Slowloris: patience ends by the clock, whatever drips in, and nobody else waits for it.
#[test]
fn a_thousand_clients_that_drip_a_byte_a_second_cost_one_timer_each_and_delay_nobody() {
    const MANY: usize = 1_000;
    let respond = Action::Respond { status: 200, headers: vec![], body: b"good".to_vec() };
    let mut stage = Stage::new(plan::document(
        vec![rule("own", "/", respond), rule("up", "/up", forward(0))],
        vec![plan::upstream("app", &[SERVER])],
    ));
    let slow: Vec<_> = (0..MANY).map(|_| stage.house.dial(0).unwrap()).collect();
    let mut heard = vec![(Vec::new(), None); MANY];
    for byte in b"GET /" {
        for (client, (bytes, end)) in slow.iter().zip(&mut heard) {
            // Who was answered is no longer listened to; a write that fails is no news.
            let _ = client.write(&[*byte]);
            let (got, now) = drain(client, usize::MAX);
            bytes.extend(got);
            *end = end.or(now);
        }
        let from = stage.house.net.time();
        let mut good = stage.client(GET);
        assert!(stage.hear(&mut good).ends_with("good"));
        assert!(stage.house.net.time() - from < 50 * super::house::MS);
        // Each pass checks that there is one timer per connection.
        stage.pass(1_000);
    }
    assert_eq!(stage.ended(Reason::HeaderTimeout), MANY as u64);
    for (bytes, end) in heard {
        assert!(bytes.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(end, Some(End::Orderly));
    }
}
