//! Which certificate a client is shown: by the name it asks for, then by what it can verify.
//!
//! Theory: exact names first, then wildcards, then the default, which is the first certificate and those with the same
//! names. Of several that fit, one whose key the client supports; of those the cheapest to sign with (ECDSA before RSA).
//!
//! rustls asks for a certificate deep inside the reading of a ClientHello and says to nobody what was chosen. The answer
//! is left in a cell of this thread, and the session that was reading takes it from there.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};
use serde_bytes::ByteBuf;

use super::names::Names;
use crate::document::Certificate;

/// What a client asked for and which certificate it was shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// The name it asked for, if it did.
    pub server_name: Option<Box<str>>,
    /// Names of the certificate.
    pub names: Arc<Names>,
}

thread_local! {
    static CHOICE: Cell<Option<Choice>> = const { Cell::new(None) };
}

/// What was chosen on this thread since this was last called.
pub(super) fn take_choice() -> Option<Choice> {
    CHOICE.take()
}

#[derive(Debug)]
struct Entry {
    key: Arc<CertifiedKey>,
    names: Arc<Names>,
}

/// All certificates of one listener.
#[derive(Debug)]
pub(super) struct Certificates {
    entries: Vec<Entry>,
    exact: HashMap<Box<str>, Vec<usize>>,
    /// By what follows `*.`.
    wildcards: HashMap<Box<str>, Vec<usize>>,
    default: Vec<usize>,
    suites: Vec<SupportedCipherSuite>,
}

impl Certificates {
    pub(super) fn new(from: &[Certificate], provider: &CryptoProvider) -> Result<Self, String> {
        let mut all = Self {
            entries: Vec::new(),
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            default: Vec::new(),
            suites: provider.cipher_suites.clone(),
        };
        for (number, certificate) in from.iter().enumerate() {
            all.add(number, certificate, provider)
                .map_err(|text| format!("certificates[{number}]: {text}"))?;
        }
        all.sort();
        Ok(all)
    }

    fn add(&mut self, number: usize, from: &Certificate, provider: &CryptoProvider) -> Result<(), String> {
        let mut key = certified(&from.chain, &from.key, provider)?;
        key.ocsp = from.ocsp.as_ref().map(|staple| staple.to_vec());
        for name in &from.names {
            let (table, name) = match name.strip_prefix("*.") {
                Some(suffix) => (&mut self.wildcards, suffix),
                None => (&mut self.exact, name.as_str()),
            };
            table.entry(name.into()).or_default().push(number);
        }
        let names = Arc::new(Names::new(&from.names));
        if self.entries.first().is_none_or(|first| first.names == names) {
            self.default.push(number);
        }
        self.entries.push(Entry { key: Arc::new(key), names });
        Ok(())
    }

    /// The cheapest to sign with first, else as written.
    fn sort(&mut self) {
        let entries = &self.entries;
        let cost = |number: &usize| {
            entries.get(*number).is_some_and(|entry| entry.key.key.algorithm() == SignatureAlgorithm::RSA)
        };
        for list in self.exact.values_mut().chain(self.wildcards.values_mut()).chain([&mut self.default]) {
            list.sort_by_key(cost);
        }
    }

    fn choose(&self, hello: &ClientHello<'_>) -> Option<&Entry> {
        let candidates = hello.server_name().map_or(&self.default, |name| self.fitting(name));
        let usable = candidates
            .iter()
            .filter_map(|number| self.entries.get(*number))
            .find(|entry| self.can_verify(hello, entry));
        // None is usable: the first one lets rustls say what is missing.
        usable.or_else(|| self.entries.get(*candidates.first()?))
    }

    fn fitting(&self, name: &str) -> &Vec<usize> {
        let lower = name.to_ascii_lowercase();
        let wildcard = || self.wildcards.get(lower.split_once('.')?.1);
        self.exact.get(lower.as_str()).or_else(wildcard).unwrap_or(&self.default)
    }

    /// Whether the client has a signature scheme for this key, and a cipher suite that goes with it.
    fn can_verify(&self, hello: &ClientHello<'_>, entry: &Entry) -> bool {
        let signs = |schemes: &[SignatureScheme]| entry.key.key.choose_scheme(schemes).is_some();
        let suits = |suite: &SupportedCipherSuite| match suite {
            SupportedCipherSuite::Tls13(_) => true,
            SupportedCipherSuite::Tls12(suite) => signs(suite.sign),
        };
        let offered = |suite: &&SupportedCipherSuite| hello.cipher_suites().contains(&suite.suite());
        signs(hello.signature_schemes()) && self.suites.iter().filter(offered).any(suits)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let entry = self.choose(&hello)?;
        let server_name = hello.server_name().map(Into::into);
        CHOICE.set(Some(Choice { server_name, names: Arc::clone(&entry.names) }));
        Some(Arc::clone(&entry.key))
    }
}

/// A chain and its key, if they belong together.
pub(super) fn certified(
    chain: &[ByteBuf],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    if chain.is_empty() {
        return Err("the chain is empty".into());
    }
    let chain = chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
    CertifiedKey::from_der(chain, key, provider).map_err(|error| error.to_string())
}
