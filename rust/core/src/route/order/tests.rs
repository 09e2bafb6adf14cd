#![allow(clippy::unwrap_used)] // a test fails loudly

use super::*;
use crate::document::{self, PathMatch};

fn found(path: &str, methods: usize, conditions: [usize; 3]) -> document::Match {
    let path = match path.strip_prefix('=') {
        Some(value) => PathMatch::Exact { value: value.into() },
        None if path.contains('*') => PathMatch::Regex { value: path.into() },
        None => PathMatch::Prefix { value: path.into() },
    };
    let values = |count: usize| {
        let value = |n: usize| document::ValueMatch {
            name: format!("n{n}"),
            test: document::ValueTest::Present { value: true },
        };
        (0..count).map(value).collect()
    };
    let methods = ["GET", "PUT"].into_iter().take(methods).map(str::to_owned).collect();
    let [headers, query, cookies] = conditions;
    document::Match {
        path,
        methods,
        headers: values(headers),
        query: values(query),
        cookies: values(cookies),
        client_cert: vec![],
    }
}

fn rule(name: &str, priority: i32, found: document::Match) -> document::Rule {
    document::Rule {
        name: name.into(),
        source: String::new(),
        priority,
        matches: vec![found],
        action: document::Action::Ask { handler: 0 },
        timeouts: document::Timeouts { request: 0, per_try: 0, connect: 0, idle: 0 },
        request_headers: document::HeaderEdits::default(),
        response_headers: document::HeaderEdits::default(),
        rewrite: document::Rewrite::default(),
        grpc_web: false,
    }
}

/// Rules as they win, each with the reason why the one before it wins.
fn ordered() -> Vec<(document::Rule, &'static str)> {
    vec![
        (rule("urgent", 5, found("/", 0, [0; 3])), ""),
        (rule("whole", 0, found("=/a", 0, [0; 3])), "priority 0 against 5"),
        (rule("longer", 0, found("/a/b", 0, [0; 3])), "prefix /a/b against exact /a"),
        (rule("method", 0, found("/a", 1, [0; 3])), "prefix /a against prefix /a/b"),
        (rule("headers", 0, found("/a", 0, [2, 0, 0])), "any method against a named one"),
        (rule("header", 0, found("/a", 0, [1, 3, 3])), "1 header condition against 2"),
        (rule("query", 0, found("/a", 0, [0, 1, 0])), "0 header conditions against 1"),
        (rule("cookie", 0, found("/a", 0, [0, 0, 1])), "0 query conditions against 1"),
        (rule("plain", 0, found("/a", 0, [0; 3])), "0 cookie conditions against 1"),
        (rule("plainer", 0, found("/a", 0, [0; 3])), "r/plainer sorts after r/plain"),
        (rule("a", 0, found("/a.*", 0, [0; 3])), "regex /a.* against prefix /a"),
        (rule("b", 0, found("/b.*", 2, [9, 0, 0])), "r/b sorts after r/a"),
        (rule("b", 0, found("/a.*", 0, [0; 3])), "any method against a named one"),
        (rule("b", 0, found("/a.*", 0, [0; 3])), "stands later in the document"),
    ]
}

fn snapshot(rules: Vec<document::Rule>) -> Snapshot {
    let route =
        document::Route { name: "r".into(), source: String::new(), hosts: vec![], listeners: vec![0], rules };
    let path = document::PathPolicy {
        dot_segments: document::DotSegments::Resolve,
        double_slash: document::DoubleSlash::Merge,
        encoded_slash: document::EncodedSlash::Refuse,
    };
    let listener = document::Listener {
        name: "web".into(),
        key: 0,
        address: ":80".into(),
        scheme: "http".into(),
        max_connections: 1,
        header_bytes: 1,
        headers: 1,
        header_timeout: 0,
        idle_timeout: 0,
        trust_forwarded: false,
        path,
        protocols: vec![document::Protocol::Http1],
        tls: None,
        http2: document::Http2::default(),
        proxy_protocol: vec![],
    };
    let document = document::Document {
        format: document::FORMAT,
        generation: 0,
        name: "gateway".into(),
        access_log: false,
        listeners: vec![listener],
        routes: vec![route],
        upstreams: vec![],
        system_roots: vec![],
        handlers: vec!["hello".into()],
    };
    Snapshot::build(document).unwrap()
}

#[test]
fn the_order_is_the_contract_s_and_says_why() {
    let rules = ordered();
    let snapshot = snapshot(rules.iter().map(|(rule, _)| rule.clone()).collect());
    let order = &snapshot.tables[0].order;
    assert_eq!(*order, (0..rules.len() as u32).collect::<Vec<u32>>());
    for (at, (_, why)) in rules.iter().enumerate().skip(1) {
        assert_eq!(snapshot.loses(at as u32 - 1, at as u32), *why);
    }
}

#[test]
fn only_matches_of_one_rule_depend_on_the_place_in_the_document() {
    let mut rules: Vec<document::Rule> = ordered().into_iter().map(|(rule, _)| rule).take(11).collect();
    let names = |snapshot: &Snapshot| -> Vec<String> {
        snapshot.tables[0].order.iter().map(|&id| snapshot.rules[id as usize].name.clone()).collect()
    };
    let forwards = names(&snapshot(rules.clone()));
    rules.reverse();
    assert_eq!(names(&snapshot(rules)), forwards);
}
