//! A bare TCP relay: the least that any proxy of this kind must pay, measured beside them as the floor.
//!
//! Theory: one thread, one edge-triggered epoll, one upstream connection for each client connection, one 64 KiB
//! scratch. What is received is sent at once; what does not fit is kept, and nothing more is received for that
//! direction until it has gone. An end of stream is passed on as one, so that half-closed connections work. It knows
//! nothing of HTTP, has no pools, limits or timers.

use crate::plan::resolve;
use crate::sys::{self, Epoll, Ready};
use std::io::{ErrorKind, Result, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// Bytes received at once, over all connections.
const SCRATCH_BYTES: usize = 64 * 1024;
/// The token of the listening socket; no pair has it.
const LISTENER: u64 = u64::MAX;

/// Runs the relay until it is interrupted, after one line that tells the address it listens on.
pub fn main(mut arguments: impl Iterator<Item = String>) -> std::result::Result<bool, String> {
    let (Some(listen), Some(upstream), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: gateway-load relay LISTEN UPSTREAM, each host:port".into());
    };
    let (listen, upstream) = (resolve(&listen, 80)?, resolve(&upstream, 80)?);
    sys::raise_descriptor_limit();
    sys::note_interrupts();
    let listener = sys::listen(&listen).map_err(|e| format!("{listen}: {e}"))?;
    let listener = TcpListener::from(listener);
    let bound = listener.local_addr().map_err(|e| e.to_string())?;
    println!("listening on {bound}");
    std::io::stdout().flush().map_err(|e| e.to_string())?;
    Relay::new(listener.into(), upstream).and_then(Relay::run).map_err(|e| e.to_string())?;
    Ok(true)
}

/// One end of a pair.
struct Side {
    socket: OwnedFd,
    readable: bool,
    writable: bool,
    hung_up: bool,
    /// Nothing more comes from here.
    ended: bool,
    /// Nothing more goes there.
    shut: bool,
    /// What could not be sent yet.
    unsent: Vec<u8>,
}

impl Side {
    fn new(socket: OwnedFd) -> Self {
        let unsent = Vec::new();
        Self { socket, readable: false, writable: true, hung_up: false, ended: false, shut: false, unsent }
    }

    fn note(&mut self, event: Ready) {
        self.readable |= event.readable;
        self.writable |= event.writable;
        self.hung_up |= event.hung_up;
    }

    /// Receives once; nothing when there is nothing, 0 at the end.
    fn receive(&mut self, scratch: &mut [u8]) -> Result<Option<usize>> {
        let asked = scratch.len();
        match sys::receive(&self.socket, scratch) {
            Ok(count) => {
                self.readable = count == asked || (self.hung_up && count > 0);
                Ok(Some(count))
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Sends what fits and keeps the rest.
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = self.send_some(bytes)?;
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what was kept; true when all of it has gone.
    fn flush(&mut self) -> Result<bool> {
        if !self.unsent.is_empty() && self.writable {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent)?;
        }
        Ok(self.unsent.is_empty())
    }

    fn send_some(&mut self, bytes: &[u8]) -> Result<usize> {
        let sent = match sys::send(&self.socket, bytes) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
            other => other?,
        };
        self.writable = sent == bytes.len();
        Ok(sent)
    }
}

/// A client connection and its upstream connection.
struct Pair {
    client: Side,
    upstream: Side,
}

impl Pair {
    /// Moves what can be moved; true when the pair has nothing more to do.
    fn run(&mut self, scratch: &mut [u8]) -> Result<bool> {
        flow(&mut self.client, &mut self.upstream, scratch)?;
        flow(&mut self.upstream, &mut self.client, scratch)?;
        Ok(self.client.shut && self.upstream.shut)
    }
}

/// One direction: flush, receive, send, until one of the two would block.
fn flow(from: &mut Side, to: &mut Side, scratch: &mut [u8]) -> Result<()> {
    while to.flush()? {
        if from.ended {
            if !to.shut {
                sys::shut_down_sending(&to.socket);
                to.shut = true;
            }
            return Ok(());
        }
        if !from.readable {
            return Ok(());
        }
        match from.receive(scratch)? {
            Some(0) => from.ended = true,
            Some(count) => to.send(&scratch[..count])?,
            None => return Ok(()),
        }
    }
    Ok(())
}

struct Relay {
    epoll: Epoll,
    listener: OwnedFd,
    address: SocketAddr,
    /// Pairs by slot, with the number of pairs the slot has had: a late event of an old pair is known by it.
    slots: Vec<(u32, Option<Pair>)>,
    free: Vec<usize>,
    scratch: Vec<u8>,
}

impl Relay {
    fn new(listener: OwnedFd, address: SocketAddr) -> Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&listener, LISTENER)?;
        Ok(Self {
            epoll,
            listener,
            address,
            slots: Vec::new(),
            free: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    fn run(mut self) -> Result<()> {
        while !sys::interrupted() {
            for at in 0..self.epoll.wait(None)? {
                match self.epoll.event(at) {
                    event if event.token == LISTENER => self.accept(),
                    event => self.event(event),
                }
            }
        }
        Ok(())
    }

    /// Takes all pending clients; one that cannot be paired is closed.
    fn accept(&mut self) {
        while let Ok(client) = sys::accept(&self.listener) {
            if let Ok(upstream) = sys::connect(&self.address) {
                self.pair(client, upstream);
            }
        }
    }

    fn pair(&mut self, client: OwnedFd, upstream: OwnedFd) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() - 1
        });
        let (generation, slot) = &mut self.slots[index];
        *generation = generation.wrapping_add(1);
        let token = u64::from(*generation) << 32 | (index as u64) << 1;
        let pair = slot.insert(Pair { client: Side::new(client), upstream: Side::new(upstream) });
        let registered = self
            .epoll
            .add(&pair.client.socket, token)
            .and_then(|()| self.epoll.add(&pair.upstream.socket, token | 1));
        if registered.is_err() {
            self.close(index);
        }
    }

    fn close(&mut self, index: usize) {
        self.slots[index].1 = None;
        self.free.push(index);
    }

    fn event(&mut self, event: Ready) {
        let index = ((event.token & u64::from(u32::MAX)) >> 1) as usize;
        let (generation, slot) = &mut self.slots[index];
        let Some(pair) = slot.as_mut().filter(|_| *generation == (event.token >> 32) as u32) else { return };
        if event.token & 1 == 0 {
            pair.client.note(event)
        } else {
            pair.upstream.note(event)
        }
        if pair.run(&mut self.scratch).unwrap_or(true) {
            self.close(index);
        }
    }
}
