//! The matches of one path under one host pattern, in order; many of them are found by the values that they want.
//!
//! Theory: a few entries are scanned in order. When there are many, the subject (method, a header, a query parameter,
//! a cookie) for which most of them want an exact value becomes an index from value to the entries that want it; those
//! entries form a node of their own, which may be indexed by another subject again. Ten thousand tenants told apart by
//! one header are one hash look-up. Every entry knows its rank in the order of all matches under the pattern, so parts
//! may be visited in any sequence: the smallest rank that fits wins, and what cannot beat it is not looked at.
//!
//! Rules: an index only ever leaves out entries whose exact value the request does not carry; whoever is visited is
//! tested in full.

use super::Subject;
use super::bytemap::ByteMap;
use super::snapshot::Match;
use std::collections::HashMap;

/// Entries that are scanned rather than indexed: comparing eight values costs about as much as hashing one and
/// looking it up.
const SCAN: usize = 8;
/// Indexes within indexes. Each level needs one more exact condition in common; past four, what is left is scanned.
const DEPTH: usize = 4;

/// One match in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Place in the order under the host pattern; smaller wins.
    pub rank: u32,
    /// Index into `Snapshot::matches`.
    pub id: u32,
    /// Whether its path is its only condition.
    pub free: bool,
}

/// See the file's head.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The smallest rank in it.
    pub first: u32,
    /// In order.
    pub scan: Vec<Entry>,
    pub indexes: Vec<Index>,
}

/// Entries by the exact value that they want of one subject.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub subject: Subject,
    pub by_value: ByteMap<Node>,
    /// The smallest rank in it.
    pub first: u32,
    /// Number of entries in it.
    pub count: usize,
}

impl Node {
    /// Builds a node of entries in order; `matches` is where their ids point.
    pub fn build(entries: Vec<Entry>, matches: &[Match]) -> Self {
        split(entries, matches, &mut Vec::new())
    }
}

/// `used`: subjects that the way here has already decided.
fn split(mut entries: Vec<Entry>, matches: &[Match], used: &mut Vec<Subject>) -> Node {
    let first = entries.first().map_or(u32::MAX, |entry| entry.rank);
    let mut indexes = Vec::new();
    while entries.len() > SCAN && used.len() < DEPTH {
        let Some(subject) = most_wanted(&entries, matches, used) else { break };
        let (indexed, rest): (Vec<Entry>, Vec<Entry>) =
            entries.iter().partition(|entry| !wanted(entry, &subject, matches).is_empty());
        indexes.push(index(subject, indexed, matches, used));
        entries = rest;
    }
    Node { first, scan: entries, indexes }
}

fn index(subject: Subject, entries: Vec<Entry>, matches: &[Match], used: &mut Vec<Subject>) -> Index {
    let first = entries.first().map_or(u32::MAX, |entry| entry.rank);
    let count = entries.len();
    let mut by_value: ByteMap<Vec<Entry>> = ByteMap::default();
    for entry in entries {
        for value in wanted(&entry, &subject, matches) {
            by_value.entry(value, Vec::new).push(entry);
        }
    }
    used.push(subject.clone());
    let by_value = by_value.map(|entries| split(entries, matches, used));
    used.pop();
    Index { subject, by_value, first, count }
}

/// The subject that most entries want an exact value of, if more than [`SCAN`] do.
fn most_wanted(entries: &[Entry], matches: &[Match], used: &[Subject]) -> Option<Subject> {
    let mut counts: HashMap<Subject, usize> = HashMap::new();
    for found in entries.iter().filter_map(|entry| matches.get(entry.id as usize)) {
        for subject in found.exact_subjects().filter(|subject| !used.contains(subject)) {
            *counts.entry(subject).or_default() += 1;
        }
    }
    let best = counts.into_iter().max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| b.cmp(a)))?;
    (best.1 > SCAN).then_some(best.0)
}

/// The exact values of `subject` of which `entry` wants one: its methods, or the value of its first such condition.
fn wanted<'a>(entry: &Entry, subject: &Subject, matches: &'a [Match]) -> Vec<&'a [u8]> {
    let Some(found) = matches.get(entry.id as usize) else { return Vec::new() };
    if *subject == Subject::Method {
        return found.methods.iter().map(|method| &**method).collect();
    }
    let exact = found.conditions.iter().filter(|condition| condition.subject == *subject);
    exact.filter_map(|condition| condition.exact()).take(1).collect()
}
