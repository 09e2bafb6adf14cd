//! Which tables a host leads to, and in which order.

use super::*;

fn visited(authority: &str) -> Vec<u32> {
    let mut hosts = HostTable::default();
    for (pattern, table) in
        [(Some("a.test"), 1), (Some("*.test"), 2), (Some("*.a.test"), 3), (Some("[::1]"), 4), (None, 9)]
    {
        hosts.insert(pattern, table);
    }
    let mut seen = Vec::new();
    hosts.each(authority.as_bytes(), |_, table| {
        seen.push(table);
        false
    });
    seen
}

#[test]
fn patterns_are_visited_most_exact_first() {
    assert_eq!(visited("a.test"), [1, 2, 9]);
    assert_eq!(visited("b.a.test"), [3, 2, 9]);
    assert_eq!(visited("c.b.a.test"), [3, 2, 9]);
    assert_eq!(visited("other"), [9]);
    assert_eq!(visited(""), [9]);
}

#[test]
fn case_port_and_trailing_dot_do_not_count() {
    assert_eq!(visited("A.Test:8080"), [1, 2, 9]);
    assert_eq!(visited("a.test."), [1, 2, 9]);
    assert_eq!(visited("a.test.:80"), [1, 2, 9]);
    assert_eq!(visited("[::1]:80"), [4, 9]);
}

#[test]
fn a_wildcard_wants_a_label_of_its_own() {
    assert_eq!(visited(".test"), [9]);
    assert_eq!(visited("test"), [9]);
    assert_eq!(visited(".a.test"), [2, 9]);
}

#[test]
fn a_host_longer_than_any_name_belongs_to_routes_without_hosts() {
    let label = "x".repeat(HOST_BYTES - ".a.test".len());
    assert_eq!(visited(&format!("{label}.a.test")), [3, 2, 9]);
    assert_eq!(visited(&format!("x{label}.a.test")), [9]);
}

#[test]
fn the_first_yes_ends_the_visit() {
    let mut hosts = HostTable::default();
    hosts.insert(Some("a.test"), 1);
    hosts.insert(None, 2);
    let mut seen = Vec::new();
    hosts.each(b"a.test", |_, table| {
        seen.push(table);
        true
    });
    assert_eq!(seen, [1]);
}
