//! The second implementation of [`Net`]: a network in memory, with virtual time and chance from one seed, so that whole
//! engines are tried in ways that a kernel shows once in a year, and the same way again from the same seed.
//!
//! Theory: [`world`] holds the ends of all connections and a queue of what is to happen. The engine reaches its ends by
//! [`Network`], as it would reach the kernel; scripted clients and servers hold the other ends as [`Sock`]s. Time moves
//! only in [`Net::wait`], to the next thing that happens. Nothing else is different: whatever the simulated kernel does
//! a real one may do.
//!
//! Rules (what edge-triggered epoll promises, and no more): bytes that arrive, space that becomes free, an end and a
//! connect's outcome make an edge; an edge reports all that is true of the socket when it is delivered; edges may come
//! late, in any order, and without cause. A short read or `WouldBlock` while bytes wait means that those bytes "have
//! not arrived yet": another edge follows.

mod end;
mod sock;
mod world;

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

pub use self::sock::{Listener, Sock};
use self::world::World;
pub use self::world::{Chances, Manner};
use crate::net::{Address, Net, Peer, Ready, Token};

/// A handle of the network: one for the engine, one for the test.
#[derive(Clone)]
pub struct Network {
    world: Rc<RefCell<World>>,
}

impl Network {
    /// An empty network whose chance follows from `seed`.
    #[must_use]
    pub fn new(seed: u64, chances: Chances) -> Self {
        Self { world: Rc::new(RefCell::new(World::new(seed, chances))) }
    }

    /// How connects to this address fare from now on.
    pub fn serve(&self, address: &Address, manner: Manner) {
        self.world.borrow_mut().serve(address, manner);
    }

    /// A server's end of a connection that the engine has made to this address.
    #[must_use]
    pub fn arrived(&self, address: &Address) -> Option<Sock> {
        let end = self.world.borrow_mut().arrived(address)?;
        Some(Sock::new(&self.world, end))
    }

    /// A listening socket for the engine.
    #[must_use]
    pub fn listen(&self) -> Listener {
        let number = self.world.borrow_mut().listen();
        Listener::new(&self.world, number)
    }

    /// A client's end of a new connection to a listening socket; `None` if it was closed.
    #[must_use]
    pub fn dial(&self, listener: usize) -> Option<Sock> {
        let end = self.world.borrow_mut().dial(listener)?;
        Some(Sock::new(&self.world, end))
    }

    /// End the next wait at this time (ns): a script has something to do then.
    pub fn alarm(&self, at: u64) {
        self.world.borrow_mut().alarm(at);
    }

    /// End the next wait at once, as an eventfd would.
    pub fn wake(&self) {
        self.world.borrow_mut().wake();
    }

    /// Virtual time, ns.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.world.borrow().now()
    }

    /// Whether nothing at all is to happen any more, timeouts of the engine aside.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.world.borrow().is_quiet()
    }

    /// Change how unkind the network is.
    pub fn chances(&self, chances: Chances) {
        self.world.borrow_mut().set_chances(chances);
    }

    /// Ends that have not been closed, the engine's and the scripts'.
    #[must_use]
    pub fn open_ends(&self) -> usize {
        self.world.borrow().open_ends()
    }
}

impl Net for Network {
    type Sock = Sock;
    type Listener = Listener;

    fn wait(&mut self, ready: &mut Vec<Ready>, timeout_ms: i32) {
        self.world.borrow_mut().wait(ready, timeout_ms);
    }

    fn now(&self) -> u64 {
        self.time()
    }

    fn wall(&self) -> u64 {
        world::EPOCH_US + self.time() / 1_000
    }

    fn seed(&mut self) -> u64 {
        self.world.borrow_mut().draw()
    }

    fn watch_listener(&mut self, listener: &Listener, token: Token) -> io::Result<()> {
        self.world.borrow_mut().watch_listener(listener.number(), token)
    }

    fn unwatch_listener(&mut self, listener: &Listener) {
        self.world.borrow_mut().unwatch_listener(listener.number());
    }

    fn accept(&mut self, listener: &Listener) -> io::Result<(Sock, Peer)> {
        let end = self.world.borrow_mut().accept(listener.number())?;
        Ok((Sock::new(&self.world, end), Peer::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))))
    }

    fn connect(&mut self, address: &Address) -> io::Result<Sock> {
        let end = self.world.borrow_mut().connect(address)?;
        Ok(Sock::new(&self.world, end))
    }

    fn connect_error(&mut self, sock: &Sock) -> Option<io::Error> {
        self.world.borrow_mut().connect_error(sock.end())
    }

    fn watch(&mut self, sock: &Sock, token: Token) -> io::Result<()> {
        self.world.borrow_mut().watch(sock.end(), token)
    }

    fn read(&mut self, sock: &Sock, buf: &mut [u8]) -> io::Result<usize> {
        sock.read(buf)
    }

    fn write(&mut self, sock: &Sock, buf: &[u8]) -> io::Result<usize> {
        sock.write(buf)
    }

    fn finish(&mut self, sock: &Sock) {
        sock.finish();
    }

    fn reset(&mut self, sock: Sock) {
        sock.reset();
    }
}
