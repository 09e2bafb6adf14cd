//! What one decision costs over the number of rules of a host, by what tells the rules apart.
//!
//! `cargo bench -p gateway-core --bench route` prints ns per `decide`: the median of [`ROUNDS`] rounds of [`ASKS`]
//! decisions each. Requests go round over all rules (`hit`), or fit none but a last resort (`miss`). Every request is
//! decided as the worker does it: a host to look up, eight fields of a browser in a head that the codec has read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench fails loudly

#[path = "../tests/route_document/mod.rs"]
mod route_document;

use gateway_core::document::{Match, Route, Rule};
use gateway_core::http1::head::Limits;
use gateway_core::http1::request::Request;
use gateway_core::route::{HeadFields, Input, NoTrace, Snapshot, decide, normalise};
use route_document::*;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 15;
const ASKS: usize = 20_000;
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const HOST: &str = "shop.example.com";

/// How rules are told apart, and the request that takes one of them.
struct Kind {
    name: &'static str,
    rule: fn(usize) -> Match,
    /// Target and extra field lines.
    hit: fn(usize) -> (String, String),
    miss: (&'static str, &'static str),
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "exact",
        rule: |n| exact(&format!("/v1/service-{n}/items")),
        hit: |n| (format!("/v1/service-{n}/items"), String::new()),
        miss: ("/v1/service-x/items", ""),
    },
    Kind {
        name: "prefix",
        rule: |n| prefix(&format!("/v1/service-{n}")),
        hit: |n| (format!("/v1/service-{n}/items/17"), String::new()),
        miss: ("/v1/service-x/items/17", ""),
    },
    Kind {
        name: "header",
        rule: |n| Match { headers: vec![wants("x-tenant", &format!("tenant-{n}"))], ..prefix("/") },
        hit: |n| ("/v1/items/17".into(), format!("x-tenant: tenant-{n}\r\n")),
        miss: ("/v1/items/17", "x-tenant: nobody\r\n"),
    },
    Kind {
        name: "query",
        rule: |n| Match { query: vec![wants("tenant", &format!("tenant-{n}"))], ..prefix("/") },
        hit: |n| (format!("/v1/items/17?page=2&tenant=tenant-{n}"), String::new()),
        miss: ("/v1/items/17?page=2&tenant=nobody", ""),
    },
    Kind {
        name: "regex",
        rule: |n| regex(&format!("/v[0-9]+/service-{n}/[a-z]+")),
        hit: |n| (format!("/v2/service-{n}/items"), String::new()),
        miss: ("/v2/service-x/items", ""),
    },
    Kind {
        name: "host",
        rule: |_| prefix("/"),
        hit: |n| ("/v1/items/17".into(), format!("x-host: {n}\r\n")),
        miss: ("/v1/items/17", ""),
    },
];

fn build(kind: &Kind, size: usize) -> Snapshot {
    let mut routes: Vec<Route> = Vec::new();
    let mut rules: Vec<Rule> = (0..size).map(|n| rule(&format!("r{n}"), vec![(kind.rule)(n)])).collect();
    if kind.name == "host" {
        for (n, rule) in rules.drain(..).enumerate() {
            routes.push(route(&format!("h{n}"), &[&format!("host-{n}.example.com")], vec![rule]));
        }
    }
    // The last resort: any prefix would come before the regexes, so theirs is a regex whose name sorts last.
    rules.push(rule("z", vec![if kind.name == "regex" { regex("/.*") } else { prefix("/") }]));
    routes.push(route("all", &[HOST], rules));
    snapshot(routes)
}

/// A head and what the codec read in it.
struct Read {
    buf: Vec<u8>,
    head: Request,
}

fn read(host: &str, target: &str, lines: &str) -> Read {
    let buf = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0)\r\n\
         Accept: text/html,application/xhtml+xml;q=0.9\r\nAccept-Language: en-GB,en;q=0.5\r\n\
         Accept-Encoding: gzip, deflate, br\r\nReferer: https://shop.example.com/\r\nCookie: session=0123456789\r\n\
         Cache-Control: no-cache\r\n{lines}\r\n"
    );
    let mut head = Request::new();
    head.parse(buf.as_bytes(), &Limits::default()).unwrap();
    Read { buf: buf.into_bytes(), head }
}

fn hit(kind: &Kind, n: usize) -> Read {
    let (target, lines) = (kind.hit)(n);
    match kind.name {
        "host" => read(&format!("host-{n}.example.com"), &target, ""),
        _ => read(HOST, &target, &lines),
    }
}

fn once(snapshot: &Snapshot, read: &Read, normal: &mut Vec<u8>) -> u32 {
    let (head, buf) = (&read.head, read.buf.as_slice());
    let path = head.path.of(buf);
    let _ = black_box(normalise(path, &snapshot.listeners[0].path, normal));
    let fields = HeadFields { fields: &head.fields, buf };
    let input = Input {
        listener: 0,
        method: head.method_text.of(buf),
        host: head.host.of(buf),
        path,
        query: head.query.map(|query| query.of(buf)),
        fields: &fields,
        client: None,
    };
    decide(snapshot, black_box(&input), 0, &mut NoTrace).rule.unwrap()
}

/// Median ns per decision.
fn cost(snapshot: &Snapshot, asked: &[Read]) -> f64 {
    let mut normal = Vec::new();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for read in asked.iter().cycle().take(ASKS) {
                black_box(once(snapshot, read, &mut normal));
            }
            start.elapsed().as_nanos() as f64 / ASKS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn main() {
    println!("{:<8} {:>6} {:>9} {:>9} {:>10}", "kind", "rules", "hit ns", "miss ns", "build ms");
    for kind in &KINDS {
        for size in SIZES {
            let start = Instant::now();
            let snapshot = build(kind, size);
            let built = start.elapsed().as_secs_f64() * 1e3;
            // At most 500 different requests, spread over the rules: the requests themselves shall stay in the cache.
            let hits: Vec<Read> = (0..size).step_by(size.div_ceil(500)).map(|n| hit(kind, n)).collect();
            let misses = [read(HOST, kind.miss.0, kind.miss.1)];
            let (hit, miss) = (cost(&snapshot, &hits), cost(&snapshot, &misses));
            println!("{:<8} {size:>6} {hit:>9.1} {miss:>9.1} {built:>10.1}", kind.name);
        }
    }
}
