//! What Trio tells a worker, carried out between two turns of traffic.

use std::rc::Rc;
use std::sync::Arc;

use super::border::{Command, Event};
use super::downstream::{Down, Phase};
use super::local::Local;
use super::{Worker, limits};
use crate::net::Net;
use crate::route::Snapshot;

impl<N: Net> Worker<N> {
    /// Carry out what waits, at most a turn's worth.
    pub(crate) fn commands(&mut self) {
        for _ in 0..limits::TURN_COMMANDS {
            let Some(command) = self.border.commands.pop() else { return };
            self.contained(|worker| worker.carry_out(command));
        }
        // More may wait; the wake-up was taken already.
        self.border.wake_worker();
    }

    fn carry_out(&mut self, command: Command<N::Listener>) {
        match command {
            Command::Apply(snapshot) => self.apply(snapshot),
            Command::Listen { listener, socket, gauge } => self.listen(listener, socket, gauge),
            Command::Unlisten { listener } => {
                self.unlisten(listener);
                self.tell(Event::Unlistened { worker: self.number, listener });
            }
            Command::Drain { listener } => self.drain(listener),
            Command::Abort { listener } => self.abort(listener),
            Command::Stop => self.stop(),
            Command::Control { conn, .. } | Command::GoAway { conn, .. } | Command::End { conn, .. } => {
                self.stream_zero(conn, command)
            }
            Command::Answer { id, .. }
            | Command::Send { id, .. }
            | Command::Credit { id, .. }
            | Command::Fail { id, .. } => {
                if let Some(&down) = self.asks.get(&id) {
                    self.drive_command(down, command);
                }
            }
        }
    }

    /// End. Answers under way, and those that were not taken yet, are cut: one that ends with its connection must not
    /// look complete.
    fn stop(&mut self) {
        let open = |down: &Down<_>| down.exchange.is_some() || down.io.blocked() || down.carries_streams();
        for id in self.downs.ids(|down| !down.is_stream() && open(down)) {
            self.cut(id);
        }
        self.stopping = true;
    }

    /// Decide new requests by another snapshot; those under way keep theirs.
    pub(crate) fn apply(&mut self, snapshot: Arc<Snapshot>) {
        let generation = snapshot.generation;
        let old = std::mem::replace(&mut self.local, Rc::new(Local::new(snapshot, Vec::new())));
        self.local.succeed(&old);
        self.retiring.push(old);
        self.regroup();
        self.tell(Event::Applied { worker: self.number, generation });
    }

    /// Bring the upstreams in line with the snapshot in force and those that draining listeners go by.
    fn regroup(&mut self) {
        let former = self.local.former();
        let others: Vec<&Snapshot> = former.iter().map(|local| &*local.snapshot).collect();
        let (numbers, orphans) = self.groups.apply_beside(&self.local.snapshot, &others, &self.ledger);
        self.local.renumber(numbers);
        for local in &former {
            local.renumber(self.groups.numbers(&local.snapshot));
        }
        for orphan in orphans {
            self.drop_pooled(orphan);
        }
    }

    /// Nobody goes by the former snapshot of a listener any more that has drained.
    pub(super) fn forget_listener(&mut self, key: u32) {
        if self.local.forget(key) {
            self.regroup();
        }
    }

    /// Close the listening socket, if it is not closed yet, and let its connections end: those that answer say
    /// `Connection: close`, those that are idle may bring one more request within the grace, so that nobody's request
    /// meets a reset.
    pub(crate) fn drain(&mut self, listener: u32) {
        self.unlisten(listener);
        if !self.is_draining(listener) {
            self.draining.push(listener);
        }
        let leave_by = self.now + limits::DRAIN_GRACE_MS * 1_000_000;
        for id in self.downs.ids(|down| down.listener == listener && !down.is_stream()) {
            if let Some(down) = self.downs.get_mut(id) {
                down.leave_by = leave_by;
                let (timer, idle) =
                    (down.timer, matches!(down.phase, Phase::Preamble | Phase::Hello | Phase::Idle));
                if idle {
                    self.wheel.no_later(timer, leave_by);
                }
            }
        }
        self.retire_untold(listener);
        self.report_drained(listener);
    }

    /// Close every connection of a listener now.
    pub(crate) fn abort(&mut self, listener: u32) {
        for id in self.downs.ids(|down| down.listener == listener && !down.is_stream()) {
            self.cut(id);
        }
    }
}
