//! A sink that keeps every step of a decision.

use crate::route::{Condition, Pattern, Subject, Trace};

/// A pattern that fits the host.
#[derive(Debug)]
pub(super) struct Host {
    pub pattern: String,
    /// Matches under it.
    pub count: usize,
}

/// A match whose path fits.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Index into [`Recorder::hosts`].
    pub host: usize,
    pub rank: u32,
    pub id: u32,
    pub fits: bool,
    pub method: Option<bool>,
    pub conditions: Vec<(bool, Vec<Vec<u8>>)>,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub hosts: Vec<Host>,
    pub candidates: Vec<Candidate>,
    pub passed_over: Vec<(Subject, usize)>,
}

impl Trace for Recorder {
    const EVERY: bool = true;

    fn host(&mut self, pattern: Pattern<'_>, count: usize) {
        self.hosts.push(Host { pattern: pattern.to_string(), count });
    }

    fn candidate(&mut self, rank: u32, id: u32) {
        let host = self.hosts.len().saturating_sub(1);
        self.candidates.push(Candidate { host, rank, id, fits: false, method: None, conditions: Vec::new() });
    }

    fn method(&mut self, held: bool) {
        if let Some(last) = self.candidates.last_mut() {
            last.method = Some(held);
        }
    }

    fn condition(&mut self, _: &Condition, held: bool, seen: impl FnOnce() -> Vec<Vec<u8>>) {
        if let Some(last) = self.candidates.last_mut() {
            last.conditions.push((held, seen()));
        }
    }

    fn outcome(&mut self, fits: bool) {
        if let Some(last) = self.candidates.last_mut() {
            last.fits = fits;
        }
    }

    fn passed_over(&mut self, subject: &Subject, count: usize) {
        if count > 0 {
            self.passed_over.push((subject.clone(), count));
        }
    }
}

impl Recorder {
    /// In order of precedence, each once (an index may lead to the same match by two values).
    pub fn sort(&mut self) {
        self.candidates.sort_by_key(|candidate| (candidate.host, candidate.rank));
        self.candidates.dedup_by_key(|candidate| (candidate.host, candidate.rank));
    }
}
