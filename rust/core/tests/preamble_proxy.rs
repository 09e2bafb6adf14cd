//! PROXY headers of both versions: what they say, what is refused, and that neither cuts nor what follows decide anything.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use gateway_core::preamble::limits::{V1_BYTES, V2_BYTES};
use gateway_core::preamble::proxy::{Fault, Header, SIGNATURE, Source, read};
use proptest::prelude::*;

const BEHIND: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A header of version 2.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    out.extend([command, family]);
    out.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
    out.extend(block);
    out
}

fn inet(source: Ipv4Addr) -> Vec<u8> {
    let mut block = source.octets().to_vec();
    block.extend([192, 0, 2, 9, 0x1f, 0x90, 0, 80]);
    block
}

fn record(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
    out
}

/// The answer to a header with a request glued to it, found the same from every prefix.
fn answer(header: &[u8]) -> Result<Option<Header>, Fault> {
    let mut glued = header.to_vec();
    glued.extend(BEHIND);
    let whole = read(&glued);
    let mut decided = false;
    for end in 0..=glued.len() {
        match read(&glued[..end]) {
            Ok(None) => assert!(!decided, "more is wanted again at {end} of {}", glued.escape_ascii()),
            other => {
                assert_eq!(other, whole, "at {end} of {}", glued.escape_ascii());
                decided = true;
            }
        }
    }
    whole
}

fn source(header: &[u8]) -> Source {
    let found = answer(header).unwrap().unwrap();
    assert_eq!(found.length, header.len(), "what follows is the client's");
    found.source
}

#[test]
fn a_line_names_the_client() {
    let address = |text: &str| Source::Address(text.parse().unwrap());
    assert_eq!(source(b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n"), address("198.51.100.7"));
    assert_eq!(source(b"PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n"), address("2001:db8::7"));
    assert_eq!(source(b"PROXY UNKNOWN\r\n"), Source::Own);
    assert_eq!(source(b"PROXY UNKNOWN ff::1 junk 1 2 3\r\n"), Source::Own);
    let longest = [
        "PROXY TCP6",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "65535",
        "65535\r\n",
    ]
    .join(" ");
    assert!(longest.len() < V1_BYTES);
    assert!(matches!(source(longest.as_bytes()), Source::Address(_)));
}

#[test]
fn a_line_that_is_not_exact_is_refused() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 198.51.100.7 192.0.2.1 1 2\r\n",
        "PROXY tcp4 198.51.100.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 198.51.100.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 1\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 1 2 3\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 1 2 \r\n",
        "PROXY TCP4  198.51.100.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 198.51.100.07 192.0.2.1 1 2\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 01 2\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 +1 2\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1  2\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 65536 2\r\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 1 2\n",
        "PROXY TCP4 198.51.100.7 192.0.2.1 1 2\rX",
        "PROXY UNKNOWNS\r\n",
    ] {
        assert_eq!(answer(line.as_bytes()), Err(Fault::Malformed), "{line:?}");
    }
}

#[test]
fn a_line_ends_within_its_limit_or_is_refused() {
    let unknown = |length: usize| {
        let mut line = b"PROXY UNKNOWN ".to_vec();
        line.resize(length - 2, b'x');
        line.extend(b"\r\n");
        line
    };
    assert_eq!(source(&unknown(V1_BYTES)), Source::Own);
    assert_eq!(answer(&unknown(V1_BYTES + 1)), Err(Fault::TooLong));
    assert_eq!(answer(&unknown(V1_BYTES + 2)), Err(Fault::TooLong));
}

#[test]
fn a_block_names_the_client() {
    let client = Ipv4Addr::new(198, 51, 100, 7);
    assert_eq!(source(&binary(0x21, 0x11, &inet(client))), Source::Address(IpAddr::V4(client)));
    let six: Ipv6Addr = "2001:db8::7".parse().unwrap();
    let mut block = six.octets().to_vec();
    block.extend([0; 20]);
    assert_eq!(source(&binary(0x21, 0x21, &block)), Source::Address(IpAddr::V6(six)));
    assert_eq!(source(&binary(0x21, 0x31, &[b'/'; 216])), Source::Unix);
}

#[test]
fn who_speaks_for_itself_keeps_its_address() {
    assert_eq!(source(&binary(0x20, 0x00, b"")), Source::Own);
    // The block of LOCAL is to be discarded, whatever it is.
    assert_eq!(source(&binary(0x20, 0xff, b"junk")), Source::Own);
    assert_eq!(source(&binary(0x21, 0x00, b"")), Source::Own);
    assert_eq!(source(&binary(0x21, 0x00, b"anything")), Source::Own);
    // Datagrams cannot be on a stream: like UNSPEC.
    assert_eq!(source(&binary(0x21, 0x12, &inet(Ipv4Addr::LOCALHOST))), Source::Own);
    assert_eq!(source(&binary(0x21, 0x22, &[0; 36])), Source::Own);
    assert_eq!(source(&binary(0x21, 0x32, &[0; 216])), Source::Own);
}

#[test]
fn records_end_where_the_declared_length_does() {
    let client = Ipv4Addr::new(198, 51, 100, 7);
    let with = |records: &[u8]| [&inet(client), records].concat();
    let good = [record(1, b"h2"), record(4, b""), record(0x20, &[1; 40])].concat();
    assert_eq!(source(&binary(0x21, 0x11, &with(&good))), Source::Address(IpAddr::V4(client)));
    // One that claims what comes behind the header must not reach it.
    let mut greedy = record(1, b"h2");
    greedy[2] = 9;
    assert_eq!(answer(&binary(0x21, 0x11, &with(&greedy))), Err(Fault::Malformed));
    for stump in [&[1][..], &[1, 0]] {
        assert_eq!(answer(&binary(0x21, 0x11, &with(stump))), Err(Fault::Malformed));
    }
}

#[test]
fn a_block_that_does_not_add_up_is_refused() {
    let block = inet(Ipv4Addr::LOCALHOST);
    for (command, family, length) in [
        (0x11, 0x11, 12),
        (0x22, 0x11, 12),
        (0x2f, 0x11, 12),
        (0x31, 0x11, 12),
        (0x21, 0x11, 11),
        (0x21, 0x21, 12),
        (0x21, 0x31, 12),
        (0x21, 0x10, 12),
        (0x21, 0x01, 12),
        (0x21, 0x13, 12),
        (0x21, 0x41, 12),
    ] {
        assert_eq!(answer(&binary(command, family, &block[..length])), Err(Fault::Malformed), "{family:#x}");
    }
}

#[test]
fn a_length_is_not_waited_for_beyond_the_limit() {
    let block = vec![0; V2_BYTES - 16];
    assert_eq!(source(&binary(0x20, 0x00, &block)), Source::Own);
    let mut claim = binary(0x21, 0x11, b"");
    claim[14..16].copy_from_slice(&u16::try_from(V2_BYTES - 15).unwrap().to_be_bytes());
    assert_eq!(read(&claim), Err(Fault::TooLong));
}

#[test]
fn anything_else_is_no_header() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n"[..], b"PROXIES", b"proxy TCP4 ", b"\r\nGET /", b"\x16\x03\x01", b"PRI * "]
    {
        assert_eq!(answer(bytes), Err(Fault::Missing), "{}", bytes.escape_ascii());
    }
    assert_eq!(read(b""), Ok(None));
}

/// Bytes that begin like a header more often than not.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let line = "PROXY (TCP4|TCP6|UNKNOWN|TCP)( [0-9a-f.:]{1,15}){0,3} [0-9]{1,6} [0-9]{1,6}(\r\n|\n|\r)?";
    let block = (0x20..0x23u8, prop::sample::select(vec![0u8, 0x11, 0x21, 0x31, 0x12, 0x44]), 0..300usize);
    let binary = (block, any::<u8>(), any::<bool>()).prop_map(|((command, family, length), fill, short)| {
        let mut out = binary(command, family, &vec![fill; length]);
        if short {
            out.truncate(out.len() / 2);
        }
        out
    });
    prop_oneof![line.prop_map(String::into_bytes), binary, prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #[test]
    fn any_bytes_get_one_answer_however_cut(bytes in nearly()) {
        if let Ok(Some(header)) = answer(&bytes) {
            prop_assert!(header.length <= bytes.len() + BEHIND.len());
        }
    }

    #[test]
    fn every_client_is_read_as_it_was_written(four: u32, six: u128, ports: (u16, u16), records in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8)) {
        let four = Ipv4Addr::from(four);
        let line = format!("PROXY TCP4 {four} 192.0.2.1 {} {}\r\n", ports.0, ports.1);
        prop_assert_eq!(source(line.as_bytes()), Source::Address(four.into()));
        let six = Ipv6Addr::from(six);
        let line = format!("PROXY TCP6 {six} ::1 {} {}\r\n", ports.0, ports.1);
        prop_assert_eq!(source(line.as_bytes()), Source::Address(six.into()));
        let mut block = inet(four);
        records.iter().for_each(|(kind, value)| block.extend(record(*kind, value)));
        prop_assert_eq!(source(&binary(0x21, 0x11, &block)), Source::Address(four.into()));
    }
}
