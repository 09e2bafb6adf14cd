//! The search for the first match that fits; see `mod.rs` for the order of its steps.

use super::node::{Entry, Node};
use super::snapshot::Snapshot;
use super::table::{Level, Table};
use super::{Fields, Input, Trace};

/// Whether any route of the listener knows the host, and the id of the match that is taken.
#[inline]
pub(super) fn first<F: Fields, T: Trace>(
    snapshot: &Snapshot,
    input: &Input<'_, F>,
    trace: &mut T,
) -> (bool, Option<u32>) {
    let Some(listener) = snapshot.listeners.get(input.listener) else { return (false, None) };
    let mut known = false;
    let mut taken = None;
    listener.hosts.each(input.host, |pattern, at| {
        let Some(table) = snapshot.tables.get(at as usize) else { return false };
        known = true;
        trace.host(pattern, table.order.len());
        let mut search = Search { snapshot, input, trace: &mut *trace, best: None };
        search.table(table);
        taken = taken.or(search.best.map(|entry| entry.id));
        taken.is_some() && !T::EVERY
    });
    (known, taken)
}

struct Search<'a, F: Fields, T: Trace> {
    snapshot: &'a Snapshot,
    input: &'a Input<'a, F>,
    trace: &'a mut T,
    best: Option<Entry>,
}

impl<F: Fields, T: Trace> Search<'_, F, T> {
    #[inline]
    fn table(&mut self, table: &Table) {
        for level in &table.levels {
            self.level(level);
            if self.over() {
                return;
            }
        }
    }

    #[inline]
    fn level(&mut self, level: &Level) {
        let path = self.input.path;
        if let Some(node) = level.exact.get(path) {
            self.node(node);
            if self.over() {
                return;
            }
        }
        for node in level.prefixes.fitting(path) {
            self.node(node);
            if self.over() {
                return;
            }
        }
        level.patterns.each(path, |node| {
            self.node(node);
            self.over()
        });
    }

    /// Whether what comes later in the order need not be looked at.
    #[inline]
    fn over(&self) -> bool {
        !T::EVERY && self.best.is_some()
    }

    /// Whether nothing of `rank` or above can be taken any more.
    #[inline]
    fn beaten(&self, rank: u32) -> bool {
        !T::EVERY && self.best.is_some_and(|best| best.rank <= rank)
    }

    fn node(&mut self, node: &Node) {
        for entry in &node.scan {
            if self.beaten(entry.rank) {
                break;
            }
            if self.fits(entry) && self.best.is_none_or(|best| entry.rank < best.rank) {
                self.best = Some(*entry);
            }
        }
        for index in &node.indexes {
            if self.beaten(index.first) {
                continue;
            }
            let mut visited = 0;
            index.subject.any(self.input, |value| {
                if let Some(below) = index.by_value.get(value).filter(|below| !self.beaten(below.first)) {
                    self.node(below);
                    visited += if T::EVERY { below.count() } else { 0 };
                }
                false
            });
            if T::EVERY {
                self.trace.passed_over(&index.subject, index.count.saturating_sub(visited));
            }
        }
    }

    #[inline]
    fn fits(&mut self, entry: &Entry) -> bool {
        self.trace.candidate(entry.rank, entry.id);
        let fits = entry.free || self.conditions_hold(entry.id);
        self.trace.outcome(fits);
        fits
    }

    fn conditions_hold(&mut self, id: u32) -> bool {
        let Some(found) = self.snapshot.matches.get(id as usize) else { return false };
        let mut fits = true;
        if !found.methods.is_empty() {
            fits = found.methods.iter().any(|method| **method == *self.input.method);
            self.trace.method(fits);
        }
        for condition in &found.conditions {
            if !fits && !T::EVERY {
                return false;
            }
            let held = condition.holds(self.input);
            self.trace.condition(condition, held, || condition.subject.seen(self.input));
            fits &= held;
        }
        fits
    }
}

impl Node {
    /// Entries in it and below.
    fn count(&self) -> usize {
        self.scan.len() + self.indexes.iter().map(|index| index.count).sum::<usize>()
    }
}
