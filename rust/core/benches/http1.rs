//! Nanoseconds per head and per body, beside httparse on the same bytes: `cargo bench -p gateway-core --bench http1`.
//!
//! httparse only finds the fields; we also recognise names, decide framing and the connection's fate, validate the
//! host and refuse more. The figure is the least of many rounds: what the code costs when nothing disturbs it.

use std::hint::black_box;
use std::time::Instant;

use gateway_core::http1::body::{CHUNK_END, Decoder, LAST_CHUNK, chunk_head};
use gateway_core::http1::head::{Framing, Limits};
use gateway_core::http1::request::Request;
use gateway_core::http1::response::{Answering, Response};

const ROUNDS: usize = 60;
const PER_ROUND: u32 = 20_000;

const CURL: &[u8] =
    b"GET /catalog/items?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: curl/8.5.0\r\n\
    Accept: */*\r\n\r\n";

const CLIENT: &[u8] = b"GET /v1/orders/8f14e45f?expand=items HTTP/1.1\r\nHost: api.example.com:8080\r\n\
    User-Agent: okhttp/4.12.0\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\
    x-request-id: 1d5be7e4\r\nConnection: Keep-Alive\r\n\r\n";

const BROWSER: &[u8] = b"GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r\n\
    Host: www.kittyhell.com\r\n\
    User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; ja-JP-mac; rv:1.9.2.3) Gecko/20100401 Firefox/3.6.3 \
    Pathtraq/0.9\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: ja,en-us;q=0.7,en;q=0.3\r\nAccept-Encoding: gzip,deflate\r\n\
    Accept-Charset: Shift_JIS,utf-8;q=0.7,*;q=0.7\r\nKeep-Alive: 115\r\nConnection: keep-alive\r\n\
    Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; \
    __utma=xxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.x; \
    __utmz=xxxxxxxxx.xxxxxxxxxx.x.x.utmccn=(referral)|utmcsr=reader.livedoor.com|utmcct=/reader/|utmcmd=referral\r\n\
    \r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 05:20:30 GMT\r\n\
    Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n\
    Last-Modified: Sat, 21 Nov 2026 05:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"692012f0-400\"\r\n\
    Accept-Ranges: bytes\r\n\r\n";

fn least(mut work: impl FnMut()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        for _ in 0..PER_ROUND {
            work();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(PER_ROUND)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

fn request(name: &str, head: &[u8]) {
    let limits = Limits::default();
    let mut request = Request::new();
    let ours = least(|| {
        let _ = black_box(request.parse(black_box(head), &limits));
        black_box(&request);
    });
    let theirs = least(|| {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; 32];
        let mut request = httparse::Request::new(&mut []);
        let _ = black_box(request.parse_with_uninit_headers(black_box(head), &mut fields));
        black_box(&request);
    });
    print(name, head.len(), ours, theirs);
}

fn response(name: &str, head: &[u8]) {
    let limits = Limits::default();
    let mut response = Response::new();
    let ours = least(|| {
        let _ = black_box(response.parse(black_box(head), &limits, Answering::default()));
        black_box(&response);
    });
    let config = httparse::ParserConfig::default();
    let theirs = least(|| {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; 32];
        let mut response = httparse::Response::new(&mut []);
        let head = black_box(head);
        let _ = black_box(config.parse_response_with_uninit_headers(&mut response, head, &mut fields));
        black_box(&response);
    });
    print(name, head.len(), ours, theirs);
}

/// Many different heads in turn: branch predictors cannot learn them by heart, as they cannot in a busy gateway.
fn mixed() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize % below
    };
    let names = [
        "Accept",
        "User-Agent",
        "Accept-Language",
        "Accept-Encoding",
        "Cookie",
        "Referer",
        "X-Request-Id",
        "Origin",
        "Cache-Control",
        "Authorization",
        "X-Forwarded-For",
        "Content-Type",
        "If-None-Match",
        "Priority",
        "traceparent",
    ];
    let heads: Vec<Vec<u8>> = (0..4096)
        .map(|_| {
            let mut head = format!("GET /{} HTTP/1.1\r\nHost: a.example\r\n", "p".repeat(draw(30)));
            for _ in 0..3 + draw(5) {
                let name = names.get(draw(names.len())).copied().unwrap_or_default();
                head.push_str(&format!("{name}: {}\r\n", "v".repeat(1 + draw(30))));
            }
            (head + "\r\n").into_bytes()
        })
        .collect();
    let bytes = heads.iter().map(Vec::len).sum::<usize>() / heads.len();
    let limits = Limits::default();
    let mut request = Request::new();
    let mut heads_for_us = heads.iter().cycle();
    let ours = least(|| {
        let _ = black_box(request.parse(black_box(heads_for_us.next().map_or(&[], Vec::as_slice)), &limits));
    });
    let mut heads_for_them = heads.iter().cycle();
    let theirs = least(|| {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; 32];
        let mut request = httparse::Request::new(&mut []);
        let head = black_box(heads_for_them.next().map_or(&[][..], Vec::as_slice));
        let _ = black_box(request.parse_with_uninit_headers(head, &mut fields));
    });
    print("requests, all different", bytes, ours, theirs);
}

fn print(name: &str, bytes: usize, ours: f64, theirs: f64) {
    println!(
        "{name:<24} {bytes:>5} bytes  {ours:>7.1} ns   httparse {theirs:>7.1} ns   {:.2}",
        ours / theirs
    );
}

fn body(name: &str, chunk: usize, chunks: usize) {
    let mut wire = Vec::new();
    for _ in 0..chunks {
        chunk_head(chunk, &mut wire);
        wire.resize(wire.len() + chunk, b'x');
        wire.extend_from_slice(CHUNK_END);
    }
    wire.extend_from_slice(LAST_CHUNK);
    wire.extend_from_slice(CHUNK_END);
    let ns = least(|| {
        let mut decoder = Decoder::new(Framing::Chunked);
        let mut at = 0;
        while let Some(rest) = wire.get(at..).filter(|rest| !rest.is_empty()) {
            let Ok(step) = decoder.decode(black_box(rest)) else { return };
            at += step.consumed;
        }
        black_box(decoder.is_done());
    });
    println!("{name:<24} {:>5} bytes  {:>7.1} ns per chunk", wire.len(), ns / chunks as f64);
}

fn main() {
    request("request, curl", CURL);
    request("request, API client", CLIENT);
    request("request, browser", BROWSER);
    mixed();
    response("response, nginx", ANSWER);
    body("chunked, 1 × 1 KiB", 1024, 1);
    body("chunked, 64 × 64 B", 64, 64);
}
