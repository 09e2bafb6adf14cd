//! One thread's loop over its connections.
//!
//! Theory: a request costs its share of one send, one receive and one epoll wait, nothing else. What an answer's end
//! frees is used at once, without going back to the loop, and what a turn has to say to one connection leaves with one
//! send. A receive that brings less than was asked for was the last one, unless the peer has hung up. Body bytes are
//! dropped in the kernel where they are many and not encrypted.
//!
//! Rules: a failed request lets its place rest until the next sweep, so that a dead server is not stormed and nothing
//! here recurses. Only what happens in the measured window counts.

use crate::asked::{Asked, Ended};
use crate::link::Link;
use crate::pace::{Pace, nanoseconds};
use crate::plan::Plan;
use crate::sys::{self, Epoll, Ready};
use crate::tally::{Failure, Tally};
use crate::tls::Client;
use gateway_core::http2::Scratch;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Instant;

/// Room for one receive: heads and small answers whole, large ones in few pieces, all of it in the second-level cache.
const SCRATCH_BYTES: usize = 128 * 1024;
/// From so many expected body bytes on, they are dropped in the kernel instead of copied out.
const DISCARD_FROM: u64 = 16 * 1024;
/// Between two sweeps for late answers and rested places.
const SWEEP_NS: u64 = 50_000_000;

/// The loop's state.
pub struct Worker<'a> {
    plan: &'a Plan,
    client: Option<&'a Client>,
    epoll: Epoll,
    links: Vec<Link<'a>>,
    /// Connections, each as often as it can take another request.
    free: VecDeque<usize>,
    resting: Vec<usize>,
    dirty: Vec<usize>,
    ended: Vec<Ended>,
    scratch: Vec<u8>,
    heads: Scratch,
    pace: Pace,
    tally: Tally,
    origin: Instant,
    in_flight: usize,
    counting: bool,
    counting_from: u64,
    cpu_before: (u64, u64),
}

impl<'a> Worker<'a> {
    /// The loop of thread `index` of the plan.
    pub fn new(plan: &'a Plan, client: Option<&'a Client>, index: usize) -> Result<Self, String> {
        let connections =
            plan.connections / plan.threads + usize::from(index < plan.connections % plan.threads);
        Ok(Self {
            plan,
            client,
            epoll: Epoll::new().map_err(|e| format!("epoll: {e}"))?,
            links: (0..connections).map(|_| Link::new(plan)).collect(),
            free: (0..plan.streams).flat_map(|_| 0..connections).collect(),
            resting: Vec::new(),
            dirty: Vec::new(),
            ended: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES],
            heads: Scratch::default(),
            pace: Pace::new(plan, index),
            tally: Tally::new()?,
            origin: Instant::now(),
            in_flight: 0,
            counting: false,
            counting_from: nanoseconds(plan.warmup),
            cpu_before: (0, 0),
        })
    }

    /// Runs the plan to its end or to an interrupt.
    pub fn run(&mut self) -> Result<(), String> {
        sys::sharpen_timers();
        if self.plan.keep && !self.plan.hold {
            for index in 0..self.links.len() {
                let _ = self.connect(index); // a failure shows when the first request tries again
            }
        }
        self.origin = Instant::now();
        let mut now = self.now();
        let mut sweep_at = now + SWEEP_NS;
        while !self.pace.over(now, self.in_flight) && !sys::interrupted() {
            self.begin_window(now);
            self.dispatch(now);
            self.turn(sweep_at.saturating_sub(now)).map_err(|e| format!("epoll: {e}"))?;
            now = self.now();
            if now >= sweep_at {
                self.sweep(now);
                sweep_at = now + SWEEP_NS;
            }
        }
        self.end_window(now);
        Ok(())
    }

    /// Keeps the connections, answering what they ask, until the next interrupt.
    pub fn hold(&mut self) -> Result<(), String> {
        self.free.clear();
        while !sys::interrupted() {
            self.turn(SWEEP_NS).map_err(|e| format!("epoll: {e}"))?;
        }
        Ok(())
    }

    /// What was counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn now(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }

    fn begin_window(&mut self, now: u64) {
        if !self.counting && now >= self.counting_from {
            self.counting = true;
            if !self.pace.is_open() {
                self.counting_from = now;
            }
            self.cpu_before = sys::thread_cpu();
        }
    }

    fn end_window(&mut self, now: u64) {
        if self.counting {
            let cpu = sys::thread_cpu();
            self.tally.cpu = (cpu.0 - self.cpu_before.0, cpu.1 - self.cpu_before.1);
            self.tally.window = now - self.counting_from;
            if self.pace.is_open() {
                self.tally.failed(Failure::Unfinished, self.pace.overdue(now) + self.in_flight as u64);
            }
        }
        self.counting = false;
    }

    /// Gives due requests to free places.
    fn dispatch(&mut self, now: u64) {
        while !self.free.is_empty() {
            let Some(intended) = self.pace.next(now) else { break };
            let Some(index) = self.free.pop_front() else { break };
            self.start(index, intended, now);
        }
        self.flush();
    }

    fn turn(&mut self, until_sweep: u64) -> std::io::Result<()> {
        let now = self.now();
        let due = if self.free.is_empty() { None } else { self.pace.wait(now) };
        let events = self.epoll.wait(Some(due.map_or(until_sweep, |d| d.min(until_sweep))))?;
        for at in 0..events {
            let event = self.epoll.event(at);
            self.event(event);
            self.flush();
        }
        Ok(())
    }

    fn event(&mut self, event: Ready) {
        let (index, generation) = Link::parts(event.token);
        let link = &self.links[index];
        if link.generation != generation {
            return;
        }
        if event.writable && link.has_unsent() {
            self.push(index);
        }
        if event.readable {
            self.pull(index, generation, event.hung_up);
        }
    }

    /// Opens a connection in a place.
    fn connect(&mut self, index: usize) -> Result<(), Failure> {
        let socket = sys::connect(&self.plan.address).map_err(|_| Failure::Connect)?;
        let link = &mut self.links[index];
        let token = link.open(index, socket, self.client)?;
        self.tally.connects += 1;
        let Some(socket) = &link.socket else { return Err(Failure::Connect) };
        self.epoll.add(socket, token).map_err(|_| Failure::Connect)
    }

    fn start(&mut self, index: usize, intended: u64, now: u64) {
        self.in_flight += 1;
        let connected = match self.links[index].socket {
            Some(_) => Ok(()),
            None => self.connect(index),
        };
        self.links[index].begin(Asked { intended, begun: now });
        match connected {
            Ok(()) => self.mark(index),
            Err(failure) => self.give_up(index, failure),
        }
    }

    /// Puts a connection in the list of those that have something to send.
    fn mark(&mut self, index: usize) {
        let link = &mut self.links[index];
        if !link.dirty {
            link.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Sends what the turn had to say, one send for each connection.
    fn flush(&mut self) {
        while let Some(index) = self.dirty.pop() {
            self.links[index].dirty = false;
            self.push(index);
        }
    }

    fn push(&mut self, index: usize) {
        if let Err(failure) = self.links[index].push() {
            self.give_up(index, failure);
        }
    }

    /// Receives until nothing is left to receive. A short read tells that where answers come one after the other; on HTTP/2
    /// more may have come meanwhile, and what many answers release leaves with one send, as h2load's requests do.
    fn pull(&mut self, index: usize, generation: u32, hung_up: bool) {
        let now = self.now();
        self.links[index].turn(now);
        while self.links[index].generation == generation && self.links[index].socket.is_some() {
            let discardable = self.links[index].discardable();
            let (count, drained) = if discardable >= DISCARD_FROM {
                (self.discard(index, discardable as usize), true) // the answer is complete, or nothing is left
            } else {
                let (count, asked) = self.receive(index);
                (count, count.is_none_or(|count| count < asked && !self.links[index].speaks_http2()))
            };
            self.settle(index);
            if count.is_none() || drained && !hung_up {
                return;
            }
        }
    }

    /// Receives once and hands it on; says how much came and how much was asked for. Nothing came if there was nothing or
    /// the connection is gone.
    fn receive(&mut self, index: usize) -> (Option<usize>, usize) {
        let link = &mut self.links[index];
        let (kept, received) = link.receive(&mut self.scratch);
        let asked = SCRATCH_BYTES - kept;
        let shaking = link.handshake().is_none();
        let fate = match received {
            Err(e) if e.kind() == ErrorKind::WouldBlock => return (None, asked),
            Err(_) => Err(link.broken()),
            Ok(0) => link.end(self.client.is_none(), &mut self.ended),
            Ok(count) => {
                self.tally.bytes += if self.counting { count as u64 } else { 0 };
                link.feed(&mut self.scratch[..kept + count], &mut self.heads, &mut self.ended)
            }
        };
        if let Some(resumed) = link.handshake().filter(|_| shaking) {
            self.tally.handshakes.0 += 1;
            self.tally.handshakes.1 += u64::from(resumed);
        }
        if link.has_unsent() {
            self.mark(index);
        }
        match (received, fate) {
            (Ok(count), Ok(())) if count > 0 => (Some(count), asked),
            (_, Ok(())) => (None, asked),
            (_, Err(failure)) => {
                self.give_up(index, failure);
                (None, asked)
            }
        }
    }

    /// Drops body bytes in the kernel.
    fn discard(&mut self, index: usize, asked: usize) -> Option<usize> {
        let link = &mut self.links[index];
        let socket = link.socket.as_ref()?;
        let failure = match sys::discard(socket, asked) {
            Ok(0) => Failure::Short,
            Ok(count) => {
                self.tally.bytes += if self.counting { count as u64 } else { 0 };
                link.discarded(count as u64, &mut self.ended);
                return Some(count);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => return None,
            Err(_) => Failure::Receive,
        };
        self.give_up(index, failure);
        None
    }

    /// Counts what has ended on a connection, lets its places go on, and closes it if it is of no more use.
    fn settle(&mut self, index: usize) {
        if self.links[index].over() {
            self.links[index].close();
            if !self.links[index].idle() {
                self.reopen(index); // what waits goes on with the next connection
            }
        }
        if self.ended.is_empty() {
            return;
        }
        let now = self.now();
        for at in 0..self.ended.len() {
            let Ended { intended, outcome } = self.ended[at];
            self.in_flight -= 1;
            if self.counts(intended) {
                match outcome {
                    Ok(()) => self.tally.answered(now - intended),
                    Err(failure) => self.tally.failed(failure, 1),
                }
            }
        }
        let mut ended = std::mem::take(&mut self.ended);
        for Ended { outcome, .. } in ended.drain(..) {
            match outcome {
                Ok(()) | Err(Failure::Status | Failure::Length | Failure::Grpc) => self.release(index, now),
                Err(_) => self.resting.push(index),
            }
        }
        // What failed meanwhile has been counted by its own settling; only the memory is taken back.
        if self.ended.is_empty() {
            self.ended = ended;
        }
    }

    fn reopen(&mut self, index: usize) {
        match self.connect(index) {
            Ok(()) => self.mark(index),
            Err(failure) => self.links[index].abandon(failure, &mut self.ended),
        }
    }

    /// The connection has failed, and its requests with it.
    fn give_up(&mut self, index: usize, failure: Failure) {
        self.links[index].abandon(failure, &mut self.ended);
        self.settle(index);
    }

    /// Closed loop: what ends in the window. Open loop: what was due in it.
    fn counts(&self, intended: u64) -> bool {
        self.counting && (!self.pace.is_open() || intended >= self.counting_from)
    }

    /// Gives a free place its next request, or puts it at the end of the queue.
    fn release(&mut self, index: usize, now: u64) {
        let next = if self.free.is_empty() { self.pace.next(now) } else { None };
        match next {
            Some(intended) => self.start(index, intended, now),
            None => self.free.push_back(index),
        }
    }

    fn sweep(&mut self, now: u64) {
        for index in std::mem::take(&mut self.resting) {
            self.release(index, now);
        }
        let limit = now.saturating_sub(nanoseconds(self.plan.timeout));
        for index in 0..self.links.len() {
            self.links[index].expire(limit, &mut self.ended);
            if self.links[index].has_unsent() {
                self.mark(index);
            }
            self.settle(index);
        }
        self.flush();
    }
}
