//! The tokens that a peer has left. What they are for, and how many there are, is in [`super::limits`].

use super::cause::Fault;
use super::limits::{ALLOWANCES, BUDGETS, Budget};

/// Nanoseconds in a second: time gives tokens back in whole seconds.
const SECOND: u64 = 1_000_000_000;

const BURSTS: [u16; BUDGETS] = {
    let mut bursts = [0; BUDGETS];
    let mut i = 0;
    while i < BUDGETS {
        bursts[i] = ALLOWANCES[i].burst;
        i += 1;
    }
    bursts
};

/// One connection's budgets.
#[derive(Debug)]
pub(super) struct Budgets {
    left: [u16; BUDGETS],
    /// When time last gave something back, ns.
    at: u64,
}

impl Budgets {
    pub(super) const fn new() -> Self {
        Self { left: BURSTS, at: 0 }
    }

    /// Takes tokens, or says what has run out.
    #[inline]
    pub(super) fn spend(&mut self, budget: Budget, tokens: u64) -> Result<(), Fault> {
        let Some(left) = self.left.get_mut(budget as usize) else { return Ok(()) };
        match u16::try_from(tokens).ok().and_then(|tokens| left.checked_sub(tokens)) {
            Some(rest) => {
                *left = rest;
                Ok(())
            }
            None => {
                *left = 0;
                let cause = ALLOWANCES.get(budget as usize).map(|allowance| allowance.cause);
                cause.map_or(Ok(()), |cause| Err(Fault::Connection(cause)))
            }
        }
    }

    /// Progress of one kind.
    #[inline]
    pub(super) fn earn(&mut self, budget: Budget, tokens: u16) {
        let place = budget as usize;
        if let (Some(left), Some(burst)) = (self.left.get_mut(place), BURSTS.get(place)) {
            *left = left.saturating_add(tokens).min(*burst);
        }
    }

    /// A stream ended as it should.
    #[inline]
    pub(super) fn earn_stream(&mut self) {
        for (left, allowance) in self.left.iter_mut().zip(&ALLOWANCES) {
            *left = (*left + allowance.per_stream).min(allowance.burst);
        }
    }

    /// It is `now`, ns.
    pub(super) fn turn(&mut self, now: u64) {
        let seconds = now.saturating_sub(self.at) / SECOND;
        if seconds == 0 {
            return;
        }
        self.at = now;
        for (left, allowance) in self.left.iter_mut().zip(&ALLOWANCES) {
            let earned = u64::from(allowance.per_second).saturating_mul(seconds);
            let full = u64::from(*left).saturating_add(earned).min(u64::from(allowance.burst));
            *left = full as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_one_more_does_not_until_time_or_progress_gives_back() {
        let mut budgets = Budgets::new();
        budgets.turn(SECOND);
        for _ in 0..20 {
            budgets.spend(Budget::Upward, 1).unwrap();
        }
        assert!(budgets.spend(Budget::Upward, 1).is_err());
        budgets.turn(2 * SECOND - 1);
        assert!(budgets.spend(Budget::Upward, 1).is_err());
        budgets.turn(2 * SECOND);
        budgets.spend(Budget::Upward, 1).unwrap();
        budgets.turn(u64::MAX);
        assert_eq!(budgets.left, BURSTS);
        budgets.spend(Budget::Resets, 2).unwrap();
        budgets.earn_stream();
        budgets.earn_stream();
        budgets.earn(Budget::Pings, u16::MAX);
        assert_eq!(budgets.left, BURSTS, "never more than the burst");
        assert!(budgets.spend(Budget::Churn, u64::MAX).is_err());
    }

    #[test]
    fn sums_fit() {
        assert!(
            ALLOWANCES.iter().all(|allowance| allowance.burst.checked_add(allowance.per_stream).is_some())
        );
    }
}
