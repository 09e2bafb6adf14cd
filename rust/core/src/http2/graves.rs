//! The streams that we reset a short while ago.
//!
//! Theory: what was in flight when we reset a stream still comes, and must be told from frames that break the rules (RFC
//! 9113 §5.1). The place of an identifier is the lower bits of half of it, so the last [`REMEMBERED_RESETS`] never share
//! one; an older one gives way.

use super::limits::REMEMBERED_RESETS;

/// What is remembered; nothing is allocated before the first reset.
#[derive(Debug, Default)]
pub(super) struct Graves(Option<Box<[u32; REMEMBERED_RESETS]>>);

impl Graves {
    pub(super) fn add(&mut self, id: u32) {
        let graves = self.0.get_or_insert_with(|| Box::new([0; REMEMBERED_RESETS]));
        if let Some(grave) = graves.get_mut(place(id)) {
            *grave = id;
        }
    }

    pub(super) fn has(&self, id: u32) -> bool {
        self.0.as_ref().is_some_and(|graves| graves.get(place(id)) == Some(&id))
    }
}

const fn place(id: u32) -> usize {
    (id >> 1) as usize % REMEMBERED_RESETS
}
