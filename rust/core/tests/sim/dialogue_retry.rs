//! A request is sent a second time only where that can do no harm, and connects fail with their own reasons.

use gateway_core::reason::Reason;
use gateway_core::sim::Manner;

use super::plan;
use super::stage::{SERVER, Speaker, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A stage on which one exchange has left a connection in the pool.
fn pooled() -> (Stage, Speaker, Speaker) {
    let mut stage = Stage::plain();
    let mut client = stage.client(GET);
    let mut server = stage.server();
    stage.hear(&mut server);
    stage.say(&mut server, OK);
    assert!(stage.hear(&mut client).ends_with("ok"));
    assert_eq!(stage.house.worker.census().idle, 1);
    (stage, client, server)
}

#[test]
fn a_pooled_connection_that_dies_before_the_answer_is_replaced_unseen() {
    let (mut stage, mut client, mut server) = pooled();
    stage.say(&mut client, GET);
    assert!(stage.next(&mut server).starts_with("GET /a "));
    server.sock = None;
    let mut second = stage.server();
    assert!(stage.hear(&mut second).starts_with("GET /a "));
    stage.say(&mut second, OK);
    assert!(stage.next(&mut client).starts_with("HTTP/1.1 200 "));
    assert_eq!(stage.ended(Reason::Ok), 2);
}

#[test]
fn nothing_is_replayed_after_a_byte_of_an_answer() {
    let (mut stage, mut client, mut server) = pooled();
    stage.say(&mut client, GET);
    stage.say(&mut server, "HTTP/1.1 103 Early Hints\r\n\r\n");
    server.sock = None;
    assert!(stage.nobody_else());
    assert!(stage.next(&mut client).contains("HTTP/1.1 502 "));
}

#[test]
fn nothing_is_replayed_after_a_part_of_an_answers_head() {
    let (mut stage, mut client, mut server) = pooled();
    stage.say(&mut client, GET);
    stage.say(&mut server, "HTTP/1.1 2");
    server.sock = None;
    assert!(stage.nobody_else());
    assert!(stage.next(&mut client).contains("HTTP/1.1 502 "));
    assert_eq!(stage.ended(Reason::UpstreamClosed), 1);
}

#[test]
fn what_is_not_idempotent_is_not_replayed() {
    let (mut stage, mut client, mut server) = pooled();
    stage.say(&mut client, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert!(stage.next(&mut server).ends_with("hi"));
    server.sock = None;
    assert!(stage.nobody_else());
    assert!(stage.next(&mut client).contains("HTTP/1.1 502 "));
}

#[test]
fn a_request_whose_body_was_streamed_is_not_replayed() {
    let (mut stage, mut client, mut server) = pooled();
    stage.say(&mut client, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhi");
    stage.say(&mut client, "ho");
    assert!(stage.next(&mut server).ends_with("hiho"));
    server.sock = None;
    assert!(stage.nobody_else());
    assert!(stage.next(&mut client).contains("HTTP/1.1 502 "));
}

/// A new connection has not lied: that the server took the request is likely.
#[test]
fn a_new_connection_that_dies_is_not_replaced() {
    let mut stage = Stage::plain();
    let mut client = stage.client(GET);
    let mut server = stage.server();
    stage.hear(&mut server);
    server.sock = None;
    assert!(stage.nobody_else());
    assert!(stage.hear(&mut client).starts_with("HTTP/1.1 502 "));
    assert_eq!(stage.ended(Reason::UpstreamClosed), 1);
}

fn failing(manner: Manner, ms: u64) -> (Stage, String) {
    let mut stage = Stage::plain();
    stage.manner(manner);
    let mut client = stage.client(GET);
    stage.pass(ms);
    let answer = stage.hear(&mut client);
    (stage, answer)
}

#[test]
fn each_way_in_which_a_connect_fails_has_its_reason() {
    let refuse = Manner { refuse: 1000, ..Manner::default() };
    let silent = Manner { silent: 1000, ..Manner::default() };
    let at_once = Manner { fail_at_once: 1000, ..Manner::default() };
    let late = u64::from(plan::TIMEOUTS.connect) + 20;
    for (manner, ms, reason) in [
        (refuse, 5, Reason::ConnectRefused),
        (silent, late, Reason::ConnectTimeout),
        (at_once, 5, Reason::ConnectFailed),
    ] {
        let (stage, answer) = failing(manner, ms);
        let status = format!("HTTP/1.1 {} ", reason.status());
        let told =
            format!("Proxy-Status: gateway; error={}; details=\"{}: ", reason.proxy_error(), reason.word());
        assert!(answer.starts_with(&status) && answer.contains(&told), "{reason:?}: {answer}");
        assert_eq!(stage.ended(reason), 1);
        assert_eq!(stage.house.worker.census().ups, 0);
    }
}

/// Envoy, CVE-2022-23606.
#[test]
fn a_reload_that_removes_an_upstream_with_many_idle_connections_tears_them_down_in_a_loop() {
    const MANY: usize = 3_000;
    let mut document = plan::plain(SERVER);
    document.upstreams[0].max_idle = MANY as u32;
    let mut stage = Stage::new(document);
    let clients: Vec<_> = (0..MANY).map(|_| stage.house.dial(0).unwrap()).collect();
    for client in &clients {
        client.write(GET.as_bytes()).unwrap();
    }
    stage.pass(200);
    let address = gateway_core::net::Address::parse(SERVER).unwrap();
    let servers: Vec<_> = std::iter::from_fn(|| stage.house.net.arrived(&address)).collect();
    for server in &servers {
        server.write(OK.as_bytes()).unwrap();
        super::http::drain(server, usize::MAX);
    }
    stage.pass(50);
    assert_eq!((servers.len(), stage.house.worker.census().idle), (MANY, MANY));
    let mut changed = plan::plain("10.0.0.2:80");
    changed.generation = 2;
    stage.house.apply(changed);
    stage.pass(50);
    assert_eq!(stage.house.worker.census().ups, 0);
}
