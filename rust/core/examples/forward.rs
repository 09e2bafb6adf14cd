//! The engine alone, without Python: `forward LISTEN UPSTREAM` forwards everything, with one worker, until killed.
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
use gateway_core::route::Snapshot;
use gateway_core::worker::fleet::Fleet;

fn document(listen: &str, upstream: &str) -> Document {
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
            protocols: vec![Protocol::Http1],
            tls: None,
            http2: Http2::default(),
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
            protocol: UpstreamProtocol::Http1,
            tls: None,
            http2: Http2::default(),
        }],
        handlers: vec![],
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (words.next(), words.next()) else {
        return Err(
            "usage: forward LISTEN UPSTREAM, for example: forward 127.0.0.1:8080 127.0.0.1:3000".into()
        );
    };
    let snapshot = Snapshot::build(document(&listen, &upstream)).map_err(|error| format!("{error:?}"))?;
    let fleet = Fleet::start(1, &Arc::new(snapshot))?;
    let socket = TcpListener::bind(&listen)?;
    socket.set_nonblocking(true)?;
    fleet.listen(0, vec![OwnedFd::from(socket)]).map_err(|_| "the worker does not listen")?;
    loop {
        std::thread::park();
    }
}
