//! A counter with one writer, and an append-only list of such things.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A counter or gauge that one thread writes and others read.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Count. Only the owner calls this, so no locked instruction is needed.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(amount), Relaxed);
    }

    /// Count down. Only the owner calls this.
    #[inline]
    pub fn subtract(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(amount), Relaxed);
    }

    /// Set. Only the owner calls this.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Read, from any thread.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// An append-only bounded list with one writer; entries never move.
#[derive(Debug)]
pub struct List<T> {
    slots: Box<[OnceLock<Box<T>>]>,
    len: AtomicUsize,
}

impl<T> List<T> {
    /// An empty list with this bound.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self { slots: (0..bound).map(|_| OnceLock::new()).collect(), len: AtomicUsize::new(0) }
    }

    /// Append; `None` when full.
    pub fn push(&self, value: T) -> Option<usize> {
        let number = self.len.load(Relaxed);
        self.slots.get(number)?.set(Box::new(value)).ok()?;
        self.len.store(number + 1, Relaxed);
        Some(number)
    }

    /// An entry.
    #[inline]
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&T> {
        self.slots.get(number)?.get().map(Box::as_ref)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map_while(|slot| slot.get().map(Box::as_ref))
    }
}
