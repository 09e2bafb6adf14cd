#![allow(clippy::unwrap_used)] // a test fails loudly

use super::*;
use crate::route::snapshot::{Action, Rewrite};
use crate::route::{Edits, Split};

fn target(rewrite: Rewrite, prefix: Option<&str>, path: &str, query: Option<&str>) -> String {
    let rule = Rule {
        name: String::new(),
        source: String::new(),
        route: 0,
        priority: 0,
        first_match: 0,
        match_count: 1,
        action: Action::Forward(Split::default()),
        timeouts: crate::document::Timeouts { request: 0, per_try: 0, connect: 0, idle: 0 },
        request_edits: Edits::default(),
        response_edits: Edits::default(),
        rewrite,
        grpc_web: false,
        prefix_bytes: vec![prefix.map(|prefix| if prefix == "/" { 0 } else { prefix.len() as u32 })],
    };
    let mut out = Vec::new();
    forward_target(&rule, 0, path.as_bytes(), query.map(str::as_bytes), &mut out);
    String::from_utf8(out).unwrap()
}

fn replaced(prefix: &str, by: &str, path: &str) -> String {
    let rewrite = Rewrite { path_prefix: Some(by.into()), ..Rewrite::default() };
    target(rewrite, Some(prefix), path, None)
}

#[test]
fn without_a_rewrite_path_and_query_are_kept() {
    assert_eq!(target(Rewrite::default(), Some("/"), "/a/b", Some("c=d&e")), "/a/b?c=d&e");
    assert_eq!(target(Rewrite::default(), Some("/"), "/a", Some("")), "/a?");
    assert_eq!(target(Rewrite::default(), Some("/"), "*", None), "*");
}

#[test]
fn a_prefix_is_replaced_by_whole_segments() {
    for (prefix, by, path, wanted) in [
        ("/foo", "/xyz", "/foo/bar", "/xyz/bar"),
        ("/foo", "/xyz/", "/foo/bar", "/xyz/bar"),
        ("/foo", "/xyz", "/foo", "/xyz"),
        ("/foo", "/xyz", "/foo/", "/xyz/"),
        ("/foo", "/", "/foo/bar", "/bar"),
        ("/foo", "/", "/foo/", "/"),
        ("/foo", "/", "/foo", "/"),
        ("/", "/store", "/cart", "/store/cart"),
        ("/", "/store", "/", "/store/"),
        ("/", "/", "/cart", "/cart"),
    ] {
        assert_eq!(replaced(prefix, by, path), wanted, "{prefix} by {by} in {path}");
    }
}

#[test]
fn where_the_whole_path_matched_the_whole_path_is_replaced() {
    let rewrite = || Rewrite { path_prefix: Some("/new".into()), ..Rewrite::default() };
    assert_eq!(target(rewrite(), None, "/old/path", Some("q")), "/new?q");
    let whole = Rewrite { path: Some("/fixed".into()), ..Rewrite::default() };
    assert_eq!(target(whole, Some("/old"), "/old/path", Some("q")), "/fixed?q");
}

#[test]
fn the_asterisk_is_never_rewritten() {
    let whole = Rewrite { path: Some("/fixed".into()), ..Rewrite::default() };
    assert_eq!(target(whole, Some("/"), "*", None), "*");
}

#[test]
fn a_location_gets_the_query_if_it_has_none() {
    let to = |to: &str, keep_query: bool, query: Option<&str>| {
        let mut out = Vec::new();
        let redirect = Redirect { status: 301, to: to.into(), keep_query };
        location(&redirect, query.map(str::as_bytes), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(to("https://e.test/new", true, Some("a=b")), "https://e.test/new?a=b");
    assert_eq!(to("/new#part", true, Some("a=b")), "/new?a=b#part");
    assert_eq!(to("/new?x", true, Some("a=b")), "/new?x");
    assert_eq!(to("/new", false, Some("a=b")), "/new");
    assert_eq!(to("/new", true, None), "/new");
}
