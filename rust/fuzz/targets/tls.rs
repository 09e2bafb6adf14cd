//! Invariant: whatever a client sends in place of TLS, however it is cut, a session takes it without panic, hands out no
//! plain byte before a handshake, keeps no more than its bound, and stays failed once it has.

#![no_main]

use gateway_core::document::{Certificate, ClientAuth, ClientAuthMode, ListenerTls, Protocol, TlsVersion};
use gateway_core::tls::limits::{PARTIAL_BYTES, SEALED_BYTES};
use gateway_core::tls::{ServerTls, Session};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

fn server() -> &'static ServerTls {
    static SERVER: OnceLock<ServerTls> = OnceLock::new();
    SERVER.get_or_init(|| {
        let shop = Certificate {
            names: vec!["shop.example".into(), "*.shop.example".into()],
            chain: vec![include_bytes!("../../core/tests/tls_certificates/shop.der").to_vec().into()],
            key: include_bytes!("../../core/tests/tls_certificates/shop.key").to_vec(),
            ocsp: None,
        };
        let ca = include_bytes!("../../core/tests/tls_certificates/ca.der").to_vec();
        let listener = ListenerTls {
            certificates: vec![shop],
            client_auth: ClientAuth { mode: ClientAuthMode::Optional, roots: vec![ca.into()] },
            min_version: TlsVersion::V12,
            handshake_timeout: 0,
            passthrough: vec![],
        };
        ServerTls::build(&listener, &[Protocol::H2, Protocol::Http1]).expect("the certificates of the tests")
    })
}

fuzz_target!(|input: (u16, &[u8])| {
    let (size, bytes) = input;
    let mut session = Session::server(server()).expect("a session");
    let mut out = Vec::new();
    let mut failed = None;
    for piece in bytes.chunks(usize::from(size).max(1)) {
        let mut wire = vec![0; session.partial() + piece.len()];
        wire[session.partial()..].copy_from_slice(piece);
        session.restore(&mut wire);
        let taken = session.take(&mut wire, &mut [0; 100], &mut out);
        assert!(failed.is_none() || taken.err() == failed, "{failed:?} and then {taken:?}");
        failed = failed.or(taken.err());
        assert!(taken.unwrap_or(0) == 0 && !session.holds_plain(), "plain text out of nothing");
        assert!(session.partial() <= PARTIAL_BYTES);
        assert!(session.seal(b"secret", &mut [0; SEALED_BYTES]).is_err(), "sealed for nobody");
    }
});
