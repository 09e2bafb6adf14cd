//! The client side of TLS, as an upstream wants it.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::identity::sha256;
use super::roots::{SystemRoots, named};
use super::{limits, provider, versions};
use crate::document::{Protocol, UpstreamProtocol, UpstreamTls};

/// Made once per upstream and snapshot.
#[derive(Debug)]
pub struct ClientTls {
    pub(super) config: Arc<ClientConfig>,
    /// Of all that it was built from: connections of the same mark are as good as each other.
    pub mark: [u8; 32],
    name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// From the document.
    ///
    /// # Errors
    /// In words, if a certificate, a key, a CA or the name is not what it should be.
    pub fn build(
        from: &UpstreamTls,
        protocol: UpstreamProtocol,
        system: &SystemRoots,
    ) -> Result<Self, String> {
        let name = from.server_name.clone().map(ServerName::try_from).transpose();
        let name = name.map_err(|error| format!("server_name: {error}"))?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(from.min_version))
            .map_err(|error| error.to_string())?;
        let builder = if from.verify {
            let roots =
                from.roots.as_ref().map_or_else(|| system.shared(), |roots| named(roots).map(Arc::new))?;
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
            builder.with_webpki_verifier(verifier.map_err(|error| error.to_string())?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider())))
        };
        let mut config = match &from.key {
            None if from.chain.is_empty() => builder.with_no_client_auth(),
            None => return Err("a certificate of ours without its key".into()),
            Some(key) => {
                let chain = from.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
                builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())?
            }
        };
        config.alpn_protocols = offered(protocol).iter().map(|protocol| protocol.alpn().to_vec()).collect();
        config.resumption = Resumption::in_memory_sessions(limits::CLIENT_SESSIONS);
        let trusted = from.roots.is_none().then_some(system.digest);
        let text = rmp_serde::to_vec(&(from, protocol, trusted)).map_err(|error| error.to_string())?;
        Ok(Self { config: Arc::new(config), mark: sha256(&text), name })
    }

    /// The name that is sent and verified: the configured one, else the endpoint's address.
    pub(super) fn name(&self, address: Option<IpAddr>) -> Option<ServerName<'static>> {
        self.name.clone().or_else(|| Some(ServerName::IpAddress(address?.into())))
    }
}

fn offered(protocol: UpstreamProtocol) -> &'static [Protocol] {
    match protocol {
        UpstreamProtocol::Http1 => &[Protocol::Http1],
        UpstreamProtocol::Auto => &[Protocol::H2, Protocol::Http1],
        UpstreamProtocol::H2 => &[Protocol::H2],
    }
}

/// For `verify: false`: whoever answers is believed, but must hold the key of the certificate that is shown.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// As for [`super::ServerTls`].
impl std::panic::RefUnwindSafe for ClientTls {}
