//! Spare buffers: bytes that did not fit into a socket, partial heads, requests kept for a replay.
//!
//! A connection holds memory only while it is blocked or a message is partial; what it gives back is kept for the next
//! one, up to a bound.

use super::limits;

/// Empty buffers for reuse.
#[derive(Default)]
pub struct Buffers {
    spare: Vec<Vec<u8>>,
    /// Capacity of all of them, bytes.
    bytes: usize,
}

impl Buffers {
    /// An empty buffer.
    #[inline]
    pub fn take(&mut self) -> Vec<u8> {
        let buffer = self.spare.pop().unwrap_or_default();
        self.bytes -= buffer.capacity();
        buffer
    }

    /// A buffer with these bytes.
    #[inline]
    pub fn holding(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut buffer = self.take();
        buffer.extend_from_slice(bytes);
        buffer
    }

    /// Append bytes to a buffer, which is a spare one if it has no place of its own yet.
    #[inline]
    pub fn append(&mut self, to: &mut Vec<u8>, bytes: &[u8]) {
        if to.capacity() == 0 {
            *to = self.take();
        }
        to.extend_from_slice(bytes);
    }

    /// Give one back.
    #[inline]
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let fits = self.bytes + capacity <= limits::SPARE_BYTES;
        if capacity > 0 && capacity <= limits::SPARE_BUFFER_BYTES && fits {
            buffer.clear();
            self.bytes += capacity;
            self.spare.push(buffer);
        }
    }
}
