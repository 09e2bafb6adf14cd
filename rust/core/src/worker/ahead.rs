//! Fetching what the next events need while this one is worked on.
//!
//! Theory: with hundreds of connections none of them is in the near caches when its turn comes, and waiting for the ten
//! lines of a client's connection and the four of an upstream's costs as much as parsing a head. But a wait tells of many
//! at once. So the connection of the next event but one is asked for; by the time that it is the next one, its owner, if it
//! is an upstream connection, can be seen without waiting, and is asked for in turn.
//!
//! Rule: it only looks, and changes nothing.

use super::{Kind, Worker, parse_token};
use crate::net::{Net, Ready};
use crate::sys::prefetch::prefetch;

/// Events between asking for a connection and working on it: some microseconds, where memory takes a tenth of one.
const CONNECTION: usize = 2;

/// The same for the client's connection that an upstream connection works for.
const OWNER: usize = 1;

impl<N: Net> Worker<N> {
    /// Ask for what will be needed soon after the event in place `at`.
    #[inline]
    pub(super) fn look_ahead(&self, ready: &[Ready], at: usize) {
        match ready.get(at + CONNECTION).map(|event| parse_token(event.token)) {
            Some((Some(Kind::Down), id)) => prefetch(self.downs.peek(id)),
            Some((Some(Kind::Up), id)) => prefetch(self.ups.peek(id)),
            _ => {}
        }
        if let Some((Some(Kind::Up), id)) = ready.get(at + OWNER).map(|event| parse_token(event.token)) {
            let owner = self.ups.peek(id).and_then(|up| up.owner);
            prefetch(owner.and_then(|owner| self.downs.peek(owner)));
        }
    }
}
