//! The total order of matches under one host pattern: CONTRACT's precedence, compiled once per snapshot.
//!
//! Theory: the smallest key wins. Of paths that can fit the same request, exact ones are equal and prefixes are
//! prefixes of each other, so kind and length order them; regexes are ordered by name at this very step, before method
//! and counts. Positions in the file decide only between matches that even names do not tell apart (the matches of one
//! rule).

use super::snapshot::{Match, PathTest, Rule};
use std::cmp::Reverse;

type Name<'a> = (&'a str, &'a str);

/// A match's place; the fields are compared in their order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    priority: Reverse<i32>,
    path: PathKey<'a>,
    any_method: bool,
    headers: Reverse<usize>,
    queries: Reverse<usize>,
    cookies: Reverse<usize>,
    name: Name<'a>,
    position: (u32, u32),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathKey<'a> {
    Exact,
    Prefix(Reverse<usize>),
    Regex(Name<'a>),
}

impl<'a> Key<'a> {
    /// The key of `of`, which belongs to `rule` of the route called `route`.
    pub fn new(of: &Match, rule: &'a Rule, route: &'a str) -> Self {
        let name = (route, rule.name.as_str());
        let path = match &of.path {
            PathTest::Exact(_) => PathKey::Exact,
            PathTest::Prefix(prefix) => PathKey::Prefix(Reverse(prefix.len())),
            PathTest::Regex(_) => PathKey::Regex(name),
        };
        let counts = of.counts();
        Self {
            priority: Reverse(rule.priority),
            path,
            any_method: of.methods.is_empty(),
            headers: Reverse(counts.headers),
            queries: Reverse(counts.queries),
            cookies: Reverse(counts.cookies),
            name,
            position: (of.rule, of.matched),
        }
    }
}
