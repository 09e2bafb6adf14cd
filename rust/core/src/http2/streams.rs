//! The open streams of a connection, in a slab.
//!
//! Theory: a stream lives in a slot of a vector as long as it is open; a free slot is used again. From identifier to slot
//! leads a table of twice as many places as slots; where two share a place, the next one is taken. A removed entry
//! leaves no mark, because its successors move up. So entries must not stand in a row: identifiers grow by two, and half
//! of one taken as it is as the place made each removal walk over everything opened after it (1,500 instructions per
//! request at 32 streams); multiplied they are strewn (Knuth, TAOCP 6.4).
//!
//! Rules: never more streams than the connection allows, whatever identifiers the peer chooses.

use super::stream::{Key, NONE, Stream};

/// Slots that the vector begins with.
const FIRST: usize = 8;

/// The slab.
#[derive(Debug)]
pub(super) struct Streams {
    slots: Vec<Stream>,
    /// Slot of each place, or [`NONE`]. Its length is a power of two, or 0.
    places: Vec<u32>,
    free: u32,
    live: u32,
}

impl Streams {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), places: Vec::new(), free: NONE, live: 0 }
    }

    /// Streams that are open.
    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    /// Slots in use or free; every slot is below.
    pub(super) const fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    #[inline]
    pub(super) fn at(&self, slot: u32) -> Option<&Stream> {
        self.slots.get(slot as usize).filter(|stream| stream.id != 0)
    }

    #[inline]
    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut Stream> {
        self.slots.get_mut(slot as usize).filter(|stream| stream.id != 0)
    }

    /// The stream that a key names, if it is still open.
    #[inline]
    pub(super) fn get(&mut self, key: Key) -> Option<&mut Stream> {
        self.slots.get_mut(key.slot as usize).filter(|stream| stream.id == key.id && key.id != 0)
    }

    /// The slot of an open stream.
    #[inline]
    pub(super) fn find(&self, id: u32) -> Option<u32> {
        let mask = self.places.len().checked_sub(1)?;
        let mut place = home(id) & mask;
        loop {
            let slot = *self.places.get(place)?;
            if self.slots.get(slot as usize)?.id == id {
                return Some(slot);
            }
            place = (place + 1) & mask;
        }
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        let numbered = self.slots.iter_mut().enumerate().filter(|(_, stream)| stream.id != 0);
        numbered.map(|(slot, stream)| (slot as u32, stream))
    }

    /// Opens a stream, whose identifier must not be open.
    #[inline]
    pub(super) fn insert(&mut self, stream: Stream) -> Key {
        let id = stream.id;
        if self.free == NONE {
            self.grow();
        }
        let slot = self.free;
        if let Some(place) = self.slots.get_mut(slot as usize) {
            self.free = place.next;
            *place = stream;
        }
        self.live += 1;
        self.enter(id, slot);
        Key { slot, id }
    }

    fn grow(&mut self) {
        let from = self.slots.len();
        let to = (from * 2).max(FIRST);
        for slot in from..to {
            let mut stream = Stream::new(0, 0, 0);
            stream.next = if slot + 1 < to { slot as u32 + 1 } else { NONE };
            self.slots.push(stream);
        }
        self.free = from as u32;
        self.places = vec![NONE; to * 2];
        for slot in 0..from {
            let id = self.slots.get(slot).map_or(0, |stream| stream.id);
            if id != 0 {
                self.enter(id, slot as u32);
            }
        }
    }

    #[inline]
    fn enter(&mut self, id: u32, slot: u32) {
        let mask = self.places.len().wrapping_sub(1);
        let mut place = home(id) & mask;
        while let Some(found) = self.places.get_mut(place) {
            if *found == NONE {
                *found = slot;
                return;
            }
            place = (place + 1) & mask;
        }
    }

    /// Closes the stream in `slot`, which must be open and in no line.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(stream) = self.slots.get_mut(slot as usize) else { return };
        let id = std::mem::take(&mut stream.id);
        stream.next = self.free;
        self.free = slot;
        self.live = self.live.saturating_sub(1);
        self.leave(id, slot);
    }

    /// Takes the slot out of its place and moves up those behind it that stand there only because it was taken.
    #[inline]
    fn leave(&mut self, id: u32, slot: u32) {
        let mask = self.places.len().wrapping_sub(1);
        let mut hole = home(id) & mask;
        while self.places.get(hole).is_some_and(|found| *found != slot) {
            hole = (hole + 1) & mask;
        }
        let mut next = (hole + 1) & mask;
        while let Some(found) = self.places.get(next).copied().filter(|found| *found != NONE) {
            let home = self.slots.get(found as usize).map_or(0, |stream| home(stream.id)) & mask;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.put(hole, found);
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.put(hole, NONE);
    }

    fn put(&mut self, place: usize, slot: u32) {
        if let Some(found) = self.places.get_mut(place) {
            *found = slot;
        }
    }

    /// Gives all memory back, if no stream is open.
    pub(super) fn rest(&mut self) {
        if self.live == 0 {
            *self = Self::new();
        }
    }

    /// Bytes of memory held.
    pub(super) const fn held(&self) -> usize {
        self.slots.capacity() * size_of::<Stream>() + self.places.capacity() * size_of::<u32>()
    }
}

#[inline(always)]
const fn home(id: u32) -> usize {
    ((id >> 1).wrapping_mul(0x9e37_79b1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::HashMap;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(acts in prop::collection::vec((0u32..40, any::<bool>(), 0u32..4), 0..300)) {
            let mut streams = Streams::new();
            let mut map: HashMap<u32, Key> = HashMap::new();
            let mut last = 1;
            for (pick, open, stride) in acts {
                if open || map.is_empty() {
                    last += [2, 32, 64, 6][stride as usize];
                    map.insert(last, streams.insert(Stream::new(last, 0, 0)));
                } else {
                    let mut ids: Vec<_> = map.keys().copied().collect();
                    ids.sort_unstable();
                    let id = ids[pick as usize % ids.len()];
                    streams.remove(map.remove(&id).unwrap().slot);
                    prop_assert_eq!(streams.find(id), None);
                }
                prop_assert_eq!(streams.live() as usize, map.len());
                for (id, key) in &map {
                    prop_assert_eq!(streams.find(*id), Some(key.slot));
                }
                prop_assert!(streams.slots() as usize <= FIRST.max(2 * 300));
            }
        }
    }

    #[test]
    fn a_slot_is_used_again_and_an_old_key_finds_nothing() {
        let mut streams = Streams::new();
        let first = streams.insert(Stream::new(1, 0, 0));
        streams.remove(first.slot);
        let second = streams.insert(Stream::new(3, 0, 0));
        assert_eq!(first.slot, second.slot);
        assert!(streams.get(first).is_none());
        assert!(streams.get(second).is_some());
    }
}
