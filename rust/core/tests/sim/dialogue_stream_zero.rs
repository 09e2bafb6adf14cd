//! What Trio hears of HTTP/2 connections, and what becomes of them when it does not listen.

use std::collections::HashMap;

use gateway_core::document::{Document, Protocol};
use gateway_core::worker::border::{Command, ConnId, Event, LAST_PROCESSED, Owner};
use gateway_core::worker::limits;

use super::plan;
use super::stage::{Speaker, Stage};

/// A client's preface and empty SETTINGS.
const HELLO: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const PING: &str = "\0\0\x08\x06\0\0\0\0\0one-two.";

/// GOAWAY of ours that names stream 0.
const LAST_WORDS: &str = "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The same with 2^31-1.
const WARNING: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0";

fn both() -> Document {
    let mut document = plan::own(1);
    document.listeners[0].protocols = vec![Protocol::Http1, Protocol::H2];
    document
}

fn words(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| match event {
            Event::Opened { .. } => "opened",
            Event::Settings { .. } => "settings",
            Event::SettingsAck { .. } => "settings_ack",
            Event::PingAck { .. } => "ping_ack",
            Event::GoneAway { .. } => "gone_away",
            Event::Closed { reason, .. } => reason,
            _ => "something else",
        })
        .collect()
}

fn conn_of(event: &Event) -> ConnId {
    match event {
        Event::Opened { conn, .. }
        | Event::Settings { conn, .. }
        | Event::SettingsAck { conn }
        | Event::PingAck { conn, .. }
        | Event::GoneAway { conn, .. }
        | Event::Closed { conn, .. } => *conn,
        _ => panic!("{event:?}"),
    }
}

fn has(speaker: &Speaker, bytes: &[u8]) -> bool {
    speaker.heard.windows(bytes.len()).any(|found| found == bytes)
}

#[test]
fn a_connection_is_told_of_from_its_beginning_to_its_end() {
    let mut stage = Stage::new(both());
    let mut client = stage.client(HELLO);
    stage.say(&mut client, "\0\0\0\x04\x01\0\0\0\0\0\0\x08\x06\x01\0\0\0\0one-two.");
    stage.say(&mut client, "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0");
    client.sock = None;
    stage.pass(5);
    let told = &stage.house.conducted;
    assert_eq!(words(told), ["opened", "settings", "settings_ack", "ping_ack", "gone_away", "client_gone"]);
    assert!(matches!(&told[0], Event::Opened { owner: Owner::Listener(0), .. }));
    assert!(told.iter().all(|event| conn_of(event) == conn_of(&told[0])));
}

#[test]
fn trio_s_words_reach_the_client_and_the_last_one_ends_the_connection() {
    let mut stage = Stage::new(both());
    let mut client = stage.client(HELLO);
    let conn = conn_of(&stage.house.conducted[0]);
    stage.house.command(Command::Control { conn, bytes: PING.into() });
    stage.house.command(Command::GoAway { conn, last: None, code: 0 });
    stage.hear(&mut client);
    assert!(has(&client, PING.as_bytes()) && has(&client, WARNING), "{:?}", client.heard);
    assert!(client.end.is_none());
    stage.house.command(Command::GoAway { conn, last: Some(LAST_PROCESSED), code: 0 });
    stage.hear(&mut client);
    assert!(has(&client, LAST_WORDS.as_bytes()), "{:?}", client.heard);
    assert!(client.end.is_some(), "it had no stream");
    assert_eq!(words(&stage.house.conducted).last(), Some(&"closed"));
}

#[test]
fn end_closes_with_its_code() {
    let mut stage = Stage::new(both());
    let mut client = stage.client(HELLO);
    let conn = conn_of(&stage.house.conducted[0]);
    stage.house.command(Command::End { conn, code: 11 });
    stage.hear(&mut client);
    assert!(has(&client, b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b"), "{:?}", client.heard);
    assert!(client.end.is_some());
    stage.house.command(Command::End { conn, code: 0 });
    stage.house.command(Command::Control { conn, bytes: PING.into() });
    stage.pass(5);
    assert_eq!(words(&stage.house.conducted).last(), Some(&"ended"));
}

/// So many connections that what is to be told of them does not fit.
fn flood(stage: &mut Stage) {
    for _ in 0..limits::EVENTS_OF_CONNECTIONS / 2 + 100 {
        let client = stage.dial();
        if let Some(sock) = &client.sock {
            assert_eq!(sock.write(HELLO.as_bytes()).unwrap(), HELLO.len());
        }
        stage.house.turn();
        stage.house.turn();
    }
    stage.pass(10);
}

#[test]
fn when_trio_is_far_behind_clients_are_served_and_every_end_is_told() {
    let mut stage = Stage::new(both());
    let known = stage.client(HELLO);
    stage.house.stalled = true;
    flood(&mut stage);
    drop(known);
    let mut late = stage.client(HELLO);
    stage.hear(&mut late);
    assert!(late.heard.starts_with(b"\0\0\0\x04\0"), "{:?}", late.heard);
    stage.house.stalled = false;
    stage.pass(1_000);
    drop(late);
    stage.pass(10);
    let mut open = HashMap::new();
    for event in &stage.house.conducted {
        match event {
            Event::Opened { conn, .. } => assert!(open.insert(*conn, true).is_none(), "opened twice"),
            Event::Closed { conn, .. } => assert_eq!(open.insert(*conn, false), Some(true)),
            other => assert_eq!(open.get(&conn_of(other)), Some(&true), "{other:?}"),
        }
    }
    assert!(open.len() < limits::EVENTS_OF_CONNECTIONS, "some were never told of");
    assert!(open.values().all(|open| !open), "each that was told of has its end");
    assert!(stage.house.ledger.untold_connections.get() > 0);
    assert_eq!(stage.house.worker.census().downs, 0);
}

#[test]
fn a_connection_that_trio_does_not_know_leaves_with_its_listener() {
    let mut stage = Stage::new(both());
    stage.house.stalled = true;
    flood(&mut stage);
    let mut unknown = stage.client(HELLO);
    stage.house.command(Command::Drain { listener: 0 });
    stage.hear(&mut unknown);
    assert!(has(&unknown, LAST_WORDS.as_bytes()), "{:?}", unknown.heard);
    assert!(unknown.end.is_some());
}

/// Asking a handler must be possible however many connections come and go.
#[test]
fn connections_take_no_room_from_handlers() {
    let mut stage = Stage::new(both());
    stage.house.stalled = true;
    flood(&mut stage);
    assert!(stage.house.border.events.is_empty());
    assert_eq!(stage.house.border.conducted.len(), limits::EVENTS_OF_CONNECTIONS);
}
