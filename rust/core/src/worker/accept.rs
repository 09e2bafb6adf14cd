//! Listening sockets and admission: who may have a connection.
//!
//! Theory: listening sockets are level-triggered. How many connections are taken per event follows how many were there
//! last time, so that a quiet listener makes no call in vain and a burst is taken in few turns. When descriptors run
//! out, the socket is not watched for a while: the kernel's backlog waits, and nothing spins.

use std::sync::Arc;

use super::downstream::{Down, Phase, time};
use super::io::Io;
use super::preamble::first_phase;
use super::table::Id;
use super::timer::TimerId;
use super::{Kind, Worker, limits, token};
use crate::account::ledger::Gauge;
use crate::fault;
use crate::http1::head::Scan;
use crate::net::{Net, Peer};
use crate::worker::border::Event;

/// One listening socket, and the connections that came by it.
pub struct Slot<L> {
    key: u32,
    socket: Option<L>,
    gauge: Arc<Gauge>,
    timer: TimerId,
    connections: usize,
    batch: u32,
    /// Not watched until its timer fires.
    paused: bool,
}

/// All listening sockets of one worker. A slot is free again once its listener has drained.
pub struct Listeners<L> {
    slots: Vec<Option<Slot<L>>>,
}

impl<L> Default for Listeners<L> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

impl<L> Listeners<L> {
    fn get(&self, number: usize) -> Option<&Slot<L>> {
        self.slots.get(number)?.as_ref()
    }

    fn get_mut(&mut self, number: usize) -> Option<&mut Slot<L>> {
        self.slots.get_mut(number)?.as_mut()
    }

    fn number_of(&self, key: u32) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|slot| slot.key == key))
    }

    fn with_key(&mut self, key: u32) -> Option<&mut Slot<L>> {
        self.number_of(key).and_then(|number| self.get_mut(number))
    }

    fn free_number(&mut self) -> usize {
        self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        })
    }

    /// Keys of all.
    pub(super) fn keys(&self) -> Vec<u32> {
        self.slots.iter().flatten().map(|slot| slot.key).collect()
    }

    /// Timers of all.
    pub(super) fn timers(&self) -> impl Iterator<Item = TimerId> {
        self.slots.iter().flatten().map(|slot| slot.timer)
    }

    /// After a panic: so many connections live; the others have left.
    pub(super) fn settle(&mut self, key: u32, living: usize) {
        let Some(slot) = self.with_key(key) else { return };
        for _ in living..slot.connections {
            slot.gauge.leave();
        }
        slot.connections = living;
    }

    /// Listening sockets known, closed ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether descriptors (or memory for them) have run out.
#[must_use]
pub fn out_of_descriptors(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL)
    )
}

impl<N: Net> Worker<N> {
    /// Accept on a socket from now on.
    pub(crate) fn listen(&mut self, key: u32, socket: N::Listener, gauge: Arc<Gauge>) {
        self.draining.retain(|other| *other != key);
        let number = match self.listeners.number_of(key) {
            Some(number) => number,
            None => {
                let number = self.listeners.free_number();
                let timer = self.wheel.create(listener_token(number));
                let slot = Slot { key, socket: None, gauge, timer, connections: 0, batch: 1, paused: false };
                if let Some(place) = self.listeners.slots.get_mut(number) {
                    *place = Some(slot);
                }
                number
            }
        };
        // If it cannot be watched it is closed here: Trio sees connections refused rather than ignored.
        if self.net.watch_listener(&socket, listener_token(number)).is_ok()
            && let Some(slot) = self.listeners.get_mut(number)
        {
            slot.socket = Some(socket);
            slot.paused = false;
        }
    }

    /// Close the listening socket, after taking what waits there: the kernel has accepted those clients for us, they may
    /// have sent their requests, and closing would reset them.
    pub(crate) fn unlisten(&mut self, key: u32) {
        let Some(number) = self.listeners.number_of(key) else { return };
        for _ in 0..limits::LAST_ACCEPTS {
            if !self.accept(number as u32) {
                break;
            }
        }
        if let Some(slot) = self.listeners.get_mut(number) {
            slot.socket = None;
        }
    }

    /// Take what waits at a listening socket; whether there may be more.
    pub(crate) fn accept(&mut self, number: u32) -> bool {
        let index = number as usize;
        let Some(slot) = self.listeners.get_mut(index) else { return false };
        let (key, batch, gauge) = (slot.key, slot.batch, Arc::clone(&slot.gauge));
        let limit = self.admission_limit(key);
        for taken in 0..batch {
            if self.connections() >= self.max_downs {
                self.pause(index);
                return false;
            }
            let Some(socket) = self.listeners.get(index).and_then(|slot| slot.socket.as_ref()) else {
                return false;
            };
            match self.net.accept(socket) {
                Ok((sock, peer)) => {
                    if gauge.admit(limit) {
                        self.count_arrival(index);
                        self.welcome(key, &gauge, sock, peer);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.next_batch(index, taken.max(1));
                    return false;
                }
                Err(error) if out_of_descriptors(&error) => {
                    self.pause(index);
                    return false;
                }
                // The client left before it was accepted (ECONNABORTED and friends): the next one.
                Err(_) => {}
            }
        }
        self.next_batch(index, (batch * 2).min(limits::TURN_ACCEPTS));
        true
    }

    fn next_batch(&mut self, index: usize, batch: u32) {
        if let Some(slot) = self.listeners.get_mut(index) {
            slot.batch = batch;
        }
    }

    fn admission_limit(&self, key: u32) -> u32 {
        let (local, index) = self.local.that_knows(key);
        let listener = local.description(index);
        listener.map_or(u32::MAX, |listener| listener.max_connections)
    }

    /// From here on the connection is counted here, so that it can be counted out whatever happens to it.
    fn count_arrival(&mut self, index: usize) {
        if let Some(slot) = self.listeners.get_mut(index) {
            slot.connections += 1;
        }
    }

    fn welcome(&mut self, key: u32, gauge: &Arc<Gauge>, sock: N::Sock, peer: Peer) {
        let id = self.downs.reserve();
        if self.net.watch(&sock, token(Kind::Down, id)).is_err() {
            self.downs.free(id);
            return self.leave(key, gauge);
        }
        fault::point("accept.welcome");
        let (local, index) = self.local.that_knows(key);
        let listener = local.description(index);
        let (header_timeout, idle_timeout) = listener.map_or((0, 0), |listener| {
            let first = if listener.passthrough.is_empty() {
                listener.header_timeout
            } else {
                listener.handshake_timeout
            };
            (first, listener.idle_timeout)
        });
        let phase = listener.map_or(Phase::Idle, |listener| first_phase(listener, &peer));
        let mut down = Down {
            io: Io::new(sock, true),
            stream: None,
            known: None,
            peer,
            listener: key,
            gauge: Some(Arc::clone(gauge)),
            carry: Vec::new(),
            scan: Scan::new(),
            phase,
            exchange: None,
            since: self.now,
            moved: self.now,
            timer: self.wheel.create(token(Kind::Down, id)),
            served: 0,
            empty_lines: 0,
            header_timeout: time(header_timeout),
            idle_timeout: time(idle_timeout),
            quiet_timeout: time(idle_timeout),
            leave_by: u64::MAX,
        };
        if down.phase == Phase::Idle {
            self.expect_tls(&mut down);
        }
        self.wheel.no_later(down.timer, down.due());
        self.downs.put(id, Box::new(down));
    }

    /// Not watch a listening socket for a while.
    fn pause(&mut self, index: usize) {
        self.ledger.accept_pauses.add(1);
        if let Some(slot) = self.listeners.get_mut(index) {
            if let Some(socket) = &slot.socket {
                self.net.unwatch_listener(socket);
            }
            slot.paused = true;
            self.wheel.no_later(slot.timer, self.now + limits::ACCEPT_PAUSE_MS * 1_000_000);
        }
    }

    /// Watch it again.
    pub(crate) fn resume(&mut self, number: u32) {
        let Some(slot) = self.listeners.get_mut(number as usize).filter(|slot| slot.paused) else { return };
        slot.paused = false;
        if let Some(socket) = &slot.socket
            && self.net.watch_listener(socket, listener_token(number as usize)).is_err()
        {
            slot.paused = true;
            self.wheel.no_later(slot.timer, self.now + limits::ACCEPT_PAUSE_MS * 1_000_000);
        }
    }

    /// A connection of that listener is over.
    pub(crate) fn leave(&mut self, key: u32, gauge: &Gauge) {
        gauge.leave();
        if let Some(slot) = self.listeners.with_key(key) {
            slot.connections = slot.connections.saturating_sub(1);
        }
        self.report_drained(key);
    }

    /// Tell Trio when the last connection of a draining listener is gone.
    pub(crate) fn report_drained(&mut self, key: u32) {
        if !self.is_draining(key) {
            return;
        }
        let number = self.listeners.number_of(key);
        let slot = number.and_then(|number| self.listeners.get(number));
        if slot.is_none_or(|slot| slot.connections == 0) {
            self.draining.retain(|other| *other != key);
            let place = number.and_then(|number| self.listeners.slots.get_mut(number));
            if let Some(slot) = place.and_then(Option::take) {
                self.wheel.remove(slot.timer);
            }
            self.forget_listener(key);
            self.tell(Event::Drained { worker: self.number, listener: key });
        }
    }
}

fn listener_token(number: usize) -> u64 {
    token(Kind::Listener, Id { slot: u32::try_from(number).unwrap_or(u32::MAX), generation: 0 })
}
