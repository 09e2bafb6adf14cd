//! All workers of a process, as seen from outside: start, command, listen to, stop.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::border::{Border, Command, ConnId, Event, worker_of};
use super::{Start, Worker, limits};
use crate::account::ledger::{Gauge, Ledger};
use crate::account::log::{self, LogQueue, LogSender};
use crate::account::totals::{self, Totals};
use crate::route::Snapshot;
use crate::sys::epoll::Epoll;
use crate::sys::eventfd::EventFd;
use crate::sys::rlimit;

/// How long [`Fleet::stop`] waits for the log writer, whose disk may be stuck.
const LOG_PATIENCE: Duration = Duration::from_millis(500);

/// A worker's queue of commands is full; it is told again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

struct Member {
    border: Arc<Border<OwnedFd>>,
    ledger: Arc<Ledger>,
    thread: Option<JoinHandle<()>>,
}

/// The workers of one process.
pub struct Fleet {
    members: Vec<Member>,
    events: Arc<EventFd>,
    log: Arc<LogQueue>,
    log_thread: Option<JoinHandle<()>>,
    /// By listener key. Locked by the Trio side only.
    gauges: Mutex<BTreeMap<u32, Arc<Gauge>>>,
}

impl Fleet {
    /// Start so many workers on this snapshot.
    ///
    /// # Errors
    /// The kernel's, when threads or descriptors cannot be had.
    pub fn start(workers: usize, snapshot: &Arc<Snapshot>) -> io::Result<Self> {
        let workers = workers.clamp(1, usize::from(u16::MAX));
        let events = Arc::new(EventFd::new()?);
        let log = Arc::new(LogQueue::new()?);
        let log_thread = Some(log::start(Arc::clone(&log))?);
        let usable = rlimit::descriptors().saturating_sub(limits::RESERVED_DESCRIPTORS);
        let mut fleet = Self { members: Vec::new(), events, log, log_thread, gauges: Mutex::default() };
        for number in 0..workers {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            let member = fleet.hire(number, snapshot, usable / workers as u64)?;
            fleet.members.push(member);
        }
        Ok(fleet)
    }

    fn hire(&self, number: u16, snapshot: &Arc<Snapshot>, descriptors: u64) -> io::Result<Member> {
        let wake = Arc::new(EventFd::new()?);
        let border = Arc::new(Border::new(Arc::clone(&wake), Arc::clone(&self.events)));
        let ledger = Arc::new(Ledger::default());
        let net = Epoll::new(wake)?;
        let start = Start {
            number,
            snapshot: Arc::clone(snapshot),
            border: Arc::clone(&border),
            ledger: Arc::clone(&ledger),
            log: LogSender::new(Arc::clone(&self.log)),
            descriptors,
        };
        let name = format!("worker-{number}");
        let thread = thread::Builder::new().name(name).spawn(move || Worker::new(net, start).run())?;
        Ok(Member { border, ledger, thread: Some(thread) })
    }

    /// Readable while events wait.
    #[must_use]
    pub fn event_fd(&self) -> RawFd {
        self.events.raw()
    }

    /// Number of workers.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.members.len()
    }

    /// Take up to `max` events; when that is fewer than there are, [`Self::event_fd`] stays readable.
    pub fn take_events(&self, max: usize, taken: &mut Vec<Event>) {
        self.events.acknowledge();
        for member in &self.members {
            member.border.looked();
            for queue in [&member.border.events, &member.border.conducted] {
                while taken.len() < max
                    && let Some(event) = queue.pop()
                {
                    taken.push(event);
                }
                if !queue.is_empty() {
                    member.border.wake_trio();
                }
            }
        }
    }

    /// Tell one worker.
    ///
    /// # Errors
    /// [`Full`] if its queue is.
    pub fn command(&self, worker: usize, command: Command<OwnedFd>) -> Result<(), Full> {
        let Some(member) = self.members.get(worker) else { return Ok(()) };
        member.border.commands.push(command).map_err(|_| Full)?;
        member.border.wake_worker();
        Ok(())
    }

    /// Tell the worker that asked. One that does not exist was never asked for.
    ///
    /// # Errors
    /// [`Full`] if its queue is.
    pub fn reply(&self, ask: u64, command: Command<OwnedFd>) -> Result<(), Full> {
        self.command(worker_of(ask), command)
    }

    /// Tell the worker that has this HTTP/2 connection, unless much waits for it already.
    ///
    /// # Errors
    /// [`Full`] if the share of such commands in its queue is used up.
    pub fn conduct(&self, conn: ConnId, command: Command<OwnedFd>) -> Result<(), Full> {
        let worker = worker_of(conn);
        let waiting = self.members.get(worker).map_or(0, |member| member.border.commands.len());
        if waiting >= limits::COMMANDS_OF_CONNECTIONS {
            return Err(Full);
        }
        self.command(worker, command)
    }

    /// Tell all workers.
    ///
    /// # Errors
    /// [`Full`] if a queue is; those before it have been told.
    pub fn broadcast(&self, command: impl Fn() -> Command<OwnedFd>) -> Result<(), Full> {
        (0..self.members.len()).try_for_each(|worker| self.command(worker, command()))
    }

    /// Hand a listening socket to each worker, in order.
    ///
    /// # Errors
    /// [`Full`] if a queue is.
    pub fn listen(&self, listener: u32, sockets: Vec<OwnedFd>) -> Result<(), Full> {
        let gauge = Arc::clone(self.gauges().entry(listener).or_default());
        for (worker, socket) in sockets.into_iter().enumerate() {
            self.command(worker, Command::Listen { listener, socket, gauge: Arc::clone(&gauge) })?;
        }
        Ok(())
    }

    fn gauges(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Arc<Gauge>>> {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Write log lines there.
    pub fn access_log(&self, target: OwnedFd) {
        self.log.retarget(target);
    }

    /// Everything that was counted.
    #[must_use]
    pub fn counters(&self) -> Totals {
        let ledgers: Vec<_> = self.members.iter().map(|member| Arc::clone(&member.ledger)).collect();
        let mut gauges = self.gauges();
        // A listener that has drained everywhere is held by nobody else.
        gauges.retain(|_, gauge| Arc::strong_count(gauge) > 1);
        let gauges = gauges.iter().map(|(key, gauge)| (*key, gauge.as_ref()));
        totals::gather(&ledgers, gauges, self.log.failed_lines.load(Relaxed))
    }

    /// End the threads and wait for them; connections are closed.
    pub fn stop(&mut self) {
        for member in &self.members {
            // A full queue is being worked off: stopping is the one command that must arrive.
            let mut stop = Command::Stop;
            while let Err(back) = member.border.commands.push(stop) {
                member.border.wake_worker();
                thread::yield_now();
                stop = back;
            }
            member.border.wake_worker();
        }
        for member in &mut self.members {
            if let Some(thread) = member.thread.take() {
                // A worker contains its panics; one that did not has nothing left to stop.
                let _ = thread.join();
            }
        }
        self.stop_log();
    }

    /// The writer may hang in a write for ever; the process does not wait for it.
    fn stop_log(&mut self) {
        self.log.stop();
        let Some(thread) = self.log_thread.take() else { return };
        let step = LOG_PATIENCE / 50;
        for _ in 0..50 {
            if thread.is_finished() {
                let _ = thread.join();
                return;
            }
            thread::sleep(step);
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop();
    }
}
