//! Timers: a hierarchical wheel (Varghese and Lauck, 1987) with one lazy timer per connection.
//!
//! Theory: a connection stores its deadlines; the wheel only promises to come by *no later than* the earliest of them.
//! A deadline that moves away is left alone: the timer fires early, the connection looks at its deadlines and asks
//! again. So a busy connection touches the wheel once per shortest timeout, not once per request.
//!
//! Rules: O(1) to arm, move and remove; no stale entries, so the number of armed timers is exact; a timer fires at most
//! one tick late.

use std::collections::HashSet;

use crate::net::Token;

/// Names a timer for the life of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId(u32);

/// Resolution, ms. nginx keeps ms, Envoy and HAProxy too, but none fires more precisely than its loop turns.
const TICK_MS: u64 = 4;
/// Slots per level, a power of two so that occupancy is one word.
const SLOTS: u64 = 64;
const SLOT_BITS: u32 = 6;
/// 64^4 ticks of 4 ms = 18.6 hours; later deadlines wait in the last slot and are asked again.
const LEVELS: usize = 4;
const NONE: u32 = u32::MAX;

struct Node {
    token: Token,
    /// Tick it is armed for, or `None`.
    at: Option<u64>,
    /// Level × SLOTS + slot while armed.
    place: u32,
    previous: u32,
    next: u32,
}

/// All timers of one worker.
pub struct Wheel {
    nodes: Vec<Node>,
    free: Vec<u32>,
    heads: Vec<u32>,
    occupied: [u64; LEVELS],
    /// Ticks up to and including this one have fired.
    current: u64,
    armed: usize,
}

impl Wheel {
    /// An empty wheel at this time (ns).
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            heads: vec![NONE; LEVELS * SLOTS as usize],
            occupied: [0; LEVELS],
            current: tick_before(now),
            armed: 0,
        }
    }

    /// A timer that is not armed.
    pub fn create(&mut self, token: Token) -> TimerId {
        let node = Node { token, at: None, place: 0, previous: NONE, next: NONE };
        match self.free.pop() {
            Some(number) => {
                if let Some(slot) = self.nodes.get_mut(number as usize) {
                    *slot = node;
                }
                TimerId(number)
            }
            None => {
                self.nodes.push(node);
                TimerId(u32::try_from(self.nodes.len() - 1).unwrap_or(NONE))
            }
        }
    }

    /// Fire no later than `deadline` (ns). Does nothing if it will fire earlier anyway.
    #[inline]
    pub fn no_later(&mut self, id: TimerId, deadline: u64) {
        let tick = tick_after(deadline).max(self.current + 1);
        match self.nodes.get(id.0 as usize) {
            Some(node) if node.at.is_none_or(|at| at > tick) => {
                self.unlink(id.0);
                self.link(id.0, tick);
            }
            _ => {}
        }
    }

    /// End a timer; its id may be given to another.
    pub fn remove(&mut self, id: TimerId) {
        self.unlink(id.0);
        self.free.push(id.0);
    }

    /// End every timer that is not among these: after a panic.
    pub fn keep(&mut self, living: &HashSet<TimerId>) {
        let free: HashSet<u32> = self.free.iter().copied().collect();
        let numbers = 0..u32::try_from(self.nodes.len()).unwrap_or(NONE);
        for number in numbers.filter(|number| !free.contains(number)) {
            if !living.contains(&TimerId(number)) {
                self.remove(TimerId(number));
            }
        }
    }

    /// Timers that will fire.
    #[must_use]
    pub fn armed(&self) -> usize {
        self.armed
    }

    /// Timers that exist.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Whether none exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Milliseconds until [`Self::expire`] has something to do; -1: nothing is armed. Never too late.
    #[must_use]
    pub fn wait_ms(&self, now: u64) -> i32 {
        let Some(tick) = self.next_tick() else { return -1 };
        let at = tick * TICK_MS * 1_000_000;
        i32::try_from(at.saturating_sub(now).div_ceil(1_000_000)).unwrap_or(i32::MAX)
    }

    /// The tick at which the next occupied slot fires or is cascaded.
    fn next_tick(&self) -> Option<u64> {
        let mut best = None::<u64>;
        for (level, &occupied) in (0u32..).zip(&self.occupied) {
            if occupied == 0 {
                continue;
            }
            let shift = level * SLOT_BITS;
            let position = self.current >> shift;
            // Slots after the current one, in order; a set bit at distance d is due at (position + d) << shift.
            let from = (position + 1) % SLOTS;
            let distance = u64::from(occupied.rotate_right(from as u32).trailing_zeros()) + 1;
            let tick = (position + distance) << shift;
            best = Some(best.map_or(tick, |other| other.min(tick)));
        }
        best
    }

    /// Disarm every timer whose time has come and append its token.
    pub fn expire(&mut self, now: u64, fired: &mut Vec<Token>) {
        let target = tick_before(now);
        while let Some(tick) = self.next_tick() {
            if tick > target {
                break;
            }
            self.current = tick;
            self.cascade(tick);
            self.fire(tick, fired);
        }
        self.current = self.current.max(target);
    }

    /// Move what the higher levels hold for this tick to where it belongs now.
    fn cascade(&mut self, tick: u64) {
        for level in (1..LEVELS as u32).rev() {
            let shift = level * SLOT_BITS;
            if tick & ((1 << shift) - 1) != 0 {
                continue;
            }
            let place = level * SLOTS as u32 + ((tick >> shift) % SLOTS) as u32;
            for number in self.empty(place) {
                let at = self.nodes.get(number as usize).and_then(|node| node.at).unwrap_or(tick);
                self.unlink(number);
                // Due now: `fire` looks at level 0's current slot next.
                self.link(number, at.max(tick));
            }
        }
    }

    fn fire(&mut self, tick: u64, fired: &mut Vec<Token>) {
        for number in self.empty((tick % SLOTS) as u32) {
            let due =
                self.nodes.get(number as usize).is_some_and(|node| node.at.is_some_and(|at| at <= tick));
            if due {
                self.unlink(number);
                fired.extend(self.nodes.get(number as usize).map(|node| node.token));
            }
        }
    }

    /// Numbers in one slot's list.
    fn empty(&self, place: u32) -> Vec<u32> {
        let mut numbers = Vec::new();
        let mut next = self.heads.get(place as usize).copied().unwrap_or(NONE);
        while let Some(node) = self.nodes.get(next as usize) {
            numbers.push(next);
            next = node.next;
        }
        numbers
    }

    fn link(&mut self, number: u32, tick: u64) {
        let distance = tick.saturating_sub(self.current).max(1);
        let mut level = 0u32;
        while level + 1 < LEVELS as u32 && distance >= 1 << ((level + 1) * SLOT_BITS) {
            level += 1;
        }
        // Beyond the horizon: the farthest slot; it fires early and its connection asks again.
        let horizon = self.current + (SLOTS << (level * SLOT_BITS)) - 1;
        let slot_tick = tick.min(horizon);
        let slot = ((slot_tick >> (level * SLOT_BITS)) % SLOTS) as u32;
        let place = level * SLOTS as u32 + slot;
        let head = self.heads.get(place as usize).copied().unwrap_or(NONE);
        if let Some(node) = self.nodes.get_mut(number as usize) {
            node.at = Some(slot_tick);
            node.place = place;
            node.previous = NONE;
            node.next = head;
        }
        if let Some(node) = self.nodes.get_mut(head as usize) {
            node.previous = number;
        }
        if let Some(slot) = self.heads.get_mut(place as usize) {
            *slot = number;
        }
        if let Some(word) = self.occupied.get_mut(level as usize) {
            *word |= 1 << slot;
        }
        self.armed += 1;
    }

    fn unlink(&mut self, number: u32) {
        let Some(node) = self.nodes.get_mut(number as usize) else { return };
        if node.at.take().is_none() {
            return;
        }
        let (place, previous, next) = (node.place, node.previous, node.next);
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => {
                if let Some(head) = self.heads.get_mut(place as usize) {
                    *head = next;
                }
                if next == NONE
                    && let Some(word) = self.occupied.get_mut((place / SLOTS as u32) as usize)
                {
                    *word &= !(1 << (place % SLOTS as u32));
                }
            }
        }
        self.armed -= 1;
    }
}

/// The last tick that is over at this time.
fn tick_before(now: u64) -> u64 {
    now / (TICK_MS * 1_000_000)
}

/// The first tick that is not before this time.
fn tick_after(deadline: u64) -> u64 {
    deadline.div_ceil(TICK_MS * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn fires_once_and_not_before_its_time() {
        let mut wheel = Wheel::new(0);
        let id = wheel.create(7);
        wheel.no_later(id, 1_000 * MS);
        let mut fired = Vec::new();
        wheel.expire(999 * MS, &mut fired);
        assert!(fired.is_empty());
        wheel.expire(1_004 * MS, &mut fired);
        assert_eq!(fired, [7]);
        assert_eq!((wheel.armed(), wheel.wait_ms(0)), (0, -1));
    }

    #[test]
    fn a_later_deadline_leaves_the_timer_and_an_earlier_one_moves_it() {
        let mut wheel = Wheel::new(0);
        let id = wheel.create(1);
        wheel.no_later(id, 100 * MS);
        wheel.no_later(id, 500 * MS);
        let mut fired = Vec::new();
        wheel.expire(104 * MS, &mut fired);
        assert_eq!(fired, [1]);
        wheel.no_later(id, 500 * MS);
        wheel.no_later(id, 200 * MS);
        wheel.expire(204 * MS, &mut fired);
        assert_eq!(fired, [1, 1]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Arm(usize, u64),
        Remove(usize),
        Advance(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let delay = prop_oneof![0..50u64, 0..5_000u64, 0..4_000_000u64, 0..200_000_000u64];
        let step = prop_oneof![
            (0..20usize, delay.clone()).prop_map(|(which, ms)| Step::Arm(which, ms)),
            (0..20usize).prop_map(Step::Remove),
            delay.prop_map(Step::Advance),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        /// Against a plain list: nothing fires before its deadline (unless beyond the horizon), nothing is forgotten,
        /// and waiting as long as the wheel says never oversleeps.
        #[test]
        fn agrees_with_a_list(steps in steps()) {
            let horizon = TICK_MS * (SLOTS.pow(LEVELS as u32 - 1) * (SLOTS - 1));
            let mut wheel = Wheel::new(0);
            let mut now = 0u64;
            let mut model: Vec<(TimerId, Option<u64>)> = (0..20).map(|n| (wheel.create(n), None)).collect();
            for step in steps {
                match step {
                    Step::Arm(which, ms) => {
                        let deadline = now + ms * MS;
                        wheel.no_later(model[which].0, deadline);
                        let slot = &mut model[which].1;
                        *slot = Some(slot.map_or(deadline, |old| old.min(deadline)));
                    }
                    Step::Remove(which) => {
                        wheel.remove(model[which].0);
                        model[which] = (wheel.create(which as u64), None);
                    }
                    Step::Advance(ms) => {
                        now += ms * MS;
                        let mut fired = Vec::new();
                        wheel.expire(now, &mut fired);
                        for token in fired {
                            let deadline = model[token as usize].1.take();
                            prop_assert!(deadline.is_some_and(|at| at <= now || at - now > 0 && ms * MS > 0 && at > horizon));
                        }
                        let late = (TICK_MS) * MS;
                        prop_assert!(model.iter().all(|(_, at)| at.is_none_or(|at| at + late > now)));
                    }
                }
                prop_assert_eq!(wheel.armed(), model.iter().filter(|(_, at)| at.is_some()).count());
                if let Some(next) = model.iter().filter_map(|(_, at)| *at).min() {
                    let wait = u64::try_from(wheel.wait_ms(now)).unwrap_or(0);
                    prop_assert!(now + wait * MS <= next.max(now) + (TICK_MS + 1) * MS);
                }
            }
        }
    }
}
