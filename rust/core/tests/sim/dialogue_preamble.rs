//! PROXY headers on the wire: who is believed, what becomes of the rest, and how long is waited.

use gateway_core::preamble::outcome::{OUTCOMES, Outcome};
use gateway_core::worker::border::Command;

use super::http::End;
use super::plan;
use super::stage::{SERVER, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const LINE: &str = "PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n";
/// PROXY over TCP on IPv4 from 198.51.100.8; every byte is also text.
const BLOCK: &str = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x02\x03\x0a\0\0\x01\x01\x02\x03\x04";
/// The sender speaks for itself.
const LOCAL: &str = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// Clients of a stage come from 192.0.2.7.
fn believing(network: &str) -> Stage {
    let mut document = plan::plain(SERVER);
    document.listeners[0].proxy_protocol = vec![network.into()];
    Stage::new(document)
}

fn counted(stage: &Stage) -> Vec<(&'static str, u64)> {
    let cells =
        OUTCOMES.iter().map(|outcome| (outcome.word(), &stage.house.ledger.proxy_headers[*outcome as usize]));
    cells.map(|(word, cell)| (word, cell.get())).filter(|(_, count)| *count > 0).collect()
}

/// Whom the upstream is told of.
fn forwarded_for(stage: &mut Stage) -> String {
    let mut server = stage.server();
    let request = stage.hear(&mut server);
    let field = request.lines().find_map(|line| line.strip_prefix("X-Forwarded-For: "));
    field.unwrap_or_else(|| panic!("nobody is named: {request:?}")).to_owned()
}

#[test]
fn a_header_of_either_version_names_the_client() {
    for (header, client, word) in [
        (LINE, "198.51.100.7", "v1"),
        (BLOCK, "10.1.2.3", "v2"),
        (LOCAL, "192.0.2.7", "v2"),
        ("PROXY UNKNOWN\r\n", "192.0.2.7", "v1"),
    ] {
        let mut stage = believing("192.0.2.0/24");
        let _client = stage.client(&format!("{header}{GET}"));
        assert_eq!(forwarded_for(&mut stage), client);
        assert_eq!(counted(&stage), [(word, 1)]);
    }
}

#[test]
fn a_header_may_come_byte_by_byte_and_is_wanted_once() {
    let mut stage = believing("192.0.2.7");
    let mut client = stage.dial();
    for byte in LINE.chars().chain(GET.chars()) {
        stage.say(&mut client, &byte.to_string());
    }
    let mut server = stage.server();
    assert!(stage.hear(&mut server).contains("X-Forwarded-For: 198.51.100.7\r\n"));
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(stage.next(&mut client).starts_with("HTTP/1.1 200 "));
    stage.say(&mut client, GET);
    assert!(stage.next(&mut server).contains("X-Forwarded-For: 198.51.100.7\r\n"));
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // A second header is a request like any other, and not a good one.
    stage.say(&mut client, LINE);
    assert!(stage.next(&mut client).contains("HTTP/1.1 400 "));
    assert_eq!(counted(&stage), [("v1", 1)]);
}

#[test]
fn a_listed_sender_without_a_header_is_closed_and_counted() {
    for (bytes, word) in [
        (GET, "missing"),
        ("PROXY TCP4 198.51.100.7 192.0.2.1 56324\r\n", "malformed"),
        ("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\0\0\0\0", "malformed"),
        ("\r\n\r\n\0\r\nQUIT\n\x21\x11\x7f\x7f", "too_long"),
    ] {
        let mut stage = believing("192.0.2.7");
        let mut client = stage.client(bytes);
        assert_eq!(stage.hear(&mut client), "");
        assert!(client.end.is_some(), "{bytes:?} is closed");
        assert!(stage.nobody_else());
        assert_eq!(counted(&stage), [(word, 1)]);
    }
}

#[test]
fn nobody_else_is_believed() {
    let mut stage = believing("192.0.2.8");
    let mut client = stage.client(&format!("{LINE}{GET}"));
    assert!(stage.hear(&mut client).starts_with("HTTP/1.1 400 "));
    let mut client = stage.client(&format!("{BLOCK}{GET}"));
    assert!(stage.hear(&mut client).starts_with("HTTP/1.1 400 "));
    let _client = stage.client(GET);
    assert_eq!(forwarded_for(&mut stage), "192.0.2.7");
    assert_eq!(counted(&stage), []);
}

#[test]
fn a_header_has_its_time() {
    let mut stage = believing("192.0.2.7");
    let timeout = u64::from(plan::listener(0).header_timeout);
    let mut client = stage.client("PROXY TCP4 ");
    stage.pass(timeout - 100);
    stage.say(&mut client, "1");
    assert_eq!((stage.hear(&mut client).as_str(), client.end), ("", None));
    stage.pass(100);
    stage.hear(&mut client);
    assert_eq!((client.end, counted(&stage)), (Some(End::Orderly), vec![("late", 1)]));
}

#[test]
fn a_sender_that_only_looks_is_not_taken_for_a_fault() {
    let mut stage = believing("192.0.2.7");
    drop(stage.client(""));
    stage.pass(5);
    assert_eq!(counted(&stage), [(Outcome::Gone.word(), 1)]);
    assert_eq!(stage.house.worker.census().downs, 0);
}

#[test]
fn a_drain_does_not_wait_for_a_header() {
    let mut stage = believing("192.0.2.7");
    let mut client = stage.client("PROXY");
    let key = plan::listener(0).key;
    stage.house.command(Command::Drain { listener: key });
    stage.pass(1_100);
    stage.hear(&mut client);
    assert_eq!(client.end, Some(End::Orderly));
}
