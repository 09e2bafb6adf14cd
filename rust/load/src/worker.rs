//! One thread's loop over its connections.
//!
//! Theory: a request costs one send, one receive and a share of one epoll wait, nothing else. The next request is
//! sent from where the last answer ended, without going back to the loop. A receive that brings less than was asked
//! for was the last one, unless the peer has hung up. Body bytes are dropped in the kernel where they are many.
//!
//! Rules: a failed request gives up its connection and lets its slot rest until the next sweep, so that a dead server
//! is not stormed and nothing here recurses. Only what happens in the measured window counts.

use crate::answer::Progress;
use crate::pace::{Pace, nanoseconds};
use crate::plan::Plan;
use crate::slot::{Phase, Slot};
use crate::sys::{self, Epoll, Ready};
use crate::tally::{Failure, Tally};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Instant;

/// Room for one receive: heads and small answers whole, large ones in few pieces, all of it in the second-level cache.
const SCRATCH_BYTES: usize = 64 * 1024;
/// From so many expected body bytes on, they are dropped in the kernel instead of copied out.
const DISCARD_FROM: u64 = 16 * 1024;
/// Between two sweeps for late answers and rested slots.
const SWEEP_NS: u64 = 50_000_000;

/// The loop's state.
pub struct Worker<'a> {
    plan: &'a Plan,
    epoll: Epoll,
    slots: Vec<Slot>,
    free: VecDeque<usize>,
    resting: Vec<usize>,
    scratch: Vec<u8>,
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
    pub fn new(plan: &'a Plan, index: usize) -> Result<Self, String> {
        let connections =
            plan.connections / plan.threads + usize::from(index < plan.connections % plan.threads);
        Ok(Self {
            plan,
            epoll: Epoll::new().map_err(|e| format!("epoll: {e}"))?,
            slots: (0..connections).map(|_| Slot::new(plan.head)).collect(),
            free: (0..connections).collect(),
            resting: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES],
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
    pub fn run(mut self) -> Result<Tally, String> {
        sys::sharpen_timers();
        self.origin = Instant::now();
        if self.plan.keep {
            for index in 0..self.slots.len() {
                self.connect(index); // a failure shows when the slot's first request tries again
            }
        }
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
        Ok(self.end_window(now))
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

    fn end_window(mut self, now: u64) -> Tally {
        if self.counting {
            let cpu = sys::thread_cpu();
            self.tally.cpu = (cpu.0 - self.cpu_before.0, cpu.1 - self.cpu_before.1);
            self.tally.window = now - self.counting_from;
            if self.pace.is_open() {
                self.tally.failed(Failure::Unfinished, self.pace.overdue(now) + self.in_flight as u64);
            }
        }
        self.tally
    }

    /// Gives due requests to free slots.
    fn dispatch(&mut self, now: u64) {
        while !self.free.is_empty() {
            let Some(intended) = self.pace.next(now) else { return };
            let Some(index) = self.free.pop_front() else { return };
            self.start(index, intended, now);
        }
    }

    fn turn(&mut self, until_sweep: u64) -> std::io::Result<()> {
        let now = self.now();
        let due = if self.free.is_empty() { None } else { self.pace.wait(now) };
        let events = self.epoll.wait(Some(due.map_or(until_sweep, |d| d.min(until_sweep))))?;
        for at in 0..events {
            let event = self.epoll.event(at);
            self.event(event);
        }
        Ok(())
    }

    fn event(&mut self, event: Ready) {
        let (index, generation) = Slot::parts(event.token);
        let slot = &self.slots[index];
        if slot.generation != generation {
            return;
        }
        if event.writable && slot.phase == Phase::Busy && slot.sent < self.plan.request.len() {
            self.push(index);
        }
        if event.readable {
            self.pull(index, generation, event.hung_up);
        }
    }

    /// Opens the slot's connection; false when that failed at once.
    fn connect(&mut self, index: usize) -> bool {
        let Ok(socket) = sys::connect(&self.plan.address) else { return false };
        let slot = &mut self.slots[index];
        let token = slot.open(index, socket);
        self.tally.connects += 1;
        slot.socket.as_ref().is_some_and(|socket| self.epoll.add(socket, token).is_ok())
    }

    fn start(&mut self, index: usize, intended: u64, now: u64) {
        let slot = &mut self.slots[index];
        slot.phase = Phase::Busy;
        slot.intended = intended;
        slot.begun = now;
        slot.sent = 0;
        slot.answer.restart();
        self.in_flight += 1;
        if slot.socket.is_none() && !self.connect(index) {
            return self.fail(index, Failure::Connect);
        }
        self.push(index);
    }

    /// Sends what is left of the request. On a connection that is still being made this says "would block" once.
    fn push(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let Some(socket) = &slot.socket else { return };
        match sys::send(socket, &self.plan.request[slot.sent..]) {
            Ok(count) => {
                slot.sent += count;
                slot.fresh = false;
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) if slot.fresh => self.fail(index, Failure::Connect),
            Err(e) if e.kind() == ErrorKind::BrokenPipe && slot.sent == 0 => {
                self.fail(index, Failure::Closed)
            }
            Err(_) => self.fail(index, Failure::Send),
        }
    }

    /// Receives until the answer is complete or nothing is left to receive.
    fn pull(&mut self, index: usize, generation: u32, hung_up: bool) {
        loop {
            let slot = &mut self.slots[index];
            if slot.generation != generation {
                return;
            }
            let Some(socket) = &slot.socket else { return };
            let discardable = slot.answer.discardable();
            let discarding = slot.phase == Phase::Busy && discardable >= DISCARD_FROM;
            let asked = if discarding { discardable as usize } else { SCRATCH_BYTES };
            let received = if discarding {
                sys::discard(socket, asked)
            } else {
                sys::receive(socket, &mut self.scratch)
            };
            let count = match received {
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ if slot.phase != Phase::Busy => return slot.socket = None, // idle: closed by the server
                Err(_) if slot.fresh => return self.fail(index, Failure::Connect),
                Err(_) => return self.fail(index, Failure::Receive),
                Ok(count) => count,
            };
            if self.counting {
                self.tally.bytes += count as u64;
            }
            let progress = match count {
                0 => slot.answer.end().map(|()| Progress::Done),
                _ if discarding => Ok(slot.answer.discarded(count as u64)),
                _ => slot.answer.feed(&self.scratch[..count]),
            };
            match progress {
                Ok(Progress::Done) => return self.finish(index),
                Err(fault) => return self.fail(index, fault.into()),
                Ok(Progress::More) if count < asked && !hung_up => return,
                Ok(Progress::More) => {}
            }
        }
    }

    /// The answer is complete: count it and go on.
    fn finish(&mut self, index: usize) {
        let now = self.now();
        let slot = &mut self.slots[index];
        let whole = slot.sent == self.plan.request.len();
        if slot.answer.close || !self.plan.keep || !whole {
            slot.socket = None;
        }
        slot.phase = Phase::Free;
        self.in_flight -= 1;
        let (status, intended) = (slot.answer.status, slot.intended);
        if self.counts(intended) {
            if (200..300).contains(&status) {
                self.tally.answered(now - intended);
            } else {
                self.tally.failed(Failure::Status, 1);
            }
        }
        self.release(index, now);
    }

    fn fail(&mut self, index: usize, failure: Failure) {
        let slot = &mut self.slots[index];
        slot.socket = None;
        slot.phase = Phase::Resting;
        self.in_flight -= 1;
        self.resting.push(index);
        let intended = slot.intended;
        if self.counts(intended) {
            self.tally.failed(failure, 1);
        }
    }

    /// Closed loop: what ends in the window. Open loop: what was due in it.
    fn counts(&self, intended: u64) -> bool {
        self.counting && (!self.pace.is_open() || intended >= self.counting_from)
    }

    /// Gives a free slot its next request, or puts it at the end of the queue.
    fn release(&mut self, index: usize, now: u64) {
        let next = if self.free.is_empty() { self.pace.next(now) } else { None };
        match next {
            Some(intended) => self.start(index, intended, now),
            None => self.free.push_back(index),
        }
    }

    fn sweep(&mut self, now: u64) {
        for index in std::mem::take(&mut self.resting) {
            self.slots[index].phase = Phase::Free;
            self.release(index, now);
        }
        let limit = nanoseconds(self.plan.timeout);
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if slot.phase == Phase::Busy && now.saturating_sub(slot.begun) > limit {
                self.fail(index, Failure::Timeout);
            }
        }
    }
}
