//! TLS that is passed on unopened: what reaches the upstream, what is refused, and what a failure looks like.

use gateway_core::document::{ClientAuth, ClientAuthMode, Document, ListenerTls, Passthrough, TlsVersion};
use gateway_core::reason::Reason;
use gateway_core::sim::Manner;

use super::http::End;
use super::plan;
use super::stage::{SERVER, Speaker, Stage};

/// unrecognized_name.
const ALERT: &str = "\x15\x03\x03\0\x02\x02\x70";
const LINE: &str = "PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n";

/// A small ClientHello that asks for a name; every byte is also text.
pub fn hello(name: &str) -> String {
    let length = |count: usize| char::from(u8::try_from(count).unwrap()).to_string();
    let entry = format!("\0\0{}{name}", length(name.len()));
    let list = format!("\0{}{entry}", length(entry.len()));
    let extension = format!("\0\0\0{}{list}", length(list.len()));
    let extensions = format!("\0{}{extension}", length(extension.len()));
    let body = format!("\x03\x03{}\0\0\x02\x13\x01\x01\0{extensions}", "r".repeat(32));
    let message = format!("\x01\0\0{}{body}", length(body.len()));
    format!("\x16\x03\x01\0{}{message}", length(message.len()))
}

/// To the first upstream, for these names.
pub fn tls(names: &[&str]) -> ListenerTls {
    ListenerTls {
        certificates: vec![],
        client_auth: ClientAuth { mode: ClientAuthMode::Off, roots: vec![] },
        min_version: TlsVersion::V12,
        handshake_timeout: 500,
        passthrough: vec![Passthrough {
            source: "f:1".into(),
            names: names.iter().map(|&name| name.into()).collect(),
            upstream: 0,
            connect: 200,
            idle: 3_000,
        }],
    }
}

fn passing() -> Document {
    let mut document = plan::plain(SERVER);
    document.listeners[0].scheme = "https".into();
    document.listeners[0].tls = Some(tls(&["db.example", "*.db.example"]));
    document
}

/// The client and its upstream, after the hello has reached it.
fn through(stage: &mut Stage, name: &str) -> (Speaker, Speaker) {
    let client = stage.client(&hello(name));
    let mut server = stage.server();
    assert_eq!(stage.next(&mut server), hello(name));
    (client, server)
}

#[test]
fn bytes_pass_both_ways_as_they_are_and_ends_pass_too() {
    for name in ["db.example", "one.db.example", "DB.Example"] {
        let mut stage = Stage::new(passing());
        let (mut client, mut server) = through(&mut stage, name);
        stage.say(&mut server, "\x16any\0thing");
        assert_eq!(stage.next(&mut client), "\x16any\0thing");
        stage.say(&mut client, "more");
        assert_eq!(stage.next(&mut server), "more");
        client.sock.as_ref().unwrap().finish();
        stage.hear(&mut server);
        assert_eq!(server.end, Some(End::Orderly));
        stage.say(&mut server, "last");
        server.sock = None;
        assert_eq!(stage.next(&mut client), "last");
        assert_eq!((client.end, stage.ended(Reason::Ok)), (Some(End::Orderly), 1));
        stage.pass(3_000);
        let census = stage.house.worker.census();
        assert_eq!((census.downs, census.ups, census.exchanges), (0, 0, 0));
    }
}

#[test]
fn a_hello_may_come_in_pieces_and_bring_more() {
    let mut stage = Stage::new(passing());
    let mut client = stage.dial();
    let whole = hello("db.example");
    for piece in whole.as_bytes().chunks(4) {
        assert!(stage.nobody_else(), "nobody is called before the name is known");
        stage.say(&mut client, std::str::from_utf8(piece).unwrap());
    }
    let mut server = stage.server();
    assert_eq!(stage.hear(&mut server), hello("db.example"));
    let mut client = stage.client(&format!("{}early", hello("db.example")));
    let mut server = stage.server();
    assert_eq!(stage.hear(&mut server), format!("{}early", hello("db.example")));
    stage.say(&mut server, "x");
    assert_eq!(stage.hear(&mut client), "x");
}

#[test]
fn who_asks_for_another_name_or_for_none_is_told_so() {
    for says in [hello("other.example"), "GET / HTTP/1.1\r\n".into(), "\x16\x03\x01\0\x04\x02\0\0\0".into()] {
        let mut stage = Stage::new(passing());
        let mut client = stage.client(&says);
        assert_eq!(stage.hear(&mut client), ALERT);
        assert!(stage.nobody_else());
        assert_eq!((client.end, stage.ended(Reason::NoHost)), (Some(End::Orderly), 1));
    }
}

#[test]
fn a_failure_is_a_reset_and_no_word_of_ours() {
    let mut stage = Stage::new(passing());
    stage.manner(Manner { refuse: 1000, ..Manner::default() });
    let mut client = stage.client(&hello("db.example"));
    assert_eq!(stage.hear(&mut client), "");
    assert_eq!((client.end, stage.ended(Reason::ConnectRefused)), (Some(End::Reset), 1));
}

#[test]
fn a_connection_to_the_upstream_has_its_time() {
    let mut stage = Stage::new(passing());
    stage.manner(Manner { silent: 1000, ..Manner::default() });
    let mut client = stage.client(&hello("db.example"));
    stage.pass(100);
    assert_eq!((stage.hear(&mut client).as_str(), client.end), ("", None));
    stage.pass(100);
    stage.hear(&mut client);
    assert_eq!((client.end, stage.ended(Reason::ConnectTimeout)), (Some(End::Reset), 1));
}

#[test]
fn an_upstream_that_breaks_off_is_a_reset_for_the_client() {
    let mut stage = Stage::new(passing());
    let (mut client, server) = through(&mut stage, "db.example");
    server.sock.unwrap().reset();
    stage.hear(&mut client);
    assert_eq!((client.end, stage.ended(Reason::UpstreamTruncated)), (Some(End::Reset), 1));
}

#[test]
fn a_hello_has_its_time_and_a_quiet_connection_too() {
    let mut stage = Stage::new(passing());
    let mut client = stage.client(&hello("db.example")[..20]);
    stage.pass(400);
    assert_eq!((stage.hear(&mut client).as_str(), client.end), ("", None));
    stage.pass(100);
    stage.hear(&mut client);
    assert_eq!(client.end, Some(End::Orderly));
    let (mut client, _server) = through(&mut stage, "db.example");
    stage.pass(2_900);
    stage.hear(&mut client);
    assert_eq!(client.end, None);
    stage.pass(100);
    stage.hear(&mut client);
    assert_eq!((client.end, stage.ended(Reason::IdleTimeout)), (Some(End::Reset), 1));
}

#[test]
fn a_proxy_in_front_says_whose_connection_is_passed_on() {
    let mut document = passing();
    document.listeners[0].proxy_protocol = vec!["192.0.2.7".into()];
    let mut stage = Stage::new(document);
    let _client = stage.client(&format!("{LINE}{}", hello("db.example")));
    let mut server = stage.server();
    assert_eq!(stage.hear(&mut server), hello("db.example"));
}

#[test]
fn a_wildcard_is_for_names_below_it_only() {
    let mut stage = Stage::new(passing());
    let mut client = stage.client(&hello("notdb.example"));
    assert_eq!(stage.hear(&mut client), ALERT);
}
