//! Who goes on in the next turn although nothing new is heard of him: his share of this one was used up.
//!
//! Theory: a socket whose bytes flow is told of news in every turn, and has a share left over from the last one. If both
//! counted, he would be noted twice, then three times, and a turn would grow with every turn that the flow lasts. So
//! nobody is noted twice, and whoever is noted is not driven by news: his share comes, this turn or the next.
//!
//! Rule: a mark belongs to one tenant of a slot, so that what a connection has left behind keeps no newcomer out.

use std::collections::VecDeque;

use super::table::Id;

/// Ids in the order in which they go on.
#[derive(Debug, Default)]
pub struct Again {
    ids: VecDeque<Id>,
    /// The generation that is noted in each slot.
    marks: Vec<Option<u32>>,
}

impl Again {
    /// Note one, if he is not noted yet.
    pub fn push(&mut self, id: Id) {
        if self.holds(id) {
            return;
        }
        let slot = id.slot as usize;
        if self.marks.len() <= slot {
            self.marks.resize(slot + 1, None);
        }
        if let Some(mark) = self.marks.get_mut(slot) {
            *mark = Some(id.generation);
        }
        self.ids.push_back(id);
    }

    /// Whether he is noted.
    #[inline]
    #[must_use]
    pub fn holds(&self, id: Id) -> bool {
        self.marks.get(id.slot as usize).is_some_and(|&mark| mark == Some(id.generation))
    }

    /// The next one, who is noted no more.
    pub fn pop(&mut self) -> Option<Id> {
        let id = self.ids.pop_front()?;
        if self.holds(id)
            && let Some(mark) = self.marks.get_mut(id.slot as usize)
        {
            *mark = None;
        }
        Some(id)
    }

    /// How many are noted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Id = Id { slot: 3, generation: 7 };
    const SECOND: Id = Id { slot: 0, generation: 0 };

    fn all(again: &mut Again) -> Vec<Id> {
        std::iter::from_fn(|| again.pop()).collect()
    }

    #[test]
    fn each_goes_on_once_and_in_order() {
        let mut again = Again::default();
        [FIRST, SECOND, FIRST, FIRST].into_iter().for_each(|id| again.push(id));
        assert_eq!((again.len(), again.holds(FIRST)), (2, true));
        assert_eq!(all(&mut again), [FIRST, SECOND]);
        assert!(again.is_empty() && !again.holds(FIRST));
        again.push(FIRST);
        assert_eq!(all(&mut again), [FIRST]);
    }

    #[test]
    fn a_tenant_who_left_keeps_no_newcomer_out() {
        let newcomer = Id { generation: FIRST.generation + 1, ..FIRST };
        let mut again = Again::default();
        [FIRST, newcomer, newcomer].into_iter().for_each(|id| again.push(id));
        assert_eq!(again.pop(), Some(FIRST));
        assert!(again.holds(newcomer), "only his own mark is taken away");
        assert_eq!(all(&mut again), [newcomer]);
    }
}
