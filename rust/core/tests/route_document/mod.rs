//! Documents in few words, for tests and benches of `route`.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // every test takes what it needs; tests may fail loudly

use gateway_core::document::*;
use gateway_core::route::{Decision, Fields, Input, NoTrace, Snapshot, decide};
use gateway_core::tls::Identity;

pub const POLICY: PathPolicy = PathPolicy {
    dot_segments: DotSegments::Resolve,
    double_slash: DoubleSlash::Merge,
    encoded_slash: EncodedSlash::Refuse,
};

/// A head's fields as a list.
#[derive(Debug, Clone, Default)]
pub struct List(pub Vec<(String, String)>);

impl Fields for List {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_bytes())
    }
}

/// A request in words.
#[derive(Debug, Clone)]
pub struct Asked {
    pub listener: usize,
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: Option<String>,
    pub fields: List,
    pub client: Option<Identity>,
}

impl Asked {
    pub fn get(host: &str, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            listener: 0,
            method: "GET".into(),
            host: host.into(),
            path: path.into(),
            query,
            fields: List::default(),
            client: None,
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.0.push((name.into(), value.into()));
        self
    }

    pub fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }

    pub fn input(&self) -> Input<'_, List> {
        Input {
            listener: self.listener,
            method: self.method.as_bytes(),
            host: self.host.as_bytes(),
            path: self.path.as_bytes(),
            query: self.query.as_deref().map(str::as_bytes),
            fields: &self.fields,
            client: self.client.as_ref(),
        }
    }

    pub fn decide(&self, snapshot: &Snapshot) -> Decision {
        decide(snapshot, &self.input(), 0, &mut NoTrace)
    }

    /// The name of the rule that is taken.
    pub fn taken<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a str> {
        self.decide(snapshot).rule.map(|rule| snapshot.rules[rule as usize].name.as_str())
    }
}

pub fn listener(name: &str) -> Listener {
    Listener {
        name: name.into(),
        key: 1,
        address: "127.0.0.1:8080".into(),
        scheme: "http".into(),
        max_connections: 10_000,
        header_bytes: 65_536,
        headers: 100,
        header_timeout: 10_000,
        idle_timeout: 60_000,
        trust_forwarded: false,
        path: POLICY,
        protocols: vec![Protocol::Http1],
        tls: None,
        http2: Http2::default(),
        proxy_protocol: vec![],
    }
}

pub fn upstream(name: &str) -> Upstream {
    Upstream {
        name: name.into(),
        source: "gateway.yaml:9".into(),
        balance: Balance::RoundRobin,
        endpoints: vec![Endpoint { address: "127.0.0.1:3000".into(), weight: 1 }],
        max_idle: 64,
        idle_timeout: 60_000,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        http2: Http2::default(),
    }
}

pub fn matching(path: PathMatch) -> Match {
    Match { path, methods: vec![], headers: vec![], query: vec![], cookies: vec![], client_cert: vec![] }
}

pub fn prefix(value: &str) -> Match {
    matching(PathMatch::Prefix { value: value.into() })
}

pub fn exact(value: &str) -> Match {
    matching(PathMatch::Exact { value: value.into() })
}

pub fn regex(value: &str) -> Match {
    matching(PathMatch::Regex { value: value.into() })
}

pub fn wants(name: &str, value: &str) -> ValueMatch {
    ValueMatch { name: name.into(), test: ValueTest::Exact { value: value.into() } }
}

pub fn rule(name: &str, matches: Vec<Match>) -> Rule {
    Rule {
        name: name.into(),
        source: "gateway.yaml:5".into(),
        priority: 0,
        matches,
        action: Action::Forward { targets: vec![Target { upstream: 0, weight: 1 }] },
        timeouts: Timeouts { request: 15_000, per_try: 0, connect: 1_000, idle: 60_000 },
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        rewrite: Rewrite::default(),
        grpc_web: false,
    }
}

pub fn route(name: &str, hosts: &[&str], rules: Vec<Rule>) -> Route {
    Route {
        name: name.into(),
        source: "gateway.yaml:3".into(),
        hosts: hosts.iter().map(|&host| host.into()).collect(),
        listeners: vec![0],
        rules,
    }
}

pub fn document(routes: Vec<Route>) -> Document {
    Document {
        format: FORMAT,
        generation: 1,
        name: "gateway".into(),
        access_log: false,
        listeners: vec![listener("web"), listener("other")],
        routes,
        upstreams: vec![upstream("app"), upstream("next")],
        system_roots: vec![],
        handlers: vec!["hello".into()],
    }
}

pub fn snapshot(routes: Vec<Route>) -> Snapshot {
    match Snapshot::build(document(routes)) {
        Ok(snapshot) => snapshot,
        Err(error) => panic!("{error}"),
    }
}
