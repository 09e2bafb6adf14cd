//! Nanoseconds per request and answer through two connections, client and server, that keep many streams open at once:
//! `cargo bench -p gateway-core --bench http2`.
//!
//! Everything that both sides do is in the figure: heads encoded and decoded, frames, windows, states. A gateway between
//! two HTTP/2 peers does the same work once, in other halves. The figure is the least of many rounds.

use std::hint::black_box;
use std::time::Instant;

use gateway_core::hpack::{Encoder, Pseudo};
use gateway_core::http1::response::Answering;
use gateway_core::http2::frame::settings;
use gateway_core::http2::{Connection, Event, LocalSettings, PREFACE, Role, Scratch};

const ROUNDS: usize = 200;
/// Turns of a round; in each turn all streams are asked for and answered.
const TURNS: usize = 100;
/// Bytes of a small answer.
const ANSWER: usize = 1024;

struct Pair {
    client: Connection,
    server: Connection,
    scratch: Scratch,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    body: Vec<u8>,
    answers: usize,
}

impl Pair {
    fn new(bytes: usize) -> Self {
        let local =
            LocalSettings { stream_window: 1 << 20, connection_window: 1 << 24, ..LocalSettings::default() };
        let mut pair = Self {
            client: Connection::new(Role::Client, &local),
            server: Connection::new(Role::Server, &local),
            scratch: Scratch::default(),
            to_server: PREFACE.to_vec(),
            to_client: Vec::new(),
            body: vec![b'x'; bytes],
            answers: 0,
        };
        let offer = [settings::Setting::InitialWindow(1 << 20)];
        settings::write(&offer, &mut pair.to_server);
        settings::write(&offer, &mut pair.to_client);
        let more = (1u32 << 24) - 65_535;
        pair.to_client.extend_from_slice(&[0, 0, 4, 8, 0, 0, 0, 0, 0]);
        pair.to_client.extend_from_slice(&more.to_be_bytes());
        pair.to_server.extend_from_slice(&[0, 0, 4, 8, 0, 0, 0, 0, 0]);
        pair.to_server.extend_from_slice(&more.to_be_bytes());
        pair.serve();
        pair.hear();
        pair
    }

    fn ask(&mut self, streams: usize) {
        for _ in 0..streams {
            let asked = self.client.request(Answering::default(), true, &mut self.to_server, request);
            black_box(asked);
        }
    }

    fn serve(&mut self) {
        let mut input = &self.to_server[..];
        while let Ok(Some(event)) = self.server.next(&mut input, &mut self.scratch, &mut self.to_client) {
            if let Event::Request { key, .. } = event {
                self.server.head(key, false, &mut self.to_client, response);
                self.server.data(key, &self.body, true, &mut self.to_client);
            }
        }
        self.to_server.clear();
        self.server.flushed();
    }

    fn hear(&mut self) {
        let mut input = &self.to_client[..];
        while let Ok(Some(event)) = self.client.next(&mut input, &mut self.scratch, &mut self.to_server) {
            if let Event::Data { key, bytes, end } = event {
                self.answers += usize::from(end);
                self.client.consumed(key, bytes.len() as u32, &mut self.to_server);
            }
        }
        self.to_client.clear();
        self.client.flushed();
    }
}

fn request(encoder: &Encoder, out: &mut Vec<u8>) {
    encoder.pseudo(Pseudo::Method, b"GET", out);
    encoder.pseudo(Pseudo::Scheme, b"http", out);
    encoder.pseudo(Pseudo::Authority, b"shop.example.com", out);
    encoder.pseudo(Pseudo::Path, b"/catalog/items?page=2", out);
    encoder.field(b"user-agent", b"h2load nghttp2/1.52.0", false, out);
    encoder.field(b"x-forwarded-for", b"192.0.2.7", false, out);
}

fn response(encoder: &Encoder, out: &mut Vec<u8>) {
    encoder.status(200, out);
    encoder.field(b"server", b"nginx/1.22.1", false, out);
    encoder.field(b"date", b"Sat, 21 Nov 2026 05:20:30 GMT", false, out);
    encoder.field(b"content-type", b"application/octet-stream", false, out);
    encoder.field(b"etag", b"\"692012f0-400\"", false, out);
}

fn least(bytes: usize, streams: usize) -> f64 {
    let mut pair = Pair::new(bytes);
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..TURNS {
            pair.ask(streams);
            pair.serve();
            pair.hear();
        }
        least = least.min(start.elapsed().as_secs_f64() * 1e9 / (TURNS * streams) as f64);
    }
    assert_eq!(pair.answers, ROUNDS * TURNS * streams, "every request is answered");
    least
}

fn main() {
    for (name, bytes, streams) in [
        ("no body, 32 streams", 0, 32),
        ("1 KiB, 32 streams", ANSWER, 32),
        ("1 KiB, 1 stream", ANSWER, 1),
        ("1 KiB, 128 streams", ANSWER, 128),
        ("64 KiB, 8 streams", 65_536, 8),
    ] {
        println!("{name:<24} {:>8.0} ns per request and answer, both sides", least(bytes, streams));
    }
}
