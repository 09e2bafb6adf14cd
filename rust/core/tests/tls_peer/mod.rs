//! Both sides of TLS for tests: our session, and rustls's own buffered connections as peers.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // every test takes what it needs; tests may fail loudly

use std::io::{Read, Write};
use std::sync::Arc;

use gateway_core::document::{
    Certificate, ClientAuth, ClientAuthMode, ListenerTls, Protocol, TlsVersion, UpstreamProtocol, UpstreamTls,
};
use gateway_core::tls::limits::SEALED_BYTES;
use gateway_core::tls::{Cause, ClientTls, ServerTls, Session, SystemRoots};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_bytes::ByteBuf;

macro_rules! der {
    ($name:literal) => {
        include_bytes!(concat!("../tls_certificates/", $name)).as_slice()
    };
}

/// A certificate of `tls_certificates`, and its key.
pub fn pair(name: &str) -> (&'static [u8], &'static [u8]) {
    match name {
        "shop" => (der!("shop.der"), der!("shop.key")),
        "shop_rsa" => (der!("shop_rsa.der"), der!("shop_rsa.key")),
        "api" => (der!("api.der"), der!("api.key")),
        "old" => (der!("old.der"), der!("old.key")),
        "client" => (der!("client.der"), der!("client.key")),
        "stranger" => (der!("stranger.der"), der!("stranger.key")),
        "nul" => (der!("nul.der"), der!("nul.key")),
        other => panic!("there is no certificate {other}"),
    }
}

pub const CA: &[u8] = der!("ca.der");
pub const OTHER_CA: &[u8] = der!("other_ca.der");

pub fn certificate(name: &str, names: &[&str]) -> Certificate {
    let (chain, key) = pair(name);
    Certificate {
        names: names.iter().map(|&name| name.into()).collect(),
        chain: vec![ByteBuf::from(chain)],
        key: key.into(),
        ocsp: None,
    }
}

pub fn shop() -> Certificate {
    certificate("shop", &["shop.example", "*.shop.example"])
}

pub fn api() -> Certificate {
    certificate("api", &["api.example"])
}

pub fn listener(certificates: Vec<Certificate>) -> ListenerTls {
    ListenerTls {
        certificates,
        client_auth: ClientAuth { mode: ClientAuthMode::Off, roots: vec![] },
        min_version: TlsVersion::V12,
        handshake_timeout: 10_000,
        passthrough: vec![],
    }
}

pub fn asking(mode: ClientAuthMode) -> ListenerTls {
    let client_auth = ClientAuth { mode, roots: vec![ByteBuf::from(CA)] };
    ListenerTls { client_auth, ..listener(vec![shop()]) }
}

pub fn server(from: &ListenerTls) -> ServerTls {
    ServerTls::build(from, &[Protocol::H2, Protocol::Http1]).expect("the document is sound")
}

pub fn upstream() -> UpstreamTls {
    UpstreamTls {
        roots: Some(vec![ByteBuf::from(CA)]),
        server_name: Some("shop.example".into()),
        verify: true,
        chain: vec![],
        key: None,
        min_version: TlsVersion::V12,
    }
}

pub fn client(from: &UpstreamTls) -> ClientTls {
    built(from, &[]).expect("the document is sound")
}

/// On a system that trusts these CAs.
pub fn built(from: &UpstreamTls, system: &[&[u8]]) -> Result<ClientTls, String> {
    let system: Vec<_> = system.iter().map(|&der| ByteBuf::from(der)).collect();
    ClientTls::build(from, UpstreamProtocol::H2, &SystemRoots::read(&system))
}

/// What a client that is not ours offers.
#[derive(Default)]
pub struct Wish {
    pub alpn: Vec<&'static str>,
    pub versions: Option<&'static [&'static rustls::SupportedProtocolVersion]>,
    pub rsa_only: bool,
    pub shows: Option<&'static str>,
}

pub fn peer_config(wish: &Wish) -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if wish.rsa_only {
        let known = provider.signature_verification_algorithms;
        let wanted = |scheme| format!("{scheme:?}").starts_with("RSA");
        let rsa: Vec<_> = known.mapping.iter().copied().filter(|(scheme, _)| wanted(*scheme)).collect();
        // A test is short, and so is the list.
        provider.signature_verification_algorithms.mapping = rsa.leak();
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(CA)).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(wish.versions.unwrap_or(rustls::DEFAULT_VERSIONS))
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match wish.shows {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let (chain, key) = pair(name);
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
            builder.with_client_auth_cert(vec![CertificateDer::from(chain)], key).unwrap()
        }
    };
    config.alpn_protocols = wish.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A client that is not ours, and what it has heard.
pub struct Peer {
    pub tls: ClientConnection,
    heard: Vec<u8>,
}

pub fn peer(config: &Arc<ClientConfig>, name: &'static str) -> Peer {
    let tls = ClientConnection::new(Arc::clone(config), ServerName::try_from(name).unwrap()).unwrap();
    Peer { tls, heard: Vec::new() }
}

/// Our session with the buffers that a socket would have.
pub struct Ours {
    pub session: Session,
    pub plain: Vec<u8>,
    pub out: Vec<u8>,
    /// Room for plain text that is offered.
    pub room: usize,
}

impl Ours {
    pub fn new(session: Session) -> Self {
        Self { session, plain: Vec::new(), out: Vec::new(), room: 64 * 1024 }
    }

    /// What came on the wire.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let mut wire = vec![0; self.session.partial() + bytes.len()];
        wire[self.session.partial()..].copy_from_slice(bytes);
        self.session.restore(&mut wire);
        let mut plain = vec![0; self.room];
        let taken = self.session.take(&mut wire, &mut plain, &mut self.out)?;
        self.plain.extend_from_slice(&plain[..taken]);
        loop {
            let more = self.session.leftover(&mut plain);
            if more == 0 {
                return Ok(());
            }
            self.plain.extend_from_slice(&plain[..more]);
        }
    }

    pub fn send(&mut self, plain: &[u8]) {
        let mut sealed = vec![0; SEALED_BYTES];
        for piece in plain.chunks(gateway_core::tls::limits::SEAL_BYTES) {
            let length = self.session.seal(piece, &mut sealed).unwrap();
            self.out.extend_from_slice(&sealed[..length]);
        }
    }

    pub fn close(&mut self) {
        let mut sealed = vec![0; SEALED_BYTES];
        let length = self.session.close(&mut sealed);
        self.out.extend_from_slice(&sealed[..length]);
    }
}

/// Give the peer what we have for it; what it has for us.
pub fn exchange(ours: &mut Ours, peer: &mut Peer) -> Vec<u8> {
    let bytes = std::mem::take(&mut ours.out);
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let _ = peer.tls.read_tls(&mut rest).unwrap();
        // What it thinks of it is asked by those who want to know; would-block says that this is all for now.
        let _ = peer.tls.process_new_packets();
        let _ = peer.tls.reader().read_to_end(&mut peer.heard);
    }
    let mut theirs = Vec::new();
    while peer.tls.wants_write() {
        peer.tls.write_tls(&mut theirs).unwrap();
    }
    theirs
}

/// Carry everything to and fro until nothing moves, in pieces of `cut` bytes towards us.
pub fn settle(ours: &mut Ours, peer: &mut Peer, mut cut: impl FnMut() -> usize) -> Result<(), Cause> {
    loop {
        let theirs = exchange(ours, peer);
        if theirs.is_empty() && ours.out.is_empty() {
            return Ok(());
        }
        let mut rest = theirs.as_slice();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(cut().clamp(1, rest.len()));
            ours.feed(piece)?;
            rest = later;
        }
    }
}

/// A server session and a client that have shaken hands.
pub fn connected(tls: &ServerTls, config: &Arc<ClientConfig>, name: &'static str) -> (Ours, Peer) {
    let mut ours = Ours::new(Session::server(tls).unwrap());
    let mut peer = peer(config, name);
    settle(&mut ours, &mut peer, || usize::MAX).expect("the handshake ends well");
    (ours, peer)
}

/// A server that is not ours and cuts everything into records of this size.
pub fn other_server(record: usize) -> rustls::ServerConnection {
    let (chain, key) = pair("shop");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(chain)], key)
        .unwrap();
    config.max_fragment_size = Some(record);
    rustls::ServerConnection::new(Arc::new(config)).unwrap()
}

pub fn say(peer: &mut Peer, bytes: &[u8]) {
    peer.tls.set_buffer_limit(None);
    peer.tls.writer().write_all(bytes).unwrap();
}

pub fn hear(peer: &mut Peer) -> Vec<u8> {
    std::mem::take(&mut peer.heard)
}
