//! The field names that mean something to a gateway.
//!
//! Theory: the first eight bytes of a name, folded, and its length are one key into a small table without collisions,
//! so one comparison dismisses nearly every other name; only a long name that begins like a known one is compared
//! further.
//! Setting bit 5 folds letters to lower case and maps no other token byte onto a letter or `-`, so the comparison is
//! exact for validated tokens.

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// A field name with a meaning here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[repr(u8)]
        pub enum Known {
            /// Any other name.
            #[default]
            Other,
            $($(#[$doc])* $name,)*
        }

        impl Known {
            /// The name in lower case; empty for `Other`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { Self::Other => "", $(Self::$name => $text,)* }
            }

            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

known! {
    /// RFC 9110 §7.2.
    Host "host"
    /// RFC 9110 §8.6.
    ContentLength "content-length"
    /// RFC 9112 §6.1.
    TransferEncoding "transfer-encoding"
    /// RFC 9110 §7.6.1.
    Connection "connection"
    /// RFC 2068 §19.7.1.1.
    KeepAlive "keep-alive"
    /// Never standardised; RFC 9110 §7.6.1 says to remove it.
    ProxyConnection "proxy-connection"
    /// RFC 9110 §10.1.4.
    Te "te"
    /// RFC 9110 §6.6.2.
    Trailer "trailer"
    /// RFC 9110 §7.8.
    Upgrade "upgrade"
    /// RFC 9110 §10.1.1.
    Expect "expect"
    /// Addresses that the request came through.
    XForwardedFor "x-forwarded-for"
    /// Scheme that the client used.
    XForwardedProto "x-forwarded-proto"
    /// Host that the client asked for.
    XForwardedHost "x-forwarded-host"
    /// Who the client is, by its certificate.
    XForwardedClientCert "x-forwarded-client-cert"
    /// RFC 7239.
    Forwarded "forwarded"
    /// RFC 9110 §7.6.3.
    Via "via"
    /// Names one request through all logs.
    XRequestId "x-request-id"
    /// RFC 9110 §6.6.1.
    Date "date"
    /// RFC 9110 §10.2.4.
    Server "server"
    /// RFC 9209.
    ProxyStatus "proxy-status"
    /// RFC 6265 §5.4.
    Cookie "cookie"
}

impl Known {
    /// Recognises the name at `at`, `len` token bytes.
    #[inline(always)]
    pub(crate) fn of(buf: &[u8], at: usize, len: usize) -> Self {
        let first = first_eight(buf, at, len);
        let Some(slot) = TABLE.get(place(first, len)) else { return Self::Other };
        if slot.first != first || slot.len != len {
            return Self::Other;
        }
        let goes_on = match len {
            ..=8 => true,
            9..=16 => word(buf, at + len - 8).is_some_and(|word| word | (ONES * 0x20) == slot.last),
            _ => slot.known.is(buf, at, len),
        };
        if goes_on { slot.known } else { Self::Other }
    }

    fn is(self, buf: &[u8], at: usize, len: usize) -> bool {
        buf.get(at..at + len).is_some_and(|name| name.eq_ignore_ascii_case(self.text().as_bytes()))
    }

    /// Says something about the message's framing, target or connection.
    #[inline(always)]
    pub(super) const fn decides(self) -> bool {
        matches!(
            self,
            Self::Host
                | Self::ContentLength
                | Self::TransferEncoding
                | Self::Connection
                | Self::Te
                | Self::Upgrade
                | Self::Expect
        )
    }

    /// Hop-by-hop whatever Connection says. RFC 9110 §7.6.1.
    #[inline(always)]
    pub(crate) const fn is_hop(self) -> bool {
        HOP & self.bit() != 0
    }

    /// A bit of its own, for sets of names.
    #[inline(always)]
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// See [`Known::is_hop`].
const HOP: u64 = Known::Connection.bit()
    | Known::KeepAlive.bit()
    | Known::ProxyConnection.bit()
    | Known::Te.bit()
    | Known::TransferEncoding.bit()
    | Known::Upgrade.bit();

/// One in every byte.
const ONES: u64 = u64::MAX / 255;

/// The eight bytes at `at`, the first in the lowest place.
#[inline(always)]
fn word(buf: &[u8], at: usize) -> Option<u64> {
    buf.get(at..).and_then(|rest| rest.first_chunk::<8>()).map(|bytes| u64::from_le_bytes(*bytes))
}

/// The first eight bytes of a name in lower case, zeros after its end.
#[inline(always)]
fn first_eight(buf: &[u8], at: usize, len: usize) -> u64 {
    let word = word(buf, at).unwrap_or_else(|| last_word(buf, at)) | (ONES * 0x20);
    if len < 8 { word & ((1 << (len * 8)) - 1) } else { word }
}

/// As `word`, where fewer than eight bytes are left.
#[cold]
fn last_word(buf: &[u8], at: usize) -> u64 {
    let rest = buf.get(at..).unwrap_or(&[]);
    rest.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[derive(Clone, Copy)]
struct Slot {
    /// The first eight bytes, zeros after a shorter name.
    first: u64,
    /// The last eight bytes of a name of nine to sixteen.
    last: u64,
    len: usize,
    known: Known,
}

const PLACES: u32 = 6;

/// Found by trying: gives every known name a place of its own, which the compiler checks.
const SPREAD: u64 = 0x3018_50c5_a38f_d547;

static TABLE: [Slot; 1 << PLACES] = table();

#[inline(always)]
const fn place(first: u64, len: usize) -> usize {
    (first.wrapping_add(len as u64).wrapping_mul(SPREAD) >> (u64::BITS - PLACES)) as usize
}

const fn eight(text: &[u8], from: usize) -> u64 {
    let mut word = 0;
    let mut i = 0;
    while i < 8 && from + i < text.len() {
        word |= (text[from + i] as u64) << (i * 8);
        i += 1;
    }
    word
}

const fn table() -> [Slot; 1 << PLACES] {
    let mut table = [Slot { first: 0, last: 0, len: 0, known: Known::Other }; 1 << PLACES];
    let mut i = 0;
    while i < Known::ALL.len() {
        let known = Known::ALL[i];
        let text = known.text().as_bytes();
        let first = eight(text, 0);
        let last = if text.len() > 8 { eight(text, text.len() - 8) } else { 0 };
        let slot = &mut table[place(first, text.len())];
        assert!(slot.len == 0, "two known names in one place: try another SPREAD");
        *slot = Slot { first, last, len: text.len(), known };
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &[u8]) -> Known {
        let alone = Known::of(name, 0, name.len());
        let line = [b"..", name, b": value\r\n"].concat();
        assert_eq!(Known::of(&line, 2, name.len()), alone);
        alone
    }

    #[test]
    fn every_known_name_is_recognised_in_any_case() {
        for known in Known::ALL {
            let lower = known.text();
            assert_eq!(of(lower.as_bytes()), *known);
            assert_eq!(of(lower.to_ascii_uppercase().as_bytes()), *known);
        }
    }

    #[test]
    fn no_other_token_is_taken_for_a_known_name() {
        for known in Known::ALL {
            for at in 0..known.text().len() {
                for byte in (0..=255u8).filter(|byte| super::super::bytes::is_token(*byte)) {
                    let mut name = known.text().as_bytes().to_vec();
                    name[at] = byte;
                    let same = name.eq_ignore_ascii_case(known.text().as_bytes());
                    assert_eq!(of(&name) == *known, same, "{}", String::from_utf8_lossy(&name));
                }
            }
        }
    }
}
