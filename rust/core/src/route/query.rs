//! Query parameters, read where they stand.
//!
//! Theory: a query is `name=value` pairs joined by `&`, with `+` for a space and percent escapes (WHATWG URL,
//! `application/x-www-form-urlencoded`). Of a repeated name the first value counts (Gateway API,
//! HTTPQueryParamMatch). Nothing is allocated unless a value carries an escape.
//!
//! Rules: a broken escape stands for itself; one pass per look-up, so the cost is the query's length times the number
//! of conditions that look at it.

use super::normal::hex_pair;
use std::borrow::Cow;

/// The first value of the parameter `name` (given decoded), decoded.
pub fn value<'a>(query: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    query.split(|&byte| byte == b'&').find_map(|pair| {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (pair.get(..at)?, pair.get(at + 1..)?),
            None => (pair, &[][..]),
        };
        (!pair.is_empty() && same(key, name)).then(|| decode(value))
    })
}

#[inline]
fn same(raw: &[u8], name: &[u8]) -> bool {
    // Without escapes both have the same length; an escape only makes longer.
    raw.len() >= name.len()
        && if is_escaped(raw) { Decoded(raw).eq(name.iter().copied()) } else { raw == name }
}

fn is_escaped(raw: &[u8]) -> bool {
    memchr::memchr2(b'%', b'+', raw).is_some()
}

fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if is_escaped(raw) { Cow::Owned(Decoded(raw).collect()) } else { Cow::Borrowed(raw) }
}

/// The bytes that an escaped text stands for.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, after) = self.0.split_first()?;
        let escaped = (byte == b'%').then(|| after.get(..2).and_then(hex_pair)).flatten();
        self.0 = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
        Some(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }))
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    fn get(query: &str, name: &str) -> Option<String> {
        value(query.as_bytes(), name.as_bytes()).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    #[test]
    fn names_and_values_are_compared_decoded() {
        assert_eq!(get("a=1&b=2", "b").as_deref(), Some("2"));
        assert_eq!(get("a%20b=c+d%2B", "a b").as_deref(), Some("c d+"));
        assert_eq!(get("a+b=1", "a b").as_deref(), Some("1"));
        assert_eq!(get("%61=1", "a").as_deref(), Some("1"));
        assert_eq!(get("%61b=1&%61=2&a%=3", "a").as_deref(), Some("2"));
        assert_eq!(get("%61b=1&%61=2&a%=3", "a%").as_deref(), Some("3"));
    }

    #[test]
    fn the_first_of_repeated_names_counts() {
        assert_eq!(get("a=1&a=2", "a").as_deref(), Some("1"));
    }

    #[test]
    fn odd_forms_have_one_reading() {
        assert_eq!(get("a", "a").as_deref(), Some(""));
        assert_eq!(get("a=", "a").as_deref(), Some(""));
        assert_eq!(get("a=b=c", "a").as_deref(), Some("b=c"));
        assert_eq!(get("a=%zz%4", "a").as_deref(), Some("%zz%4"));
        assert_eq!(get("&&x=1&", "x").as_deref(), Some("1"));
        assert_eq!(get("", ""), None);
        assert_eq!(get("=1", "").as_deref(), Some("1"));
    }
}
