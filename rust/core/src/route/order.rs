//! The total order of matches under one host pattern: CONTRACT's precedence, compiled once per snapshot.
//!
//! Theory: the smallest key wins. Of paths that can fit the same request, exact ones are equal and prefixes are
//! prefixes of each other, so kind and length order them; regexes are ordered by name at this very step, before method
//! and counts. Positions in the file decide only between matches that even names do not tell apart (the matches of one
//! rule).

use super::snapshot::{Match, PathTest, Rule, Snapshot};
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
    clients: Reverse<usize>,
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
            clients: Reverse(counts.clients),
            name,
            position: (of.rule, of.matched),
        }
    }
}

impl Snapshot {
    /// Why match `loser` comes after match `winner` under the same host pattern, in words.
    #[must_use]
    pub fn loses(&self, winner: u32, loser: u32) -> String {
        let side = |id: u32| {
            let found = self.matches.get(id as usize)?;
            let rule = self.rules.get(found.rule as usize)?;
            let route = self.routes.get(rule.route as usize)?;
            Some((Key::new(found, rule, &route.name), found))
        };
        match (side(winner), side(loser)) {
            (Some(winner), Some(loser)) => difference(winner, loser),
            _ => String::new(),
        }
    }
}

/// The first step of the order in which the two differ.
fn difference((winner, won): (Key<'_>, &Match), (loser, lost): (Key<'_>, &Match)) -> String {
    let count = |Reverse(lost): Reverse<usize>, Reverse(won): Reverse<usize>, what: &str| {
        format!("{lost} {what} condition{} against {won}", if lost == 1 { "" } else { "s" })
    };
    if winner.priority != loser.priority {
        format!("priority {} against {}", loser.priority.0, winner.priority.0)
    } else if winner.path != loser.path && (lost.path.kind(), won.path.kind()) != ("regex", "regex") {
        format!("{} {} against {} {}", lost.path.kind(), lost.path, won.path.kind(), won.path)
    } else if winner.path == loser.path && winner.any_method != loser.any_method {
        "any method against a named one".to_owned()
    } else if winner.path == loser.path && winner.headers != loser.headers {
        count(loser.headers, winner.headers, "header")
    } else if winner.path == loser.path && winner.queries != loser.queries {
        count(loser.queries, winner.queries, "query")
    } else if winner.path == loser.path && winner.cookies != loser.cookies {
        count(loser.cookies, winner.cookies, "cookie")
    } else if winner.path == loser.path && winner.clients != loser.clients {
        count(loser.clients, winner.clients, "client certificate")
    } else if winner.name != loser.name {
        format!("{}/{} sorts after {}/{}", loser.name.0, loser.name.1, winner.name.0, winner.name.1)
    } else {
        "stands later in the document".to_owned()
    }
}

#[cfg(test)]
mod tests;
