//! A weighted choice of an upstream.
//!
//! Theory: cumulative weights and one multiplication. Reads only the upper 32 bits of the request's draw; the lower 32
//! are `balance::pick`'s, so that the two choices are independent. With 32 bits each share is off by less than
//! total / 2^32: for weights that sum to 100, by 2.4e-8.

use super::error::{BuildError, Place};
use crate::document::Target;

/// See the file's head.
#[derive(Debug, Clone)]
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
