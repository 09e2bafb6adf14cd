//! TLS: bytes of the wire in, plain text out, and the other way round. rustls on AWS-LC; no socket.
//!
//! Theory. A [`Session`] is one connection's state machine (rustls, the unbuffered interface): it owns no buffer while
//! nothing is half received, so an idle connection costs little more than its keys. What goes into one is made once per
//! snapshot: [`ServerTls`] for a listener, [`ClientTls`] for an upstream. A reload makes new ones; connections keep
//! theirs. Tickets are sealed with keys of the process, so they outlive reloads and fit every worker.
//!
//! Rules: verification is off only where the document says so in so many words; what a peer makes us keep is bounded
//! ([`limits`]); every way in which a handshake fails has a word ([`Cause`]).
//!
//! Not pure: rustls reads the clock (certificates expire) and rolls dice (keys). It does neither per record.

mod cause;
mod certificates;
mod client;
mod identity;
pub mod limits;
mod names;
mod roots;
mod server;
mod session;
mod step;
mod subject;
mod tickets;

pub use cause::{CAUSES, Cause};
pub use client::ClientTls;
pub use identity::{AlternativeName, Identity, Unfit};
pub use names::Names;
pub use roots::SystemRoots;
pub use server::ServerTls;
pub use session::{Known, Session};

use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};

use crate::document::TlsVersion;

/// The one provider of this process.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static NEWER: [&SupportedProtocolVersion; 1] = [&TLS13];

/// The versions from the oldest that a document wants.
fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::V12 => &BOTH,
        TlsVersion::V13 => &NEWER,
    }
}
