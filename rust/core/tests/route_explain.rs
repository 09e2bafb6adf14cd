//! `explain` tells what `decide` does, in the words of CONTRACT.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails loudly

mod route_document;

use gateway_core::document::*;
use gateway_core::explain::answer::Candidate;
use gateway_core::explain::{CANDIDATES, Explanation, Question, explain};
use proptest::prelude::*;
use route_document::*;

fn question(url: &str, headers: &[(&str, &str)]) -> Question {
    let headers = headers.iter().map(|&(name, value)| (name.into(), value.into())).collect();
    Question { listener: None, method: "GET".into(), url: url.into(), headers, client_cert: None }
}

fn ask(routes: Vec<Route>, url: &str, headers: &[(&str, &str)]) -> Explanation {
    explain(&snapshot(routes), &question(url, headers), 0)
}

/// The shop of CONTRACT.md.
fn shop() -> Vec<Route> {
    let beta = Match { headers: vec![wants("x-beta", "1")], ..prefix("/") };
    let mut beta = rule("beta", vec![beta]);
    beta.action = Action::Forward { targets: vec![Target { upstream: 1, weight: 1 }] };
    let mut storefront = rule("storefront", vec![prefix("/")]);
    let targets = [(0, 95), (1, 5)].map(|(upstream, weight)| Target { upstream, weight });
    storefront.action = Action::Forward { targets: targets.into() };
    storefront.rewrite.path_prefix = Some("/store".into());
    storefront.request_headers.set.push(("x-env".into(), "prod".into()));
    vec![route("shop", &["shop.example.com", "*.shop.example.com"], vec![beta, storefront])]
}

fn states(found: &Explanation) -> Vec<(&str, &str)> {
    found.candidates.iter().map(|candidate| (candidate.rule.as_str(), candidate.state.as_str())).collect()
}

fn one<'a>(found: &'a Explanation, rule: &str) -> &'a Candidate {
    found.candidates.iter().find(|candidate| candidate.rule == rule).unwrap()
}

#[test]
fn the_winner_and_the_loser_are_told_with_their_reasons() {
    let found = ask(shop(), "https://shop.example.com/cart", &[("x-beta", "1")]);
    assert_eq!(found.verdict, "forward");
    assert_eq!(states(&found), [("beta", "taken"), ("storefront", "fits")]);
    let seen: Vec<_> =
        one(&found, "beta").conditions.iter().map(|c| (&*c.subject, &*c.wanted, c.held)).collect();
    assert_eq!(seen, [("path", "/", true), ("header", "1", true)]);
    assert_eq!(one(&found, "storefront").loses.as_deref(), Some("0 header conditions against 1"));
    assert_eq!(found.upstream.unwrap().name, "next");
    assert_eq!(found.target.as_deref(), Some("/cart"));
    assert_eq!(found.hosts[0].pattern, "shop.example.com");
}

#[test]
fn a_failing_condition_shows_what_was_seen() {
    let found = ask(shop(), "http://x.shop.example.com/cart?a=1", &[("X-Beta", "2")]);
    assert_eq!(states(&found), [("beta", "fails"), ("storefront", "taken")]);
    assert_eq!(one(&found, "beta").conditions[1].seen, ["2"]);
    assert_eq!(found.hosts[0].pattern, "*.shop.example.com");
    assert_eq!(found.target.as_deref(), Some("/store/cart?a=1"));
    assert_eq!(found.request_headers.dropped, ["x-env"]);
    assert_eq!(found.request_headers.appended, ["x-env: prod"]);
    let shares: Vec<_> = found.split.iter().map(|share| (share.percent, share.drawn)).collect();
    assert_eq!(shares, [(95.0, true), (5.0, false)]);
}

#[test]
fn nothing_that_fits_is_told_apart_from_an_unknown_host() {
    let routes = || vec![route("r", &["a.test"], vec![rule("a", vec![prefix("/a")])])];
    let found = ask(routes(), "http://a.test/b", &[]);
    assert_eq!((&*found.verdict, found.status, found.other_paths), ("no_rule", Some(404), 1));
    let found = ask(routes(), "http://b.test/a", &[]);
    assert_eq!((&*found.verdict, found.status), ("no_host", Some(404)));
}

#[test]
fn nowhere_to_go_is_told_with_its_reason() {
    let mut nothing = document(shop());
    nothing.upstreams[0].endpoints.clear();
    let Action::Forward { targets } = &mut nothing.routes[0].rules[0].action else { panic!("forward") };
    targets[0].weight = 0;
    let snapshot = gateway_core::route::Snapshot::build(nothing).unwrap();
    let by = |headers: &[(&str, &str)]| explain(&snapshot, &question("http://shop.example.com/", headers), 0);
    let (empty, weightless) = (by(&[]), by(&[("x-beta", "1")]));
    assert_eq!(
        (&*empty.verdict, empty.status, empty.reason.as_deref()),
        ("forward", Some(503), Some("no_endpoint"))
    );
    assert_eq!((&*weightless.verdict, weightless.status), ("no_target", Some(503)));
}

#[test]
fn a_less_exact_host_loses_by_its_host() {
    let routes = vec![
        route("any", &[], vec![rule("everything", vec![prefix("/")])]),
        route("a", &["a.test"], vec![rule("a", vec![prefix("/")])]),
    ];
    let found = ask(routes, "http://a.test/", &[]);
    assert_eq!(states(&found), [("a", "taken"), ("everything", "fits")]);
    assert_eq!(one(&found, "everything").loses.as_deref(), Some("host any against a.test"));
}

#[test]
fn what_the_codec_or_the_path_policy_refuses_is_explained() {
    let found = ask(shop(), "http://shop.example.com/a", &[("bad@name", "1")]);
    assert_eq!((&*found.verdict, found.status), ("refused", Some(400)));
    assert_eq!(found.text.as_deref(), Some("a field name is not a token"));
    assert_eq!(found.reason.as_deref(), Some("request_invalid"));
    let found = ask(shop(), "http://shop.example.com/a", &[("x", &"y".repeat(70_000))]);
    assert_eq!((found.status, found.reason.as_deref()), (Some(431), Some("request_head_too_large")));
    let found = ask(shop(), "http://shop.example.com/a%2fb", &[]);
    assert_eq!((&*found.verdict, found.status), ("refused", Some(400)));
    assert_eq!(found.reason.as_deref(), Some("path_refused"));
    assert_eq!(found.text.as_deref(), Some("the path contains an encoded slash or a backslash"));
    let found = ask(shop(), "ftp://shop.example.com/", &[]);
    assert_eq!(found.verdict, "refused");
    let found = ask(shop(), "/no-host", &[]);
    assert_eq!((&*found.verdict, found.status), ("refused", Some(400)));
}

#[test]
fn a_path_is_shown_as_sent_and_in_normal_form() {
    let path = ask(shop(), "http://shop.example.com/a/./b//%63#fragment", &[]).path.unwrap();
    assert_eq!((&*path.raw, &*path.normal, path.changed), ("/a/./b//%63", "/a/b/c", true));
}

#[test]
fn the_listener_is_found_by_name_port_or_host() {
    let mut document = document(shop());
    document.listeners[1].address = "[::1]:9090".into();
    document.routes[0].listeners = vec![1];
    let snapshot = gateway_core::route::Snapshot::build(document).unwrap();
    let by = |listener: Option<&str>, url: &str| {
        let asked = Question { listener: listener.map(str::to_owned), ..question(url, &[]) };
        explain(&snapshot, &asked, 0).listener.map(|listener| listener.name)
    };
    assert_eq!(by(Some("other"), "http://shop.example.com/").as_deref(), Some("other"));
    assert_eq!(by(None, "http://elsewhere:8080/").as_deref(), Some("web"));
    assert_eq!(by(None, "http://shop.example.com:9090/").as_deref(), Some("other"));
    assert_eq!(by(None, "http://shop.example.com/").as_deref(), Some("other"));
    assert_eq!(by(None, "http://nobody/").as_deref(), Some("web"));
    assert_eq!(by(None, "https://shop.example.com/").as_deref(), Some("other"));
    assert_eq!(by(Some("missing"), "http://nobody/"), None);
}

#[test]
fn a_host_header_stands_in_for_the_host_of_the_url() {
    let found = ask(shop(), "http://127.0.0.1:8080/", &[("host", "shop.example.com")]);
    assert_eq!(found.request.unwrap().host, "shop.example.com");
    assert_eq!(found.verdict, "forward");
}

#[test]
fn answers_from_here_are_shown() {
    let mut ping = rule("ping", vec![exact("/ping")]);
    let headers = vec![("content-type".into(), "text/plain".into())];
    ping.action = Action::Respond { status: 200, headers, body: b"pong\n".to_vec() };
    let mut old = rule("old", vec![prefix("/old")]);
    old.action = Action::Redirect { status: 301, to: "https://e.test/new".into(), keep_query: true };
    let mut hello = rule("hello", vec![exact("/hello")]);
    hello.action = Action::Ask { handler: 0 };
    let routes = || vec![route("r", &[], vec![ping.clone(), old.clone(), hello.clone()])];
    let found = ask(routes(), "http://x/ping", &[]).respond.unwrap();
    assert_eq!((found.headers, found.body_bytes), (vec!["content-type: text/plain".to_owned()], 5));
    let found = ask(routes(), "http://x/old?a=b", &[]);
    assert_eq!((found.status, found.location.as_deref()), (Some(301), Some("https://e.test/new?a=b")));
    assert_eq!(ask(routes(), "http://x/hello", &[]).handler.as_deref(), Some("hello"));
}

#[test]
fn ten_thousand_candidates_are_counted_and_not_all_listed() {
    let by_value = |n: usize| Match { headers: vec![wants("x-tenant", &n.to_string())], ..prefix("/") };
    let regex = |n: usize| {
        let test = ValueTest::Regex { value: format!("t{n}-.*") };
        Match { headers: vec![ValueMatch { name: "x-kind".into(), test }], ..prefix("/") }
    };
    let mut rules: Vec<Rule> = (0..500).map(|n| rule(&format!("v{n}"), vec![by_value(n)])).collect();
    rules.extend((0..500).map(|n| rule(&format!("r{n}"), vec![regex(n)])));
    rules.push(rule("rest", vec![prefix("/")]));
    let found = ask(vec![route("r", &[], rules)], "http://x/", &[("x-tenant", "7"), ("x-kind", "t400-x")]);
    assert_eq!(found.candidates.len(), CANDIDATES);
    assert_eq!(found.omitted, 502 - CANDIDATES);
    assert_eq!((&*found.passed_over[0].name, found.passed_over[0].count), ("x-tenant", 499));
    assert_eq!(found.passed_over[0].seen, ["7"]);
    let fitting: Vec<_> = states(&found).into_iter().filter(|(_, state)| *state != "fails").collect();
    assert_eq!(fitting, [("r400", "taken"), ("v7", "fits"), ("rest", "fits")]);
}

#[test]
fn an_explanation_can_be_written_for_the_other_side() {
    let bytes = rmp_serde::to_vec_named(&ask(shop(), "http://shop.example.com/", &[])).unwrap();
    assert!(bytes.windows(7).any(|window| window == b"verdict"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_question_gets_an_answer(
        method in "[A-Z]{0,4}|.{0,6}",
        url in "(https?://)?[a-z.*:\\[\\]%]{0,12}[/?#*][ -~é\\r\\n]{0,20}",
        headers in prop::collection::vec((".{0,8}|x-beta|host", ".{0,8}|1"), 0..4),
        draw: u64,
    ) {
        let asked = Question { listener: None, method, url, headers, client_cert: None };
        let found = explain(&snapshot(shop()), &asked, draw);
        let known = ["forward", "no_host", "no_rule", "refused"];
        prop_assert!(known.contains(&found.verdict.as_str()), "{found:?}");
        prop_assert_eq!(found.verdict == "forward", found.taken.is_some());
        prop_assert_eq!(found.verdict == "forward", found.reason.is_none());
        let taken = found.candidates.iter().filter(|candidate| candidate.state == "taken").count();
        prop_assert_eq!(taken, usize::from(found.taken.is_some()));
    }
}
