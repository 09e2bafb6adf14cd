//! Small pieces of one body, put together before they are handed on.
//!
//! Theory: handing data on costs a system call or a frame of our own, whatever its size. A peer that sends a body byte by
//! byte in frames of ten bytes would buy one for each (CVE-2020-12603 had the same shape), and a turn of a worker could
//! last a hundred times longer than its bytes are worth. So what came small in one read leaves in one piece; nothing
//! waits for more than that read.

use super::limits::{CRUMB_BYTES, CRUMBS_BYTES};
use crate::http2::Key;

/// Pieces of the same stream, end to end.
#[derive(Debug, Default)]
pub struct Crumbs {
    key: Option<Key>,
    bytes: Vec<u8>,
}

impl Crumbs {
    /// With a place to put them, which is empty.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { key: None, bytes }
    }

    /// Keeps a piece if it is small and belongs to what is there.
    pub fn keep(&mut self, key: Key, piece: &[u8]) -> bool {
        let fits = self.key.is_none_or(|kept| kept == key) && self.bytes.len() + piece.len() <= CRUMBS_BYTES;
        if !fits || piece.len() > CRUMB_BYTES {
            return false;
        }
        self.key = Some(key);
        self.bytes.extend_from_slice(piece);
        true
    }

    /// What is there and whose it is; nothing is any more. Bring the bytes back with [`emptied`](Self::emptied).
    pub fn take(&mut self) -> Option<(Key, Vec<u8>)> {
        Some((self.key.take()?, std::mem::take(&mut self.bytes)))
    }

    /// The place is free again.
    pub fn emptied(&mut self, mut bytes: Vec<u8>) {
        bytes.clear();
        self.bytes = bytes;
    }

    /// The place, for another time.
    pub fn into_place(self) -> Vec<u8> {
        self.bytes
    }
}
