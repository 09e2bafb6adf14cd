//! From a listener's request host to the rule tables that apply, most exact first.
//!
//! Theory: exact names are one hash away. A wildcard `*.example.com` is kept as the suffix `.example.com`; of a host
//! only the suffixes that begin at a dot and have a length that some wildcard has are hashed, so that a host of 127
//! labels costs no more than the configuration asked for.

use std::fmt;

use super::bytemap::ByteMap;
use crate::http1::authority;

/// The longest host that can equal a name or fit a wildcard, bytes (RFC 1035 §2.3.4: 255 octets on the wire, which is
/// 253 characters). A longer one belongs only to the routes without hosts.
pub const HOST_BYTES: usize = 253;

/// Which of the configured patterns fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// The host itself.
    Exact(&'a [u8]),
    /// `*` followed by this, which begins with a dot.
    Wildcard(&'a [u8]),
    /// Routes without hosts.
    Any,
}

impl fmt::Display for Pattern<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => out.write_str(&String::from_utf8_lossy(host)),
            Self::Wildcard(suffix) => write!(out, "*{}", String::from_utf8_lossy(suffix)),
            Self::Any => out.write_str("any"),
        }
    }
}

/// See the file's head. Values are indexes into `Snapshot::tables`.
#[derive(Debug, Clone, Default)]
pub(super) struct HostTable {
    pub exact: ByteMap<u32>,
    pub wildcards: ByteMap<u32>,
    /// Bit n: some wildcard's suffix has n bytes.
    lengths: [u64; 4],
    pub any: Option<u32>,
}

impl HostTable {
    /// Adds a pattern as the document writes it: a name, `*.suffix`, or `None` for every host.
    pub fn insert(&mut self, pattern: Option<&str>, table: u32) {
        match pattern {
            None => self.any = Some(table),
            Some(name) => match name.strip_prefix('*') {
                Some(suffix) => {
                    *self.wildcards.entry(suffix.as_bytes(), || table) = table;
                    if let Some(word) = self.lengths.get_mut(suffix.len() / 64) {
                        *word |= 1 << (suffix.len() % 64);
                    }
                }
                None => *self.exact.entry(name.as_bytes(), || table) = table,
            },
        }
    }

    /// Calls `visit` for each pattern that fits `authority`, most exact first, until it returns true.
    #[inline]
    pub fn each(&self, authority: &[u8], mut visit: impl FnMut(Pattern<'_>, u32) -> bool) {
        if !self.exact.is_empty() || !self.wildcards.is_empty() {
            let mut buffer = [0; HOST_BYTES];
            let host = lower_name(authority, &mut buffer);
            if self.named(host, &mut visit) {
                return;
            }
        }
        if let Some(table) = self.any {
            visit(Pattern::Any, table);
        }
    }

    fn named(&self, host: &[u8], visit: &mut impl FnMut(Pattern<'_>, u32) -> bool) -> bool {
        if let Some(&table) = self.exact.get(host)
            && visit(Pattern::Exact(host), table)
        {
            return true;
        }
        if self.wildcards.is_empty() {
            return false;
        }
        memchr::memchr_iter(b'.', host).any(|dot| {
            let suffix = host.get(dot..).unwrap_or_default();
            // `*.a.b` wants at least one label before the suffix.
            dot > 0
                && self.has_length(suffix.len())
                && self.wildcards.get(suffix).is_some_and(|&table| visit(Pattern::Wildcard(suffix), table))
        })
    }

    fn has_length(&self, length: usize) -> bool {
        self.lengths.get(length / 64).is_some_and(|word| word & (1 << (length % 64)) != 0)
    }
}

/// The host of `authority` in lower case, without port and without the trailing dot of an absolute name; empty if it
/// is longer than [`HOST_BYTES`].
#[inline]
fn lower_name<'b>(authority: &[u8], buffer: &'b mut [u8; HOST_BYTES]) -> &'b [u8] {
    let (name, _) = authority::split(authority);
    let name = name.strip_suffix(b".").unwrap_or(name);
    let Some(lower) = buffer.get_mut(..name.len()) else {
        return &[];
    };
    for (to, from) in lower.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    lower
}

#[cfg(test)]
mod tests;
