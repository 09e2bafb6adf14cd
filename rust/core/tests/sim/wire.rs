//! A wire between two gateways that are one: a connection that the engine makes to another of its listeners. So a request
//! crosses HTTP/2 twice, as a stream that the engine opens and as one that it takes, and either end of the wire, and the
//! wire itself, can fail.

use gateway_core::net::Address;
use gateway_core::sim::{Network, Sock};

use super::dice::{Dice, Pace};
use super::http::{End, drain, push};

/// Where the engine connects to itself.
pub const ADDRESS: &str = "10.9.9.9:80";

struct Way {
    waiting: Vec<u8>,
    ended: bool,
}

pub struct Wire {
    ends: Option<(Sock, Sock)>,
    ways: [Way; 2],
    pace: Pace,
    next: u64,
    /// It is cut when so many bytes have passed.
    left: usize,
}

impl Wire {
    pub fn new(made: Sock, taken: Sock, dice: &mut Dice, mischief: u64) -> Self {
        let way = || Way { waiting: Vec::new(), ended: false };
        let left = if dice.percent(mischief) { dice.size(0, 100_000) } else { usize::MAX };
        Self { ends: Some((made, taken)), ways: [way(), way()], pace: Pace::drawn(dice), next: 0, left }
    }

    pub fn is_gone(&self) -> bool {
        self.ends.is_none()
    }

    pub fn act(&mut self, net: &Network) {
        let now = net.time();
        if now < self.next {
            return;
        }
        self.pace.moved(1);
        let Some((made, taken)) = &self.ends else { return };
        let [there, back] = &mut self.ways;
        let (mut moved, mut broken) = (0, false);
        for (from, to, way) in [(made, taken, there), (taken, made, back)] {
            let (bytes, end) = drain(from, self.pace.read());
            moved += bytes.len();
            way.waiting.extend(bytes);
            broken |= end == Some(End::Reset) || !push(to, &mut way.waiting, self.pace.write());
            if end == Some(End::Orderly) && !way.ended && way.waiting.is_empty() {
                way.ended = true;
                to.finish();
            }
        }
        self.left = self.left.saturating_sub(moved);
        let over = self.ways.iter().all(|way| way.ended && way.waiting.is_empty());
        if broken || self.left == 0 {
            if let Some((made, taken)) = self.ends.take() {
                made.reset();
                taken.reset();
            }
        } else if over {
            self.ends = None;
        } else if self.pace.pause() > 0 && (moved > 0 || self.ways.iter().any(|way| !way.waiting.is_empty()))
        {
            self.next = now + self.pace.pause();
            net.alarm(self.next);
        }
    }
}

/// The address, parsed.
pub fn address() -> Address {
    Address::parse(ADDRESS).expect("an address")
}
