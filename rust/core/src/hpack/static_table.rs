//! The static table, RFC 7541 Appendix A, each entry as the line that it is decoded to.

use super::name::{Kind, Pseudo};
use crate::http1::head::Known;

/// An entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Static {
    /// `name: value` CRLF.
    pub line: &'static str,
    /// Bytes of the name.
    pub name: usize,
    /// What it is.
    pub kind: Kind,
}

impl Static {
    /// The name, in lower case.
    pub(super) const fn name(&self) -> &'static str {
        self.line.split_at(self.name).0
    }
}

/// The entry with this index, if it is one of the static table's: they begin at 1.
#[inline(always)]
pub(super) fn entry(index: usize) -> Option<&'static Static> {
    ENTRIES.get(index.wrapping_sub(1))
}

const fn kind(name: &str) -> Kind {
    let name = name.as_bytes();
    let mut i = 0;
    while i < Pseudo::ALL.len() {
        if same(name, Pseudo::ALL[i].text().as_bytes()) {
            return Kind::Pseudo(Pseudo::ALL[i]);
        }
        i += 1;
    }
    let mut i = 0;
    while i < Known::ALL.len() {
        if same(name, Known::ALL[i].text().as_bytes()) {
            return Kind::Regular(Known::ALL[i]);
        }
        i += 1;
    }
    Kind::Regular(Known::Other)
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

macro_rules! entries {
    ($($name:literal $value:literal)*) => {
        /// All of them, the first with index 1.
        pub(super) static ENTRIES: [Static; 61] = [
            $(Static { line: concat!($name, ": ", $value, "\r\n"), name: $name.len(), kind: kind($name) },)*
        ];
    };
}

entries! {
    ":authority" ""
    ":method" "GET"
    ":method" "POST"
    ":path" "/"
    ":path" "/index.html"
    ":scheme" "http"
    ":scheme" "https"
    ":status" "200"
    ":status" "204"
    ":status" "206"
    ":status" "304"
    ":status" "400"
    ":status" "404"
    ":status" "500"
    "accept-charset" ""
    "accept-encoding" "gzip, deflate"
    "accept-language" ""
    "accept-ranges" ""
    "accept" ""
    "access-control-allow-origin" ""
    "age" ""
    "allow" ""
    "authorization" ""
    "cache-control" ""
    "content-disposition" ""
    "content-encoding" ""
    "content-language" ""
    "content-length" ""
    "content-location" ""
    "content-range" ""
    "content-type" ""
    "cookie" ""
    "date" ""
    "etag" ""
    "expect" ""
    "expires" ""
    "from" ""
    "host" ""
    "if-match" ""
    "if-modified-since" ""
    "if-none-match" ""
    "if-range" ""
    "if-unmodified-since" ""
    "last-modified" ""
    "link" ""
    "location" ""
    "max-forwards" ""
    "proxy-authenticate" ""
    "proxy-authorization" ""
    "range" ""
    "referer" ""
    "refresh" ""
    "retry-after" ""
    "server" ""
    "set-cookie" ""
    "strict-transport-security" ""
    "transfer-encoding" ""
    "user-agent" ""
    "vary" ""
    "via" ""
    "www-authenticate" ""
}
