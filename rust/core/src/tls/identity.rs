//! Who a client is: what its verified certificate says, taken out once per connection.
//!
//! Rules: texts have the lengths that the DER gives them, and one with a NUL or another control byte refuses the whole
//! certificate (Envoy, CVE-2025-66220): nobody compares less than was signed. Sizes are bounded, since all this goes into
//! a field of every request.

use std::fmt::Write as _;
use std::net::IpAddr;

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::limits::{ALTERNATIVE_NAMES, IDENTITY_BYTES};
use super::subject;

/// One subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host.
    Dns(Box<str>),
    /// A URI.
    Uri(Box<str>),
    /// An e-mail address.
    Email(Box<str>),
    /// An IP address.
    Ip(Box<str>),
}

impl AlternativeName {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dns(text) | Self::Uri(text) | Self::Email(text) | Self::Ip(text) => text,
        }
    }
}

/// What a verified certificate says of its holder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The distinguished name as RFC 4514 writes it; may be empty.
    pub subject: Box<str>,
    /// In the order of the certificate.
    pub alternative_names: Vec<AlternativeName>,
    /// The URI of scheme `spiffe`, if there is exactly one URI (SPIFFE X.509-SVID §2).
    pub spiffe_id: Option<Box<str>>,
    /// SHA-256 of the DER, lower-case hex.
    pub fingerprint: Box<str>,
    /// The value of `X-Forwarded-Client-Cert`.
    forwarded: Box<str>,
}

/// Why a certificate that was verified is refused all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It cannot be read.
    Unreadable,
    /// A name with a NUL, a control byte, or what is not text at all.
    BadName,
    /// More names, or longer ones, than the bound.
    TooMuch,
}

impl Identity {
    /// From the DER of a leaf.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn of(der: &[u8]) -> Result<Self, Unfit> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| Unfit::Unreadable)?;
        let alternative_names = alternative_names(&certificate)?;
        Self::new(subject::text(certificate.subject())?, alternative_names, hex(&sha256(der)))
    }

    /// From its parts; for those who ask what would be.
    ///
    /// # Errors
    /// [`Unfit`], if there is too much of it or a text is not one.
    pub fn new(
        subject: String,
        alternative_names: Vec<AlternativeName>,
        fingerprint: String,
    ) -> Result<Self, Unfit> {
        let names = alternative_names.iter().map(AlternativeName::as_str);
        if alternative_names.len() > ALTERNATIVE_NAMES
            || names.clone().map(str::len).sum::<usize>() + subject.len() > IDENTITY_BYTES
        {
            return Err(Unfit::TooMuch);
        }
        if !names.chain([subject.as_str(), fingerprint.as_str()]).all(is_text) {
            return Err(Unfit::BadName);
        }
        let spiffe_id = spiffe_id(&alternative_names);
        let mut identity = Self {
            subject: subject.into(),
            alternative_names,
            spiffe_id,
            fingerprint: fingerprint.into(),
            forwarded: Box::default(),
        };
        identity.forwarded = identity.written().into();
        Ok(identity)
    }

    /// The value of `X-Forwarded-Client-Cert`, in Envoy's form.
    #[must_use]
    pub fn forwarded(&self) -> &str {
        &self.forwarded
    }

    fn written(&self) -> String {
        let mut out = format!("Hash={};Subject=", self.fingerprint);
        quoted(&self.subject, &mut out);
        for name in &self.alternative_names {
            let (key, text) = match name {
                AlternativeName::Uri(text) => (";URI=", text),
                AlternativeName::Dns(text) => (";DNS=", text),
                AlternativeName::Email(_) | AlternativeName::Ip(_) => continue,
            };
            out.push_str(key);
            if text.contains([',', ';', '=', '"', '\\']) {
                quoted(text, &mut out)
            } else {
                out.push_str(text)
            }
        }
        out
    }
}

/// No control bytes, and nothing outside ASCII, where a field value could not carry it as it is.
fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Result<Vec<AlternativeName>, Unfit> {
    let found = certificate.subject_alternative_name().map_err(|_| Unfit::Unreadable)?;
    let Some(found) = found else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for name in found.value.general_names.iter().take(ALTERNATIVE_NAMES + 1) {
        names.extend(match name {
            GeneralName::DNSName(text) => Some(AlternativeName::Dns((*text).into())),
            GeneralName::URI(text) => Some(AlternativeName::Uri((*text).into())),
            GeneralName::RFC822Name(text) => Some(AlternativeName::Email((*text).into())),
            GeneralName::IPAddress(bytes) => Some(AlternativeName::Ip(address(bytes)?)),
            GeneralName::Invalid(..) => return Err(Unfit::BadName),
            // Names that nothing here compares with.
            _ => None,
        });
    }
    Ok(names)
}

fn address(bytes: &[u8]) -> Result<Box<str>, Unfit> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.map(|address| address.to_string().into()).map_err(|_| Unfit::BadName)
}

fn spiffe_id(names: &[AlternativeName]) -> Option<Box<str>> {
    let mut uris = names.iter().filter_map(|name| match name {
        AlternativeName::Uri(text) => Some(text),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) if uri.starts_with("spiffe://") => Some(uri.clone()),
        _ => None,
    }
}

/// SHA-256, from the provider that is here anyway.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { return [0; 32] };
    let digest = suite.common.hash_provider.hash(bytes);
    digest.as_ref().try_into().unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // A String takes everything.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests;
