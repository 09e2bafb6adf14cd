#![allow(clippy::unwrap_used)] // a test fails loudly

use super::super::node::Entry;
use super::*;

fn patterns(texts: &[&str]) -> Patterns {
    let node = |rank: u32| Node::build(vec![Entry { rank, id: rank, free: true }], &[]);
    let pairs = (0..).zip(texts).map(|(rank, text)| (text.to_string(), node(rank))).collect();
    Patterns::build(pairs, &Place::default()).unwrap()
}

fn fitting(patterns: &Patterns, path: &str) -> Vec<u32> {
    let mut seen = Vec::new();
    patterns.each(path.as_bytes(), |node| {
        seen.push(node.first);
        false
    });
    seen
}

#[test]
fn whole_paths_fit_in_the_order_of_patterns() {
    let patterns = patterns(&["/a", "/a|/a/b", "/[a-z]+", "/a/.*", "/"]);
    assert_eq!(fitting(&patterns, "/a"), [0, 1, 2]);
    assert_eq!(fitting(&patterns, "/a/b"), [1, 3]);
    assert_eq!(fitting(&patterns, "/ab"), [2]);
    assert_eq!(fitting(&patterns, "/"), [4]);
    assert_eq!(fitting(&patterns, "/A"), [] as [u32; 0]);
}

#[test]
fn patterns_may_use_all_of_the_syntax() {
    let patterns =
        patterns(&[r"/\p{Greek}+|/\w+", r"/(?i)CAFÉ|/(?i:ab)c", r"/\bx\b.*", "(?x) /spaced # comment\n"]);
    assert_eq!(fitting(&patterns, "/x"), [0, 2]);
    assert_eq!(fitting(&patterns, "/ABc"), [0, 1]);
    assert_eq!(fitting(&patterns, "/spaced"), [0, 3]);
}

#[test]
fn what_is_no_pattern_by_itself_is_refused() {
    for text in ["a)(b", "(", "[", "a{2,1}", r"\1"] {
        assert!(check(text, &Place::default()).is_err(), "{text}");
    }
}

#[test]
fn a_pattern_that_asks_for_too_much_memory_is_refused() {
    let huge = vec![("(a{999}){999}".to_owned(), Node::build(vec![], &[]))];
    let error = Patterns::build(huge, &Place::default()).unwrap_err();
    assert!(error.text.contains("(a{999}){999}"), "{error}");
}

#[test]
fn patterns_too_big_for_one_group_are_cut_and_keep_their_order() {
    let big = |last: char| format!("/(a{{500}}b{{500}}c{{500}}){{10}}|/[a-{last}]");
    let texts: Vec<String> = (0..120).map(|n| big(if n % 2 == 0 { 'm' } else { 'z' })).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let patterns = patterns(&texts);
    assert!(patterns.groups.len() > 1);
    assert_eq!(fitting(&patterns, "/x"), (0..120).filter(|n| n % 2 == 1).collect::<Vec<u32>>());
}
