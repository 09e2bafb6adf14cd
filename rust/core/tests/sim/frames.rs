//! Frames of HTTP/2 by hand, in which every byte is also text, and an upstream that speaks them.

use gateway_core::document::{Upstream, UpstreamProtocol};
use gateway_core::net::Address;
use gateway_core::sim::Manner;

use super::plan;
use super::stage::{Speaker, Stage};

/// Of the upstream.
pub const TWO: &str = "10.0.0.3:80";

/// A client's preface and empty SETTINGS.
pub const HELLO: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS: &str = "\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";

pub fn upstream(name: &str) -> Upstream {
    Upstream { protocol: UpstreamProtocol::H2, ..plan::upstream(name, &[TWO]) }
}

/// A frame of HEADERS that ends its stream; every byte is also text.
pub fn head(stream: u8, fields: &[(&str, &str)]) -> String {
    frame(1, 5, stream, &block(fields))
}

/// The same, and a body follows.
pub fn beginning(stream: u8, fields: &[(&str, &str)]) -> String {
    frame(1, 4, stream, &block(fields))
}

fn block(fields: &[(&str, &str)]) -> String {
    let text = |text: &str| format!("{}{text}", length(text.len()));
    fields.iter().map(|(name, value)| format!("\0{}{}", text(name), text(value))).collect()
}

fn length(count: usize) -> char {
    char::from(u8::try_from(count).unwrap())
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &str) -> String {
    let [kind, flags, stream] = [kind, flags, stream].map(char::from);
    format!("\0\0{}{kind}{flags}\0\0\0{stream}{payload}", length(payload.len()))
}

pub fn data(stream: u8, text: &str) -> String {
    frame(0, 0, stream, text)
}

pub fn last_data(stream: u8, text: &str) -> String {
    frame(0, 1, stream, text)
}

/// NO_ERROR: no stream after this one was looked at.
pub fn goaway(last: u8) -> String {
    frame(7, 0, 0, &format!("\0\0\0{}\0\0\0\0", char::from(last)))
}

pub fn request(stream: u8, path: &str) -> String {
    head(stream, &[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")])
}

pub fn serve(stage: &Stage) {
    stage.house.net.serve(&Address::parse(TWO).unwrap(), Manner::default());
}

/// The next connection to the upstream that speaks HTTP/2, which has answered with its SETTINGS.
pub fn server(stage: &mut Stage) -> Speaker {
    stage.pass(5);
    let sock = stage.house.net.arrived(&Address::parse(TWO).unwrap());
    assert!(sock.is_some(), "the engine has not connected");
    let mut server = Speaker { sock, heard: Vec::new(), end: None };
    stage.say(&mut server, SETTINGS);
    stage.hear(&mut server);
    server
}
