//! What is asked, and the bytes that a client asking it would send.

use crate::http1::authority;
use crate::route::Snapshot;
use crate::tls::{AlternativeName, Identity};
use serde::{Deserialize, Serialize};

/// A request that somebody wonders about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Name of the listener that it would arrive at; none: chosen by the URL.
    pub listener: Option<String>,
    /// As it would be sent.
    pub method: String,
    /// `scheme://host[:port]/path?query`, `/path?query` with a `Host` among the headers, or `*`.
    pub url: String,
    /// Names and values as they would be sent. A `Host` here is used in place of the URL's.
    pub headers: Vec<(String, String)>,
    /// The certificate that the client would show.
    #[serde(default)]
    pub client_cert: Option<ClientCert>,
}

/// A client's certificate in words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientCert {
    /// The distinguished name as RFC 4514 writes it.
    pub subject: String,
    /// Alternative names: URIs, e-mail and IP addresses, and hosts.
    pub san: Vec<String>,
    /// SHA-256 of the DER, lower-case hex.
    pub fingerprint: String,
}

impl ClientCert {
    fn identity(&self) -> Result<Identity, String> {
        let kind = |name: &String| {
            let text = name.as_str().into();
            match () {
                () if name.contains("://") => AlternativeName::Uri(text),
                () if name.contains('@') => AlternativeName::Email(text),
                () if name.parse::<std::net::IpAddr>().is_ok() => AlternativeName::Ip(text),
                () => AlternativeName::Dns(text),
            }
        };
        let names = self.san.iter().map(kind).collect();
        Identity::new(self.subject.clone(), names, self.fingerprint.clone())
            .map_err(|_| "a client with this certificate would be refused".into())
    }
}

/// A question, written out.
#[derive(Debug)]
pub(super) struct Asked {
    /// `http` or `https` if the URL says so.
    scheme: Option<String>,
    /// The URL's authority: where the client would connect to.
    authority: String,
    /// What the Host field says.
    host: String,
    /// The whole head.
    pub head: Vec<u8>,
    /// Who asks.
    pub client: Option<Identity>,
}

impl Asked {
    pub fn new(question: &Question) -> Result<Self, String> {
        let (scheme, authority, target) = take_apart(&question.url)?;
        let is_host = |name: &str| name.eq_ignore_ascii_case("host");
        let host = question.headers.iter().find(|(name, _)| is_host(name)).map(|(_, value)| value.clone());
        let written = host.is_some();
        let host = host.unwrap_or_else(|| authority.clone());
        let mut head = format!("{} {target} HTTP/1.1\r\n", question.method).into_bytes();
        let fields = question.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in (!written).then_some(("Host", host.as_str())).into_iter().chain(fields) {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        let client = question.client_cert.as_ref().map(ClientCert::identity).transpose()?;
        Ok(Self { scheme, authority, host, head, client })
    }

    /// The listener that it arrives at, and why that one.
    pub fn listener(&self, snapshot: &Snapshot, name: Option<&str>) -> Option<(usize, &'static str)> {
        let at = |fits: &dyn Fn(usize) -> bool| (0..snapshot.listeners.len()).find(|&at| fits(at));
        if let Some(name) = name {
            let named = |at: usize| snapshot.listeners.get(at).is_some_and(|listener| listener.name == name);
            return at(&named).map(|at| (at, "named in the question"));
        }
        let knows = |at: usize| {
            let listener = snapshot.listeners.get(at);
            let passes = listener.is_some_and(|listener| listener.passthrough.find(self.name()).is_some());
            passes || snapshot.names_host(at, self.host.as_bytes())
        };
        let scheme = |at: usize| {
            let listener = snapshot.listeners.get(at);
            listener
                .is_some_and(|listener| self.scheme.as_ref().is_none_or(|scheme| *scheme == listener.scheme))
        };
        let port = |at: usize| {
            let listener = snapshot.listeners.get(at);
            self.port()
                .is_some_and(|port| listener.is_some_and(|listener| ends_with_port(&listener.address, port)))
        };
        let port_of_scheme = at(&|at| port(at) && scheme(at)).map(|at| (at, "it has the URL's port"));
        port_of_scheme
            .or_else(|| at(&|at| scheme(at) && knows(at)).map(|at| (at, "first that names the host")))
            .or_else(|| at(&scheme).map(|at| (at, "first with the URL's scheme")))
            .or_else(|| at(&knows).map(|at| (at, "first that names the host, with another scheme")))
            .or_else(|| at(&|_| true).map(|at| (at, "first, with another scheme")))
    }

    /// What the client would ask for in its first message of TLS (SNI), perhaps with port.
    pub fn name(&self) -> &str {
        if self.authority.is_empty() { &self.host } else { &self.authority }
    }

    /// As written, else the scheme's (RFC 9110 §4.2).
    fn port(&self) -> Option<&str> {
        let (_, port) = authority::split(self.authority.as_bytes());
        match (std::str::from_utf8(port).unwrap_or_default(), self.scheme.as_deref()) {
            ("", Some("http")) => Some("80"),
            ("", Some("https")) => Some("443"),
            ("", _) => None,
            (port, _) => Some(port),
        }
    }
}

fn ends_with_port(address: &str, port: &str) -> bool {
    !address.starts_with("unix:") && address.rsplit_once(':').is_some_and(|(_, own)| own == port)
}

/// Scheme, authority and request target of a URL; what follows `#` is never sent (RFC 9110 §7.1).
fn take_apart(url: &str) -> Result<(Option<String>, String, String), String> {
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with('/') || url == "*" {
        return Ok((None, String::new(), url.to_owned()));
    }
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, url),
    };
    if scheme.as_deref().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(format!("`{url}` is neither an http nor an https URL"));
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.is_empty() {
        return Err(format!("`{url}` has no host"));
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((scheme, authority.to_owned(), format!("{slash}{path}")))
}
