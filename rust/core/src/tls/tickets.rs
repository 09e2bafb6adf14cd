//! Session tickets: sealed with keys of the process, opened only where the same clients are let in.
//!
//! Theory. One ticketer for the whole process (rustls's: AES-256, HMAC, new keys every six hours, the old ones good for
//! six more), so that every worker opens what any worker sealed, and a reload changes nothing. rustls keeps the keys
//! behind a read-write lock that is written once in six hours.
//!
//! A ticket restores the client's certificate without looking at it again. So each carries a *binding*: what this
//! listener asks of clients. A ticket from a listener that asks less is not opened here, and a full handshake follows
//! (nginx, CVE-2025-23419).

use rustls::Error;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use std::sync::{Arc, OnceLock};

use super::identity::sha256;
use crate::document::{ClientAuth, ClientAuthMode};

/// Bytes of a binding: a SHA-256.
const BINDING_BYTES: usize = 32;

/// Tickets of one listener.
#[derive(Debug)]
pub(super) struct Tickets {
    keys: Arc<dyn ProducesTickets>,
    binding: [u8; BINDING_BYTES],
}

impl Tickets {
    pub(super) fn new(clients: &ClientAuth) -> Result<Self, Error> {
        static KEYS: OnceLock<Arc<dyn ProducesTickets>> = OnceLock::new();
        let keys = match KEYS.get() {
            Some(keys) => Arc::clone(keys),
            // Two threads may come here at once: the one that is late takes what the other has made.
            None => Arc::clone(KEYS.get_or_init({
                let made = Ticketer::new()?;
                || made
            })),
        };
        Ok(Self { keys, binding: binding(clients) })
    }
}

/// What is asked of clients, as one number.
fn binding(clients: &ClientAuth) -> [u8; BINDING_BYTES] {
    let mode = match clients.mode {
        ClientAuthMode::Off => 0u8,
        ClientAuthMode::Optional => 1,
        ClientAuthMode::Required => 2,
    };
    let mut text = vec![mode];
    for root in &clients.roots {
        text.extend_from_slice(&sha256(root));
    }
    sha256(&text)
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.keys.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.keys.encrypt(&[&self.binding, plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.keys.decrypt(cipher)?;
        plain.strip_prefix(&self.binding).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;

    fn tickets(mode: ClientAuthMode, roots: &[&[u8]]) -> Tickets {
        let roots = roots.iter().map(|root| serde_bytes::ByteBuf::from(*root)).collect();
        Tickets::new(&ClientAuth { mode, roots }).unwrap()
    }

    #[test]
    fn a_ticket_is_opened_wherever_the_same_is_asked_of_clients() {
        let sealed = tickets(ClientAuthMode::Required, &[b"a"]).encrypt(b"session").unwrap();
        assert_eq!(tickets(ClientAuthMode::Required, &[b"a"]).decrypt(&sealed).unwrap(), b"session");
    }

    #[test]
    fn a_ticket_from_where_less_is_asked_is_not_opened() {
        let sealed = tickets(ClientAuthMode::Off, &[]).encrypt(b"session").unwrap();
        for (mode, roots) in [
            (ClientAuthMode::Optional, &[b"a".as_slice()] as &[&[u8]]),
            (ClientAuthMode::Required, &[b"a"]),
            (ClientAuthMode::Off, &[b"a"]),
        ] {
            assert!(tickets(mode, roots).decrypt(&sealed).is_none(), "{mode:?}");
        }
        let sealed = tickets(ClientAuthMode::Required, &[b"a"]).encrypt(b"session").unwrap();
        assert!(tickets(ClientAuthMode::Required, &[b"b"]).decrypt(&sealed).is_none());
    }

    #[test]
    fn what_was_tampered_with_is_not_opened() {
        let keys = tickets(ClientAuthMode::Off, &[]);
        let mut sealed = keys.encrypt(b"session").unwrap();
        *sealed.last_mut().unwrap() ^= 1;
        assert!(keys.decrypt(&sealed).is_none());
        assert!(keys.decrypt(b"").is_none());
    }
}
