//! What comes before HTTP on a client's connection: a PROXY header, from those who have to send one; and the first message
//! of TLS, where connections are passed on by the name in it.
//!
//! Theory: first phases of such a connection. What was read waits in `carry`. Once the header is whole, the client that it
//! names takes the sender's place, and what follows the header is read as if it had come first. Once the message is whole,
//! or clearly none, what was read goes to the upstream of the name with all that follows, or is refused. A connection of
//! anybody else never has these phases.
//!
//! Rule: no header, no connection: to a sender that is trusted with addresses nothing is guessed.

use std::net::IpAddr;

use super::downstream::{Down, Phase};
use super::io::Read;
use super::table::Id;
use super::{Worker, limits};
use crate::exchange::{Link, Step};
use crate::net::{Net, Peer};
use crate::preamble::hello::{self, Seen};
use crate::preamble::limits::{HELLO_BYTES, V2_BYTES};
use crate::preamble::outcome::Outcome;
use crate::preamble::proxy::{self, Header, Source};
use crate::route::Listener;
use crate::tls::Cause;

/// What a connection from this address begins with.
pub(super) fn first_phase(listener: &Listener, peer: &Peer) -> Phase {
    // A client of a socket file has no address.
    let address = || peer.as_str().parse::<IpAddr>().ok();
    if !listener.proxies.is_empty() && listener.proxies.contain(address()) {
        return Phase::Preamble;
    }
    if listener.passthrough.is_empty() { Phase::Idle } else { Phase::Hello }
}

/// unrecognized_name, fatal, as TLS says it before anything is agreed upon (RFC 8446 §6.2, RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

impl<N: Net> Worker<N> {
    /// Read what there is of the header.
    pub(super) fn preamble(&mut self, down: &mut Down<N::Sock>) -> Step {
        match self.read_ahead(down, V2_BYTES) {
            Read::Nothing => Step::Wait,
            Read::End => self.refuse_sender(Outcome::Gone),
            Read::Bytes(_) => match proxy::read(&down.carry) {
                Ok(None) => Step::Again,
                Ok(Some(header)) => self.introduce(down, header),
                Err(fault) => self.refuse_sender(fault.into()),
            },
        }
    }

    /// The connection is that client's.
    fn introduce(&mut self, down: &mut Down<N::Sock>, header: Header) -> Step {
        self.ledger.proxy_header(header.into());
        crate::fault::point("preamble.introduce");
        match header.source {
            Source::Address(address) => down.peer = Peer::of(address),
            Source::Unix => down.peer = Peer::unix(),
            Source::Own => {}
        }
        down.carry.drain(..header.length.min(down.carry.len()));
        if down.carry.is_empty() {
            self.buffers.give(std::mem::take(&mut down.carry));
        }
        let (local, index) = self.local.that_knows(down.listener);
        let listener = local.description(index);
        if listener.is_some_and(|listener| !listener.passthrough.is_empty()) {
            // Its time runs from accept.
            down.phase = Phase::Hello;
            return Step::Again;
        }
        down.enter(Phase::Idle, self.now);
        self.expect_tls(down);
        Step::Again
    }

    /// Read what there is of the first message of TLS, and pass the connection on if its name says so.
    pub(super) fn hello(
        &mut self,
        id: Id,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
    ) -> Step {
        let mut seen = hello::read(&down.carry);
        // What followed a PROXY header was read already, and may be enough.
        if seen == Seen::Partial {
            match self.read_ahead(down, HELLO_BYTES) {
                Read::Nothing => return Step::Wait,
                Read::End => {
                    self.ledger.shaken_down(Cause::Gone);
                    return Step::Close;
                }
                Read::Bytes(_) => seen = hello::read(&down.carry),
            }
        }
        let name = match seen {
            Seen::Partial => return Step::Again,
            Seen::Name(name) => name,
            Seen::Other => String::new(),
        };
        crate::fault::point("preamble.hello");
        let (local, index) = self.local.that_knows(down.listener);
        let listener = local.description(index);
        match listener.and_then(|listener| listener.passthrough.find(&name)) {
            Some(passed) => self.pass_through(id, down, link, &name, passed),
            None if listener.is_some_and(|listener| listener.tls.is_some()) => self.open_here(down),
            None => self.refuse_name(down, &name),
        }
    }

    /// What was read is for TLS of our own. Its time runs from accept.
    fn open_here(&self, down: &mut Down<N::Sock>) -> Step {
        let since = down.since;
        self.expect_tls(down);
        down.since = since;
        Step::Again
    }

    /// Nobody here is called that.
    fn refuse_name(&mut self, down: &mut Down<N::Sock>, name: &str) -> Step {
        self.buffers.give(std::mem::take(&mut down.carry));
        self.turn_name_away(down, name);
        // If the client is gone, reading will tell.
        let _ = down.io.send(&mut self.net, &UNRECOGNIZED_NAME, &mut self.buffers);
        down.enter(Phase::Linger { left: limits::LINGER_BYTES, finished: false }, self.now);
        Step::Again
    }

    /// Read once, behind what waits in `carry`.
    fn read_ahead(&mut self, down: &mut Down<N::Sock>, most: usize) -> Read {
        let mut scratch = std::mem::take(&mut self.scratch);
        let read = down.io.read(&mut self.net, scratch.get_mut(..most).unwrap_or(&mut []));
        if let Read::Bytes(count) = read {
            let fresh = scratch.get(..count).unwrap_or(&[]);
            if down.carry.is_empty() {
                down.carry = self.buffers.holding(fresh);
            } else {
                down.carry.extend_from_slice(fresh);
            }
        }
        self.scratch = scratch;
        read
    }

    /// Close a connection that did not begin as it has to.
    pub(crate) fn refuse_sender(&self, outcome: Outcome) -> Step {
        self.ledger.proxy_header(outcome);
        Step::Close
    }
}
