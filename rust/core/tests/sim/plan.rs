//! Configurations: a plain one for dialogues, and drawn ones for whole stories.

use gateway_core::document::{
    Action, Balance, Document, DotSegments, DoubleSlash, EncodedSlash, Endpoint, FORMAT, HeaderEdits, Http2,
    Listener, Match, PathMatch, PathPolicy, Protocol, Rewrite, Route, Rule, Target, Timeouts, Upstream,
    UpstreamProtocol,
};

use gateway_core::http2::PREFACE;

use super::dice::Dice;
use super::wire;

pub const TIMEOUTS: Timeouts = Timeouts { request: 15_000, per_try: 0, connect: 1_000, idle: 5_000 };

pub fn listener(key: u32) -> Listener {
    Listener {
        name: format!("l{key}"),
        key,
        address: format!("127.0.0.1:{}", 8080 + key),
        scheme: "http".into(),
        max_connections: 10_000,
        header_bytes: 65_536,
        headers: 100,
        header_timeout: 2_000,
        idle_timeout: 5_000,
        trust_forwarded: false,
        path: PathPolicy {
            dot_segments: DotSegments::Resolve,
            double_slash: DoubleSlash::Merge,
            encoded_slash: EncodedSlash::Refuse,
        },
        protocols: vec![Protocol::Http1],
        tls: None,
        http2: Http2::default(),
        proxy_protocol: vec![],
    }
}

pub fn rule(name: &str, prefix: &str, action: Action) -> Rule {
    let matches = vec![Match {
        path: PathMatch::Prefix { value: prefix.into() },
        methods: vec![],
        headers: vec![],
        query: vec![],
        cookies: vec![],
        client_cert: vec![],
    }];
    Rule {
        name: name.into(),
        source: String::new(),
        priority: 0,
        matches,
        action,
        timeouts: TIMEOUTS,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        rewrite: Rewrite::default(),
        grpc_web: false,
    }
}

pub fn forward(upstream: u32) -> Action {
    Action::Forward { targets: vec![Target { upstream, weight: 1 }] }
}

pub fn upstream(name: &str, endpoints: &[&str]) -> Upstream {
    let endpoints = endpoints.iter().map(|address| Endpoint { address: (*address).into(), weight: 1 });
    Upstream {
        name: name.into(),
        source: String::new(),
        balance: Balance::RoundRobin,
        endpoints: endpoints.collect(),
        max_idle: 64,
        idle_timeout: 10_000,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        http2: Http2::default(),
    }
}

pub fn document(rules: Vec<Rule>, upstreams: Vec<Upstream>) -> Document {
    Document {
        format: FORMAT,
        generation: 1,
        name: "gateway".into(),
        access_log: false,
        listeners: vec![listener(0)],
        routes: vec![Route {
            name: "all".into(),
            source: String::new(),
            hosts: vec![],
            listeners: vec![0],
            rules,
        }],
        upstreams,
        system_roots: vec![],
        handlers: vec!["handler".into()],
    }
}

/// Everything to one endpoint.
pub fn plain(endpoint: &str) -> Document {
    document(vec![rule("all", "/", forward(0))], vec![upstream("app", &[endpoint])])
}

/// Everything answered by the gateway itself, with a body of so many bytes.
pub fn own(bytes: usize) -> Document {
    let respond = Action::Respond { status: 200, headers: vec![], body: vec![b'x'; bytes] };
    document(vec![rule("own", "/", respond)], vec![])
}

/// Addresses that servers of a story may have.
pub const ADDRESSES: [&str; 5] =
    ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "[2001:db8::4]:80", "unix:/run/five"];

/// Paths of a story: where clients go, whatever the configuration of the day says.
pub const PATHS: [&str; 6] = ["/f0", "/f1", "/f2", "/r", "/d", "/a"];

fn some_upstream(dice: &mut Dice, name: &str) -> Upstream {
    let mut drawn = upstream(name, &[]);
    for address in ADDRESSES {
        if dice.percent(45) {
            drawn.endpoints.push(Endpoint { address: address.into(), weight: dice.from(1, 5) as u32 });
        }
    }
    drawn.balance = *dice.pick(&[Balance::RoundRobin, Balance::LeastRequest, Balance::Random]);
    drawn.max_idle = dice.from(0, 4) as u32;
    drawn.idle_timeout = dice.from(500, 10_000) as u32;
    drawn
}

fn some_timeouts(dice: &mut Dice) -> Timeouts {
    let mut some = |most: u64, none: u64| if dice.percent(none) { 0 } else { dice.from(50, most) as u32 };
    Timeouts {
        request: some(20_000, 20),
        per_try: some(5_000, 50),
        connect: some(2_000, 20),
        idle: some(6_000, 20),
    }
}

fn some_rules(dice: &mut Dice, upstreams: u64) -> Vec<Rule> {
    let mut rules = Vec::new();
    for path in PATHS {
        let action = match path {
            "/r" => {
                let status = *dice.pick(&[200, 204, 404]);
                let body = vec![b'r'; if status == 204 { 0 } else { dice.size(0, 3_000) }];
                Action::Respond { status, headers: vec![("x-rule".into(), "r".into())], body }
            }
            "/d" => Action::Redirect { status: 302, to: "/elsewhere".into(), keep_query: true },
            "/a" => Action::Ask { handler: 0 },
            _ => {
                let mut target = || Target {
                    upstream: dice.from(0, upstreams - 1) as u32,
                    weight: dice.from(0, 3) as u32,
                };
                Action::Forward { targets: vec![target(), target()] }
            }
        };
        let mut made = rule(&format!("rule{path}"), path, action);
        made.timeouts = some_timeouts(dice);
        if dice.percent(30) {
            made.rewrite.path_prefix = Some("/rewritten/".into());
        }
        if dice.percent(30) {
            made.rewrite.host = Some("inner.example".into());
        }
        if dice.percent(30) {
            made.request_headers.set.push(("x-set".into(), "by the rule".into()));
            made.response_headers.add.push(("x-added".into(), "by the rule".into()));
        }
        if dice.percent(90) {
            rules.push(made);
        }
    }
    rules
}

/// A configuration out of chance; the listeners are the same in all generations of a story.
pub fn drawn(dice: &mut Dice, listeners: u32, generation: u64) -> Document {
    let upstreams: Vec<_> =
        (0..dice.from(1, 3)).map(|number| some_upstream(dice, &format!("u{number}"))).collect();
    let mut rules = some_rules(dice, upstreams.len() as u64);
    if rules.is_empty() {
        rules.push(rule("all", "/", forward(0)));
    }
    let mut document = document(rules, upstreams);
    document.generation = generation;
    document.access_log = dice.percent(30);
    document.listeners = (0..listeners).map(listener).collect();
    for listener in &mut document.listeners {
        listener.header_timeout = dice.from(200, 3_000) as u32;
        listener.idle_timeout = dice.from(200, 6_000) as u32;
        listener.trust_forwarded = dice.percent(30);
    }
    document.routes[0].listeners = (0..listeners).collect();
    document
}

/// The same, with a way round: what clients ask goes as streams to another listener of the same engine, and what was
/// drawn is decided there.
pub fn with_a_hop(mut document: Document, dice: &mut Dice) -> Document {
    let outer = document.routes[0].listeners.clone();
    let inner = outer.len() as u32;
    let mut hop = listener(inner);
    hop.protocols = vec![Protocol::H2];
    hop.trust_forwarded = true;
    hop.header_timeout = dice.from(500, 3_000) as u32;
    hop.idle_timeout = dice.from(200, 6_000) as u32;
    hop.http2.max_concurrent_streams = dice.from(1, 100) as u32;
    hop.http2.preface = vec![0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1];
    hop.http2.preface[14] = hop.http2.max_concurrent_streams as u8;
    document.listeners.push(hop);
    document.routes[0].listeners = vec![inner];
    let mut around = rule("around", "/", forward(document.upstreams.len() as u32));
    around.timeouts = some_timeouts(dice);
    document.routes.push(Route {
        name: "hop".into(),
        source: String::new(),
        hosts: vec![],
        listeners: outer,
        rules: vec![around],
    });
    let mut upstream = upstream("hop", &[wire::ADDRESS]);
    upstream.protocol = UpstreamProtocol::H2;
    upstream.http2.preface = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    upstream.idle_timeout = dice.from(500, 10_000) as u32;
    document.upstreams.push(upstream);
    document
}
