//! The CAs that certificates are verified with: those that a person names, and those that the system trusts.
//!
//! Rule: what a person names is read whole or refused; of the system's, what cannot be read is passed over, since it is
//! the distribution's, and there are 150.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use serde_bytes::ByteBuf;

use super::identity::sha256;

/// The CAs that somebody has named.
///
/// # Errors
/// In words, if there is none or one that cannot be read.
pub(super) fn named(from: &[ByteBuf]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for (number, der) in from.iter().enumerate() {
        let certificate = CertificateDer::from_slice(der);
        roots.add(certificate).map_err(|error| format!("roots[{number}]: {error}"))?;
    }
    if roots.is_empty() {
        return Err("there is no CA to verify with".into());
    }
    Ok(roots)
}

/// The CAs that the system trusts: read once per snapshot, shared by every upstream that names none.
#[derive(Debug)]
pub struct SystemRoots {
    roots: Arc<RootCertStore>,
    /// Of what they were read from.
    pub(super) digest: [u8; 32],
    /// How many could not be read.
    pub unread: usize,
}

impl SystemRoots {
    /// From the document.
    #[must_use]
    pub fn read(from: &[ByteBuf]) -> Self {
        let mut roots = RootCertStore::empty();
        let (_, unread) =
            roots.add_parsable_certificates(from.iter().map(|der| CertificateDer::from_slice(der)));
        let digests: Vec<u8> = from.iter().flat_map(|der| sha256(der)).collect();
        Self { roots: Arc::new(roots), digest: sha256(&digests), unread }
    }

    /// # Errors
    /// In words, if there is none to verify with.
    pub(super) fn shared(&self) -> Result<Arc<RootCertStore>, String> {
        match (self.roots.is_empty(), self.unread) {
            (false, _) => Ok(Arc::clone(&self.roots)),
            (true, 0) => Err("there is no CA to verify with".into()),
            (true, unread) => Err(format!("the system has no CA that can be read (of {unread})")),
        }
    }
}
