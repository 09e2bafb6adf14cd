//! Choosing one endpoint of an upstream. Pure: the states are the worker's own, chance is an argument.
//!
//! Theory: three ways. `round_robin` is the smooth weighted round robin that nginx introduced (each turn every usable
//! endpoint gains its weight, the richest is taken and pays the sum): over any full cycle the shares are exact, and a
//! heavy endpoint's turns are spread out. `least_request` draws two different endpoints by weight and takes the one
//! with fewer requests in flight per weight ("the power of two choices", Mitzenmacher 2001): near the best without a
//! global view, and no herd. `random` draws one by weight.
//!
//! Rules: nothing panics; an endpoint that is not usable or weighs nothing is never taken; the cost is O(n) in the
//! number of endpoints, which for the tens that an upstream has is less than one cache miss.
//!
//! Draws: one 64-bit draw serves a whole request. `route::decide` reads its upper 32 bits for the weighted split and
//! [`pick`] its lower 32 bits, so that which upstream was drawn says nothing about which endpoint is.

use crate::document::Balance;

/// What a worker knows of one endpoint while it picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointState {
    /// Share within the upstream; 0 is never taken.
    pub weight: u32,
    /// Round robin's credit; starts at 0, only [`pick`] changes it.
    pub current: i64,
    /// Requests that this worker has open there.
    pub in_flight: u32,
    /// Whether it may be taken at all: healthy, not ejected, not just tried.
    pub usable: bool,
}

impl EndpointState {
    /// A fresh, usable endpoint.
    #[must_use]
    pub fn new(weight: u32) -> Self {
        Self { weight, current: 0, in_flight: 0, usable: true }
    }

    fn share(&self) -> u64 {
        if self.usable { u64::from(self.weight) } else { 0 }
    }
}

/// The index of the endpoint to use, or none if none is usable. Reads only the lower 32 bits of `draw`.
#[inline]
pub fn pick(balance: Balance, states: &mut [EndpointState], draw: u64) -> Option<usize> {
    match balance {
        Balance::RoundRobin => round_robin(states),
        Balance::LeastRequest => least_request(states, draw),
        Balance::Random => random(states, draw),
    }
}

fn round_robin(states: &mut [EndpointState]) -> Option<usize> {
    let mut total = 0i64;
    let mut best: Option<(usize, i64)> = None;
    for (index, state) in states.iter_mut().enumerate() {
        let share = state.share() as i64;
        if share == 0 {
            continue;
        }
        total = total.saturating_add(share);
        state.current = state.current.saturating_add(share);
        if best.is_none_or(|(_, richest)| state.current > richest) {
            best = Some((index, state.current));
        }
    }
    let (taken, _) = best?;
    if let Some(state) = states.get_mut(taken) {
        state.current = state.current.saturating_sub(total);
    }
    Some(taken)
}

fn random(states: &[EndpointState], draw: u64) -> Option<usize> {
    by_weight(states, None, spread(draw, 1))
}

fn least_request(states: &[EndpointState], draw: u64) -> Option<usize> {
    let first = by_weight(states, None, spread(draw, 1))?;
    let Some(second) = by_weight(states, Some(first), spread(draw, 2)) else {
        return Some(first);
    };
    let (a, b) = (states.get(first)?, states.get(second)?);
    // a.in_flight / a.weight > b.in_flight / b.weight without dividing; a tie stays with the first draw.
    let a_load = u64::from(a.in_flight) * u64::from(b.weight);
    let b_load = u64::from(b.in_flight) * u64::from(a.weight);
    Some(if a_load > b_load { second } else { first })
}

/// Draws by weight among the usable ones, leaving out `except`.
fn by_weight(states: &[EndpointState], except: Option<usize>, random: u64) -> Option<usize> {
    let share = |index: usize, state: &EndpointState| if Some(index) == except { 0 } else { state.share() };
    let total: u64 = states.iter().enumerate().map(|(index, state)| share(index, state)).sum();
    // Multiply-shift: the bias is below total / 2^64, where a remainder would favour the first endpoints.
    let mut point = ((u128::from(random) * u128::from(total)) >> 64) as u64;
    for (index, state) in states.iter().enumerate() {
        let share = share(index, state);
        if point < share {
            return Some(index);
        }
        point -= share;
    }
    None
}

/// Widens the lower 32 bits of the request's draw to the `n`th 64-bit word (SplitMix64's output function).
fn spread(draw: u64, n: u64) -> u64 {
    let mut z = (draw & 0xffff_ffff).wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
