//! The name in a ClientHello: found in real ones however they are cut, and in nothing that only looks like one.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use gateway_core::preamble::hello::{Seen, read};
use gateway_core::preamble::limits::HELLO_BYTES;
use proptest::prelude::*;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// What rustls sends first to a server of this name (or address).
fn real(name: &str) -> Vec<u8> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut out = Vec::new();
    client.write_tls(&mut out).unwrap();
    out
}

fn vector(bytes: usize, content: &[u8]) -> Vec<u8> {
    let mut out = content.len().to_be_bytes()[8 - bytes..].to_vec();
    out.extend(content);
    out
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, data)].concat()
}

fn server_name(kind: u8, name: &[u8]) -> Vec<u8> {
    extension(0, &vector(2, &[&[kind][..], &vector(2, name)].concat()))
}

/// A ClientHello with these extensions, as a handshake message.
fn message(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend(vector(1, &[1; 32]));
    body.extend(vector(2, &[0x13, 0x01, 0xc0, 0x2b]));
    body.extend(vector(1, &[0]));
    body.extend(vector(2, extensions));
    [&[1][..], &vector(3, &body)].concat()
}

/// A handshake message in records of so many bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|part| [&[22, 3, 1][..], &vector(2, part)].concat()).collect()
}

fn hello(extensions: &[u8]) -> Vec<u8> {
    records(&message(extensions), 16_384)
}

/// What is seen, the same from every prefix that is enough to see it.
fn seen(bytes: &[u8]) -> Seen {
    let whole = read(bytes);
    let mut decided = false;
    for end in 0..=bytes.len() {
        match read(&bytes[..end]) {
            Seen::Partial => assert!(!decided, "more is wanted again at {end}"),
            other => {
                assert_eq!(other, whole, "at {end}");
                decided = true;
            }
        }
    }
    whole
}

fn name(text: &str) -> Seen {
    Seen::Name(text.to_owned())
}

#[test]
fn the_name_of_a_real_hello_is_found() {
    assert_eq!(seen(&real("Shop.Example.com")), name("shop.example.com"));
    // An address is asked for by no name (RFC 6066 §3).
    assert_eq!(seen(&real("192.0.2.1")), Seen::Other);
}

#[test]
fn a_name_is_found_across_records() {
    let message = message(&[extension(16, b"\0\x03\x02h2"), server_name(0, b"a.example")].concat());
    for size in [1, 2, 3, 4, 5, 50, message.len() - 1, message.len()] {
        assert_eq!(seen(&records(&message, size)), name("a.example"), "records of {size} bytes");
    }
}

#[test]
fn what_follows_the_message_is_not_looked_at() {
    let mut bytes = hello(&server_name(0, b"a.example"));
    bytes.extend(b"anything");
    assert_eq!(seen(&bytes), name("a.example"));
}

#[test]
fn what_is_odd_is_left_to_tls() {
    let good = server_name(0, b"a.example");
    let list_of_two = [vector(2, b"a.example"), vec![0], vector(2, b"b.example")].concat();
    let two_names = extension(0, &vector(2, &[&[0][..], &list_of_two].concat()));
    for (what, extensions) in [
        ("no name", extension(16, b"\0\x03\x02h2")),
        ("two extensions", [good.clone(), good.clone()].concat()),
        ("two names", two_names),
        ("another kind of name", server_name(1, b"a.example")),
        ("an empty extension", extension(0, b"")),
        ("an empty list", extension(0, b"\0\0")),
        ("an empty name", server_name(0, b"")),
        ("a root's dot", server_name(0, b"a.example.")),
        ("an empty label", server_name(0, b"a..example")),
        ("an address", server_name(0, b"192.0.2.1")),
        ("an IPv6 address", server_name(0, b"::1")),
        ("NUL", server_name(0, b"a.example\0.b.example")),
        ("no ASCII", server_name(0, "käse.example".as_bytes())),
        ("a wildcard", server_name(0, b"*.example")),
        ("a long name", server_name(0, &[&b"a.".repeat(126)[..], b"xy"].concat())),
        ("a name with more behind", extension(0, &[&vector(2, b"\0\0\x01a")[..], b"x"].concat())),
        ("an extension past the end", [good.clone(), vec![0, 16, 0, 9]].concat()),
        ("half an extension", [good.clone(), vec![0]].concat()),
    ] {
        assert_eq!(seen(&hello(&extensions)), Seen::Other, "{what}");
    }
    let with_more = |more: &[u8]| {
        let mut message = message(&good);
        message.extend(more);
        let length = u32::try_from(message.len() - 4).unwrap().to_be_bytes();
        message[1..4].copy_from_slice(&length[1..]);
        records(&message, 16_384)
    };
    assert_eq!(seen(&with_more(b"")), name("a.example"));
    assert_eq!(seen(&with_more(b"x")), Seen::Other);
}

#[test]
fn what_is_no_hello_is_seen_at_once() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"PROXY TCP4 ",
        b"\x80\x2e\x01\x03\x01",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x16\x02\x00\x00\x10",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\x00\x10\x02",
        b"\x16\x03\x01\x00\x10\x01\x01\x00\x00",
    ] {
        assert_eq!(seen(bytes), Seen::Other, "{}", bytes.escape_ascii());
    }
    assert_eq!(read(b""), Seen::Partial);
}

#[test]
fn a_hello_is_not_waited_for_beyond_the_limit() {
    let padded = |length: usize| {
        let empty = hello(&[server_name(0, b"a.example"), extension(21, b"")].concat()).len();
        hello(&[server_name(0, b"a.example"), extension(21, &vec![0; length - empty])].concat())
    };
    assert_eq!(read(&padded(HELLO_BYTES)), name("a.example"));
    // The head alone says that it is too long.
    assert_eq!(read(&padded(HELLO_BYTES + 1)[..9]), Seen::Other);
    // Records of a byte each: the limit counts what is kept.
    let dribbled = records(&message(&[server_name(0, b"a.example"), extension(21, &[0; 4000])].concat()), 1);
    assert!(dribbled.len() > HELLO_BYTES);
    assert_eq!(read(&dribbled[..HELLO_BYTES - 1]), Seen::Partial);
    assert_eq!(read(&dribbled[..HELLO_BYTES]), Seen::Other);
    assert_eq!(read(&dribbled), Seen::Other);
}

proptest! {
    #[test]
    fn any_bytes_are_seen_the_same_however_cut(bytes in prop::collection::vec(any::<u8>(), 0..200), records_of in 1..60usize, whole: bool) {
        seen(&bytes);
        seen(&records(&bytes, records_of));
        let extensions = if whole { [server_name(0, b"a.example"), extension(9, &bytes)].concat() } else { bytes };
        let found = seen(&records(&message(&extensions), records_of));
        prop_assert!(!whole || found == name("a.example"));
    }

    #[test]
    fn one_changed_byte_is_no_panic_and_one_answer(at: prop::sample::Index, byte: u8) {
        let mut bytes = hello(&[server_name(0, b"a.example"), extension(16, b"\0\x03\x02h2")].concat());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        seen(&bytes);
    }
}
