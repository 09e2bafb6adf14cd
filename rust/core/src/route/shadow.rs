//! Matches that can never be taken, because an earlier one takes everything that they would.
//!
//! Theory: under one host pattern match A hides match B if A comes first in the order, A's path covers B's and every
//! condition of A is one of B's (for methods: A's are any, or include all of B's). That finds exact duplicates and
//! supersets, the mistakes people make; it does not reason about regexes that imply each other. B is unreachable if it
//! is hidden under every pattern and listener where it stands; a pattern's rules never hide another pattern's, as other
//! hosts reach those.
//!
//! Rules: a host with ten thousand rules costs look-ups, not pairs: the same nodes that route are asked, with B's own
//! wanted values in place of a request's.

use super::node::{Entry, Node};
use super::snapshot::{Match, PathTest, Snapshot};
use super::table::{Level, Table};
use super::{Condition, Subject};

/// A match that can never be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadowed {
    /// Its rule.
    pub rule: u32,
    /// Its number within the rule.
    pub matched: u32,
    /// The rule that takes its requests (under the first pattern where it stands).
    pub by_rule: u32,
    /// The number of the match that does.
    pub by_matched: u32,
    /// Whether no match of `rule` can be taken.
    pub whole_rule: bool,
}

/// All matches that can never be taken, in the order of rules.
#[must_use]
pub fn shadowed(snapshot: &Snapshot) -> Vec<Shadowed> {
    let matches = &snapshot.matches;
    let mut stands = vec![0usize; matches.len()];
    let mut hidden = vec![(0usize, None); matches.len()];
    for table in &snapshot.tables {
        for (rank, &id) in (0..).zip(&table.order) {
            let at = id as usize;
            let (Some(found), Some(stands), Some(hidden)) =
                (matches.get(at), stands.get_mut(at), hidden.get_mut(at))
            else {
                continue;
            };
            *stands += 1;
            if let Some(by) = (Hider { matches, found, rank, by: None }).search(table) {
                hidden.0 += 1;
                hidden.1 = hidden.1.or(Some(by));
            }
        }
    }
    let lost: Vec<(usize, u32)> = (0..)
        .zip(stands.iter().zip(&hidden))
        .filter_map(|(id, (&stands, &(times, by)))| (stands > 0 && stands == times).then_some((id, by?)))
        .collect();
    report(snapshot, &lost)
}

/// Rules of which no match can be taken, each with the rule that takes the requests of its first.
#[must_use]
pub fn shadowed_rules(snapshot: &Snapshot) -> Vec<(u32, u32)> {
    let whole =
        shadowed(snapshot).into_iter().filter(|found| found.whole_rule && found.rule != found.by_rule);
    let mut rules: Vec<(u32, u32)> = whole.map(|found| (found.rule, found.by_rule)).collect();
    rules.dedup_by_key(|&mut (rule, _)| rule);
    rules
}

fn report(snapshot: &Snapshot, lost: &[(usize, u32)]) -> Vec<Shadowed> {
    let rule_of = |id: usize| snapshot.matches.get(id).map_or(0, |found| found.rule);
    let mut out = Vec::new();
    for group in lost.chunk_by(|a, b| rule_of(a.0) == rule_of(b.0)) {
        for &(id, by) in group {
            let (Some(found), Some(by)) = (snapshot.matches.get(id), snapshot.matches.get(by as usize))
            else {
                continue;
            };
            let rule = snapshot.rules.get(found.rule as usize);
            out.push(Shadowed {
                rule: found.rule,
                matched: found.matched,
                by_rule: by.rule,
                by_matched: by.matched,
                whole_rule: rule.is_some_and(|rule| rule.match_count as usize == group.len()),
            });
        }
    }
    out
}

/// Looks for the first match that hides `found`.
struct Hider<'a> {
    matches: &'a [Match],
    found: &'a Match,
    rank: u32,
    by: Option<Entry>,
}

impl Hider<'_> {
    fn search(mut self, table: &Table) -> Option<u32> {
        for level in &table.levels {
            self.level(level);
            if let Some(by) = self.by {
                return Some(by.id);
            }
        }
        None
    }

    fn level(&mut self, level: &Level) {
        match &self.found.path {
            PathTest::Exact(path) => {
                level.exact.get(path).into_iter().for_each(|node| self.node(node));
                level.prefixes.fitting(path).for_each(|node| self.node(node));
                level.patterns.each(path, |node| {
                    self.node(node);
                    false
                });
            }
            PathTest::Prefix(path) => level.prefixes.fitting(path).for_each(|node| self.node(node)),
            PathTest::Regex(text) => {
                level.prefixes.fitting(b"/").for_each(|node| self.node(node));
                level.patterns.with_text(text).for_each(|node| self.node(node));
            }
        }
    }

    fn node(&mut self, node: &Node) {
        if node.first >= self.rank {
            return;
        }
        for entry in &node.scan {
            let earlier = entry.rank < self.rank && self.by.is_none_or(|by| entry.rank < by.rank);
            if earlier && self.matches.get(entry.id as usize).is_some_and(|by| covers(by, self.found)) {
                self.by = Some(*entry);
            }
        }
        for index in &node.indexes {
            for value in values(self.found, &index.subject) {
                index.by_value.get(value).into_iter().for_each(|below| self.node(below));
            }
        }
    }
}

/// Values of `subject` that every request for `found` has one of.
fn values<'a>(found: &'a Match, subject: &'a Subject) -> impl Iterator<Item = &'a [u8]> {
    let methods = found.methods.iter().map(|method| &**method).filter(|_| *subject == Subject::Method);
    let exact = found.conditions.iter().filter(move |condition| condition.subject == *subject);
    methods.chain(exact.filter_map(Condition::exact))
}

/// Whether `by` asks for no more than `found`, paths apart.
fn covers(by: &Match, found: &Match) -> bool {
    let methods = by.methods.is_empty()
        || (!found.methods.is_empty() && found.methods.iter().all(|method| by.methods.contains(method)));
    methods && by.conditions.iter().all(|condition| found.conditions.contains(condition))
}
