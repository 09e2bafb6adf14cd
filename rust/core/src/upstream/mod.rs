//! Upstream connections of one worker: who they belong to, the pools they wait in, and how one is leased.
//!
//! Theory: a *group* is an upstream as this worker lives it. It persists over reloads under its name: endpoints that
//! stay keep their pool, their place in the rotation and their requests in flight. Endpoints have ids that are never
//! reused, so whoever ends on an endpoint that is gone changes nothing.
//!
//! Rules: LIFO, so that a quiet pool shrinks from its cold end; a connection in the pool is watched, and one that dies
//! there is gone before anybody leases it; teardown is a loop, never recursion (Envoy, CVE-2022-23606).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::account::ledger::{EndpointCells, Ledger};
use crate::balance::{self, EndpointState};
use crate::document::{Balance, Http2, UpstreamProtocol};
use crate::http1::head::Scan;
use crate::net::Address;
use crate::route::Snapshot;
use crate::session::stream::{Gone, Stream};
use crate::tls::ClientTls;
use crate::worker::io::Io;
use crate::worker::table::Id;
use crate::worker::timer::TimerId;

/// One connection to an endpoint, or one stream of it.
pub struct Up<S> {
    /// Its socket; a stream has none.
    pub io: Io<S>,
    /// The stream, if it is one.
    pub stream: Option<Stream>,
    /// What it carries, if it speaks HTTP/2.
    pub session: Option<Id>,
    /// The downstream whose exchange holds the lease; `None` in the pool, and of a connection that carries streams.
    pub owner: Option<Id>,
    /// Where it leads.
    pub place: Place,
    /// The connect has not ended yet.
    pub connecting: bool,
    /// Requests sent before the one it serves now.
    pub served: u32,
    /// Since when it lies in the pool, or carries no stream, ns; `u64::MAX` while it carries some. Of one that is still to
    /// carry streams and not connected: until when it must be.
    pub idle_since: u64,
    /// Whose turn it is in its handshake.
    pub turn: Turn,
    /// Its timer; a stream has none.
    pub timer: Option<TimerId>,
    /// A partial head.
    pub carry: Vec<u8>,
    /// How far the partial head was looked at.
    pub scan: Scan,
}

/// Where a handshake with an upstream stands in the line for its next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Not in it.
    Out,
    /// It waits.
    InLine,
    /// Its turn has come.
    Called,
}

impl<S> Up<S> {
    /// It was a stream that its peer did not process.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.gone == Some(Gone::Refused))
    }

    /// Nobody holds a lease of it: it waits in the pool, or carries streams.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.owner.is_none()
    }
}

/// An endpoint, found again after reloads: the group, the endpoint's id, and where it probably is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Group number.
    pub group: u32,
    /// Never reused.
    pub endpoint: u64,
    /// Where the endpoint was when this was made.
    pub hint: u32,
    /// Number of its cells in the ledger, which outlive it.
    pub cells: u32,
}

impl Place {
    /// Where the endpoint is counted.
    #[inline]
    #[must_use]
    pub fn cells(self, ledger: &Ledger) -> &EndpointCells {
        ledger.endpoint(self.cells as usize)
    }
}

/// One server of a group.
pub struct Endpoint {
    id: u64,
    /// As written, for logs.
    pub text: String,
    /// For connecting.
    pub address: Address,
    idle: Vec<Id>,
    /// Connections that carry streams.
    sessions: Vec<Id>,
    /// ALPN has agreed upon HTTP/2 there.
    agreed_http2: bool,
    cells: u32,
}

/// An upstream as this worker lives it.
pub struct Group {
    name: String,
    balance: Balance,
    endpoints: Vec<Endpoint>,
    states: Vec<EndpointState>,
    max_idle: usize,
    /// ns
    idle_timeout: u64,
    protocol: UpstreamProtocol,
    http2: Http2,
    /// `None`: plain text.
    tls: Option<Arc<ClientTls>>,
}

/// All groups of one worker.
#[derive(Default)]
pub struct Groups {
    groups: Vec<Group>,
    by_name: HashMap<String, u32>,
    /// Groups whose upstream is gone. Their numbers may be given to others: endpoint ids are never reused, so a place
    /// in a former group is simply not found.
    free: Vec<u32>,
    endpoints_made: u64,
}

impl Groups {
    /// Bring the groups in line with a snapshot. Returns the group of each of its upstreams, and the pooled
    /// connections that lead to endpoints that are gone.
    pub fn apply(&mut self, snapshot: &Snapshot, ledger: &Ledger) -> (Vec<u32>, Vec<Id>) {
        self.apply_beside(snapshot, &[], ledger)
    }

    /// The same; upstreams that `others` have beside it stay as they are.
    pub fn apply_beside(
        &mut self,
        snapshot: &Snapshot,
        others: &[&Snapshot],
        ledger: &Ledger,
    ) -> (Vec<u32>, Vec<Id>) {
        let mut orphans = Vec::new();
        let mut kept = vec![false; self.groups.len()];
        let mut numbers = Vec::with_capacity(snapshot.upstreams.len());
        for upstream in &snapshot.upstreams {
            let number = self.group_named(&upstream.name);
            kept.resize(self.groups.len(), true);
            if let Some(kept) = kept.get_mut(number as usize) {
                *kept = true;
            }
            let made = &mut self.endpoints_made;
            if let Some(group) = self.groups.get_mut(number as usize) {
                group.update(upstream, made, ledger, &mut orphans);
            }
            numbers.push(number);
        }
        for number in others.iter().flat_map(|other| self.numbers(other)) {
            if let Some(kept) = kept.get_mut(number as usize) {
                *kept = true;
            }
        }
        for (number, group) in (0u32..).zip(&mut self.groups) {
            if !kept.get(number as usize).is_some_and(|kept| *kept)
                && self.by_name.remove(&group.name).is_some()
            {
                orphans.extend(group.endpoints.drain(..).flat_map(Endpoint::connections));
                group.states.clear();
                group.name.clear();
                self.free.push(number);
            }
        }
        (numbers, orphans)
    }

    /// The group of each upstream of a snapshot, found by its name.
    pub fn numbers(&self, snapshot: &Snapshot) -> Vec<u32> {
        let number = |name: &String| self.by_name.get(name).copied().unwrap_or(u32::MAX);
        snapshot.upstreams.iter().map(|upstream| number(&upstream.name)).collect()
    }

    fn group_named(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.by_name.get(name) {
            return number;
        }
        let group = Group {
            name: name.to_owned(),
            balance: Balance::RoundRobin,
            endpoints: Vec::new(),
            states: Vec::new(),
            max_idle: 0,
            idle_timeout: 0,
            protocol: UpstreamProtocol::Http1,
            http2: Http2::default(),
            tls: None,
        };
        let free = self.free.pop().and_then(|number| Some((number, self.groups.get_mut(number as usize)?)));
        let number = match free {
            Some((number, slot)) => {
                *slot = group;
                number
            }
            None => {
                self.groups.push(group);
                u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_name.insert(name.to_owned(), number);
        number
    }

    /// Choose an endpoint; `None` if there is none.
    #[inline]
    pub fn pick(&mut self, group: u32, draw: u64) -> Option<Place> {
        let chosen = self.groups.get_mut(group as usize)?;
        let number = balance::pick(chosen.balance, &mut chosen.states, draw)?;
        let endpoint = chosen.endpoints.get(number)?;
        let hint = u32::try_from(number).unwrap_or(u32::MAX);
        Some(Place { group, endpoint: endpoint.id, hint, cells: endpoint.cells })
    }

    /// HTTP/2 is spoken there; `auto`: it was agreed upon the last time.
    #[inline]
    #[must_use]
    pub fn speaks_http2(&mut self, place: Place) -> bool {
        match self.groups.get(place.group as usize).map(|group| (group.protocol, group.tls.is_some())) {
            Some((UpstreamProtocol::H2, _)) => true,
            Some((UpstreamProtocol::Auto, true)) => self.find(place).is_some_and(|(it, _)| it.agreed_http2),
            _ => false,
        }
    }

    /// What ALPN has agreed upon there.
    pub fn agreed(&mut self, place: Place, http2: bool) {
        if let Some((endpoint, _)) = self.find(place) {
            endpoint.agreed_http2 = http2;
        }
    }

    /// What is said first there, over HTTP/2.
    #[must_use]
    pub fn first_flight(&self, place: Place) -> Option<Http2> {
        self.groups.get(place.group as usize).map(|group| group.http2.clone())
    }

    /// Name of the upstream.
    #[must_use]
    pub fn name(&self, place: Place) -> &str {
        self.groups.get(place.group as usize).map_or("", |group| &group.name)
    }

    /// One of the connections there that carry streams, oldest first.
    #[inline]
    pub fn session(&mut self, place: Place, number: usize) -> Option<Id> {
        self.find(place)?.0.sessions.get(number).copied()
    }

    /// Another connection there carries streams.
    pub fn add_session(&mut self, place: Place, id: Id) {
        if let Some((endpoint, _)) = self.find(place) {
            endpoint.sessions.push(id);
        }
    }

    /// That connection is gone.
    pub fn forget_session(&mut self, place: Place, id: Id) {
        if let Some((endpoint, _)) = self.find(place) {
            endpoint.sessions.retain(|other| *other != id);
        }
    }

    /// A request goes there now.
    #[inline]
    pub fn begin(&mut self, place: Place, ledger: &Ledger) {
        if let Some((_, state)) = self.find(place) {
            state.in_flight += 1;
        }
        let cells = place.cells(ledger);
        cells.in_flight.add(1);
        cells.requests.add(1);
    }

    /// That request is over.
    #[inline]
    pub fn end(&mut self, place: Place, ledger: &Ledger) {
        if let Some((_, state)) = self.find(place) {
            state.in_flight = state.in_flight.saturating_sub(1);
        }
        place.cells(ledger).in_flight.subtract(1);
    }

    /// The warmest pooled connection.
    #[inline]
    pub fn lease(&mut self, place: Place, ledger: &Ledger) -> Option<Id> {
        let (endpoint, _) = self.find(place)?;
        let id = endpoint.idle.pop()?;
        let cells = place.cells(ledger);
        cells.idle.subtract(1);
        cells.reused.add(1);
        Some(id)
    }

    /// Take a connection into the pool. Returns how long it may stay (ns), or `None` if there is no room or the
    /// endpoint is gone: then the caller closes it.
    #[inline]
    pub fn release(&mut self, place: Place, id: Id, ledger: &Ledger) -> Option<u64> {
        let group = self.groups.get(place.group as usize)?;
        let (max_idle, idle_timeout) = (group.max_idle, group.idle_timeout);
        let (endpoint, _) = self.find(place)?;
        if endpoint.idle.len() >= max_idle {
            return None;
        }
        endpoint.idle.push(id);
        place.cells(ledger).idle.add(1);
        Some(idle_timeout)
    }

    /// A pooled connection is gone. It was counted as one even if its endpoint went first.
    pub fn forget(&mut self, place: Place, id: Id, ledger: &Ledger) {
        if let Some((endpoint, _)) = self.find(place)
            && let Some(position) = endpoint.idle.iter().rposition(|other| *other == id)
        {
            endpoint.idle.remove(position);
        }
        place.cells(ledger).idle.subtract(1);
    }

    /// After a panic: only these lie in pools, and nothing is in flight until it is counted again.
    pub fn keep_pooled(&mut self, pooled: &HashSet<Id>) {
        for group in &mut self.groups {
            for endpoint in &mut group.endpoints {
                endpoint.idle.retain(|id| pooled.contains(id));
                endpoint.sessions.retain(|id| pooled.contains(id));
            }
            for state in &mut group.states {
                state.in_flight = 0;
            }
        }
    }

    /// After a panic: this request is in flight.
    pub fn count_in_flight(&mut self, place: Place) {
        if let Some((_, state)) = self.find(place) {
            state.in_flight += 1;
        }
    }

    /// Requests under way at endpoints that still exist.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let states = self.groups.iter().flat_map(|group| &group.states);
        states.map(|state| state.in_flight as usize).sum()
    }

    /// How long a connection may lie in the pool of that group, ns.
    #[must_use]
    pub fn idle_timeout(&self, place: Place) -> u64 {
        self.groups.get(place.group as usize).map_or(0, |group| group.idle_timeout)
    }

    /// TLS with that group, if it wants any.
    #[must_use]
    pub fn tls(&self, place: Place) -> Option<&Arc<ClientTls>> {
        self.groups.get(place.group as usize)?.tls.as_ref()
    }

    /// The endpoint, if it still exists.
    pub fn endpoint(&mut self, place: Place) -> Option<&Endpoint> {
        self.find(place).map(|(endpoint, _)| &*endpoint)
    }

    #[inline]
    fn find(&mut self, place: Place) -> Option<(&mut Endpoint, &mut EndpointState)> {
        let group = self.groups.get_mut(place.group as usize)?;
        let hint = place.hint as usize;
        let number = match group.endpoints.get(hint) {
            Some(endpoint) if endpoint.id == place.endpoint => hint,
            _ => group.endpoints.iter().position(|endpoint| endpoint.id == place.endpoint)?,
        };
        Some((group.endpoints.get_mut(number)?, group.states.get_mut(number)?))
    }
}

impl Endpoint {
    /// All connections that nobody holds a lease of.
    fn connections(self) -> impl Iterator<Item = Id> {
        self.idle.into_iter().chain(self.sessions)
    }
}

impl Group {
    /// Take over a new description: endpoints are found again by address. If TLS is another they are not: a connection
    /// that was verified otherwise, or not at all, must not serve what comes now.
    fn update(
        &mut self,
        upstream: &crate::route::Upstream,
        endpoints_made: &mut u64,
        ledger: &Ledger,
        orphans: &mut Vec<Id>,
    ) {
        let mark = |tls: &Option<Arc<ClientTls>>| tls.as_ref().map(|tls| tls.mark);
        let same_tls = mark(&self.tls) == mark(&upstream.tls);
        self.tls.clone_from(&upstream.tls);
        let mut old: Vec<_> = self.endpoints.drain(..).zip(self.states.drain(..)).map(Some).collect();
        for described in &upstream.endpoints {
            let same = |slot: &&mut Option<(Endpoint, EndpointState)>| {
                same_tls && slot.as_ref().is_some_and(|(endpoint, _)| endpoint.text == described.address)
            };
            // The snapshot was refused whole if an address does not parse.
            let Some(address) = Address::parse(&described.address) else { continue };
            let (endpoint, state) = old.iter_mut().find(same).and_then(Option::take).unwrap_or_else(|| {
                *endpoints_made += 1;
                let text = described.address.clone();
                let cells = u32::try_from(ledger.endpoint_number(&self.name, &text)).unwrap_or(0);
                let endpoint = Endpoint {
                    id: *endpoints_made,
                    text,
                    address,
                    idle: Vec::new(),
                    sessions: Vec::new(),
                    agreed_http2: false,
                    cells,
                };
                (endpoint, EndpointState::new(described.weight))
            });
            self.endpoints.push(endpoint);
            self.states.push(EndpointState { weight: described.weight, ..state });
        }
        orphans.extend(old.into_iter().flatten().flat_map(|(endpoint, _)| endpoint.connections()));
        self.balance = upstream.balance;
        self.protocol = upstream.protocol;
        self.http2 = upstream.http2.clone();
        self.max_idle = upstream.max_idle as usize;
        self.idle_timeout = u64::from(upstream.idle_timeout) * 1_000_000;
    }
}

#[cfg(test)]
mod tests;
