//! Beginning a connection to an endpoint: for one exchange, for many streams, for bytes that pass unopened.
//!
//! Rules: whoever needs one says what becomes of it; here it only begins, or leaves nothing behind. Why it was not made
//! has one meaning, whoever hears of it and whenever.

use std::io::ErrorKind;

use super::{Link, Step};
use crate::http1::head::Scan;
use crate::net::{Address, Net};
use crate::reason::Reason;
use crate::tls::{Cause, Session};
use crate::upstream::{Place, Turn, Up};
use crate::worker::accept::out_of_descriptors;
use crate::worker::downstream::Down;
use crate::worker::io::Io;
use crate::worker::{Kind, Worker, token};

/// Why a connection could not be made.
#[derive(Debug)]
pub(crate) enum Undialled {
    /// The endpoint is no more.
    Gone,
    /// The socket said so.
    Socket(std::io::Error),
    /// TLS could not be set up, or its handshake failed.
    Tls(Cause),
}

impl Undialled {
    /// What whoever needed the connection is told.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Gone => Reason::NoEndpoint,
            Self::Socket(error) => match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::NotFound => Reason::ConnectRefused,
                _ if out_of_descriptors(error) => Reason::Overloaded,
                _ => Reason::ConnectFailed,
            },
            Self::Tls(cause) => Reason::of_tls(*cause),
        }
    }
}

impl<N: Net> Worker<N> {
    /// Begin a connection, with TLS on it if the upstream wants that and `secure` says so. Nobody's yet.
    ///
    /// # Errors
    /// Why it could not be begun; nothing is left of it.
    pub(crate) fn dial(&mut self, place: Place, secure: bool) -> Result<Link<N::Sock>, Undialled> {
        let endpoint = self.groups.endpoint(place).ok_or(Undialled::Gone)?;
        let address: Address = endpoint.address.clone();
        place.cells(&self.ledger).connects.add(1);
        let sock = self.net.connect(&address).map_err(Undialled::Socket)?;
        let id = self.ups.reserve();
        let up_token = token(Kind::Up, id);
        if let Err(error) = self.net.watch(&sock, up_token) {
            self.ups.free(id);
            return Err(Undialled::Socket(error));
        }
        let io = if secure { self.secured(place, &address, sock) } else { Ok(Io::new(sock, false)) };
        let io = io.map_err(|cause| {
            self.ups.free(id);
            Undialled::Tls(cause)
        })?;
        place.cells(&self.ledger).open.add(1);
        self.ledger.upstreams.add(1);
        let up = Box::new(Up {
            io,
            stream: None,
            session: None,
            owner: None,
            place,
            connecting: true,
            served: 0,
            idle_since: 0,
            turn: Turn::Out,
            timer: Some(self.wheel.create(up_token)),
            carry: Vec::new(),
            scan: Scan::new(),
        });
        Ok(Link { id, up })
    }

    /// The socket of a new connection, with TLS on it if the upstream wants that.
    fn secured(&mut self, place: Place, address: &Address, sock: N::Sock) -> Result<Io<N::Sock>, Cause> {
        let Some(tls) = self.groups.tls(place) else { return Ok(Io::new(sock, false)) };
        let ip = match address {
            Address::Ip(address) => Some(address.ip()),
            Address::Unix(_) => None,
        };
        Ok(Io::secure(sock, false, Session::client(tls, ip)?))
    }

    /// The connection that an exchange needed was not made.
    pub(super) fn undialled(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        why: &Undialled,
    ) -> Step {
        if let Some(place) = down.exchange.as_ref().and_then(|exchange| exchange.place) {
            place.cells(&self.ledger).connect_failures.add(1);
        }
        self.fail(down, link, why.reason())
    }
}
