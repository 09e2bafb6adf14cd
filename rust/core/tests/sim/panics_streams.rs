//! How the armed places of HTTP/2, of PROXY headers and of pass-through are reached.

use gateway_core::document::{Document, Listener, Protocol};
use gateway_core::fault;

use super::dialogue_passthrough::{hello, tls};
use super::frames::{self, HELLO, request, server};
use super::plan;
use super::stage::{Speaker, Stage};

pub const TO_TWO: &str = "GET /two HTTP/1.1\r\nHost: a\r\n\r\n";

const LINE: &str = "PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n";

/// Listeners of a stage: plain ones are before these.
const PROXIED: u32 = 2;
const PASSING: u32 = 3;

/// What else a stage for these needs: HTTP/2 on its first listener, and listeners of their own for what comes before HTTP.
pub fn extend(document: &mut Document) {
    document.listeners[0].protocols = vec![Protocol::Http1, Protocol::H2];
    document.listeners.push(Listener { proxy_protocol: vec!["0.0.0.0/0".into()], ..plan::listener(2) });
    let passing = Listener { scheme: "https".into(), tls: Some(tls(&["db.example"])), ..plan::listener(3) };
    document.listeners.push(passing);
    document.upstreams.push(frames::upstream("two"));
}

fn dial(stage: &mut Stage, listener: u32, says: &str) -> Speaker {
    let mut client = Speaker { sock: stage.house.dial(listener), heard: Vec::new(), end: None };
    stage.say(&mut client, says);
    client
}

/// Lead a connection past the armed place, if it is one of these. The client is the one that must be lost.
pub fn provoke(stage: &mut Stage, name: &'static str) -> Option<Speaker> {
    let armed = |stage: &mut Stage, listener: u32, says: &str| {
        fault::arm(Some(name));
        Some(dial(stage, listener, says))
    };
    match name {
        "session.open" => armed(stage, 0, HELLO),
        "session.connect" | "lease.stream" => armed(stage, 0, TO_TWO),
        "preamble.introduce" => armed(stage, PROXIED, LINE),
        "preamble.hello" | "passthrough.dial" | "passthrough.reached" => {
            armed(stage, PASSING, &hello("db.example"))
        }
        "session.frames" => {
            let mut client = stage.client(HELLO);
            fault::arm(Some(name));
            stage.say(&mut client, &request(1, "/a"));
            Some(client)
        }
        "session.end" => {
            let mut client = stage.client(HELLO);
            stage.say(&mut client, &request(1, "/a"));
            fault::arm(Some(name));
            client.sock.as_ref().unwrap().finish();
            stage.pass(5);
            Some(client)
        }
        "relay.lost" => {
            let client = stage.client(TO_TWO);
            let server = server(stage);
            fault::arm(Some(name));
            drop(server);
            stage.pass(5);
            Some(client)
        }
        _ => None,
    }
}
