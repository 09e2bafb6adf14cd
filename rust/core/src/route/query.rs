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
    // An escape only makes longer, so a shorter one can never be equal.
    raw == name || (raw.len() >= name.len() && is_escaped(raw) && *decode(raw) == *name)
}

fn is_escaped(raw: &[u8]) -> bool {
    memchr::memchr2(b'%', b'+', raw).is_some()
}

fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if !is_escaped(raw) {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2).and_then(hex_pair)).flatten();
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
        out.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    Cow::Owned(out)
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
