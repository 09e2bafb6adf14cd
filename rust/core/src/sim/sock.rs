//! What the engine and the scripts hold: one end of a connection, and a listening socket. Dropping closes.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::world::World;

/// One end of a connection.
pub struct Sock {
    world: Rc<RefCell<World>>,
    end: usize,
}

impl Sock {
    pub(super) fn new(world: &Rc<RefCell<World>>, end: usize) -> Self {
        Self { world: Rc::clone(world), end }
    }

    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// As `recv(2)`.
    ///
    /// # Errors
    /// `WouldBlock`; `ConnectionReset` once after all bytes that came before the reset.
    pub fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.world.borrow_mut().read(self.end, buf)
    }

    /// As `send(2)`.
    ///
    /// # Errors
    /// `WouldBlock`; `BrokenPipe` or `ConnectionReset` when the connection is gone.
    pub fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.world.borrow_mut().write(self.end, buf)
    }

    /// Send an end (FIN); reading goes on.
    pub fn finish(&self) {
        self.world.borrow_mut().finish(self.end);
    }

    /// Close so that the peer sees a reset.
    pub fn reset(self) {
        self.world.borrow_mut().reset(self.end);
    }
}

impl Drop for Sock {
    fn drop(&mut self) {
        self.world.borrow_mut().close(self.end);
    }
}

impl std::fmt::Debug for Sock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sock({})", self.end)
    }
}

/// A listening socket.
pub struct Listener {
    world: Rc<RefCell<World>>,
    number: usize,
}

impl Listener {
    pub(super) fn new(world: &Rc<RefCell<World>>, number: usize) -> Self {
        Self { world: Rc::clone(world), number }
    }

    /// For [`super::Network::dial`].
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.world.borrow_mut().close_listener(self.number);
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({})", self.number)
    }
}
