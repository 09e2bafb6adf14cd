//! Where a decision tells what it looks at. The compiled path passes [`NoTrace`], which the optimiser removes.

use super::hosts::Pattern;
use super::{Condition, Subject};

/// A sink for the steps of one decision. Indexes are into `Snapshot::matches`.
pub trait Trace {
    /// Whether to go on after the first match that fits, so that the losers are seen too. The match taken is the same.
    const EVERY: bool;
    /// The rules under this pattern, which fits the host, are looked at next; they have `count` matches.
    fn host(&mut self, pattern: Pattern<'_>, count: usize);
    /// The match's path fits; `rank` is its place in the order of the rules under this pattern.
    fn candidate(&mut self, rank: u32, id: u32);
    /// The method condition of the last candidate (only if it has one).
    fn method(&mut self, held: bool);
    /// A condition of the last candidate; `seen` gives the subject's values.
    fn condition(&mut self, condition: &Condition, held: bool, seen: impl FnOnce() -> Vec<Vec<u8>>);
    /// Whether all of the last candidate's conditions held.
    fn outcome(&mut self, fits: bool);
    /// `count` candidates wanted other values of `subject` and were not looked at.
    fn passed_over(&mut self, subject: &Subject, count: usize);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    const EVERY: bool = false;
    #[inline(always)]
    fn host(&mut self, _: Pattern<'_>, _: usize) {}
    #[inline(always)]
    fn candidate(&mut self, _: u32, _: u32) {}
    #[inline(always)]
    fn method(&mut self, _: bool) {}
    #[inline(always)]
    fn condition(&mut self, _: &Condition, _: bool, _: impl FnOnce() -> Vec<Vec<u8>>) {}
    #[inline(always)]
    fn outcome(&mut self, _: bool) {}
    #[inline(always)]
    fn passed_over(&mut self, _: &Subject, _: usize) {}
}
