//! What comes before HTTP on a client's connection: a PROXY header, from those who have to send one.
//!
//! Theory: the first phase of such a connection. What was read of it waits in `carry`; once the header is whole, the client
//! that it names takes the sender's place, and what follows the header is read as if it had come first. A connection of
//! anybody else never has this phase.
//!
//! Rule: no header, no connection: to a sender that is trusted with addresses nothing is guessed.

use std::net::IpAddr;

use super::Worker;
use super::downstream::{Down, Phase};
use super::io::Read;
use crate::exchange::Step;
use crate::net::{Net, Peer};
use crate::preamble::limits::V2_BYTES;
use crate::preamble::outcome::Outcome;
use crate::preamble::proxy::{self, Header, Source};
use crate::route::Listener;

/// What a connection from this address begins with.
pub(super) fn first_phase(listener: &Listener, peer: &Peer) -> Phase {
    if listener.proxies.is_empty() {
        return Phase::Idle;
    }
    // A client of a socket file has no address.
    let address: Option<IpAddr> = peer.as_str().parse().ok();
    if listener.proxies.contain(address) { Phase::Preamble } else { Phase::Idle }
}

impl<N: Net> Worker<N> {
    /// Read what there is of the header.
    pub(super) fn preamble(&mut self, down: &mut Down<N::Sock>) -> Step {
        let mut scratch = std::mem::take(&mut self.scratch);
        let read = down.io.read(&mut self.net, scratch.get_mut(..V2_BYTES).unwrap_or(&mut []));
        if let Read::Bytes(count) = read {
            let fresh = scratch.get(..count).unwrap_or(&[]);
            if down.carry.is_empty() {
                down.carry = self.buffers.holding(fresh);
            } else {
                down.carry.extend_from_slice(fresh);
            }
        }
        self.scratch = scratch;
        match read {
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
        match header.source {
            Source::Address(address) => down.peer = Peer::of(address),
            Source::Unix => down.peer = Peer::unix(),
            Source::Own => {}
        }
        down.carry.drain(..header.length.min(down.carry.len()));
        if down.carry.is_empty() {
            self.buffers.give(std::mem::take(&mut down.carry));
        }
        down.enter(Phase::Idle, self.now);
        self.begin_tls(down)
    }

    /// Close a connection that did not begin as it has to.
    pub(crate) fn refuse_sender(&self, outcome: Outcome) -> Step {
        self.ledger.proxy_header(outcome);
        Step::Close
    }
}
