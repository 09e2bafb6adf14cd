//! `host[:port]`, as it stands in Host and in absolute targets. RFC 9110 §7.2, RFC 3986 §3.2.2.

use std::net::Ipv6Addr;

use super::bytes::{host_end, is_host};

/// Whether `text` is a host, not empty, with or without a port. No userinfo (RFC 9110 §4.2.4), no zone, and of the
/// bracketed forms only IPv6: nobody has registered another.
#[must_use]
pub fn is_valid(text: &[u8]) -> bool {
    // Nearly every host is a plain name; what stops the run decides.
    let end = host_end(text, 0);
    match text.get(end..) {
        Some([]) => end > 0,
        Some([b':', port @ ..]) => end > 0 && is_port(port),
        _ => is_unusual(text),
    }
}

#[cold]
fn is_unusual(text: &[u8]) -> bool {
    let (host, port) = split(text);
    is_port(port) && if host.starts_with(b"[") { is_ipv6(host) } else { is_escaped_name(host) }
}

/// The host, brackets included, and what follows the colon (empty if nothing does).
#[must_use]
pub fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let end = if text.starts_with(b"[") {
        text.iter().position(|byte| *byte == b']').map_or(text.len(), |at| at + 1)
    } else {
        text.iter().position(|byte| *byte == b':').unwrap_or(text.len())
    };
    match text.split_at_checked(end) {
        Some((host, [b':', port @ ..])) => (host, port),
        Some((host, [])) => (host, &[]),
        // Something else after `]`: not a host at all.
        _ => (text, &[]),
    }
}

fn is_port(port: &[u8]) -> bool {
    let value = port.iter().try_fold(0u16, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u16::from(byte - b'0')),
        _ => None,
    });
    value.is_some()
}

fn is_ipv6(host: &[u8]) -> bool {
    let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    inner
        .and_then(|inner| std::str::from_utf8(inner).ok())
        .is_some_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// A registered name with escapes, not empty.
fn is_escaped_name(mut host: &[u8]) -> bool {
    if host.is_empty() {
        return false;
    }
    loop {
        host = match host {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_host(*byte) => rest,
            _ => return false,
        };
    }
}
