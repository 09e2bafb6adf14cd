//! The engine alone, without Python: `forward LISTEN UPSTREAM [h2]` forwards everything, with one worker, until killed.
//! For profiles and for finding out whether a cost is the engine's.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use gateway_core::document::Document;
use gateway_core::document::{
    Action, Balance, DotSegments, DoubleSlash, EncodedSlash, Endpoint, FORMAT, HeaderEdits, Http2, Listener,
    Match, PathMatch, PathPolicy, Protocol, Rewrite, Route, Rule, Target, Timeouts, Upstream,
    UpstreamProtocol,
};
use gateway_core::http2::PREFACE;
use gateway_core::route::Snapshot;
use gateway_core::worker::fleet::Fleet;

/// SETTINGS and a larger window for the connection, after the client's magic or nothing.
fn first_flight(magic: &[u8]) -> Http2 {
    let (stream_window, connection_window) = (262_144u32, 1_048_576u32);
    let mut preface = magic.to_vec();
    preface.extend([0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 128, 0, 4]);
    preface.extend(stream_window.to_be_bytes());
    preface.extend([0, 0, 4, 8, 0, 0, 0, 0, 0]);
    preface.extend((connection_window - 65_535).to_be_bytes());
    Http2 { max_concurrent_streams: 128, stream_window, connection_window, max_frame: 16_384, preface }
}

fn document(listen: &str, upstream: &str, protocol: UpstreamProtocol) -> Document {
    let path = PathPolicy {
        dot_segments: DotSegments::Resolve,
        double_slash: DoubleSlash::Merge,
        encoded_slash: EncodedSlash::Refuse,
    };
    let rule = Rule {
        name: "all".into(),
        source: String::new(),
        priority: 0,
        matches: vec![Match {
            path: PathMatch::Prefix { value: "/".into() },
            methods: vec![],
            headers: vec![],
            query: vec![],
            cookies: vec![],
            client_cert: vec![],
        }],
        action: Action::Forward { targets: vec![Target { upstream: 0, weight: 1 }] },
        timeouts: Timeouts { request: 15_000, per_try: 0, connect: 1_000, idle: 60_000 },
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        rewrite: Rewrite::default(),
        grpc_web: false,
    };
    Document {
        format: FORMAT,
        generation: 1,
        name: "gateway".into(),
        access_log: false,
        listeners: vec![Listener {
            name: "web".into(),
            key: 0,
            address: listen.into(),
            scheme: "http".into(),
            max_connections: 100_000,
            header_bytes: 65_536,
            headers: 100,
            header_timeout: 10_000,
            idle_timeout: 60_000,
            trust_forwarded: false,
            path,
            protocols: vec![Protocol::H2, Protocol::Http1],
            tls: None,
            http2: first_flight(b""),
            proxy_protocol: vec![],
        }],
        routes: vec![Route {
            name: "all".into(),
            source: String::new(),
            hosts: vec![],
            listeners: vec![0],
            rules: vec![rule],
        }],
        upstreams: vec![Upstream {
            name: "app".into(),
            source: String::new(),
            balance: Balance::RoundRobin,
            endpoints: vec![Endpoint { address: upstream.into(), weight: 1 }],
            max_idle: 1024,
            idle_timeout: 60_000,
            protocol,
            tls: None,
            http2: first_flight(PREFACE),
        }],
        system_roots: vec![],
        handlers: vec![],
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (words.next(), words.next()) else {
        return Err(
            "usage: forward LISTEN UPSTREAM [h2], for example: forward 127.0.0.1:8080 127.0.0.1:3000".into(),
        );
    };
    let protocol = match words.next().as_deref() {
        Some("h2") => UpstreamProtocol::H2,
        _ => UpstreamProtocol::Http1,
    };
    let snapshot =
        Snapshot::build(document(&listen, &upstream, protocol)).map_err(|error| format!("{error:?}"))?;
    let fleet = Fleet::start(1, &Arc::new(snapshot))?;
    let socket = TcpListener::bind(&listen)?;
    socket.set_nonblocking(true)?;
    fleet.listen(0, vec![OwnedFd::from(socket)]).map_err(|_| "the worker does not listen")?;
    loop {
        std::thread::park();
    }
}
