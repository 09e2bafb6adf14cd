//! Chance for the scripts: everything follows from the seed.

use gateway_core::worker::random::Random;

pub struct Dice(Random);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    pub fn draw(&mut self) -> u64 {
        self.0.draw()
    }

    /// From `low` to `high`, both possible.
    pub fn from(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low + 1)
    }

    pub fn size(&mut self, low: usize, high: usize) -> usize {
        self.from(low as u64, high as u64) as usize
    }

    /// True so many times in 100.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.draw() % 100 < chance
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.size(0, from.len() - 1)]
    }

    /// The size of a body: often none, mostly small, sometimes far larger than any window.
    pub fn body(&mut self) -> usize {
        match self.from(0, 9) {
            0..=1 => 0,
            2..=6 => self.size(1, 2_000),
            7..=8 => self.size(2_000, 40_000),
            _ => self.size(40_000, 300_000),
        }
    }
}

/// A body that says whose it is at every byte.
pub fn pattern(tag: &str, len: usize) -> Vec<u8> {
    tag.bytes().chain(*b"/").cycle().take(len).collect()
}

/// How fast a script moves: byte by byte at first, if it likes, but no story takes for ever.
pub struct Pace {
    /// Most bytes at once.
    write: usize,
    read: usize,
    /// Between two goes, ns.
    pause: u64,
    moved: usize,
}

/// After so many bytes even the slowest hurries.
const PATIENCE: usize = 600;

impl Pace {
    pub fn drawn(dice: &mut Dice) -> Self {
        let (write, read, pause) = match dice.from(0, 9) {
            0 => (1, 1, dice.from(0, 20)),
            1..=3 => (dice.size(1, 3_000), dice.size(1, 3_000), dice.from(0, 5)),
            _ => (usize::MAX, usize::MAX, 0),
        };
        Self { write, read, pause: pause * 1_000_000, moved: 0 }
    }

    pub fn write(&self) -> usize {
        if self.moved > PATIENCE { self.write.max(500) } else { self.write }
    }

    pub fn read(&self) -> usize {
        if self.moved > PATIENCE { self.read.max(500) } else { self.read }
    }

    pub fn pause(&self) -> u64 {
        if self.moved > PATIENCE { 0 } else { self.pause }
    }

    pub fn moved(&mut self, bytes: usize) {
        self.moved += bytes;
    }
}
