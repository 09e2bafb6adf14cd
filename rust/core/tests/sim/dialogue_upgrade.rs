//! Upgrades: only 101 switches, and only when it may; a tunnel that is cut does not look finished.

use gateway_core::reason::Reason;
use gateway_core::sim::Chances;

use super::http::End;
use super::plan;
use super::stage::{KIND, SERVER, Stage};

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

#[test]
fn a_101_opens_a_tunnel_with_half_close_both_ways() {
    let mut stage = Stage::plain();
    let mut client = stage.client(UPGRADE);
    let mut server = stage.server();
    let asked = stage.hear(&mut server);
    assert!(asked.contains("Connection: upgrade\r\nUpgrade: echo\r\n"), "{asked}");
    stage.say(&mut server, &format!("{SWITCH}hello"));
    let told = stage.hear(&mut client);
    assert!(told.starts_with("HTTP/1.1 101 ") && told.ends_with("\r\n\r\nhello"), "{told}");
    stage.say(&mut client, "question");
    client.sock.as_ref().unwrap().finish();
    assert_eq!(stage.next(&mut server), "question");
    assert_eq!(server.end, Some(End::Orderly));
    stage.say(&mut server, "answer");
    assert_eq!(stage.next(&mut client), "answer");
    assert_eq!(client.end, None, "the other direction is still open");
    server.sock.as_ref().unwrap().finish();
    stage.hear(&mut client);
    assert_eq!(client.end, Some(End::Orderly));
    assert_eq!(stage.ended(Reason::Ok), 1);
    assert_eq!(stage.house.worker.census().ups, 0);
}

/// Envoy, CVE-2024-23326.
#[test]
fn a_200_to_an_upgrade_opens_no_tunnel() {
    let mut stage = Stage::plain();
    let mut client = stage.client(UPGRADE);
    let mut server = stage.server();
    stage.hear(&mut server);
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    assert!(stage.hear(&mut client).ends_with("\r\n\r\nno"));
    stage.say(&mut client, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    let next = stage.next(&mut server);
    assert!(next.starts_with("GET /smuggled HTTP/1.1\r\n") && next.contains("Via: 1.1 gateway"), "{next}");
}

#[test]
fn a_101_that_nobody_asked_for_is_refused() {
    let mut stage = Stage::plain();
    let mut client = stage.client("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut server = stage.server();
    stage.say(&mut server, SWITCH);
    assert!(stage.hear(&mut client).starts_with("HTTP/1.1 502 "));
    assert_eq!(stage.ended(Reason::UpstreamInvalid), 1);
}

/// The rest of the body, in its framing, would be taken for the other protocol.
#[test]
fn a_101_before_the_end_of_the_request_is_refused() {
    let mut stage = Stage::plain();
    let head = UPGRADE.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello");
    let mut client = stage.client(&head);
    let mut server = stage.server();
    stage.say(&mut server, SWITCH);
    assert!(stage.hear(&mut client).starts_with("HTTP/1.1 502 "));
    assert_eq!(stage.ended(Reason::UpstreamInvalid), 1);
}

#[test]
fn a_tunnel_whose_client_resets_is_reset_at_the_server() {
    let mut stage = Stage::plain();
    let mut client = stage.client(UPGRADE);
    let mut server = stage.server();
    stage.say(&mut server, SWITCH);
    stage.hear(&mut client);
    stage.hear(&mut server);
    stage.say(&mut client, "half a mess");
    client.sock.take().unwrap().reset();
    stage.hear(&mut server);
    assert_eq!(server.end, Some(End::Reset));
    assert_eq!(stage.ended(Reason::ClientGone), 1);
}

#[test]
fn a_quiet_tunnel_ends_by_the_idle_limit_and_looks_cut_on_both_sides() {
    let mut stage = Stage::plain();
    let mut client = stage.client(UPGRADE);
    let mut server = stage.server();
    stage.say(&mut server, SWITCH);
    stage.pass(u64::from(plan::TIMEOUTS.idle) + 20);
    stage.hear(&mut client);
    stage.hear(&mut server);
    assert_eq!((client.end, server.end), (Some(End::Reset), Some(End::Reset)));
    assert_eq!(stage.ended(Reason::IdleTimeout), 1);
}

/// What a slow server takes is movement too, although nothing new is read.
#[test]
fn a_tunnel_that_drains_slowly_is_not_idle() {
    let mut stage = Stage::on(plan::plain(SERVER), Chances { window: (1_000, 1_000), ..KIND });
    let mut client = stage.client(UPGRADE);
    let mut server = stage.server();
    stage.hear(&mut server);
    stage.say(&mut server, SWITCH);
    let bulk = "x".repeat(2_900);
    stage.say(&mut client, &bulk);
    let mut got = 0;
    for _ in 0..3 {
        stage.pass(u64::from(plan::TIMEOUTS.idle) * 2 / 3);
        got += stage.next(&mut server).len();
    }
    assert_eq!((got, server.end), (bulk.len(), None));
}
