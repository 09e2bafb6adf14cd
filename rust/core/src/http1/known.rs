//! The field names that mean something to a gateway.
//!
//! Theory: most lengths have no known name, so the length alone dismisses most fields; the few names of a length are
//! compared as whole words. Setting bit 5 folds letters to lower case and maps no other token byte onto a letter or
//! `-`, so the comparison is exact for validated tokens.

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

            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name,)*];
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
    /// Recognises a name that consists of token bytes only.
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        match name.len() {
            2 => one_of(name, [(b"te", Self::Te)]),
            3 => one_of(name, [(b"via", Self::Via)]),
            4 => one_of(name, [(b"host", Self::Host), (b"date", Self::Date)]),
            6 => one_of(
                name,
                [(b"cookie", Self::Cookie), (b"expect", Self::Expect), (b"server", Self::Server)],
            ),
            7 => one_of(name, [(b"upgrade", Self::Upgrade), (b"trailer", Self::Trailer)]),
            9 => one_of(name, [(b"forwarded", Self::Forwarded)]),
            10 => one_of(name, [(b"connection", Self::Connection), (b"keep-alive", Self::KeepAlive)]),
            12 => one_of(name, [(b"x-request-id", Self::XRequestId), (b"proxy-status", Self::ProxyStatus)]),
            14 => one_of(name, [(b"content-length", Self::ContentLength)]),
            15 => one_of(name, [(b"x-forwarded-for", Self::XForwardedFor)]),
            16 => one_of(
                name,
                [(b"x-forwarded-host", Self::XForwardedHost), (b"proxy-connection", Self::ProxyConnection)],
            ),
            17 => one_of(
                name,
                [
                    (b"x-forwarded-proto", Self::XForwardedProto),
                    (b"transfer-encoding", Self::TransferEncoding),
                ],
            ),
            _ => Self::Other,
        }
    }

    /// Hop-by-hop whatever Connection says. RFC 9110 §7.6.1.
    pub(super) const fn is_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::Te
                | Self::TransferEncoding
                | Self::Upgrade
        )
    }
}

#[inline(always)]
fn one_of<const N: usize, const M: usize>(name: &[u8], candidates: [(&[u8; N], Known); M]) -> Known {
    let Some(name) = name.first_chunk::<N>() else { return Known::Other };
    for (lower, known) in candidates {
        if same(name, lower) {
            return known;
        }
    }
    Known::Other
}

/// Without early exit, so that it compiles to a few word comparisons.
#[inline(always)]
fn same<const N: usize>(name: &[u8; N], lower: &[u8; N]) -> bool {
    name.iter().zip(lower).fold(0, |differing, (a, b)| differing | ((a | 0x20) ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_recognised_in_any_case() {
        for known in Known::ALL {
            let lower = known.text();
            assert_eq!(Known::of(lower.as_bytes()), *known);
            assert_eq!(Known::of(lower.to_ascii_uppercase().as_bytes()), *known);
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
                    assert_eq!(Known::of(&name) == *known, same, "{}", String::from_utf8_lossy(&name));
                }
            }
        }
    }
}
