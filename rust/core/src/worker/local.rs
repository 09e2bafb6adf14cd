//! A snapshot as one worker uses it: with the numbers under which this worker keeps what lives longer.
//!
//! Exchanges hold it by `Rc`, so that ending one costs no locked instruction; the last one gives the snapshot back to
//! Trio, which drops it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::account::ledger::{Ledger, Names};
use crate::http1::request::Method;
use crate::route::Snapshot;

/// A snapshot and this worker's numbers for its parts.
pub struct Local {
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// Group number of each upstream.
    pub groups: Vec<u32>,
    /// Index of each listener by key.
    listeners: Vec<(u32, u32)>,
    /// Series numbers that were looked up before.
    series: RefCell<SeriesCache>,
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
        Self { snapshot, groups, listeners, series: RefCell::default() }
    }

    /// Index of a listener; `None` if the snapshot no longer has it.
    #[inline]
    #[must_use]
    pub fn listener(&self, key: u32) -> Option<u32> {
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
