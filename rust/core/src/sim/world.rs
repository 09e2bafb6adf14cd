//! All ends of all connections, and the queue of what is to happen to them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io::{self, ErrorKind};

use super::end::{End, State, Tail};
use crate::net::{Address, Ready, Token};
use crate::worker::random::Random;

/// Where virtual wall time begins, µs: 2026-01-01.
pub(super) const EPOCH_US: u64 = 1_767_225_600_000_000;
/// What one wait costs, ns: time never stands still.
const TURN_NS: u64 = 2_000;
/// How late the edge after a short read or write may be, ns.
const LATE_NS: u64 = 3_000_000;
/// How late an edge that was held back is, ns.
const HELD_NS: u64 = 50_000;

/// How unkind the network is; chances are in 1000.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chances {
    /// A read returns less than there is, or `WouldBlock`.
    pub short_read: u64,
    /// A write takes less than fits, or `WouldBlock`.
    pub short_write: u64,
    /// An edge without a cause, per wait.
    pub spurious: u64,
    /// An edge that waits for the next turn.
    pub held_back: u64,
    /// `accept` fails: half of the times with EMFILE, half because the client has left.
    pub accept_error: u64,
    /// Least and most bytes under way in one direction.
    pub window: (u64, u64),
    /// Least and most time that bytes travel, ns.
    pub latency: (u64, u64),
}

/// How connects to an address fare; chances are in 1000, what is left over succeeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// `connect` itself fails.
    pub fail_at_once: u64,
    /// Refused after a while.
    pub refuse: u64,
    /// Nobody ever answers.
    pub silent: u64,
    /// How long an answer takes at most, ns.
    pub delay: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The next bytes reach that end.
    Bytes(usize),
    /// The peer's end reaches that end.
    Fin(usize),
    /// The peer's reset reaches that end.
    Reset(usize),
    /// An edge that was owed.
    Edge(usize),
    /// The connect of that end has ended; `true`: refused.
    Connected(usize, bool),
    /// A client's connection reaches that listener.
    Dialled(usize, usize),
    Alarm,
}

struct Listening {
    token: Option<Token>,
    backlog: VecDeque<usize>,
    closed: bool,
}

pub(super) struct World {
    now: u64,
    chance: Random,
    chances: Chances,
    ends: Vec<End>,
    queue: BinaryHeap<Reverse<(u64, u64, What)>>,
    order: u64,
    edges: Vec<usize>,
    listeners: Vec<Listening>,
    manners: BTreeMap<String, (Manner, VecDeque<usize>)>,
    /// Something happened that scripts should look at.
    stirred: bool,
}

impl World {
    pub(super) fn new(seed: u64, chances: Chances) -> Self {
        Self {
            now: 1_000_000_000,
            chance: Random::new(seed),
            chances,
            ends: Vec::new(),
            queue: BinaryHeap::new(),
            order: 0,
            edges: Vec::new(),
            listeners: Vec::new(),
            manners: BTreeMap::new(),
            stirred: false,
        }
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.chance.draw()
    }

    fn hits(&mut self, chance: u64) -> bool {
        chance > 0 && self.chance.draw() % 1000 < chance
    }

    fn between(&mut self, (low, high): (u64, u64)) -> u64 {
        low + self.chance.draw() % (high.saturating_sub(low) + 1)
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub(super) fn set_chances(&mut self, chances: Chances) {
        self.chances = chances;
    }

    pub(super) fn wake(&mut self) {
        self.stirred = true;
    }

    pub(super) fn alarm(&mut self, at: u64) {
        self.later(at, What::Alarm);
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.edges.is_empty()
    }

    pub(super) fn open_ends(&self) -> usize {
        self.ends.iter().filter(|end| !end.closed).count()
    }

    fn later(&mut self, at: u64, what: What) {
        self.order += 1;
        self.queue.push(Reverse((at.max(self.now), self.order, what)));
    }

    // ---- connections ------------------------------------------------------------------------------------------

    fn pair(&mut self, state: State) -> (usize, usize) {
        let first = self.ends.len();
        for state in [state, State::Connected] {
            let (capacity, latency) = (self.between(self.chances.window), self.between(self.chances.latency));
            self.ends.push(End::new(state, usize::try_from(capacity).unwrap_or(1).max(1), latency));
        }
        (first, first + 1)
    }

    pub(super) fn serve(&mut self, address: &Address, manner: Manner) {
        self.manners.entry(format!("{address:?}")).or_default().0 = manner;
    }

    pub(super) fn arrived(&mut self, address: &Address) -> Option<usize> {
        self.manners.get_mut(&format!("{address:?}"))?.1.pop_front()
    }

    pub(super) fn connect(&mut self, address: &Address) -> io::Result<usize> {
        let key = format!("{address:?}");
        let manner = self.manners.get(&key).map_or(Manner { refuse: 1000, ..Manner::default() }, |it| it.0);
        if self.hits(manner.fail_at_once) {
            return Err(io::Error::from_raw_os_error(libc::ENETUNREACH));
        }
        let (ours, theirs) = self.pair(State::Connecting);
        let at = self.now + self.between((0, manner.delay));
        let silent = self.hits(manner.silent);
        let refused = self.hits(manner.refuse);
        if !silent {
            self.later(at, What::Connected(ours, refused));
        }
        match self.manners.get_mut(&key).filter(|_| !silent && !refused) {
            // Its owner sees it at once; what it writes arrives after the connect's own end.
            Some(found) => {
                found.1.push_back(theirs);
                self.ends[ours].last_at = at;
            }
            None => self.ends[theirs].closed = true,
        }
        Ok(ours)
    }

    pub(super) fn connect_error(&mut self, end: usize) -> Option<io::Error> {
        match self.ends[end].state {
            State::Failed(kind) => Some(kind.into()),
            State::Connecting => Some(ErrorKind::WouldBlock.into()),
            State::Connected => None,
        }
    }

    pub(super) fn listen(&mut self) -> usize {
        self.listeners.push(Listening { token: None, backlog: VecDeque::new(), closed: false });
        self.listeners.len() - 1
    }

    pub(super) fn dial(&mut self, listener: usize) -> Option<usize> {
        if self.listeners.get(listener)?.closed {
            return None;
        }
        let (client, engine) = self.pair(State::Connected);
        let at = self.now + self.ends[engine].latency;
        self.ends[engine].last_at = at;
        self.later(at, What::Dialled(listener, engine));
        Some(client)
    }

    pub(super) fn watch_listener(&mut self, number: usize, token: Token) -> io::Result<()> {
        match self.listeners[number].token.replace(token) {
            None => Ok(()),
            Some(_) => Err(io::Error::from_raw_os_error(libc::EEXIST)),
        }
    }

    pub(super) fn unwatch_listener(&mut self, number: usize) {
        self.listeners[number].token = None;
    }

    pub(super) fn accept(&mut self, number: usize) -> io::Result<usize> {
        if self.listeners[number].backlog.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        if self.hits(self.chances.accept_error) {
            if self.hits(500) {
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            if let Some(end) = self.listeners[number].backlog.pop_front() {
                self.reset(end);
                self.close(end);
            }
            return Err(ErrorKind::ConnectionAborted.into());
        }
        self.listeners[number].backlog.pop_front().ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    pub(super) fn close_listener(&mut self, number: usize) {
        self.listeners[number].closed = true;
        self.listeners[number].token = None;
        for end in std::mem::take(&mut self.listeners[number].backlog) {
            self.reset(end);
            self.close(end);
        }
    }

    pub(super) fn watch(&mut self, end: usize, token: Token) -> io::Result<()> {
        self.ends[end].token = Some(token);
        self.edge(end);
        Ok(())
    }

    // ---- bytes ------------------------------------------------------------------------------------------------

    /// Whether chance may be unkind to this end: only to the engine's; scripts choose their own cuts.
    fn teased(&mut self, end: usize, chance: u64) -> bool {
        self.ends[end].token.is_some() && self.hits(chance)
    }

    pub(super) fn read(&mut self, end: usize, buf: &mut [u8]) -> io::Result<usize> {
        match self.ends[end].state {
            State::Failed(kind) => return Err(kind.into()),
            State::Connecting => return Err(ErrorKind::WouldBlock.into()),
            State::Connected => {}
        }
        let there = self.ends[end].arrived.len();
        if there == 0 {
            return self.read_tail(end);
        }
        let mut most = buf.len();
        if self.teased(end, self.chances.short_read) {
            let fewer = usize::try_from(self.draw()).unwrap_or(0) % there.min(buf.len()).max(1);
            self.owe(end);
            if fewer == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            most = fewer;
        }
        let count = self.ends[end].take(buf.get_mut(..most).unwrap_or(&mut []));
        let peer = end ^ 1;
        if std::mem::take(&mut self.ends[peer].nospace) {
            let at = self.now + self.ends[peer].latency;
            self.later(at, What::Edge(peer));
        }
        Ok(count)
    }

    fn read_tail(&mut self, end: usize) -> io::Result<usize> {
        let end = &mut self.ends[end];
        match end.tail {
            Tail::Open => Err(ErrorKind::WouldBlock.into()),
            Tail::Reset if !std::mem::replace(&mut end.told, true) => Err(ErrorKind::ConnectionReset.into()),
            Tail::Fin | Tail::Reset => Ok(0),
        }
    }

    /// An edge follows although nothing seems to change: the rest "arrives later".
    fn owe(&mut self, end: usize) {
        let at = self.now + self.between((0, LATE_NS));
        self.later(at, What::Edge(end));
    }

    pub(super) fn write(&mut self, end: usize, buf: &[u8]) -> io::Result<usize> {
        match self.ends[end].state {
            State::Failed(kind) => return Err(kind.into()),
            State::Connecting => return Err(ErrorKind::WouldBlock.into()),
            State::Connected => {}
        }
        if self.ends[end].finished || self.ends[end].tail == Tail::Reset {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let peer = end ^ 1;
        let space = self.ends[peer].capacity - self.ends[peer].used;
        let mut count = buf.len().min(space);
        if count > 0 && self.teased(end, self.chances.short_write) {
            count = usize::try_from(self.draw()).unwrap_or(0) % count;
            self.owe(end);
        } else if count < buf.len() {
            self.ends[end].nospace = true;
        }
        if count == 0 && !buf.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.send(peer, buf.get(..count).unwrap_or(&[]));
        Ok(count)
    }

    fn send(&mut self, to: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let at = self.arrival(to);
        let end = &mut self.ends[to];
        end.used += bytes.len();
        end.flight.push_back(bytes.to_vec());
        self.later(at, What::Bytes(to));
    }

    /// When what is sent to this end now arrives: after everything before it.
    fn arrival(&mut self, to: usize) -> u64 {
        let end = &mut self.ends[to];
        end.last_at = end.last_at.max(self.now + end.latency);
        end.last_at
    }

    pub(super) fn finish(&mut self, end: usize) {
        let broken = self.ends[end].tail == Tail::Reset || self.ends[end].state != State::Connected;
        if broken || std::mem::replace(&mut self.ends[end].finished, true) {
            return;
        }
        let at = self.arrival(end ^ 1);
        self.later(at, What::Fin(end ^ 1));
    }

    pub(super) fn reset(&mut self, end: usize) {
        let told = self.ends[end].tail == Tail::Reset;
        self.ends[end].finished = true;
        self.ends[end].tail = Tail::Reset;
        if !told {
            let at = self.arrival(end ^ 1);
            self.later(at, What::Reset(end ^ 1));
        }
    }

    /// close(2): with unread bytes it is a reset, else an end.
    pub(super) fn close(&mut self, end: usize) {
        if std::mem::replace(&mut self.ends[end].closed, true) {
            return;
        }
        self.ends[end].token = None;
        let orderly = self.ends[end].arrived.is_empty() && self.ends[end].state == State::Connected;
        if orderly {
            self.finish(end)
        } else {
            self.reset(end)
        }
        self.ends[end].arrived.clear();
    }

    // ---- what happens -----------------------------------------------------------------------------------------

    fn edge(&mut self, end: usize) {
        if self.ends[end].token.is_none() {
            self.stirred = true;
        } else if !std::mem::replace(&mut self.ends[end].edged, true) {
            self.edges.push(end);
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Bytes(end) => self.bytes_arrive(end),
            What::Fin(end) => self.tail_arrives(end, Tail::Fin),
            What::Reset(end) => self.tail_arrives(end, Tail::Reset),
            What::Edge(end) => self.edge(end),
            What::Connected(end, refused) => {
                let failed = State::Failed(ErrorKind::ConnectionRefused);
                self.ends[end].state = if refused { failed } else { State::Connected };
                self.edge(end);
            }
            What::Dialled(listener, end) => match self.listeners.get_mut(listener) {
                Some(found) if !found.closed => found.backlog.push_back(end),
                _ => {
                    self.reset(end);
                    self.close(end);
                }
            },
            What::Alarm => self.stirred = true,
        }
    }

    fn bytes_arrive(&mut self, to: usize) {
        let end = &mut self.ends[to];
        let Some(bytes) = end.flight.pop_front() else { return };
        if end.closed || end.tail == Tail::Reset {
            end.used -= bytes.len();
            // RFC 9293 §3.10.7.1: bytes for a closed connection are answered with a reset.
            return self.reset_from_closed(to);
        }
        end.arrived.extend(bytes);
        self.edge(to);
    }

    fn reset_from_closed(&mut self, closed: usize) {
        let peer = closed ^ 1;
        if self.ends[closed].tail != Tail::Reset {
            self.ends[closed].tail = Tail::Reset;
            let at = self.arrival(peer);
            self.later(at, What::Reset(peer));
        }
    }

    fn tail_arrives(&mut self, to: usize, tail: Tail) {
        if self.ends[to].tail != Tail::Reset {
            self.ends[to].tail = tail;
            self.edge(to);
        }
    }

    pub(super) fn wait(&mut self, ready: &mut Vec<Ready>, timeout_ms: i32) {
        self.now += TURN_NS;
        let patience = u64::try_from(timeout_ms).ok().map(|ms| ms * 1_000_000);
        let until = patience.map(|ns| self.now.saturating_add(ns));
        loop {
            while let Some(Reverse((_, _, what))) =
                self.queue.peek().filter(|next| next.0.0 <= self.now).copied()
            {
                self.queue.pop();
                self.happen(what);
            }
            self.deliver(ready);
            if !ready.is_empty() || std::mem::take(&mut self.stirred) {
                return;
            }
            // An edge that was held back comes soon, whatever else there is.
            let held = (!self.edges.is_empty()).then_some(self.now + HELD_NS);
            let queued = self.queue.peek().map(|next| next.0.0);
            let next = held.into_iter().chain(queued).min();
            match (next, until) {
                (Some(next), Some(until)) if next > until => return self.now = until,
                (Some(next), _) => self.now = next,
                (None, Some(until)) => return self.now = until,
                (None, None) => return,
            }
        }
    }

    fn deliver(&mut self, ready: &mut Vec<Ready>) {
        let mut edges = std::mem::take(&mut self.edges);
        if self.hits(self.chances.spurious) && !self.ends.is_empty() {
            let any = usize::try_from(self.draw()).unwrap_or(0) % self.ends.len();
            if self.ends[any].token.is_some() && !self.ends[any].edged {
                edges.push(any);
            }
        }
        for at in (1..edges.len()).rev() {
            edges.swap(at, usize::try_from(self.draw()).unwrap_or(0) % (at + 1));
        }
        for end in edges {
            let space = self.ends[end ^ 1].used < self.ends[end ^ 1].capacity;
            let Some(token) = self.ends[end].token else { continue };
            if self.hits(self.chances.held_back) {
                self.edges.push(end);
                continue;
            }
            self.ends[end].edged = false;
            let event = self.ends[end].ready(token, space);
            if event.readable || event.writable || event.closed {
                ready.push(event);
            }
        }
        let waiting = self.listeners.iter().filter(|listening| !listening.backlog.is_empty());
        let tokens = waiting.filter_map(|listening| listening.token);
        ready.extend(tokens.map(|token| Ready { token, readable: true, writable: false, closed: false }));
    }
}
