//! A snapshot as one worker uses it: with the numbers under which this worker keeps what lives longer.
//!
//! Exchanges hold it by `Rc`, so that ending one costs no locked instruction; the last one gives the snapshot back to
//! Trio, which drops it.
//!
//! A listener that a reload removed goes on, while it drains, by the last snapshot that knew it: its clients are asked to
//! go, and what they send until they have heard it is answered as before.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::account::ledger::{Ledger, Names};
use crate::http1::request::Method;
use crate::route::{Listener, Snapshot};

/// A snapshot and this worker's numbers for its parts.
pub struct Local {
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// Group number of each upstream.
    groups: RefCell<Vec<u32>>,
    /// Index of each listener by key.
    listeners: Vec<(u32, u32)>,
    /// Series numbers that were looked up before.
    series: RefCell<SeriesCache>,
    /// For listeners that this snapshot no longer has, by key: the last that had them.
    former: RefCell<Vec<(u32, Rc<Self>)>>,
}

#[derive(Default)]
struct SeriesCache {
    last: (u128, usize),
    known: HashMap<u128, usize>,
}

impl Local {
    /// For one worker.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, groups: Vec<u32>) -> Self {
        let listeners =
            (0u32..).zip(&snapshot.listeners).map(|(index, listener)| (listener.key, index)).collect();
        Self {
            snapshot,
            groups: RefCell::new(groups),
            listeners,
            series: RefCell::default(),
            former: RefCell::default(),
        }
    }

    /// The snapshot that a listener goes by, and the listener's index in it; `None` if no snapshot has it any more.
    #[inline]
    #[must_use]
    pub fn that_knows(self: &Rc<Self>, key: u32) -> (Rc<Self>, Option<u32>) {
        if let Some(index) = self.listener(key) {
            return (Rc::clone(self), Some(index));
        }
        let former = self.former.borrow();
        let found = former.iter().find(|(other, _)| *other == key);
        found.map_or_else(|| (Rc::clone(self), None), |(_, local)| (Rc::clone(local), local.listener(key)))
    }

    /// What is known of a listener.
    #[must_use]
    pub fn description(&self, index: Option<u32>) -> Option<&Listener> {
        self.snapshot.listeners.get(index? as usize)
    }

    /// This one takes the place of `old`: listeners that it does not have, and that have not drained, go on by the last
    /// that had them.
    pub(super) fn succeed(&self, old: &Rc<Self>) {
        let before = old.former.take();
        let lost = old.listeners.iter().map(|(key, _)| (*key, Rc::clone(old)));
        let former = before.into_iter().chain(lost).filter(|(key, _)| self.listener(*key).is_none());
        *self.former.borrow_mut() = former.collect();
    }

    /// That listener has drained. False: it is in this snapshot, or nowhere.
    pub(super) fn forget(&self, key: u32) -> bool {
        let mut former = self.former.borrow_mut();
        let before = former.len();
        former.retain(|(other, _)| *other != key);
        former.len() < before
    }

    /// The former snapshots that listeners still go by.
    pub(super) fn former(&self) -> Vec<Rc<Self>> {
        self.former.borrow().iter().map(|(_, local)| Rc::clone(local)).collect()
    }

    /// Group number of an upstream.
    #[inline]
    #[must_use]
    pub fn group(&self, upstream: u32) -> u32 {
        self.groups.borrow().get(upstream as usize).copied().unwrap_or(u32::MAX)
    }

    /// Groups have other numbers now.
    pub(super) fn renumber(&self, groups: Vec<u32>) {
        *self.groups.borrow_mut() = groups;
    }

    /// Index of a listener; `None` if the snapshot no longer has it.
    #[inline]
    fn listener(&self, key: u32) -> Option<u32> {
        self.listeners.iter().find(|(other, _)| *other == key).map(|(_, index)| *index)
    }

    /// The number of the series that such a request is counted in.
    #[inline]
    pub fn series(
        &self,
        ledger: &Ledger,
        listener: u32,
        rule: Option<u32>,
        upstream: Option<u32>,
        method: Method,
        code: u16,
    ) -> usize {
        let optional = |index: Option<u32>| u128::from(index.map_or(0, |index| index.saturating_add(1)));
        let key = 1u128 << 127
            | u128::from(listener & 0xffff) << 96
            | optional(rule) << 64
            | (optional(upstream) & 0xffff_ffff) << 32
            | u128::from(method as u8) << 16
            | u128::from(code);
        let mut cache = self.series.borrow_mut();
        if cache.last.0 == key {
            return cache.last.1;
        }
        let number = match cache.known.get(&key) {
            Some(&number) => number,
            None => {
                let number = ledger.series_number(self.names(listener, rule, upstream, method, code));
                cache.known.insert(key, number);
                number
            }
        };
        cache.last = (key, number);
        number
    }

    fn names(
        &self,
        listener: u32,
        rule: Option<u32>,
        upstream: Option<u32>,
        method: Method,
        code: u16,
    ) -> Names {
        let snapshot = &self.snapshot;
        let rule = rule.and_then(|index| snapshot.rules.get(index as usize));
        let route = rule.and_then(|rule| snapshot.routes.get(rule.route as usize));
        let upstream = upstream.and_then(|index| snapshot.upstreams.get(index as usize));
        Names {
            listener: snapshot.listeners.get(listener as usize).map(|it| it.name.clone()).unwrap_or_default(),
            route: route.map(|route| route.name.clone()).unwrap_or_default(),
            rule: rule.map(|rule| rule.name.clone()).unwrap_or_default(),
            upstream: upstream.map(|upstream| upstream.name.clone()).unwrap_or_default(),
            method: method.label(),
            code,
        }
    }
}
