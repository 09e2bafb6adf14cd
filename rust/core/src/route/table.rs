//! The rules under one host pattern, compiled.
//!
//! Theory: priority is compared before anything else, so each priority is a level with structures of its own, highest
//! first; nearly every configuration has one level. Within a level exact paths come before prefixes and prefixes before
//! regexes, which is the order of precedence, so the first node with a fitting entry ends the search.

use super::bytemap::ByteMap;
use super::error::{BuildError, Place};
use super::node::{Entry, Node};
use super::order::Key;
use super::patterns::Patterns;
use super::prefixes::Prefixes;
use super::snapshot::{Match, PathTest, RouteInfo, Rule};
use std::collections::BTreeMap;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Table {
    pub levels: Vec<Level>,
    /// Match ids in order: the index is the rank.
    pub order: Vec<u32>,
}

/// Matches of one priority.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub exact: ByteMap<Node>,
    pub prefixes: Prefixes,
    pub patterns: Patterns,
}

/// What the builder reads.
pub(super) struct Parts<'a> {
    pub routes: &'a [RouteInfo],
    pub rules: &'a [Rule],
    pub matches: &'a [Match],
}

impl Parts<'_> {
    fn key<'a>(&'a self, of: &Match) -> Option<Key<'a>> {
        let rule = self.rules.get(of.rule as usize)?;
        let route = self.routes.get(rule.route as usize)?;
        Some(Key::new(of, rule, &route.name))
    }

    fn priority(&self, id: u32) -> i32 {
        let found = self.matches.get(id as usize);
        found.and_then(|found| self.rules.get(found.rule as usize)).map_or(0, |rule| rule.priority)
    }
}

impl Table {
    /// Builds the table of the matches `ids`.
    pub fn build(mut ids: Vec<u32>, parts: &Parts<'_>) -> Result<Self, BuildError> {
        ids.sort_by_cached_key(|&id| parts.matches.get(id as usize).and_then(|found| parts.key(found)));
        let ranked: Vec<(u32, u32)> = (0..).zip(ids.iter().copied()).collect();
        let levels = ranked
            .chunk_by(|a, b| parts.priority(a.1) == parts.priority(b.1))
            .map(|level| Level::build(level, parts))
            .collect::<Result<_, _>>()?;
        Ok(Self { levels, order: ids })
    }
}

impl Level {
    fn build(ranked: &[(u32, u32)], parts: &Parts<'_>) -> Result<Self, BuildError> {
        let mut exact: BTreeMap<&[u8], Vec<Entry>> = BTreeMap::new();
        let mut prefixes: BTreeMap<&[u8], Vec<Entry>> = BTreeMap::new();
        let mut patterns: Vec<(&str, Vec<Entry>)> = Vec::new();
        for &(rank, id) in ranked {
            let Some(found) = parts.matches.get(id as usize) else { continue };
            let entry = Entry { rank, id, free: found.is_free() };
            match &found.path {
                PathTest::Exact(path) => exact.entry(path).or_default().push(entry),
                PathTest::Prefix(path) => prefixes.entry(path).or_default().push(entry),
                PathTest::Regex(text) => match patterns.last_mut() {
                    Some((last, entries)) if *last == &**text => entries.push(entry),
                    _ => patterns.push((text, vec![entry])),
                },
            }
        }
        let mut level = Self::default();
        for (path, entries) in exact {
            level.exact.entry(path, || Node::build(entries, parts.matches));
        }
        for (path, entries) in prefixes {
            level.prefixes.insert(path, Node::build(entries, parts.matches));
        }
        level.prefixes.link();
        let node =
            |(text, entries): (&str, Vec<Entry>)| (text.to_owned(), Node::build(entries, parts.matches));
        level.patterns =
            Patterns::build(patterns.into_iter().map(node).collect(), &Place::default().at("routes"))?;
        Ok(level)
    }
}
