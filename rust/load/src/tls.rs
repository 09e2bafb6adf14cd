//! TLS 1.3 on one connection, the client's side: records in, plain bytes out, and back. No socket.
//!
//! Theory: every server is to do the same work, so there is nothing to choose from: one version, one cipher, one key
//! exchange, and P-256 only for servers that know no other (a round trip more). Records are opened where they were
//! received; what is cut in the middle of a record is kept until the rest comes. With the handshake's last flight go the
//! first requests.
//!
//! Rules: nothing is verified, neither the certificate nor the signature that it was used: the server is measured, not
//! trusted, and the generator's own work would only make it the bottleneck. A ticket is used once (RFC 8446, C.4).

use crate::plan::Plan;
use crate::tally::Failure;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, UnbufferedClientConnection};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{DigitallySignedStruct, Error, HandshakeKind, NamedGroup, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};

/// Tickets that are kept for later: more than any run has connections under way, at about 2 KiB each.
const TICKETS: usize = 4096;
/// Bytes that a record adds: header, content type and tag (RFC 8446, 5.2), and the nonce of older versions.
const RECORD_OVERHEAD: usize = 32;
/// Bytes of a record's content.
const RECORD_BYTES: usize = 16 * 1024;

/// What all connections of a run share.
#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Client {
    /// As the plan says.
    pub fn new(plan: &Plan) -> Result<Self, String> {
        let provider = CryptoProvider {
            cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1],
            ..aws_lc_rs::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified))
            .with_no_client_auth();
        config.alpn_protocols = vec![plan.protocol.names().1.to_vec()];
        config.resumption = match plan.resume {
            true => Resumption::store(Arc::new(Tickets::default())),
            false => Resumption::disabled(),
        };
        let name = ServerName::try_from(plan.host.clone()).map_err(|e| format!("{}: {e}", plan.host))?;
        Ok(Self { config: Arc::new(config), name })
    }
}

/// What a piece of the input has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The connection goes on.
    More,
    /// The peer has said that nothing more comes (close_notify).
    End,
}

/// One connection.
pub struct Session {
    connection: UnbufferedClientConnection,
    alpn: Vec<u8>,
    /// The beginning of a record.
    kept: Vec<u8>,
    /// Application data can be sent.
    pub established: bool,
}

impl Session {
    /// A new connection, whose ClientHello is appended to `wire`.
    pub fn new(client: &Client, wire: &mut Vec<u8>) -> Result<Self, Failure> {
        let alpn = client.config.alpn_protocols.concat();
        let connection = UnbufferedClientConnection::new(client.config.clone(), client.name.clone())
            .map_err(|_| Failure::Tls)?;
        let mut session = Self { connection, alpn, kept: Vec::new(), established: false };
        session.open(&mut [], wire, &mut |_| Ok(()))?;
        Ok(session)
    }

    /// Puts what was kept in front of a buffer and says how long it is: the next bytes are to be received after it.
    pub fn restore(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.kept.len();
        buffer[..count].copy_from_slice(&self.kept);
        self.kept.clear();
        count
    }

    /// Keeps bytes that nothing could be added to.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// Opens the records of `input`, hands what is in them to `sink`, and appends the handshake's own to `wire`.
    pub fn open(
        &mut self,
        input: &mut [u8],
        wire: &mut Vec<u8>,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<Came, Failure> {
        let (mut at, mut came) = (0, Came::More);
        loop {
            let UnbufferedStatus { discard, state, .. } =
                self.connection.process_tls_records(&mut input[at..]);
            at += discard;
            match state.map_err(|_| Failure::Tls)? {
                ConnectionState::ReadTraffic(mut records) => {
                    while let Some(record) = records.next_record() {
                        let record = record.map_err(|_| Failure::Tls)?;
                        at += record.discard;
                        sink(record.payload)?;
                    }
                }
                ConnectionState::EncodeTlsData(mut record) => {
                    grow(wire, |room| match record.encode(room) {
                        Ok(count) => Ok(count),
                        Err(EncodeError::InsufficientSize(size)) => Err(Some(size.required_size)),
                        Err(EncodeError::AlreadyEncoded) => Err(None),
                    })?;
                }
                ConnectionState::TransmitTlsData(sent) => sent.done(),
                ConnectionState::PeerClosed => came = Came::End,
                ConnectionState::WriteTraffic(_) if !self.established => self.establish()?,
                _ => break,
            }
        }
        self.kept.extend_from_slice(&input[at..]);
        Ok(came)
    }

    /// Appends `plain` to `wire` in records.
    pub fn seal(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<(), Failure> {
        let status = self.connection.process_tls_records(&mut []);
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else { return Err(Failure::Tls) };
        let start = wire.len();
        wire.resize(start + plain.len() + (plain.len() / RECORD_BYTES + 1) * RECORD_OVERHEAD, 0);
        let count = traffic.encrypt(plain, &mut wire[start..]).map_err(|error| match error {
            EncryptError::InsufficientSize(_) | EncryptError::EncryptExhausted => Failure::Tls,
        })?;
        wire.truncate(start + count);
        Ok(())
    }

    /// Whether the session of an earlier connection was resumed.
    pub fn resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The handshake is complete: what it agreed on must be what was asked for. Servers may ignore ALPN where HTTP/1.1 is
    /// meant anyway.
    fn establish(&mut self) -> Result<(), Failure> {
        self.established = true;
        match self.connection.alpn_protocol() {
            Some(chosen) if chosen == self.alpn => Ok(()),
            None if self.alpn == b"http/1.1" => Ok(()),
            _ => Err(Failure::Tls),
        }
    }
}

/// Appends what `write` writes, after it has said how much room that needs.
fn grow(
    wire: &mut Vec<u8>,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> Result<(), Failure> {
    let start = wire.len();
    let mut written = write(&mut []);
    if let Err(Some(needed)) = written {
        wire.resize(start + needed, 0);
        written = write(&mut wire[start..]);
    }
    wire.truncate(start + written.unwrap_or(0));
    written.map(drop).map_err(|_| Failure::Tls)
}

/// Tickets of TLS 1.3, the newest first.
#[derive(Debug, Default)]
struct Tickets(Mutex<Vec<Tls13ClientSessionValue>>);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tickets.len() < TICKETS {
            tickets.push(ticket);
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// Takes every certificate.
#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
        ]
    }
}
