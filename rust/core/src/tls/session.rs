//! One connection's TLS: ciphertext in, plain text out, and back.
//!
//! Theory: rustls's unbuffered interface decrypts in the buffer that the caller has read into, and keeps nothing. What
//! is left of a record that is not whole is kept here and put in front of what comes next; an idle session has no buffer
//! at all. Whatever rustls wants sent (handshake, tickets, key updates, alerts) is appended to `out` in the order in
//! which it must go, so the caller only has to send it before anything that is sealed later.
//!
//! Rules: nothing is handed out before the handshake is over; an end without close_notify is not an end (RFC 8446 §6.1),
//! [`Session::ended`] says whether there was one.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{CommonState, Error, HandshakeKind};

use super::cause::Cause;
use super::certificates::{Choice, take_choice};
use super::client::ClientTls;
use super::identity::Identity;
use super::limits::PARTIAL_BYTES;
use super::names::host_of;
use super::server::ServerTls;
use super::step::{Sink, Went, Write, Wrote};
use crate::document::Protocol;

enum Conn {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What is known of a client once the handshake is over; shared by all requests on its connection.
#[derive(Debug)]
pub struct Known {
    choice: Choice,
    /// Who it is, if it has shown a certificate.
    pub identity: Option<Identity>,
}

impl Known {
    /// The name it asked for (SNI).
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.choice.server_name.as_deref()
    }

    /// Whether a request for this authority belongs here (RFC 9110 §15.5.20): it is for the name that was asked for, or
    /// for one that the certificate speaks for as well, as HTTP/2 allows (RFC 9113 §9.1.1). Who asked for no name has
    /// made no promise.
    #[must_use]
    pub fn fits(&self, authority: &[u8]) -> bool {
        let Some(asked) = self.server_name() else { return true };
        let host = host_of(authority);
        asked.as_bytes().eq_ignore_ascii_case(host) || self.choice.names.cover(host)
    }
}

/// See the module's text.
pub struct Session {
    conn: Conn,
    shaking: bool,
    ended: bool,
    closed: bool,
    /// `partial` came before the session was there.
    ahead: bool,
    /// Ciphertext that is no whole record or message yet.
    partial: Vec<u8>,
    /// Plain text that found no room.
    over: Vec<u8>,
    /// Plain text that was to be sent before the handshake was over.
    waiting: Vec<u8>,
    choice: Option<Choice>,
    known: Option<Rc<Known>>,
    failed: Option<Cause>,
}

impl Session {
    /// For a client.
    ///
    /// # Errors
    /// [`Cause::Internal`], if rustls finds the configuration unusable.
    pub fn server(tls: &ServerTls) -> Result<Self, Cause> {
        let conn = UnbufferedServerConnection::new(Arc::clone(&tls.config));
        conn.map(|conn| Self::new(Conn::Server(conn))).map_err(|error| Cause::from(&error))
    }

    /// For an endpoint, at this address unless the configuration gives it a name.
    ///
    /// # Errors
    /// [`Cause::Internal`], if there is no name to verify, or rustls finds the configuration unusable.
    pub fn client(tls: &ClientTls, address: Option<IpAddr>) -> Result<Self, Cause> {
        let name = tls.name(address).ok_or(Cause::Internal)?;
        let conn = UnbufferedClientConnection::new(Arc::clone(&tls.config), name);
        conn.map(|conn| Self::new(Conn::Client(conn))).map_err(|error| Cause::from(&error))
    }

    fn new(conn: Conn) -> Self {
        Self {
            conn,
            shaking: true,
            ended: false,
            closed: false,
            ahead: false,
            partial: Vec::new(),
            over: Vec::new(),
            waiting: Vec::new(),
            choice: None,
            known: None,
            failed: None,
        }
    }

    /// The handshake is not over.
    #[inline]
    #[must_use]
    pub fn is_shaking(&self) -> bool {
        self.shaking
    }

    /// The peer has said that nothing more comes.
    #[inline]
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// What has gone wrong.
    #[must_use]
    pub fn failed(&self) -> Option<Cause> {
        self.failed
    }

    /// How the handshake ended, if it ended well.
    #[must_use]
    pub fn kind(&self) -> Option<Cause> {
        match self.common().handshake_kind()? {
            _ if self.shaking => None,
            HandshakeKind::Resumed => Some(Cause::Resumed),
            HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest => Some(Cause::Full),
        }
    }

    /// What ALPN has agreed upon.
    #[must_use]
    pub fn alpn(&self) -> Option<Protocol> {
        let name = self.common().alpn_protocol()?;
        [Protocol::H2, Protocol::Http1].into_iter().find(|protocol| protocol.alpn() == name)
    }

    /// What is known of the client, once the handshake is over.
    #[must_use]
    pub fn known(&self) -> Option<&Rc<Known>> {
        self.known.as_ref()
    }

    fn common(&self) -> &CommonState {
        match &self.conn {
            Conn::Server(conn) => conn,
            Conn::Client(conn) => conn,
        }
    }

    /// Bytes kept of what came and of what waits.
    #[must_use]
    pub fn held(&self) -> usize {
        self.partial.capacity() + self.over.capacity() + self.waiting.capacity()
    }

    /// These came on the wire before the session was there.
    pub fn foresee(&mut self, wire: &[u8]) {
        self.partial.extend_from_slice(wire);
        self.ahead = !wire.is_empty();
    }

    /// Whether what is kept of the wire was not looked at yet; it is now.
    #[must_use]
    pub fn look_ahead(&mut self) -> bool {
        std::mem::take(&mut self.ahead)
    }

    /// Bytes of the wire that are kept, since they are no whole record or message yet.
    #[inline]
    #[must_use]
    pub fn partial(&self) -> usize {
        self.partial.len()
    }

    /// Put what is kept of the wire, [`Session::partial`] bytes, in front of what was read into `wire` behind them. They
    /// are no longer kept: [`Session::take`] must get them.
    pub fn restore(&mut self, wire: &mut [u8]) {
        if let Some(front) = wire.get_mut(..self.partial.len()) {
            front.copy_from_slice(&self.partial);
        }
        self.partial = Vec::new();
    }

    /// Plain text that found no room before, as far as it fits; how many bytes.
    #[inline]
    pub fn leftover(&mut self, plain: &mut [u8]) -> usize {
        if self.over.is_empty() {
            return 0;
        }
        let length = self.over.len().min(plain.len());
        if let (Some(to), Some(from)) = (plain.get_mut(..length), self.over.get(..length)) {
            to.copy_from_slice(from);
        }
        self.over.drain(..length);
        if self.over.is_empty() {
            self.over = Vec::new();
        }
        length
    }

    /// Whether plain text found no room.
    #[must_use]
    pub fn holds_plain(&self) -> bool {
        !self.over.is_empty()
    }

    /// Take what came on the wire (it is decrypted in place). Plain text goes to `plain`, what must be sent to `out`.
    /// How many bytes are in `plain`.
    ///
    /// # Errors
    /// The [`Cause`]; `out` then has the alert that says so, if there is one.
    pub fn take(&mut self, wire: &mut [u8], plain: &mut [u8], out: &mut Vec<u8>) -> Result<usize, Cause> {
        if let Some(cause) = self.failed {
            return Err(cause);
        }
        let mut sink = Sink { plain, taken: 0, over: std::mem::take(&mut self.over), out, ended: false };
        let mut used = 0;
        let outcome = loop {
            let rest = wire.get_mut(used..).unwrap_or(&mut []);
            let (discard, went) = self.process(rest, &mut sink);
            used += discard;
            match went {
                Ok(Went::On) => {}
                Ok(Went::Idle) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let (taken, ended) = (sink.taken, sink.ended);
        self.over = sink.over;
        self.ended |= ended;
        let rest = wire.get(used..).unwrap_or(&[]);
        match outcome {
            Err(error) => Err(self.fail(Cause::from(&error), out)),
            // After its end a peer has nothing to say.
            Ok(()) if self.ended => Ok(taken),
            Ok(()) if rest.len() > PARTIAL_BYTES => Err(self.fail(Cause::Malformed, out)),
            Ok(()) => {
                self.partial.extend_from_slice(rest);
                self.note_handshake()?;
                Ok(taken)
            }
        }
    }

    fn process(&mut self, wire: &mut [u8], sink: &mut Sink<'_>) -> (usize, Result<Went, Error>) {
        match &mut self.conn {
            Conn::Server(conn) => sink.step(conn.process_tls_records(wire)),
            Conn::Client(conn) => sink.step(conn.process_tls_records(wire)),
        }
    }

    /// Nothing more is taken or sealed; what there is to say to the peer goes to `out`. rustls is not shown again what it
    /// has stumbled over: as long as it has something to say it looks at nothing.
    fn fail(&mut self, cause: Cause, out: &mut Vec<u8>) -> Cause {
        self.failed = Some(cause);
        let mut sink = Sink { plain: &mut [], taken: 0, over: Vec::new(), out, ended: false };
        while self.common().wants_write() {
            if !matches!(self.process(&mut [], &mut sink), (_, Ok(Went::On))) {
                break;
            }
        }
        self.over = Vec::new();
        self.waiting = Vec::new();
        cause
    }

    /// The handshake may have ended: see who the other side is.
    fn note_handshake(&mut self) -> Result<(), Cause> {
        if !self.shaking {
            return Ok(());
        }
        self.choice = take_choice().or(self.choice.take());
        if self.common().is_handshaking() {
            return Ok(());
        }
        self.shaking = false;
        let Conn::Server(conn) = &self.conn else { return Ok(()) };
        let leaf = conn.peer_certificates().and_then(<[_]>::first);
        match leaf.map(|leaf| Identity::of(leaf)).transpose() {
            Ok(identity) => {
                let choice = self.choice.take().unwrap_or_default();
                self.known = Some(Rc::new(Known { choice, identity }));
            }
            Err(_) => {
                self.over = Vec::new();
                self.failed = Some(Cause::BadCertificate);
                return Err(Cause::BadCertificate);
            }
        }
        Ok(())
    }

    /// Keep plain text until the handshake is over.
    pub fn wait(&mut self, plain: &[u8]) {
        self.waiting.extend_from_slice(plain);
    }

    /// Bytes that wait for the end of the handshake.
    #[inline]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What has waited.
    #[must_use]
    pub fn take_waiting(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting)
    }

    /// Seal plain text, at most [`super::limits::SEAL_BYTES`], into `out`, which has [`super::limits::SEALED_BYTES`];
    /// how many bytes are there. What rustls wants sent before it stands in front.
    ///
    /// # Errors
    /// If the session cannot send any more.
    pub fn seal(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Cause> {
        if self.closed {
            return Err(Cause::Internal);
        }
        self.write(out, Write::Data(plain))
    }

    /// Say that nothing more comes (close_notify), into `out`; how many bytes that takes.
    pub fn close(&mut self, out: &mut [u8]) -> usize {
        if std::mem::replace(&mut self.closed, true) || self.shaking {
            return 0;
        }
        self.write(out, Write::End).unwrap_or(0)
    }

    /// Nothing more is sealed: what was sealed last is lost, and the peer could not read what follows.
    pub fn silence(&mut self) {
        self.closed = true;
        self.waiting = Vec::new();
    }

    /// Whether nothing more is sealed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.closed
    }

    fn write(&mut self, out: &mut [u8], what: Write<'_>) -> Result<usize, Cause> {
        if self.shaking || self.failed.is_some() {
            return Err(Cause::Internal);
        }
        let mut used = 0;
        loop {
            let rest = out.get_mut(used..).unwrap_or(&mut []);
            // Part of a message may lie here, in which rustls remembers places. There is nothing new in it.
            let wire = self.partial.as_mut_slice();
            let wrote = match &mut self.conn {
                Conn::Server(conn) => what.step(conn.process_tls_records(wire), rest),
                Conn::Client(conn) => what.step(conn.process_tls_records(wire), rest),
            };
            match wrote {
                Wrote::Before(bytes) => used += bytes,
                Wrote::All(bytes) => return Ok(used + bytes),
                Wrote::Not => {
                    self.failed = Some(Cause::Internal);
                    return Err(Cause::Internal);
                }
            }
        }
    }
}
