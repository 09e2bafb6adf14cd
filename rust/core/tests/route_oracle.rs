//! `decide` against an oracle that sorts all matches by CONTRACT's precedence and tries one after the other.
//!
//! The oracle reads the document, not the snapshot, and shares no code with `route`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails loudly

mod route_document;

use gateway_core::document::*;
use gateway_core::route::{Condition, Decision, NoTrace, Pattern, Snapshot, Subject, Trace, Verdict, decide};
use proptest::prelude::*;
use route_document::*;
use std::cmp::Ordering;

/// How exact a pattern is for a host, if it fits at all.
fn host_rank(pattern: Option<&str>, host: &str) -> Option<(u8, usize)> {
    let host = host.to_lowercase();
    let host = host.split(':').next().unwrap().trim_end_matches('.');
    match pattern {
        None => Some((0, 0)),
        Some(pattern) => match pattern.strip_prefix('*') {
            Some(suffix) => {
                (host.ends_with(suffix) && host.len() > suffix.len()).then_some((1, suffix.len()))
            }
            None => (pattern == host).then_some((2, 0)),
        },
    }
}

fn path_fits(path: &PathMatch, asked: &str) -> bool {
    match path {
        PathMatch::Exact { value } => value == asked,
        PathMatch::Prefix { value } if value == "/" => true,
        PathMatch::Prefix { value } => asked == value || asked.starts_with(&format!("{value}/")),
        PathMatch::Regex { value } => regex::Regex::new(&format!("^(?:{value})$")).unwrap().is_match(asked),
    }
}

fn value_fits(test: &ValueTest, values: &[String]) -> bool {
    match test {
        ValueTest::Exact { value } => values.iter().any(|seen| seen == value),
        ValueTest::Regex { value } => {
            let regex = regex::Regex::new(&format!("^(?:{value})$")).unwrap();
            values.iter().any(|seen| regex.is_match(seen))
        }
        ValueTest::Present { value } => *value != values.is_empty(),
    }
}

fn first_pair(text: &str, split: char, name: &str) -> Vec<String> {
    let pairs = text.split(split).filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.trim(), value.trim()))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.into())
        .take(1)
        .collect()
}

fn fits(found: &Match, asked: &Asked) -> bool {
    let header = |name: &str| -> Vec<String> {
        asked.fields.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    };
    path_fits(&found.path, &asked.path)
        && (found.methods.is_empty() || found.methods.contains(&asked.method))
        && found.headers.iter().all(|wanted| value_fits(&wanted.test, &header(&wanted.name)))
        && found.query.iter().all(|wanted| {
            value_fits(&wanted.test, &first_pair(asked.query.as_deref().unwrap_or(""), '&', &wanted.name))
        })
        && found.cookies.iter().all(|wanted| {
            value_fits(&wanted.test, &first_pair(&header("cookie").join(";"), ';', &wanted.name))
        })
}

/// Less: wins.
fn precedence(a: (&Route, &Rule, &Match), b: (&Route, &Rule, &Match)) -> Ordering {
    let kind = |path: &PathMatch| match path {
        PathMatch::Exact { .. } => (0, 0),
        PathMatch::Prefix { value } => (1, usize::MAX - value.len()),
        PathMatch::Regex { .. } => (2, 0),
    };
    let names = (&a.0.name, &a.1.name).cmp(&(&b.0.name, &b.1.name));
    let by_name = if matches!(a.2.path, PathMatch::Regex { .. }) { names } else { Ordering::Equal };
    (b.1.priority.cmp(&a.1.priority))
        .then(kind(&a.2.path).cmp(&kind(&b.2.path)))
        .then(by_name)
        .then(a.2.methods.is_empty().cmp(&b.2.methods.is_empty()))
        .then(b.2.headers.len().cmp(&a.2.headers.len()))
        .then(b.2.query.len().cmp(&a.2.query.len()))
        .then(b.2.cookies.len().cmp(&a.2.cookies.len()))
        .then(names)
}

/// The rule's and the match's index.
fn oracle(document: &Document, asked: &Asked) -> Result<(u32, u32), Verdict> {
    let mut known = false;
    let mut all = Vec::new();
    let mut id = 0;
    for route in &document.routes {
        let hosts: Vec<Option<&str>> = if route.hosts.is_empty() {
            vec![None]
        } else {
            route.hosts.iter().map(|host| Some(&**host)).collect()
        };
        let rank = hosts.iter().filter_map(|host| host_rank(*host, &asked.host)).max();
        let listens = route.listeners.contains(&(asked.listener as u32));
        for rule in &route.rules {
            for (matched, found) in (0..).zip(&rule.matches) {
                if let Some(rank) = rank.filter(|_| listens) {
                    known = true;
                    all.push((rank, (route, rule, found), (id, matched)));
                }
            }
            id += 1;
        }
    }
    all.sort_by(|a, b| b.0.cmp(&a.0).then(precedence(a.1, b.1)).then(a.2.cmp(&b.2)));
    let taken = all.iter().find(|(_, (_, _, found), _)| fits(found, asked));
    taken.map(|(_, _, ids)| *ids).ok_or(if known { Verdict::NoRule } else { Verdict::NoHost })
}

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(from).prop_map(str::to_owned)
}

const PATHS: &[&str] = &["/", "/a", "/a/b", "/a/b/c", "/ab", "/b", "/b/a", "/a/1"];
const ASKED: &[&str] =
    &["/", "/a", "/a/", "/a/b", "/a/b/c", "/a/b/c/d", "/ab", "/abc", "/b/a", "/a/1", "/c", "*"];
const REGEXES: &[&str] = &["/a.*", "/[ab]", "/a/[0-9]+", ".*", "/a|/a/b", "/(a|b)/.+"];
const HOSTS: &[&str] = &["a.test", "b.a.test", "*.a.test", "*.b.a.test", "*.test", "other"];
const ASKED_HOSTS: &[&str] = &["a.test", "B.A.test:80", "c.b.a.test.", "x.a.test", "other", "nobody", ""];
const VALUES: &[&str] = &["1", "2", "3", "4", "5", "6"];

fn path() -> impl Strategy<Value = PathMatch> {
    prop_oneof![
        pick(PATHS).prop_map(|value| PathMatch::Exact { value }),
        pick(PATHS).prop_map(|value| PathMatch::Prefix { value }),
        pick(REGEXES).prop_map(|value| PathMatch::Regex { value }),
    ]
}

fn value(names: &'static [&'static str]) -> impl Strategy<Value = ValueMatch> {
    let test = prop_oneof![
        6 => pick(VALUES).prop_map(|value| ValueTest::Exact { value }),
        1 => pick(&["[1-3]", ".*", "1|2"]).prop_map(|value| ValueTest::Regex { value }),
        1 => any::<bool>().prop_map(|value| ValueTest::Present { value }),
    ];
    (pick(names), test).prop_map(|(name, test)| ValueMatch { name, test })
}

fn values(names: &'static [&'static str]) -> impl Strategy<Value = Vec<ValueMatch>> {
    prop_oneof![2 => Just(vec![]), 2 => prop::collection::vec(value(names), 1..3)]
}

fn a_match(path: impl Strategy<Value = PathMatch>) -> impl Strategy<Value = Match> {
    let methods =
        prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(pick(&["GET", "POST", "PUT"]), 1..3)];
    (path, methods, values(&["x-a", "x-b"]), values(&["q", "r"]), values(&["c"])).prop_map(
        |(path, methods, headers, query, cookies)| Match {
            path,
            methods,
            headers,
            query,
            cookies,
            client_cert: vec![],
        },
    )
}

fn a_rule(matches: BoxedStrategy<Match>) -> impl Strategy<Value = Rule> {
    let priority = prop_oneof![8 => Just(0), 1 => -1..2];
    let named = pick(&["m", "n", "o", "p"]);
    (named, priority, prop::collection::vec(matches, 1..4))
        .prop_map(|(name, priority, matches)| Rule { priority, ..rule(&name, matches) })
}

fn a_route(rules: impl Strategy<Value = Vec<Rule>>) -> impl Strategy<Value = Route> {
    let listeners = prop_oneof![Just(vec![0]), Just(vec![1]), Just(vec![0, 1])];
    let hosts = prop_oneof![1 => Just(vec![]), 2 => prop::collection::vec(pick(HOSTS), 1..3)];
    (pick(&["r", "s", "t"]), hosts, listeners, rules).prop_map(|(name, hosts, listeners, rules)| Route {
        name,
        hosts,
        listeners,
        ..route("", &[], rules)
    })
}

/// Few rules on many paths and hosts.
fn wide() -> impl Strategy<Value = Vec<Route>> {
    prop::collection::vec(a_route(prop::collection::vec(a_rule(a_match(path()).boxed()), 1..6)), 1..5)
}

/// Many rules on one path, so that nodes are indexed.
fn deep() -> impl Strategy<Value = Vec<Route>> {
    let root = Just(PathMatch::Prefix { value: "/".into() });
    prop::collection::vec(a_route(prop::collection::vec(a_rule(a_match(root).boxed()), 20..60)), 1..2)
}

fn asked() -> impl Strategy<Value = Asked> {
    let field = (pick(&["x-a", "x-b"]), pick(VALUES));
    let query = prop::collection::vec((pick(&["q", "r"]), pick(VALUES)), 0..3);
    let cookie = prop::option::of(pick(VALUES));
    let fields = (prop::collection::vec(field, 0..4), cookie);
    let place = (0usize..2, pick(ASKED_HOSTS), pick(ASKED));
    (place, pick(&["GET", "POST", "HEAD"]), query, fields).prop_map(
        |(place, method, query, (mut fields, cookie))| {
            fields.extend(cookie.map(|value| ("cookie".to_owned(), format!("z=0; c={value}"))));
            let query: Vec<String> =
                query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            Asked {
                listener: place.0,
                method,
                host: place.1,
                path: place.2,
                query: (!query.is_empty()).then(|| query.join("&")),
                fields: List(fields),
                client: None,
            }
        },
    )
}

/// Looks at everything, as explain does.
struct Everything;

impl Trace for Everything {
    const EVERY: bool = true;
    fn host(&mut self, _: Pattern<'_>, _: usize) {}
    fn candidate(&mut self, _: u32, _: u32) {}
    fn method(&mut self, _: bool) {}
    fn condition(&mut self, _: &Condition, _: bool, _: impl FnOnce() -> Vec<Vec<u8>>) {}
    fn outcome(&mut self, _: bool) {}
    fn passed_over(&mut self, _: &Subject, _: usize) {}
}

fn check(routes: Vec<Route>, requests: &[Asked]) -> Result<(), TestCaseError> {
    let document = document(routes);
    let snapshot = Snapshot::build(document.clone()).unwrap();
    for asked in requests {
        let wanted = match oracle(&document, asked) {
            Ok((rule, matched)) => {
                Decision { rule: Some(rule), matched, verdict: Verdict::Forward { upstream: 0 } }
            }
            Err(verdict) => Decision { rule: None, matched: 0, verdict },
        };
        prop_assert_eq!(decide(&snapshot, &asked.input(), 0, &mut NoTrace), wanted, "{:?}", asked);
        prop_assert_eq!(decide(&snapshot, &asked.input(), 0, &mut Everything), wanted, "traced {:?}", asked);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn decides_as_the_oracle_does_over_paths_and_hosts(
        routes in wide(), requests in prop::collection::vec(asked(), 20)
    ) {
        check(routes, &requests)?;
    }

    #[test]
    fn decides_as_the_oracle_does_where_values_are_indexed(
        routes in deep(), requests in prop::collection::vec(asked(), 20)
    ) {
        check(routes, &requests)?;
    }
}
