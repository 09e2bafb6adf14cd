//! A weighted choice of an upstream.
//!
//! Theory: cumulative weights and one multiplication. Reads only the upper 32 bits of the request's draw; the lower 32
//! are `balance::pick`'s, so that the two choices are independent. With 32 bits each share is off by less than
//! total / 2^32: for weights that sum to 100, by 2.4e-8.

use super::error::{BuildError, Place};
use crate::document::Target;

/// See the file's head.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// Upstream and the sum of weights up to and with its own; targets of weight 0 are left out.
    steps: Vec<(u32, u32)>,
    /// As written, for explain.
    targets: Vec<(u32, u32)>,
}

impl Split {
    pub(super) fn build(targets: &[Target], upstreams: usize, place: &Place) -> Result<Self, BuildError> {
        if targets.is_empty() {
            return Err(place.error("no target"));
        }
        let mut steps = Vec::new();
        let mut sum = 0u32;
        for target in targets {
            if target.upstream as usize >= upstreams {
                return Err(place.error(format!("there is no upstream {}", target.upstream)));
            }
            let too_much = || place.error("the weights sum to more than 4294967295");
            sum = sum.checked_add(target.weight).ok_or_else(too_much)?;
            if target.weight > 0 {
                steps.push((target.upstream, sum));
            }
        }
        Ok(Self { steps, targets: targets.iter().map(|target| (target.upstream, target.weight)).collect() })
    }

    /// The upstream for this draw; none if all weights are 0.
    #[inline]
    #[must_use]
    pub fn draw(&self, draw: u64) -> Option<u32> {
        if let [(only, _)] = self.steps[..] {
            return Some(only);
        }
        let total = u64::from(self.steps.last()?.1);
        let point = ((draw >> 32) * total) >> 32;
        let at = self.steps.partition_point(|&(_, sum)| u64::from(sum) <= point);
        self.steps.get(at).map(|&(upstream, _)| upstream)
    }

    /// Upstream and weight of each target, as written.
    #[must_use]
    pub fn targets(&self) -> &[(u32, u32)] {
        &self.targets
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;
    use proptest::prelude::*;

    fn split(weights: &[u32]) -> Split {
        let targets: Vec<Target> =
            (0..).zip(weights).map(|(upstream, &weight)| Target { upstream, weight }).collect();
        Split::build(&targets, weights.len(), &Place::default()).unwrap()
    }

    #[test]
    fn the_ends_of_the_draw_are_the_ends_of_the_split() {
        let split = split(&[0, 3, 0, 1, 0]);
        assert_eq!(split.draw(0), Some(1));
        assert_eq!(split.draw((3 << 62) - 1), Some(1));
        assert_eq!(split.draw(3 << 62), Some(3));
        assert_eq!(split.draw(u64::MAX), Some(3));
    }

    #[test]
    fn all_weights_zero_is_no_target() {
        assert_eq!(split(&[0, 0]).draw(7), None);
    }

    #[test]
    fn weights_that_overflow_are_refused() {
        let targets = [u32::MAX, 1].map(|weight| Target { upstream: 0, weight });
        assert!(Split::build(&targets, 1, &Place::default()).is_err());
    }

    proptest! {
        #[test]
        fn shares_follow_the_weights(weights in prop::collection::vec(0u32..20, 2..6)) {
            let split = split(&weights);
            let total: u32 = weights.iter().sum();
            prop_assume!(total > 0);
            let rounds = 1u64 << 12;
            let mut counts = vec![0u32; weights.len()];
            for round in 0..rounds {
                counts[split.draw(round << 52).unwrap() as usize] += 1;
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let wanted = rounds as f64 * f64::from(*weight) / f64::from(total);
                prop_assert!((f64::from(*count) - wanted).abs() <= 1.0, "{counts:?} for {weights:?}");
            }
        }

        #[test]
        fn the_lower_half_of_the_draw_is_not_read(weights in prop::collection::vec(1u32..9, 1..5), draw: u64) {
            let split = split(&weights);
            prop_assert_eq!(split.draw(draw), split.draw(draw | 0xffff_ffff));
        }
    }
}
