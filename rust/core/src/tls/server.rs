//! The server side of TLS, as a listener wants it.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};

use super::certificates::Certificates;
use super::roots::named;
use super::tickets::Tickets;
use super::{limits, provider, versions};
use crate::document::{ClientAuth, ClientAuthMode, ListenerTls, Protocol};

/// Made once per listener and snapshot.
#[derive(Debug)]
pub struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
}

impl ServerTls {
    /// From the document.
    ///
    /// # Errors
    /// In words, if a certificate, a key or a CA is not what it should be.
    pub fn build(from: &ListenerTls, protocols: &[Protocol]) -> Result<Self, String> {
        let provider = provider();
        if from.certificates.is_empty() {
            return Err("there is no certificate".into());
        }
        let certificates = Certificates::new(&from.certificates, &provider)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(from.min_version))
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier(&from.client_auth)?)
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.alpn().to_vec()).collect();
        config.ticketer = Arc::new(Tickets::new(&from.client_auth).map_err(|error| error.to_string())?);
        // What is not in a ticket is not resumed: nothing is kept here for clients that have left.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = limits::TICKETS;
        Ok(Self { config: Arc::new(config) })
    }
}

impl Protocol {
    /// The name in ALPN (RFC 7301, RFC 9113 §3.1).
    #[must_use]
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Self::H2 => b"h2",
            Self::Http1 => b"http/1.1",
        }
    }
}

fn verifier(from: &ClientAuth) -> Result<Arc<dyn ClientCertVerifier>, String> {
    if from.mode == ClientAuthMode::Off {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let roots = named(&from.roots).map_err(|text| format!("client_auth: {text}"))?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = match from.mode {
        ClientAuthMode::Required => builder,
        _ => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| format!("client_auth: {error}"))
}

/// Behind it lie rustls's locks, which notice a panic of somebody who held them; the rest is never written.
impl std::panic::RefUnwindSafe for ServerTls {}
