//! One request under way, and how it ended.

use crate::plan::Plan;
use crate::tally::Failure;

/// A request that was handed to a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// When latency counts from.
    pub intended: u64,
    /// When it was begun: from here it may be late.
    pub begun: u64,
}

/// A request that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When latency counts from.
    pub intended: u64,
    /// Whether the answer was good.
    pub outcome: Result<(), Failure>,
}

impl Asked {
    /// It ended so.
    pub fn ended(self, outcome: Result<(), Failure>) -> Ended {
        Ended { intended: self.intended, outcome }
    }
}

/// Judges a complete answer.
pub fn judge(plan: &Plan, status: u16, body: u64) -> Result<(), Failure> {
    if !(200..300).contains(&status) {
        return Err(Failure::Status);
    }
    match plan.expect {
        Some(bytes) if bytes != body => Err(Failure::Length),
        _ => Ok(()),
    }
}
