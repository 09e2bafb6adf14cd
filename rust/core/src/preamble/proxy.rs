//! The PROXY protocol, both versions: who the client of the proxy in front of us is.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, here PROXY.
//!
//! Theory: a proxy that we trust says, before anything else and once per connection, whose bytes follow. Version 1 is a
//! line of text, version 2 a signature, a length and so many bytes. What follows the header is the client's.
//!
//! Rules: a header is there and whole, or the connection is over (PROXY §2: a receiver must not guess); nothing behind the
//! declared length is looked at, and what is inside has to add up (Envoy, CVE-2026-47692).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::limits::{V1_BYTES, V2_BYTES};

/// What version 2 begins with (PROXY §2.2): no text, and nothing that HTTP or TLS could begin with.
pub const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// Signature, version and command, family, length.
const V2_FIXED: usize = 16;

/// Whom a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A client with this address.
    Address(IpAddr),
    /// A client on a socket file of the proxy's.
    Unix,
    /// Nobody: the proxy speaks for itself (`LOCAL`), or does not know (`UNKNOWN`, `UNSPEC`). The connection's own address
    /// counts.
    Own,
}

/// A whole header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// 1 or 2.
    pub version: u8,
    /// Whose connection it is.
    pub source: Source,
    /// Bytes that it takes; what follows is the client's.
    pub length: usize,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection begins with something else.
    Missing,
    /// It begins like one and is none.
    Malformed,
    /// It is longer than is waited for.
    TooLong,
}

/// Read the header at the beginning of `bytes`, which is everything that has come. `None`: more has to come.
///
/// # Errors
/// There is none.
pub fn read(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    if begins(bytes, SIGNATURE) {
        binary(bytes)
    } else if begins(bytes, WORD) {
        text(bytes)
    } else {
        Err(Fault::Missing)
    }
}

/// Whether `bytes` begin with `start`, as far as they go.
fn begins(bytes: &[u8], start: &[u8]) -> bool {
    let both = bytes.len().min(start.len());
    bytes.get(..both) == start.get(..both)
}

/// Version 1 (PROXY §2.1).
fn text(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let seen = bytes.get(..V1_BYTES).unwrap_or(bytes);
    let Some(end) = seen.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if seen.len() < V1_BYTES { Ok(None) } else { Err(Fault::TooLong) };
    };
    match seen.get(end..) {
        Some([b'\r', b'\n', ..]) => {}
        Some([b'\r']) if seen.len() < V1_BYTES => return Ok(None),
        Some([b'\r']) => return Err(Fault::TooLong),
        _ => return Err(Fault::Malformed),
    }
    let line = seen.get(WORD.len()..end).unwrap_or(&[]);
    let source = line_source(line).ok_or(Fault::Malformed)?;
    Ok(Some(Header { version: 1, source, length: end + 2 }))
}

fn line_source(line: &[u8]) -> Option<Source> {
    // Whatever follows UNKNOWN is to be ignored.
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Some(Source::Own);
    }
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let family = words.next()?;
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, _destination) = (address()?, address()?);
    let ports = port(words.next()?) && port(words.next()?);
    (ports && words.next().is_none()).then_some(Source::Address(source))
}

/// A number without leading zeros, 0 to 65535.
fn port(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    plain && word.parse::<u16>().is_ok()
}

/// Version 2 (PROXY §2.2).
fn binary(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    // Whatever is wrong is said as soon as it has come.
    let command = match bytes.get(12) {
        None => return Ok(None),
        Some(0x20) => Command::Local,
        Some(0x21) => Command::Proxy,
        Some(_) => return Err(Fault::Malformed),
    };
    let Some(&family) = bytes.get(13) else { return Ok(None) };
    let Some(&[high, low]) = bytes.get(14..V2_FIXED) else { return Ok(None) };
    let length = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > V2_BYTES {
        return Err(Fault::TooLong);
    }
    let Some(block) = bytes.get(V2_FIXED..length) else { return Ok(None) };
    let source = match command {
        // The block, its family included, is to be discarded.
        Command::Local => Source::Own,
        Command::Proxy => block_source(family, block).ok_or(Fault::Malformed)?,
    };
    Ok(Some(Header { version: 2, source, length }))
}

#[derive(Clone, Copy)]
enum Command {
    Local,
    Proxy,
}

/// The source of an address block, if it adds up: addresses, then type-length-value records to the end.
fn block_source(family: u8, block: &[u8]) -> Option<Source> {
    // Datagrams never come here; the format says what to do with combinations that one does not serve: as UNSPEC.
    let (source, length) = match family {
        // Nobody says where addresses of no family would end.
        0x00 => return Some(Source::Own),
        0x11 => (Source::Address(array::<4>(block)?.into()), 12),
        0x21 => (Source::Address(array::<16>(block)?.into()), 36),
        0x31 => (Source::Unix, 216),
        0x12 => (Source::Own, 12),
        0x22 => (Source::Own, 36),
        0x32 => (Source::Own, 216),
        _ => return None,
    };
    records_end(block.get(length..)?).then_some(source)
}

fn array<const N: usize>(block: &[u8]) -> Option<[u8; N]> {
    block.get(..N)?.try_into().ok()
}

/// Whether records fill the rest of a block exactly. None of them is used.
fn records_end(mut rest: &[u8]) -> bool {
    while let [_, high, low, behind @ ..] = rest {
        match behind.get(usize::from(u16::from_be_bytes([*high, *low]))..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    rest.is_empty()
}
