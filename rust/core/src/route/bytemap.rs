//! A map from byte strings that is built once and then only read.
//!
//! Theory: keys come from the configuration, look-ups from strangers. Since strangers cannot insert, a fixed seed is no
//! weakness: a look-up probes what the configuration put there and nothing else.

use foldhash::fast::FixedState;
use std::collections::HashMap;

/// See the file's head.
#[derive(Debug, Clone)]
pub struct ByteMap<V>(HashMap<Box<[u8]>, V, FixedState>);

impl<V> Default for ByteMap<V> {
    fn default() -> Self {
        Self(HashMap::with_hasher(FixedState::default()))
    }
}

impl<V> ByteMap<V> {
    /// The value for `key`. An empty map answers without hashing.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        if self.0.is_empty() { None } else { self.0.get(key) }
    }

    /// The value for `key`, made by `make` if there is none yet.
    pub fn entry(&mut self, key: &[u8], make: impl FnOnce() -> V) -> &mut V {
        self.0.entry(key.into()).or_insert_with(make)
    }

    /// Whether nothing is in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same keys with other values.
    pub fn map<W>(self, mut change: impl FnMut(V) -> W) -> ByteMap<W> {
        ByteMap(self.0.into_iter().map(|(key, value)| (key, change(value))).collect())
    }
}
