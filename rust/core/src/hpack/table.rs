//! The dynamic table. RFC 7541 §2.3.2, §4.
//!
//! Theory: lines stand one after the other in a ring of bytes, oldest first; an entry is eight bytes that say where its
//! line begins. Nothing is allocated per entry. An entry counts 32 bytes beyond its name and value (§4.1) and takes 12,
//! so the ring is never larger than the table is allowed to be.
//!
//! Rules: positions in the ring count on without end, modulo 2¹⁶, and a power of two of them is in use at a time; so a
//! ring can grow without any entry being touched.

use std::collections::VecDeque;

use super::name::Kind;

/// What an entry counts beyond its name and value. RFC 7541 §4.1.
pub(super) const OVERHEAD: usize = 32;
/// Bytes of a line beyond its name and value: colon, space and line end.
pub(super) const PUNCTUATION: usize = 4;
/// Bytes that the ring begins with: a few entries.
const FIRST: usize = 256;

/// A field that is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    start: u16,
    line: u16,
    name: u16,
    /// What the field is.
    pub kind: Kind,
}

impl Entry {
    /// Bytes of the name.
    pub(super) fn name(&self) -> usize {
        usize::from(self.name)
    }

    /// Bytes of the line.
    pub(super) fn line(&self) -> usize {
        usize::from(self.line)
    }

    fn size(&self) -> usize {
        self.line() - PUNCTUATION + OVERHEAD
    }
}

/// How often the table has changed, for whoever bounds it: churn costs us more than the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Churn {
    /// Entries inserted since the connection began, those too large to stay included.
    pub inserted: u64,
    /// Entries evicted since the connection began.
    pub evicted: u64,
}

/// The dynamic table of a decoder.
#[derive(Debug)]
pub(super) struct Table {
    ring: Vec<u8>,
    entries: VecDeque<Entry>,
    /// Where the next line begins.
    end: u16,
    /// Bytes as §4.1 counts them.
    size: usize,
    max: u16,
    pub(super) churn: Churn,
}

impl Table {
    pub(super) fn new(max: u16) -> Self {
        Self { ring: Vec::new(), entries: VecDeque::new(), end: 0, size: 0, max, churn: Churn::default() }
    }

    /// The size that the peer has chosen last.
    pub(super) const fn max(&self) -> u16 {
        self.max
    }

    /// Bytes as §4.1 counts them.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Bytes of memory that are held.
    pub(super) fn held(&self) -> usize {
        self.ring.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// RFC 7541 §4.3.
    pub(super) fn resize(&mut self, max: u16) {
        self.max = max;
        self.evict(0);
    }

    /// The entry inserted `back` insertions ago; 0 is the youngest.
    #[inline(always)]
    pub(super) fn entry(&self, back: usize) -> Option<Entry> {
        self.entries.len().checked_sub(back + 1).and_then(|place| self.entries.get(place)).copied()
    }

    /// Appends the first `len` bytes of the entry's line.
    #[inline(always)]
    pub(super) fn copy(&self, entry: Entry, len: usize, out: &mut Vec<u8>) {
        let start = usize::from(entry.start) & self.ring.len().wrapping_sub(1);
        if let Some(whole) = self.ring.get(start..start + len) {
            out.extend_from_slice(whole);
        } else {
            let head = self.ring.get(start..).unwrap_or(&[]);
            out.extend_from_slice(head);
            out.extend_from_slice(self.ring.get(..len - head.len()).unwrap_or(&[]));
        }
    }

    /// Remembers a line. One larger than the table empties it and is not kept (§4.4).
    pub(super) fn insert(&mut self, line: &[u8], name: usize, kind: Kind) {
        let size = line.len() - PUNCTUATION + OVERHEAD;
        self.churn.inserted += 1;
        self.evict(size);
        if size > usize::from(self.max) {
            return;
        }
        self.make_room(line.len());
        let start = usize::from(self.end) & (self.ring.len() - 1);
        let first = line.len().min(self.ring.len() - start);
        let (head, tail) = line.split_at(first);
        if let Some(slot) = self.ring.get_mut(start..start + first) {
            slot.copy_from_slice(head);
        }
        if let Some(slot) = self.ring.get_mut(..tail.len()) {
            slot.copy_from_slice(tail);
        }
        // A size within `max` has 16 bits, and so has everything that is part of it.
        self.entries.push_back(Entry { start: self.end, line: line.len() as u16, name: name as u16, kind });
        self.end = self.end.wrapping_add(line.len() as u16);
        self.size += size;
    }

    /// Drops the oldest entries until `size` bytes more would fit.
    fn evict(&mut self, size: usize) {
        while self.size + size > usize::from(self.max) {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.size -= oldest.size();
            self.churn.evicted += 1;
        }
    }

    fn live(&self) -> usize {
        self.size - self.entries.len() * (OVERHEAD - PUNCTUATION)
    }

    /// Lets the ring take `line` bytes more.
    fn make_room(&mut self, line: usize) {
        let live = self.live();
        if live + line <= self.ring.len() {
            return;
        }
        let mut larger = vec![0; (live + line).next_power_of_two().max(FIRST)];
        let (from, to) = (self.ring.len().wrapping_sub(1), larger.len() - 1);
        let begin = self.end.wrapping_sub(live as u16);
        for i in 0..live {
            let place = usize::from(begin.wrapping_add(i as u16));
            if let (Some(slot), Some(byte)) = (larger.get_mut(place & to), self.ring.get(place & from)) {
                *slot = *byte;
            }
        }
        self.ring = larger;
    }
}
