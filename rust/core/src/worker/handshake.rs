//! TLS handshakes, with clients and with upstreams: each stands in line for its steps.
//!
//! Theory: a step of a handshake costs as much as many requests (a signature, a key agreement). So it is not done when
//! its bytes come, but in its turn: a turn of the worker first serves every connection that is established, then takes
//! [`limits::TURN_HANDSHAKES`] handshakes one step further, and clears away those whose clients have left. A flood of
//! them makes newcomers wait for each other, and adds one step to what the others wait for.
//!
//! Rules: whoever stands in line stands there once; the time of a handshake runs in line too; a handshake that failed is
//! told so by an alert, which the client is given time to read. For a client that has said nothing there is no state of
//! TLS, and for one that has left before it was heard nothing is read, and above all nothing signed.

use super::downstream::{Down, Phase, time};
use super::io::secure::Shaken;
use super::table::Id;
use super::{Worker, limits};
use crate::exchange::Step;
use crate::net::Net;
use crate::tls::{Cause, Session};
use crate::upstream::{Turn, Up};

impl<N: Net> Worker<N> {
    /// From here on the connection speaks TLS, if its listener does. What came already is its first bytes.
    pub(super) fn expect_tls(&self, down: &mut Down<N::Sock>) {
        let (local, index) = self.local.that_knows(down.listener);
        let listener = local.description(index).filter(|listener| listener.tls.is_some());
        let Some(listener) = listener else { return };
        down.io.readable |= !down.carry.is_empty();
        down.header_timeout = time(listener.handshake_timeout);
        down.enter(Phase::Handshake { queued: false }, self.now);
    }

    /// Make what TLS with this client needs, if that is not done: it has said something, and has not left.
    fn open_tls(&mut self, down: &mut Down<N::Sock>) -> Result<(), Cause> {
        if down.io.tls().is_some() {
            return Ok(());
        }
        // It cannot end well with one that has left by now: a client's last message follows from our first.
        if down.io.closing {
            return Err(Cause::Gone);
        }
        let (local, index) = self.local.that_knows(down.listener);
        let tls = local.description(index).and_then(|listener| listener.tls.as_ref());
        // A reload may have taken TLS from the listener since the client came.
        let session = Session::server(tls.ok_or(Cause::Incompatible)?)?;
        let first = std::mem::take(&mut down.carry);
        down.io.protect(session, &first);
        self.buffers.give(first);
        Ok(())
    }

    /// A client in its handshake became ready.
    pub(super) fn line_up(&mut self, id: Id, down: &mut Down<N::Sock>) -> Step {
        if down.phase == (Phase::Handshake { queued: false }) && (down.io.readable || down.io.closing) {
            down.phase = Phase::Handshake { queued: true };
            self.shaking.push_back(id);
        }
        Step::Wait
    }

    /// Whether a handshake with an upstream may take a step now. If not, it stands in line from now on, as soon as there
    /// is a step to take: the first one, or one for which bytes have come.
    pub(crate) fn is_called(&mut self, id: Id, up: &mut Up<N::Sock>) -> bool {
        let due = up.connecting || up.io.readable || up.io.closing;
        match up.turn {
            Turn::Called => up.turn = Turn::Out,
            Turn::Out if due => {
                up.turn = Turn::InLine;
                self.shaking_up.push_back(id);
                return false;
            }
            Turn::Out | Turn::InLine => return false,
        }
        true
    }

    /// Somebody stands in line for a step.
    pub(super) fn somebody_waits(&self) -> bool {
        !self.shaking.is_empty() || !self.shaking_up.is_empty()
    }

    /// Take those who have waited longest one step further; each side in its turn, so that a flood of clients does not
    /// keep the gateway from its upstreams.
    pub(super) fn shake_hands(&mut self) {
        if !self.somebody_waits() {
            return;
        }
        for _ in 0..limits::TURN_HANDSHAKES {
            self.upstream_next = !self.upstream_next;
            let side = self.upstream_next;
            let _ = self.shake_next(side) || self.shake_next(!side);
        }
    }

    fn shake_next(&mut self, upstream: bool) -> bool {
        if upstream { self.shake_next_up() } else { self.shake_next_down() }
    }

    /// False if nobody waits. Those who have left meanwhile cost next to nothing: a line of them is over as soon as it
    /// was made.
    fn shake_next_down(&mut self) -> bool {
        for _ in 0..limits::TURN_VACANCIES {
            let Some(id) = self.shaking.pop_front() else { return false };
            let mut present = true;
            self.contained(|worker| present = worker.shake(id));
            if present {
                return true;
            }
        }
        false
    }

    fn shake_next_up(&mut self) -> bool {
        while let Some(id) = self.shaking_up.pop_front() {
            let Some(up) = self.ups.get_mut(id) else { continue };
            up.turn = Turn::Called;
            let owner = up.owner;
            self.contained(|worker| match owner {
                Some(owner) => worker.drive(owner, None),
                None => worker.drive_session(id, None),
            });
            return true;
        }
        false
    }

    /// One step of a handshake; whether the client was still there.
    fn shake(&mut self, id: Id) -> bool {
        let Some(mut down) = self.downs.take(id) else { return false };
        down.phase = Phase::Handshake { queued: false };
        crate::fault::point("handshake.step");
        let mut link = None;
        let mut present = true;
        let shaken = match self.open_tls(&mut down) {
            Ok(()) => down.io.shake(&mut self.net, &mut self.buffers),
            Err(cause) => Shaken::Failed(cause),
        };
        let step = match shaken {
            Shaken::Wait => self.line_up(id, &mut down),
            Shaken::Done(kind) => {
                self.ledger.shaken_down(kind);
                down.known = down.io.known().cloned();
                let (local, index) = self.local.that_knows(down.listener);
                let listener = local.description(index);
                down.header_timeout = time(listener.map_or(0, |listener| listener.header_timeout));
                down.enter(Phase::Idle, self.now);
                // The first request may have come along.
                self.advance(id, &mut down, &mut link)
            }
            Shaken::Failed(cause) => {
                present = cause != Cause::Gone;
                self.dismiss(id, &mut down, cause)
            }
        };
        self.put_back(id, down, link, step);
        present
    }

    fn dismiss(&mut self, id: Id, down: &mut Down<N::Sock>, cause: Cause) -> Step {
        self.ledger.shaken_down(cause);
        if cause == Cause::Gone {
            return Step::Close;
        }
        // A client may be sending its request already; to close on it would be to reset the alert away.
        down.io.forsake();
        down.enter(Phase::Linger { left: limits::LINGER_BYTES, finished: false }, self.now);
        self.advance(id, down, &mut None)
    }
}
