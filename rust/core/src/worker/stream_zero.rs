//! What Trio says about stream 0 of an HTTP/2 connection, carried out by the worker that has the connection.
//!
//! Rule: a command may cross the end of its connection on the way. One for a connection that is not there is nothing.

use super::Worker;
use super::border::{Command, ConnId};
use crate::net::Net;

impl<N: Net> Worker<N> {
    /// Carry out a command to one connection. No connection speaks HTTP/2 yet, so none is there.
    pub(crate) fn stream_zero(&mut self, _conn: ConnId, _command: Command<N::Listener>) {}
}
