//! Edits of a header section, compiled: which names to leave out, and which bytes to append.
//!
//! Theory: `remove` and `set` both drop what was there; `set` and `add` both append. So an edit is a set of names and
//! one ready-made run of field lines, and applying it costs one test per field and one copy.
//!
//! Rules: names that frame the message or steer the connection belong to the codec and cannot be edited; values carry
//! no control bytes (RFC 9110 §5.5), so an edit can never split a message.

use super::error::{BuildError, Place};
use crate::document::HeaderEdits;

/// Names whose meaning is the codec's (RFC 9110 §7.6.1, RFC 9112 §6); `host` is changed by `rewrite.host`.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// See the file's head.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    dropped: Vec<Box<[u8]>>,
    /// Bit n: some dropped name has n bytes (63: 63 or more). Answers most fields without a comparison.
    lengths: u64,
    lines: Vec<u8>,
}

impl Edits {
    /// Compiles `edits`, or says which name or value is not allowed.
    pub(super) fn build(edits: &HeaderEdits, place: &Place) -> Result<Self, BuildError> {
        let mut built = Self::default();
        for name in edits.remove.iter().chain(edits.set.iter().map(|(name, _)| name)) {
            editable(name, place)?;
            built.lengths |= length_bit(name.len());
            built.dropped.push(name.as_bytes().into());
        }
        for (name, value) in edits.set.iter().chain(&edits.add) {
            editable(name, place)?;
            push_line(&mut built.lines, name, value, place)?;
        }
        Ok(built)
    }

    /// Whether nothing is changed.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths == 0 && self.lines.is_empty()
    }

    /// Whether a field of this name (any case) is left out.
    #[inline]
    #[must_use]
    pub fn drops(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name.len()) != 0
            && self.dropped.iter().any(|dropped| dropped.eq_ignore_ascii_case(name))
    }

    /// `name: value\r\n` for each field to append, in order.
    #[inline]
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Names that are left out, for explain.
    pub fn dropped(&self) -> impl Iterator<Item = &[u8]> {
        self.dropped.iter().map(|name| &**name)
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn editable(name: &str, place: &Place) -> Result<(), BuildError> {
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(place.error(format!("the header `{name}` belongs to the codec and cannot be edited")));
    }
    check_name(name, place)
}

/// Field lines for a fixed answer.
pub(super) fn lines(fields: &[(String, String)], place: &Place) -> Result<Vec<u8>, BuildError> {
    let mut lines = Vec::new();
    for (name, value) in fields {
        editable(name, place)?;
        push_line(&mut lines, name, value, place)?;
    }
    Ok(lines)
}

fn push_line(lines: &mut Vec<u8>, name: &str, value: &str, place: &Place) -> Result<(), BuildError> {
    check_value(value, place)?;
    lines.extend_from_slice(name.as_bytes());
    lines.extend_from_slice(b": ");
    lines.extend_from_slice(value.as_bytes());
    lines.extend_from_slice(b"\r\n");
    Ok(())
}

/// A token (RFC 9110 §5.6.2).
pub(super) fn check_name(name: &str, place: &Place) -> Result<(), BuildError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.bytes().all(token) {
        return Ok(());
    }
    Err(place.error(format!("`{}` is not a header name", name.escape_debug())))
}

/// A field value (RFC 9110 §5.5): no control bytes but TAB, no space at the ends.
pub(super) fn check_value(value: &str, place: &Place) -> Result<(), BuildError> {
    let plain = value.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f));
    if plain && value.trim_matches([' ', '\t']).len() == value.len() {
        return Ok(());
    }
    Err(place.error(format!("`{}` is not a header value", value.escape_debug())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    fn build(set: &[(&str, &str)], add: &[(&str, &str)], remove: &[&str]) -> Result<Edits, BuildError> {
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(name, value)| pair(name, value)).collect();
        let remove = remove.iter().map(|&name| name.into()).collect();
        Edits::build(&HeaderEdits { set: pairs(set), add: pairs(add), remove }, &Place::default())
    }

    #[test]
    fn set_and_remove_drop_and_set_and_add_append() {
        let edits = build(&[("x-env", "prod")], &[("via-us", "1"), ("via-us", "2")], &["x-debug"]).unwrap();
        assert!(edits.drops(b"X-Env") && edits.drops(b"x-debug"));
        assert!(!edits.drops(b"via-us") && !edits.drops(b"x-en") && !edits.drops(b""));
        assert_eq!(edits.lines(), b"x-env: prod\r\nvia-us: 1\r\nvia-us: 2\r\n");
        assert!(!edits.is_empty() && Edits::default().is_empty());
    }

    #[test]
    fn names_of_any_length_are_dropped() {
        let long = "x".repeat(200);
        let edits = build(&[], &[], &[&long]).unwrap();
        assert!(edits.drops(long.as_bytes()) && !edits.drops(&long.as_bytes()[..70]));
        assert!(!edits.is_empty());
    }

    #[test]
    fn framing_is_not_for_sale() {
        for name in RESERVED {
            assert!(build(&[], &[], &[name]).is_err(), "{name}");
            assert!(build(&[(&name.to_uppercase(), "1")], &[], &[]).is_err(), "{name}");
            assert!(lines(&[pair(name, "1")], &Place::default()).is_err(), "{name}");
        }
    }

    #[test]
    fn an_edit_cannot_split_a_message() {
        for value in ["a\r\nb: c", "a\nb", "a\0", "\x7f", " a", "a\t"] {
            assert!(build(&[("x", value)], &[], &[]).is_err(), "{value:?}");
        }
        for name in ["", "a b", "a:", "a\r\n", "é"] {
            assert!(build(&[], &[(name, "1")], &[]).is_err(), "{name:?}");
        }
        assert!(build(&[("x", "")], &[("y", "a\tb é")], &[]).is_ok());
    }
}
