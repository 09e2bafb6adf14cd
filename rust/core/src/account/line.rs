//! One line of the access log: a JSON object per exchange, in words that metrics and `Proxy-Status` use too.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use crate::exchange::Exchange;
use crate::http1::request::Request;

/// Bytes kept of a target or host for the log; what is longer is cut and marked. Apache and nginx log whole targets,
/// which lets a client choose how much disk a request costs.
const TEXT_BYTES: usize = 1024;

/// What is kept of a request for its line; nothing of one that was refused before it was understood.
#[derive(Debug, Default)]
pub struct Asked {
    method: Vec<u8>,
    host: Vec<u8>,
    target: Vec<u8>,
    user_agent: Vec<u8>,
    request_id: Vec<u8>,
}

impl Asked {
    /// Copy it from a parsed head.
    #[must_use]
    pub fn new(request: &Request, bytes: &[u8]) -> Self {
        let cut = |text: &[u8]| text.get(..TEXT_BYTES).unwrap_or(text).to_vec();
        let mut target = cut(request.path.of(bytes));
        if let Some(query) = request.query {
            target.push(b'?');
            target.extend(cut(query.of(bytes)));
        }
        let agent =
            request.fields.iter().find(|field| field.name.of(bytes).eq_ignore_ascii_case(b"user-agent"));
        Self {
            method: cut(request.method_text.of(bytes)),
            host: cut(request.host.of(bytes)),
            target,
            user_agent: agent.map(|field| cut(field.value.of(bytes))).unwrap_or_default(),
            request_id: Vec::new(),
        }
    }

    /// Of a connection that is passed through: all that is known is the name that it asks for.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        Self { host: name.as_bytes().to_vec(), ..Self::default() }
    }

    /// The id that was sent upstream.
    pub fn request_id(&mut self, id: &[u8]) {
        self.request_id = id.get(..TEXT_BYTES).unwrap_or(id).to_vec();
    }
}

/// What became of it.
pub struct Told<'a> {
    /// Since the Unix epoch, µs.
    pub wall: u64,
    /// Address of the client.
    pub peer: &'a str,
    /// Address of the endpoint, empty if it was not forwarded.
    pub endpoint: &'a str,
    /// Status, or 499.
    pub code: u16,
    /// ns
    pub duration: u64,
    /// The exchange.
    pub exchange: &'a Exchange,
}

/// Append the line, newline included.
pub fn write(asked: &Asked, told: &Told<'_>, out: &mut Vec<u8>) {
    let exchange = told.exchange;
    let snapshot = &exchange.local.snapshot;
    let rule = exchange.rule.and_then(|index| snapshot.rules.get(index as usize));
    let route = rule.and_then(|rule| snapshot.routes.get(rule.route as usize));
    let upstream = exchange.upstream.and_then(|index| snapshot.upstreams.get(index as usize));
    let listener = snapshot.listeners.get(exchange.listener as usize);
    let time = humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_micros(told.wall));
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{\"time\":\"{time}\"");
    text("client", told.peer.as_bytes(), out);
    if let Some(identity) = exchange.identity() {
        text("client_cert", identity.forwarded().as_bytes(), out);
    }
    text("listener", listener.map_or("", |listener| &listener.name).as_bytes(), out);
    text("method", &asked.method, out);
    text("host", &asked.host, out);
    text("target", &asked.target, out);
    text("protocol", exchange.protocol().as_bytes(), out);
    text("route", route.map_or("", |route| &route.name).as_bytes(), out);
    text("rule", rule.map_or("", |rule| &rule.name).as_bytes(), out);
    text("upstream", upstream.map_or("", |upstream| &upstream.name).as_bytes(), out);
    text("endpoint", told.endpoint.as_bytes(), out);
    let _ = write!(out, ",\"status\":{},\"reason\":\"{}\"", told.code, exchange.reason.word());
    if let Some(code) = exchange.outcome() {
        let _ = write!(out, ",\"grpc_status\":{}", code.number());
    }
    let _ = write!(out, ",\"bytes_in\":{},\"bytes_out\":{}", exchange.bytes_in, exchange.bytes_out);
    let _ =
        write!(out, ",\"duration_ms\":{}.{:03}", told.duration / 1_000_000, told.duration / 1_000 % 1_000);
    let _ = write!(out, ",\"replays\":{}", exchange.replays);
    text("request_id", &asked.request_id, out);
    text("user_agent", &asked.user_agent, out);
    out.extend_from_slice(b"}\n");
}

/// Append `,"name":"value"`. Bytes that are not ASCII text are escaped, so that a line is valid JSON whatever came.
fn text(name: &str, value: &[u8], out: &mut Vec<u8>) {
    let _ = write!(out, ",\"{name}\":\"");
    for &byte in value {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x20..=0x7e => out.push(byte),
            _ => {
                let _ = write!(out, "\\u{:04x}", u16::from(byte));
            }
        }
    }
    out.push(b'"');
}
