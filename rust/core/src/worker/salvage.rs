//! After a panic: what was in hand has been dropped by unwinding; find its traces and clear them.
//!
//! Theory: a value that is worked on is out of its table, so after unwinding the lost ones are exactly the slots that
//! are in use and empty. Everything that refers to connections is then counted and kept anew from those that live.
//! That costs a walk over all connections once per panic and nothing while there is none, and it holds wherever the
//! panic came from.

use std::any::Any;
use std::collections::HashSet;

use super::border::Event;
use super::downstream::Down;
use super::timer::TimerId;
use super::{Worker, limits};
use crate::exchange::{Backend, Link};
use crate::net::Net;
use crate::reason::Reason;
use crate::session::Owner;
use crate::upstream::Up;

impl<N: Net> Worker<N> {
    /// Clear the traces of what a panic has cost, and tell Trio.
    pub(super) fn salvage(&mut self, panic: &(dyn Any + Send)) {
        self.ledger.panics.add(1);
        self.again_wanted = false;
        self.scratch.resize(limits::SCRATCH, 0);
        self.downs.free_lost();
        self.ups.free_lost();
        self.streams = self.downs.ids(Down::is_stream).len();
        self.end_broken_sessions();
        self.close_ownerless();
        self.forget_lost_asks();
        self.recount();
        self.keep_living_timers();
        self.recount_listeners();
        self.tell(Event::Panicked { worker: self.number, text: words(panic) });
    }

    /// Connections that carry streams, if they or one of their streams are lost: what was written of it last is unknown.
    fn end_broken_sessions(&mut self) {
        let downs: HashSet<_> = self.downs.ids(|_| true).into_iter().collect();
        let ups: HashSet<_> = self.ups.ids(|_| true).into_iter().collect();
        for session in self.sessions.broken(|id| downs.contains(&id), |id| ups.contains(&id)) {
            match self.sessions.get(session).map(|session| session.owner) {
                Some(Owner::Down(id)) if downs.contains(&id) => self.cut(id),
                Some(Owner::Up(id)) if ups.contains(&id) => self.give_up_session(id),
                _ => self.end_session(session, Reason::Internal, "internal"),
            }
        }
    }

    /// Upstream connections whose exchange is lost. Nothing may be sent on them again.
    fn close_ownerless(&mut self) {
        let owners: HashSet<_> = self.downs.ids(|_| true).into_iter().collect();
        for id in self.ups.ids(|up| up.owner.is_some_and(|owner| !owners.contains(&owner))) {
            if let Some(up) = self.ups.take(id) {
                self.close_up(Link { id, up });
            }
        }
    }

    fn forget_lost_asks(&mut self) {
        let exchanges = self.downs.values().filter_map(|down| down.exchange.as_ref());
        let living: HashSet<_> = exchanges
            .filter_map(|exchange| match exchange.backend {
                Backend::Ask(id) => Some(id),
                _ => None,
            })
            .collect();
        let lost: Vec<_> = self.asks.keys().copied().filter(|id| !living.contains(id)).collect();
        for id in lost {
            self.asks.remove(&id);
            self.tell(Event::Over { id, reason: Reason::Internal });
        }
        self.ledger.asks.set(self.asks.len() as u64);
    }

    /// Pools, requests in flight and gauges, from what lives.
    fn recount(&mut self) {
        let pooled: HashSet<_> = self.ups.ids(Up::is_idle).into_iter().collect();
        self.groups.keep_pooled(&pooled);
        for cells in self.ledger.endpoints.iter() {
            cells.open.set(0);
            cells.idle.set(0);
            cells.in_flight.set(0);
        }
        let connections = || self.ups.values().filter(|up| up.stream.is_none());
        for up in connections() {
            let cells = up.place.cells(&self.ledger);
            cells.open.add(1);
            cells.idle.add(u64::from(up.owner.is_none() && up.session.is_none()));
        }
        self.ledger.upstreams.set(connections().count() as u64);
        let exchanges = self.downs.values().filter_map(|down| down.exchange.as_ref());
        for place in exchanges.filter_map(|exchange| exchange.place) {
            self.groups.count_in_flight(place);
            place.cells(&self.ledger).in_flight.add(1);
        }
    }

    fn keep_living_timers(&mut self) {
        let downs = self.downs.values().map(|down| down.timer);
        let ups = self.ups.values().filter_map(|up| up.timer);
        let living: HashSet<TimerId> = downs.chain(ups).chain(self.listeners.timers()).collect();
        self.wheel.keep(&living);
    }

    fn recount_listeners(&mut self) {
        for key in self.listeners.keys() {
            let living = self.downs.values().filter(|down| down.listener == key && !down.is_stream()).count();
            self.listeners.settle(key, living);
            self.report_drained(key);
        }
    }
}

/// Message of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}
