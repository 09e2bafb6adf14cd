//! A log-linear histogram of durations: four buckets per power of two, so that a quantile is within 19 %.
//!
//! From 16 µs to 68 s, which is what lies between a loopback hop and the longest deadline people set; what is outside
//! counts in the first or last bucket.

use super::cells::Cell;

/// Buckets per power of two.
const STEPS: usize = 4;
const STEP_BITS: u32 = 2;
/// The first bucket ends at 2^14 ns = 16.4 µs.
const FIRST_BITS: u32 = 14;
/// Powers of two covered: 2^14 to 2^36 ns.
const OCTAVES: usize = 22;
/// Number of buckets; the last has no upper bound.
pub const BUCKETS: usize = OCTAVES * STEPS + 2;

/// Counts by duration.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Cell; BUCKETS],
    sum: Cell,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Cell::default()), sum: Cell::default() }
    }
}

impl Histogram {
    /// Count one duration, ns.
    #[inline]
    pub fn record(&self, ns: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(ns)) {
            bucket.add(1);
        }
        self.sum.add(ns);
    }

    /// Counts per bucket.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        self.buckets.iter().map(Cell::get).collect()
    }

    /// Sum of all durations, ns.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }
}

#[inline]
fn bucket_of(ns: u64) -> usize {
    if ns < 1 << FIRST_BITS {
        return 0;
    }
    let octave = ns.ilog2() - FIRST_BITS;
    let step = (ns >> (octave + FIRST_BITS - STEP_BITS)) as usize & (STEPS - 1);
    (octave as usize * STEPS + step + 1).min(BUCKETS - 1)
}

/// Upper bound of each bucket but the last, ns (exclusive).
#[must_use]
pub fn bounds() -> Vec<u64> {
    let first = 1u64 << FIRST_BITS;
    let steps = (0..OCTAVES as u64 * STEPS as u64).map(|number| {
        let (octave, step) = (number / STEPS as u64, number % STEPS as u64);
        (first << octave) + ((step + 1) << octave << (FIRST_BITS - STEP_BITS))
    });
    std::iter::once(first).chain(steps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn there_is_a_bound_for_every_bucket_but_the_last() {
        assert_eq!(bounds().len(), BUCKETS - 1);
        assert!(bounds().is_sorted());
    }

    proptest! {
        #[test]
        fn a_duration_lies_within_the_bounds_of_its_bucket(ns in prop_oneof![any::<u64>(), 0..100_000_000_000u64]) {
            let (bucket, bounds) = (bucket_of(ns), bounds());
            prop_assert!(bucket == 0 || bounds[bucket - 1] <= ns);
            prop_assert!(bucket == BUCKETS - 1 || ns < bounds[bucket]);
        }
    }
}
