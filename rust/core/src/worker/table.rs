//! Connections by number: slots that are reused, with a generation so that a stale token never meets a newcomer.
//!
//! A value is *taken* while it is worked on and *put back* afterwards. So the one who works on it may use everything
//! else of the worker, and if that work panics, the value is dropped with its socket: the panic has cost exactly the
//! connection that caused it.

/// Names one value for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    /// Slot.
    pub slot: u32,
    /// Which of the slot's tenants.
    pub generation: u32,
}

/// Generations use 30 bits, so that an id and a kind fit into a token.
const GENERATIONS: u32 = 1 << 30;

struct Slot<T> {
    generation: u32,
    used: bool,
    value: Option<Box<T>>,
}

/// Slots with their values.
pub struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    used: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), used: 0 }
    }
}

impl<T> Table<T> {
    /// A number for a value that is to come with [`Self::put`].
    pub fn reserve(&mut self) -> Id {
        self.used += 1;
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(number as usize)
        {
            slot.used = true;
            return Id { slot: number, generation: slot.generation };
        }
        let number = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot { generation: 0, used: true, value: None });
        Id { slot: number, generation: 0 }
    }

    /// Take a value out to work on it.
    #[inline]
    pub fn take(&mut self, id: Id) -> Option<Box<T>> {
        match self.slots.get_mut(id.slot as usize) {
            Some(slot) if slot.generation == id.generation => slot.value.take(),
            _ => None,
        }
    }

    /// Put it back.
    #[inline]
    pub fn put(&mut self, id: Id, value: Box<T>) {
        if let Some(slot) = self.slots.get_mut(id.slot as usize)
            && slot.generation == id.generation
        {
            slot.value = Some(value);
        }
    }

    /// Look at a value that is not taken.
    #[inline]
    #[must_use]
    pub fn peek(&self, id: Id) -> Option<&T> {
        match self.slots.get(id.slot as usize) {
            Some(slot) if slot.generation == id.generation => slot.value.as_deref(),
            _ => None,
        }
    }

    /// Work on a value that is not taken.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.slots.get_mut(id.slot as usize) {
            Some(slot) if slot.generation == id.generation => slot.value.as_deref_mut(),
            _ => None,
        }
    }

    /// End an id: the slot may be given to another. Whatever is still in it is dropped.
    pub fn free(&mut self, id: Id) -> bool {
        match self.slots.get_mut(id.slot as usize) {
            Some(slot) if slot.generation == id.generation && slot.used => {
                slot.generation = (slot.generation + 1) % GENERATIONS;
                slot.used = false;
                slot.value = None;
                self.free.push(id.slot);
                self.used -= 1;
                true
            }
            _ => false,
        }
    }

    /// End every id whose value is out. Right only when nobody works on one: after a panic.
    pub fn free_lost(&mut self) {
        for (number, slot) in (0u32..).zip(&mut self.slots) {
            if slot.used && slot.value.is_none() {
                slot.generation = (slot.generation + 1) % GENERATIONS;
                slot.used = false;
                self.free.push(number);
                self.used -= 1;
            }
        }
    }

    /// Ids in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// All values that are not taken; for rare work over all connections.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_deref())
    }

    /// All ids in use whose value `which` accepts; for rare work over all connections.
    pub fn ids(&self, which: impl Fn(&T) -> bool) -> Vec<Id> {
        let numbered = (0u32..).zip(&self.slots);
        numbered
            .filter(|(_, slot)| slot.value.as_deref().is_some_and(&which))
            .map(|(number, slot)| Id { slot: number, generation: slot.generation })
            .collect()
    }
}
