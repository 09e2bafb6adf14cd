//! Which rules are reported as unreachable; and that a reported one is never taken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails loudly

mod route_document;

use gateway_core::document::*;
use gateway_core::route::{Snapshot, shadowed, shadowed_rules};
use proptest::prelude::*;
use route_document::*;

/// Hidden rules and who hides them.
fn hidden(routes: Vec<Route>) -> Vec<(String, String)> {
    let snapshot = snapshot(routes);
    let name = |id: u32| snapshot.rules[id as usize].name.clone();
    shadowed(&snapshot).iter().map(|found| (name(found.rule), name(found.by_rule))).collect()
}

fn pair(loser: &str, winner: &str) -> Vec<(String, String)> {
    vec![(loser.to_owned(), winner.to_owned())]
}

fn with_header(name: &str, value: &str, found: Match) -> Match {
    Match { headers: vec![wants(name, value)], ..found }
}

#[test]
fn a_duplicate_is_hidden_by_the_one_whose_name_comes_first() {
    let rules = vec![rule("b", vec![prefix("/x")]), rule("a", vec![prefix("/x")])];
    assert_eq!(hidden(vec![route("r", &[], rules)]), pair("b", "a"));
}

#[test]
fn rules_that_differ_are_not_hidden() {
    let rules = vec![
        rule("a", vec![prefix("/")]),
        rule("b", vec![prefix("/x")]),
        rule("c", vec![exact("/x")]),
        rule("d", vec![with_header("x-a", "1", prefix("/x"))]),
        rule("e", vec![with_header("x-a", "2", prefix("/x"))]),
    ];
    assert_eq!(hidden(vec![route("r", &[], rules)]), []);
}

#[test]
fn priority_hides_what_is_more_exact() {
    let first = Rule { priority: 1, ..rule("first", vec![prefix("/x")]) };
    let rules =
        vec![first, rule("b", vec![with_header("x-a", "1", exact("/x/y"))]), rule("c", vec![prefix("/")])];
    assert_eq!(hidden(vec![route("r", &[], rules)]), pair("b", "first"));
}

#[test]
fn any_regex_is_hidden_by_the_root() {
    let rules = vec![rule("root", vec![prefix("/")]), rule("digits", vec![regex("/[0-9]+")])];
    assert_eq!(hidden(vec![route("r", &[], rules)]), pair("digits", "root"));
}

#[test]
fn other_hosts_and_listeners_keep_a_rule_alive() {
    let a = route("a", &["a.test"], vec![rule("a", vec![prefix("/")])]);
    let b = |hosts: &[&str]| route("b", hosts, vec![rule("b", vec![prefix("/")])]);
    assert_eq!(hidden(vec![a.clone(), b(&["a.test"])]), pair("b", "a"));
    assert_eq!(hidden(vec![a.clone(), b(&["a.test", "b.test"])]), []);
    assert_eq!(hidden(vec![a.clone(), b(&[])]), []);
    let elsewhere = Route { listeners: vec![0, 1], ..b(&["a.test"]) };
    assert_eq!(hidden(vec![a, elsewhere]), []);
}

#[test]
fn one_lost_match_of_several_is_told_apart_from_a_lost_rule() {
    let both = rule("both", vec![prefix("/x"), prefix("/x"), prefix("/y")]);
    let all = snapshot(vec![route("r", &[], vec![both])]);
    let found = shadowed(&all);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].matched, found[0].by_matched, found[0].whole_rule), (1, 0, false));
    assert_eq!(shadowed_rules(&all), []);
    let rules = vec![rule("a", vec![prefix("/")]), rule("b", vec![prefix("/"), prefix("/")])];
    assert_eq!(shadowed_rules(&snapshot(vec![route("r", &[], rules)])), [(1, 0)]);
}

#[test]
fn methods_hide_their_subsets() {
    let methods =
        |list: &[&str]| Match { methods: list.iter().map(|&method| method.into()).collect(), ..prefix("/") };
    let rules = vec![rule("a", vec![methods(&["GET", "HEAD"])]), rule("b", vec![methods(&["GET"])])];
    assert_eq!(hidden(vec![route("r", &[], rules)]), pair("b", "a"));
    let rules = vec![rule("a", vec![methods(&["GET"])]), rule("b", vec![methods(&["GET", "HEAD"])])];
    assert_eq!(hidden(vec![route("r", &[], rules)]), []);
}

#[test]
fn ten_thousand_rules_of_one_path_are_compared_by_look_ups() {
    let tenant = |n: usize| with_header("x-tenant", &format!("t{n}"), prefix("/"));
    let mut rules: Vec<Rule> = (0..10_000).map(|n| rule(&format!("r{n:05}"), vec![tenant(n)])).collect();
    rules.push(rule("twin", vec![tenant(4_321)]));
    assert_eq!(hidden(vec![route("r", &[], rules)]), pair("twin", "r04321"));
}

fn small_match() -> impl Strategy<Value = Match> {
    let path = prop_oneof![
        prop::sample::select(vec!["/", "/a", "/a/b"]).prop_map(prefix),
        prop::sample::select(vec!["/", "/a", "/a/b"]).prop_map(exact),
        prop::sample::select(vec!["/.*", "/a.*"]).prop_map(regex),
    ];
    let methods = prop::sample::subsequence(vec!["GET".to_owned(), "PUT".to_owned()], 0..2);
    let headers =
        prop::sample::subsequence(vec![wants("x-a", "1"), wants("x-a", "2"), wants("x-b", "1")], 0..3);
    (path, methods, headers).prop_map(|(path, methods, headers)| Match { methods, headers, ..path })
}

/// Every request that these matches can tell apart.
fn requests() -> Vec<Asked> {
    let mut out = Vec::new();
    for path in ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/c"] {
        for method in ["GET", "PUT", "HEAD"] {
            for bits in 0..8 {
                let mut asked = Asked::get("x", path).method(method);
                for (bit, (name, value)) in [("x-a", "1"), ("x-a", "2"), ("x-b", "1")].into_iter().enumerate()
                {
                    if bits >> bit & 1 == 1 {
                        asked = asked.with(name, value);
                    }
                }
                out.push(asked);
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_hidden_match_is_never_taken(
        rules in prop::collection::vec((prop::collection::vec(small_match(), 1..3), 0..2i32), 1..16)
    ) {
        let rules = rules.into_iter().enumerate();
        let rules = rules.map(|(n, (matches, priority))| Rule { priority, ..rule(&format!("r{n}"), matches) });
        let snapshot: Snapshot = snapshot(vec![route("r", &[], rules.collect())]);
        let hidden = shadowed(&snapshot);
        for asked in requests() {
            let taken = asked.decide(&snapshot);
            for found in &hidden {
                prop_assert_ne!((taken.rule, taken.matched), (Some(found.rule), found.matched), "{:?}", asked);
            }
        }
    }
}
