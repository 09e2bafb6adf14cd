//! Nanoseconds per header block, both ways: `cargo bench -p gateway-core --bench hpack`.
//!
//! Decoding is timed up to the head that the rest of the house works with. *Warm* means that the peer's table already
//! holds what it repeats, as on every request of a connection but the first. Each figure is the least of many rounds.

use std::hint::black_box;
use std::time::Instant;

use gateway_core::hpack::{Block, Decoder, Encoder};
use gateway_core::http1::head::Limits;
use gateway_core::http1::request::Request;
use gateway_core::http1::response::{Answering, Response};

const ROUNDS: usize = 60;
const PER_ROUND: u32 = 20_000;

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

fn print(name: &str, fields: usize, wire: usize, text: usize, ns: f64) {
    println!("{name:<34} {fields:>3} fields {wire:>5} → {text:>5} bytes  {ns:>7.1} ns");
}

/// What Chrome sends, the names and values that it repeats inserted with incremental indexing.
const BROWSER: &[(&str, &str)] = &[
    ("sec-ch-ua", "\"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("referer", "https://shop.example.com/catalog"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9"),
    ("cookie", "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark"),
];

fn string(text: &str, out: &mut Vec<u8>) {
    assert!(text.len() < 127, "one byte of length");
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

/// The first request of a connection, and any later one with `path` as a literal.
fn browser(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut first = vec![0x82, 0x87, 0x41];
    string("shop.example.com", &mut first);
    first.push(0x84);
    for (name, value) in BROWSER {
        first.push(0x40);
        string(name, &mut first);
        string(value, &mut first);
    }
    let mut later = vec![0x82, 0x87, 0x80 | 72];
    later.extend_from_slice(path);
    later.extend((0..10).map(|back| 0x80 | (71 - back)));
    (first, later)
}

fn decode_browser(name: &str, path: &[u8]) {
    let (first, later) = browser(path);
    let mut decoder = Decoder::new();
    let (mut head, mut request, limits) = (Block::new(), Request::new(), Limits::default());
    assert_eq!(decoder.decode(&first, &limits, &mut head), Ok(()));
    let decoded = least(|| {
        let _ = black_box(decoder.decode(black_box(&later), &limits, &mut head));
        let _ = black_box(head.request(true, &mut request));
    });
    assert_eq!(request.fields.len(), 10, "all fields of the request are there");
    print(name, request.fields.len() + 4, later.len(), head.text.len(), decoded);
}

fn decode_first() {
    let (first, _) = browser(&[]);
    let (mut head, mut request, limits) = (Block::new(), Request::new(), Limits::default());
    let mut decoder = Decoder::new();
    let ns = least(|| {
        let _ = black_box(decoder.decode(black_box(&first), &limits, &mut head));
        let _ = black_box(head.request(true, &mut request));
    });
    print("request, all literals, inserted", request.fields.len() + 4, first.len(), head.text.len(), ns);
}

/// What h2load and nghttpd say to each other.
fn decode_answer() {
    let mut decoder = Decoder::new();
    let (mut head, mut response, limits) = (Block::new(), Response::new(), Limits::default());
    let mut first = vec![0x88];
    for (place, value) in
        [(54, "nginx/1.22.1"), (33, "Sat, 21 Nov 2026 05:20:30 GMT"), (31, "text/plain"), (28, "1024")]
    {
        first.push(0x40 | place);
        string(value, &mut first);
    }
    assert_eq!(decoder.decode(&first, &limits, &mut head), Ok(()));
    let later = [0x88, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62];
    let ns = least(|| {
        let _ = black_box(decoder.decode(black_box(&later), &limits, &mut head));
        let _ = black_box(head.response(Answering::default(), false, &mut response));
    });
    print("response, all indexed", response.fields.len() + 1, later.len(), head.text.len(), ns);
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 05:20:30 GMT\r\n\
    Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n\
    Last-Modified: Sat, 21 Nov 2026 05:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"692012f0-400\"\r\n\
    Accept-Ranges: bytes\r\nX-Request-Id: 8f14e45fceea167a\r\n\r\n";

fn encode_answer() {
    let (mut response, mut out) = (Response::new(), Vec::new());
    assert!(response.parse(ANSWER, &Limits::default(), Answering::default()).is_ok());
    let mut encoder = Encoder::new();
    let ns = least(|| {
        out.clear();
        encoder.begin(&mut out);
        encoder.status(response.status, &mut out);
        encoder.fields(black_box(&response.fields), black_box(ANSWER), |_| false, &mut out);
        black_box(&out);
    });
    print("encode a response of nginx", response.fields.len(), ANSWER.len(), out.len(), ns);
}

fn main() {
    // `:path` as a literal without indexing: 4 bits of index 4, then the string.
    #[rustfmt::skip]
    let huffman = [
        0x04, 0x80 | 23, 0x60, 0x83, 0x48, 0xe8, 0x3c, 0xcc, 0x19, 0x25, 0xa5, 0x1f, 0xe5, 0x63, 0x98, 0xb0, 0x0b, 0xe1,
        0x07, 0xb1, 0x30, 0x57, 0x61, 0x88, 0x5f,
    ];
    let mut plain = vec![0x04];
    string("/catalog/items?page=2&sort=price", &mut plain);
    decode_browser("request, indexed, path as literal", &plain);
    decode_browser("request, indexed, path in Huffman", &huffman);
    decode_first();
    decode_answer();
    encode_answer();
}
