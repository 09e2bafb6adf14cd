//! Of the snapshot document: what is agreed upon before the first request of a connection, TLS and HTTP versions.
//!
//! Certificates and keys are DER: files were read and understood on the other side. What rustls cannot use refuses the
//! whole document, but for the system's CAs.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A version of HTTP, by its ALPN name (RFC 7301, RFC 9113 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Protocol {
    /// HTTP/2.
    #[serde(rename = "h2")]
    H2,
    /// HTTP/1.1 and 1.0.
    #[serde(rename = "http/1.1")]
    Http1,
}

/// The server side of TLS.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// Chosen by SNI; the first is the default. Empty only if everything is passed through.
    pub certificates: Vec<Certificate>,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// Oldest version accepted.
    pub min_version: TlsVersion,
    /// From accept to the end of the handshake, ms.
    pub handshake_timeout: u32,
    /// Connections that are forwarded unopened.
    pub passthrough: Vec<Passthrough>,
}

/// A certificate and its key.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Lower case, `*.suffix` for wildcards; from the subject alternative names.
    pub names: Vec<String>,
    /// DER, leaf first.
    pub chain: Vec<ByteBuf>,
    /// PKCS#8, DER.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// DER, stapled as it is.
    pub ocsp: Option<ByteBuf>,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientAuth {
    /// Whether.
    pub mode: ClientAuthMode,
    /// DER; empty only if the mode is `off`.
    pub roots: Vec<ByteBuf>,
}

/// Whether clients show certificates. One that is shown is verified in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMode {
    /// They are not asked.
    Off,
    /// They are asked.
    Optional,
    /// They are refused without.
    Required,
}

/// A version of TLS. Older ones do not exist (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V13,
}

/// TLS connections that are forwarded unopened.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passthrough {
    /// `file:line` for explain.
    pub source: String,
    /// Server names, lower case: exact or `*.suffix`.
    pub names: Vec<String>,
    /// Index into [`super::Document::upstreams`].
    pub upstream: u32,
    /// Deadline of the connection to an endpoint, ms; 0: none.
    pub connect: u32,
    /// Time without a byte in either direction, ms; 0: any.
    pub idle: u32,
}

/// What the other side of an HTTP/2 connection is offered (RFC 9113 §6.5.2).
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http2 {
    /// Of a listener: streams that a client may have open. Of an upstream: streams that we have open at most.
    pub max_concurrent_streams: u32,
    /// Bytes that may be sent to us on a stream before they are consumed.
    pub stream_window: u32,
    /// The same for the whole connection.
    pub connection_window: u32,
    /// Bytes of the largest frame that we take.
    pub max_frame: u32,
    /// What is sent first and says all this: a client's magic, SETTINGS and WINDOW_UPDATE.
    #[serde(with = "serde_bytes")]
    pub preface: Vec<u8>,
}

/// What the RFC says until somebody says otherwise, and empty SETTINGS of a server; for documents made by hand.
impl Default for Http2 {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 100,
            stream_window: 65_535,
            connection_window: 65_535,
            max_frame: 16_384,
            preface: vec![0, 0, 0, 4, 0, 0, 0, 0, 0],
        }
    }
}

/// What is spoken with an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2, by prior knowledge if there is no TLS.
    #[serde(rename = "h2")]
    H2,
    /// What ALPN says; HTTP/1.1 without TLS.
    #[serde(rename = "auto")]
    Auto,
}

/// The client side of TLS.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTls {
    /// DER; never empty unless `verify` is false. None: [`super::Document::system_roots`].
    pub roots: Option<Vec<ByteBuf>>,
    /// Sent as SNI and looked for in the certificate. None: the endpoint's IP address is looked for.
    pub server_name: Option<String>,
    /// False: anybody may answer.
    pub verify: bool,
    /// Our certificate, DER, leaf first; empty: we have none.
    pub chain: Vec<ByteBuf>,
    /// Its key, PKCS#8, DER.
    pub key: Option<ByteBuf>,
    /// Oldest version accepted.
    pub min_version: TlsVersion,
}
