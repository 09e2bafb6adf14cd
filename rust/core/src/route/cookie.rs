//! Cookies, read where they stand.
//!
//! Theory: `Cookie: a=1; b=2` (RFC 6265 §4.2.1), read as leniently as servers do: spaces around names and values do
//! not count, a pair without `=` is skipped, quotes around a value belong to it (RFC 6265 §4.1.1: the quotes are part
//! of cookie-value). Of a repeated name the first counts; several `Cookie` lines are read in order (HTTP/2 splits them,
//! RFC 9113 §8.2.3).
//!
//! Rules: names and values are compared byte for byte; nothing is allocated; the head's size bounds the work.

/// The value of the first cookie called `name` in one `Cookie` field value.
pub fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    line.split(|&byte| byte == b';').find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        (pair.get(..at)?.trim_ascii() == name).then_some(pair.get(at + 1..)?.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn pairs_are_read_leniently() {
        assert_eq!(value(b"a=1; b=2", b"b"), Some(&b"2"[..]));
        assert_eq!(value(b"a=1;b=2;", b"b"), Some(&b"2"[..]));
        assert_eq!(value(b" a = 1 ", b"a"), Some(&b"1"[..]));
        assert_eq!(value(b"junk; a=\"x=y\"", b"a"), Some(&b"\"x=y\""[..]));
        assert_eq!(value(b"a=1; a=2", b"a"), Some(&b"1"[..]));
        assert_eq!(value(b"ab=1", b"a"), None);
        assert_eq!(value(b"", b"a"), None);
    }
}
