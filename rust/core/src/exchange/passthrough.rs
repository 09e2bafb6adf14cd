//! TLS connections that are passed on unopened: one connection of a client, one of ours, bytes both ways.
//!
//! Theory: an exchange without a request. It is a tunnel from its beginning; what was read of the connection to find its
//! name waits in the new connection and leaves first. Nothing of ours is ever said inside: a failure is a reset.
//!
//! Status, as nginx's stream module has it: 200 once the upstream was reached, else that of the reason.

use super::begin::after;
use super::{Backend, Exchange, Link, Step, Version};
use crate::account::line::Asked as LineHead;
use crate::http1::head::Framing;
use crate::http1::request::{Method, Request};
use crate::net::Net;
use crate::reason::Reason;
use crate::route::Passed;
use crate::worker::Worker;
use crate::worker::downstream::{Down, Phase, time};
use crate::worker::table::Id;

/// The upstream was reached.
const REACHED: u16 = 200;

impl<N: Net> Worker<N> {
    /// Pass a connection on whose first bytes wait in `carry`.
    pub(crate) fn pass_through(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        name: &str,
        passed: Passed,
    ) -> Step {
        let mut exchange = self.unopened(down.listener, name);
        exchange.upstream = Some(passed.upstream);
        exchange.try_deadline = after(self.now, passed.connect);
        let group = exchange.local.group(passed.upstream);
        let draw = self.random.draw();
        exchange.place = self.groups.pick(group, draw);
        let place = exchange.place;
        down.exchange = Some(exchange);
        down.quiet_timeout = time(passed.idle);
        down.enter(Phase::Tunnel, self.now);
        let Some(place) = place else { return self.fail(down, link, Reason::NoEndpoint) };
        self.groups.begin(place, &self.ledger);
        crate::fault::point("passthrough.dial");
        let early = std::mem::take(&mut down.carry);
        // As it is, however the upstream is spoken to otherwise.
        let dialled = self.dial(place, false).map(|mut made| {
            made.up.owner = Some(id);
            // Not writable yet, so this only keeps the bytes.
            let _ = made.up.io.send(&mut self.net, &early, &mut self.buffers);
            made
        });
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.bytes_in = early.len() as u64;
        }
        self.buffers.give(early);
        match dialled {
            Ok(made) => {
                if let Some(exchange) = down.exchange.as_mut() {
                    exchange.backend = Backend::Up(made.id);
                }
                *link = Some(made);
                Step::Wait
            }
            Err(why) => self.undialled(down, link, &why),
        }
    }

    /// Count and log a connection for a name that nobody here has.
    pub(crate) fn turn_name_away(&mut self, down: &mut Down<N::Sock>, name: &str) {
        let mut exchange = self.unopened(down.listener, name);
        exchange.reason = Reason::NoHost;
        exchange.status = Reason::NoHost.status();
        down.exchange = Some(exchange);
        self.conclude(down);
    }

    fn unopened(&self, listener: u32, name: &str) -> Exchange {
        let (local, found) = self.local.that_knows(listener);
        let listener = found.unwrap_or(0);
        let logged = local.snapshot.access_log;
        let request =
            Request { method: Method::Other, minor: 1, framing: Framing::None, ..Request::default() };
        let mut exchange = self.exchange(local, listener, &request, None);
        exchange.version = Version::Tls;
        // Nothing of ours can be said to a client that speaks with somebody else.
        exchange.head_sent = true;
        exchange.keep_alive = false;
        exchange.line = logged.then(|| Box::new(LineHead::of_name(name)));
        exchange
    }

    /// A tunnel whose upstream was not reached yet; `None`: it is now.
    pub(super) fn reach(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Option<Step> {
        let up = &link.as_ref()?.up.io;
        if !up.writable && !up.closing {
            let gone = down.io.closing;
            return Some(if gone { self.fail(down, link, Reason::ClientGone) } else { Step::Wait });
        }
        if let Some(step) = self.connected(down, link) {
            return Some(step);
        }
        crate::fault::point("passthrough.reached");
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.status = REACHED;
        }
        None
    }
}
