//! One thread that forwards: its event loop and everything it owns. It shares nothing but the border and never waits
//! for anybody.
//!
//! Theory: a turn is one wait, one clock reading, then everything that became ready, run to completion. A connection
//! is *driven*: taken out of its table, advanced as far as it goes, put back. If driving it panics, the panic ends
//! there: what was taken out is dropped, and `salvage` clears its traces.
//!
//! Rules: no lock, no blocking call, no allocation that a peer chooses; work per connection and turn is bounded and
//! what is left over is done in the next turn.

pub mod accept;
mod again;
mod ahead;
pub mod border;
pub mod buffers;
pub mod census;
pub mod command;
pub mod downstream;
mod drive;
pub mod fleet;
mod handshake;
pub mod io;
pub mod limits;
pub mod local;
mod preamble;
pub mod random;
mod salvage;
mod stream_zero;
pub mod table;
pub mod timer;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use self::accept::Listeners;
use self::again::Again;
use self::border::{AskId, Border, ConnId, Event};
use self::buffers::Buffers;
use self::downstream::Down;
use self::local::Local;
use self::random::Random;
use self::table::{Id, Table};
use self::timer::Wheel;
use crate::account::ledger::Ledger;
use crate::account::log::LogSender;
use crate::exchange::Link;
use crate::http1::request::Request;
use crate::http1::response::Response;
use crate::http2::Scratch;
use crate::net::{Net, Ready, Token};
use crate::route::Snapshot;
use crate::session::Sessions;
use crate::upstream::{Groups, Up};

/// What a token refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A client's connection.
    Down,
    /// A connection to an endpoint.
    Up,
    /// A listening socket.
    Listener,
}

/// The token of an id.
#[must_use]
pub fn token(kind: Kind, id: Id) -> Token {
    (kind as u64) << 62 | u64::from(id.generation) << 32 | u64::from(id.slot)
}

/// The id of a token.
fn parse_token(token: Token) -> (Option<Kind>, Id) {
    let kind = match token >> 62 {
        0 => Some(Kind::Down),
        1 => Some(Kind::Up),
        2 => Some(Kind::Listener),
        _ => None,
    };
    (kind, Id { slot: token as u32, generation: (token >> 32) as u32 & 0x3fff_ffff })
}

/// One worker.
pub struct Worker<N: Net> {
    pub(crate) net: N,
    pub(crate) number: u16,
    pub(crate) now: u64,
    pub(crate) local: Rc<Local>,
    pub(crate) downs: Table<Down<N::Sock>>,
    pub(crate) ups: Table<Up<N::Sock>>,
    /// What connections carry that speak HTTP/2.
    pub(crate) sessions: Sessions,
    /// Sessions by the names that Trio knows them by.
    pub(crate) names: HashMap<ConnId, Id>,
    conns_made: u64,
    /// Downstreams that are streams, not connections.
    pub(crate) streams: usize,
    /// Places of streams that have ended, for the next ones.
    pub(crate) spare_downs: Vec<Box<Down<N::Sock>>>,
    /// The same of upstreams.
    pub(crate) spare_ups: Vec<Box<Up<N::Sock>>>,
    pub(crate) groups: Groups,
    pub(crate) wheel: Wheel,
    pub(crate) buffers: Buffers,
    pub(crate) random: Random,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) log: LogSender,
    pub(crate) border: Arc<Border<N::Listener>>,
    pub(crate) asks: HashMap<AskId, Id>,
    pub(crate) asks_made: u64,
    pub(crate) draining: Vec<u32>,
    pub(crate) scratch: Vec<u8>,
    /// What was read from a connection that carries streams.
    pub(crate) frames: Vec<u8>,
    /// Heads that came as field blocks.
    pub(crate) heads: Scratch,
    /// Where small pieces of a body are put together.
    pub(crate) crumbs: Vec<u8>,
    pub(crate) out: Vec<u8>,
    pub(crate) normal: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) lines: Vec<u8>,
    pub(crate) request: Request,
    pub(crate) response: Response,
    listeners: Listeners<N::Listener>,
    /// Client connections this worker may have.
    max_downs: usize,
    retiring: Vec<Rc<Local>>,
    /// Clients' connections that go on in the next turn.
    pub(crate) again: Again,
    /// The same of upstream connections that carry streams.
    pub(crate) again_up: Again,
    /// Clients whose handshakes can go on, in the order in which they came.
    shaking: VecDeque<Id>,
    /// Connections to upstreams whose handshakes can go on.
    shaking_up: VecDeque<Id>,
    /// The next step is an upstream's, if one waits.
    upstream_next: bool,
    pub(crate) again_wanted: bool,
    told: bool,
    /// Ends of connections that Trio has still to be told of.
    untold_ends: VecDeque<Event>,
    pub(crate) date: (u64, String),
    stopping: bool,
    ready: Vec<Ready>,
    fired: Vec<Token>,
}

/// What a worker is given when it starts.
pub struct Start<L> {
    /// Its number.
    pub number: u16,
    /// The first configuration.
    pub snapshot: Arc<Snapshot>,
    /// Towards Trio.
    pub border: Arc<Border<L>>,
    /// What it counts.
    pub ledger: Arc<Ledger>,
    /// Towards the log writer.
    pub log: LogSender,
    /// Descriptors it may use.
    pub descriptors: u64,
}

impl<N: Net> Worker<N> {
    /// A worker without listeners or connections.
    pub fn new(mut net: N, start: Start<N::Listener>) -> Self {
        let mut groups = Groups::default();
        let (numbers, _) = groups.apply(&start.snapshot, &start.ledger);
        let now = net.now();
        let random = Random::new(net.seed());
        Self {
            net,
            number: start.number,
            now,
            local: Rc::new(Local::new(start.snapshot, numbers)),
            downs: Table::default(),
            ups: Table::default(),
            sessions: Sessions::default(),
            names: HashMap::new(),
            conns_made: 0,
            streams: 0,
            spare_downs: Vec::new(),
            spare_ups: Vec::new(),
            groups,
            wheel: Wheel::new(now),
            buffers: Buffers::default(),
            random,
            ledger: start.ledger,
            log: start.log,
            border: start.border,
            asks: HashMap::new(),
            asks_made: 0,
            draining: Vec::new(),
            scratch: vec![0; limits::SCRATCH],
            frames: Vec::new(),
            heads: Scratch::default(),
            crumbs: Vec::new(),
            out: Vec::new(),
            normal: Vec::new(),
            target: Vec::new(),
            lines: Vec::new(),
            request: Request::new(),
            response: Response::new(),
            listeners: Listeners::default(),
            max_downs: usize::try_from(start.descriptors * limits::CLIENT_EIGHTHS / 8).unwrap_or(usize::MAX),
            retiring: Vec::new(),
            again: Again::default(),
            again_up: Again::default(),
            shaking: VecDeque::new(),
            shaking_up: VecDeque::new(),
            upstream_next: false,
            again_wanted: false,
            told: false,
            untold_ends: VecDeque::new(),
            date: (u64::MAX, String::new()),
            stopping: false,
            ready: Vec::new(),
            fired: Vec::new(),
        }
    }

    /// Turn until told to stop.
    pub fn run(&mut self) {
        while !self.stopping {
            self.turn();
        }
    }

    /// Wait once, and do everything that became possible.
    pub fn turn(&mut self) {
        let going_on = !self.again.is_empty() || !self.again_up.is_empty();
        let timeout = if going_on || self.somebody_waits() { 0 } else { self.rest() };
        let mut ready = std::mem::take(&mut self.ready);
        self.net.wait(&mut ready, timeout);
        self.now = self.net.now();
        let (due, due_up) = (self.again.len(), self.again_up.len());
        for (at, &event) in ready.iter().enumerate() {
            self.look_ahead(&ready, at);
            self.contained(|worker| worker.dispatch(event));
        }
        ready.clear();
        self.ready = ready;
        self.go_round(due, due_up);
        self.shake_hands();
        self.expire();
        self.commands();
        self.flush_sessions();
        self.end_turn();
    }

    /// Let those go on who were left over when the turn began.
    fn go_round(&mut self, due: usize, due_up: usize) {
        for _ in 0..due {
            let Some(id) = self.again.pop() else { break };
            self.contained(|worker| worker.drive(id, None));
        }
        for _ in 0..due_up {
            let Some(id) = self.again_up.pop() else { break };
            self.contained(|worker| worker.drive_session(id, None));
        }
    }

    /// Run one piece of work; a panic in it costs the connection in hand.
    pub(crate) fn contained(&mut self, work: impl FnOnce(&mut Self)) {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self)));
        if let Err(panic) = outcome {
            self.salvage(panic.as_ref());
        }
    }

    fn dispatch(&mut self, event: Ready) {
        match parse_token(event.token) {
            (Some(Kind::Down), id) => self.down_ready(id, event),
            (Some(Kind::Up), id) => self.up_ready(id, event),
            (Some(Kind::Listener), id) => {
                self.accept(id.slot);
            }
            (None, _) => {}
        }
    }

    /// A client's connection became ready.
    fn down_ready(&mut self, id: Id, event: Ready) {
        if !self.again.holds(id) {
            self.drive(id, Some(event));
        } else if let Some(down) = self.downs.get_mut(id) {
            down.io.note(event);
        }
    }

    /// An upstream connection became ready: drive its exchange, or notice that a pooled one is over.
    fn up_ready(&mut self, id: Id, event: Ready) {
        let Some(up) = self.ups.get_mut(id) else { return };
        if up.session.is_some() && !self.again_up.holds(id) {
            return self.drive_session(id, Some(event));
        }
        up.io.note(event);
        if up.session.is_some() {
            return;
        }
        match up.owner {
            Some(owner) if self.again.holds(owner) => {}
            Some(owner) => self.drive(owner, None),
            // Nothing may come in the pool: whatever it is, the connection cannot be trusted.
            None if up.io.is_quiet(&mut self.net) => {}
            None => self.drop_pooled(id),
        }
    }

    /// Nobody will lease that connection any more.
    pub(crate) fn drop_pooled(&mut self, id: Id) {
        if self.ups.get_mut(id).is_some_and(|up| up.session.is_some()) {
            return self.retire_session(id);
        }
        if let Some(up) = self.ups.take(id) {
            self.groups.forget(up.place, id, &self.ledger);
            self.close_up(Link { id, up });
        }
    }

    fn expire(&mut self) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(self.now, &mut fired);
        for token in fired.drain(..) {
            self.contained(|worker| match parse_token(token) {
                (Some(Kind::Down), id) => worker.drive(id, None),
                (Some(Kind::Up), id) => worker.up_due(id),
                (Some(Kind::Listener), id) => worker.resume(id.slot),
                (None, _) => {}
            });
        }
        self.fired = fired;
    }

    /// A pooled connection may have been idle for too long. One in use has its exchange's deadlines.
    fn up_due(&mut self, id: Id) {
        let Some(up) = self.ups.get_mut(id) else { return };
        if up.session.is_some() {
            return self.session_due(id);
        }
        let Some(timer) = up.timer.filter(|_| up.owner.is_none()) else { return };
        let (timer, due) = (timer, up.idle_since.saturating_add(self.groups.idle_timeout(up.place)));
        if due <= self.now {
            self.drop_pooled(id);
        } else {
            self.wheel.no_later(timer, due);
        }
    }

    /// Queue an event for Trio; it is woken once per turn.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.border.events.push(event).is_err() {
            self.ledger.events_lost.add(1);
        }
        self.told = true;
    }

    fn end_turn(&mut self) {
        self.tell_ends();
        self.log.end_of_turn(&self.ledger);
        self.ledger.turns.add(1);
        self.ledger.timers.set(self.wheel.len() as u64);
        self.ledger.downstreams.set(self.connections() as u64);
        if !self.retiring.is_empty() {
            self.retire();
        }
        if std::mem::take(&mut self.told) {
            self.border.wake_trio();
        }
    }

    /// Give snapshots back that no exchange uses any more.
    fn retire(&mut self) {
        let mut kept = Vec::new();
        for local in std::mem::take(&mut self.retiring) {
            match Rc::try_unwrap(local) {
                Ok(local) => self.tell(Event::Retired { snapshot: local.snapshot }),
                Err(used) => kept.push(used),
            }
        }
        self.retiring = kept;
    }

    /// The Date field's text (RFC 9110 §5.6.7), made anew once a second.
    pub(crate) fn date(&mut self) -> &[u8] {
        let second = self.net.wall() / 1_000_000;
        if self.date.0 != second {
            self.date = (second, httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second)));
        }
        self.date.1.as_bytes()
    }

    /// Client connections.
    pub(crate) fn connections(&self) -> usize {
        self.downs.len().saturating_sub(self.streams)
    }

    /// A name for a connection that Trio is told of.
    pub(crate) fn next_conn(&mut self) -> ConnId {
        self.conns_made += 1;
        u64::from(self.number) << 48 | self.conns_made
    }

    pub(crate) fn is_draining(&self, listener: u32) -> bool {
        self.draining.contains(&listener)
    }
}
