//! What Trio says about stream 0 of an HTTP/2 connection, carried out by the worker that has the connection.
//!
//! Rule: a command may cross the end of its connection on the way. One for a connection that is not there is nothing.

use super::Worker;
use super::border::{Command, ConnId};
use super::table::Id;
use crate::exchange::Step;
use crate::http2::code::Code;
use crate::net::Net;
use crate::reason::Reason;
use crate::session::Owner;

impl<N: Net> Worker<N> {
    /// Carry out a command to one connection.
    pub(crate) fn stream_zero(&mut self, conn: ConnId, command: Command<N::Listener>) {
        let Some(&id) = self.names.get(&conn) else { return };
        let Some(session) = self.sessions.get(id) else { return };
        match command {
            Command::Control { bytes, .. } => session.out.extend_from_slice(&bytes),
            Command::GoAway { last: None, .. } => session.warn(),
            Command::GoAway { last: Some(last), code, .. } => session.retire(last, Code(code)),
            Command::End { code, .. } => return self.end_connection(id, Code(code)),
            _ => {}
        }
        self.sessions.touch(id);
    }

    /// End a connection with GOAWAY; streams in flight fail.
    fn end_connection(&mut self, id: Id, code: Code) {
        let Some(session) = self.sessions.get(id) else { return };
        session.retire(u32::MAX, code);
        let owner = session.owner;
        let out = std::mem::take(&mut session.out);
        match owner {
            Owner::Up(up) => {
                if let Some(up) = self.ups.get_mut(up) {
                    let _ = up.io.send(&mut self.net, &out, &mut self.buffers);
                }
                self.give_up_session(up);
            }
            Owner::Down(owner) => {
                let Some(mut down) = self.downs.take(owner) else { return };
                let sent = down.io.send(&mut self.net, &out, &mut self.buffers);
                self.end_session(id, Reason::Drained, "ended");
                let mut step = if sent.is_err() { Step::Close } else { self.leave_politely(&mut down) };
                if step == Step::Again {
                    step = self.advance(owner, &mut down, &mut None);
                }
                self.put_back(owner, down, None, step);
            }
        }
    }
}
