//! The one normal form of a request path, made before anything looks at it and sent upstream as it is.
//!
//! Theory: two parties that read a path differently are a hole (`%2f`, `..;`, `//` walking around a protected prefix),
//! so there is one form, and what is checked is what is forwarded. In this order:
//!
//! 1. a byte or escape that no path may carry is refused: controls and NUL, plain or escaped; `#`; bytes above 0x7e;
//!    `%` without two hex digits;
//! 2. escapes of unreserved characters are decoded, others get upper-case digits (RFC 3986 §6.2.2.1–2);
//! 3. `%2f`, `%5c` and `\` are refused, kept (always as escapes) or turned into `/`;
//! 4. empty segments are merged, kept or refused;
//! 5. `.` and `..` are resolved (RFC 3986 §5.2.4) or refused; climbing above the root is always refused, and so is a
//!    dot segment with parameters (`..;x`), which some servers take for `..`.
//!
//! Rules: one pass over the input, no allocation beyond `out`; the result is never longer than three times the input
//! (a kept `\`); normalising twice changes nothing. A clean path is recognised by a table scan and not copied.

use crate::document::{DotSegments, DoubleSlash, EncodedSlash, PathPolicy};

/// Whether the path already was in normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normal {
    /// Use the input.
    Unchanged,
    /// Use `out`.
    Changed,
}

/// Why a path is refused with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// It does not begin with `/`.
    NotAbsolute,
    /// A control byte, plain or escaped.
    Control,
    /// A byte that does not belong in a path: `#`, a space or one above 0x7e.
    BadByte,
    /// `%` without two hex digits.
    BadEscape,
    /// `%2f`, `%5c` or `\`, which the policy refuses.
    EncodedSlash,
    /// `//`, which the policy refuses.
    DoubleSlash,
    /// `.` or `..`, which the policy refuses, or one with parameters.
    DotSegment,
    /// `..` above the root.
    AboveRoot,
}

impl PathFault {
    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotAbsolute => "the path does not begin with /",
            Self::Control => "the path contains a control byte",
            Self::BadByte => "the path contains a byte that does not belong in one",
            Self::BadEscape => "the path contains a % without two hex digits",
            Self::EncodedSlash => "the path contains an encoded slash or a backslash",
            Self::DoubleSlash => "the path contains an empty segment",
            Self::DotSegment => "the path contains a dot segment",
            Self::AboveRoot => "the path climbs above the root",
        }
    }
}

/// Bytes that mean nothing special wherever they stand: visible ASCII without `%`, `\`, `#`. `/` and `.` are plain
/// too; the scan looks at them together with their left neighbour.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        plain[byte] = !matches!(byte as u8, b'%' | b'\\' | b'#');
        byte += 1;
    }
    plain
};

/// Brings `raw` (a request target's path, without query) into normal form. `*` (RFC 9112 §3.2.4) stays as it is; an
/// empty path is `/` (RFC 3986 §6.2.3). `out` is cleared first and holds the result only for [`Normal::Changed`].
///
/// # Errors
/// A [`PathFault`] if the path must be refused.
#[inline]
pub fn normalise(raw: &[u8], policy: &PathPolicy, out: &mut Vec<u8>) -> Result<Normal, PathFault> {
    if is_clean(raw) {
        return Ok(Normal::Unchanged);
    }
    rebuild(raw, policy, out)
}

/// Whether `raw` is in normal form under every policy; may say no to one that is (`/.well-known`).
#[inline]
fn is_clean(raw: &[u8]) -> bool {
    let Some((b'/', rest)) = raw.split_first() else {
        return raw == b"*";
    };
    let mut after_slash = true;
    for &byte in rest {
        if !PLAIN[byte as usize] || (after_slash && (byte == b'/' || byte == b'.')) {
            return false;
        }
        after_slash = byte == b'/';
    }
    true
}

#[cold]
fn rebuild(raw: &[u8], policy: &PathPolicy, out: &mut Vec<u8>) -> Result<Normal, PathFault> {
    out.clear();
    if raw.is_empty() {
        out.push(b'/');
        return Ok(Normal::Changed);
    }
    let mut rest = raw;
    let Unit { byte: Some(b'/'), .. } = next_unit(&mut rest, policy.encoded_slash)? else {
        return Err(PathFault::NotAbsolute);
    };
    out.push(b'/');
    while !rest.is_empty() {
        let unit = next_unit(&mut rest, policy.encoded_slash)?;
        match unit.byte {
            Some(b'/') => end_segment(out, policy)?,
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(&unit.escape),
        }
    }
    end_path(out, policy)?;
    Ok(if out == raw { Normal::Unchanged } else { Normal::Changed })
}

/// One character of the path: a byte that stands for itself, or an escape that stays one.
struct Unit {
    byte: Option<u8>,
    escape: [u8; 3],
}

impl Unit {
    fn plain(byte: u8) -> Self {
        Self { byte: Some(byte), escape: [0; 3] }
    }

    fn escaped(value: u8) -> Self {
        const HEX: [u8; 16] = *b"0123456789ABCDEF";
        let escape = [b'%', HEX[usize::from(value >> 4)], HEX[usize::from(value & 15)]];
        Self { byte: None, escape }
    }
}

/// Takes the next character off `rest`, which is not empty.
fn next_unit(rest: &mut &[u8], slashes: EncodedSlash) -> Result<Unit, PathFault> {
    let Some((&byte, after)) = rest.split_first() else {
        return Err(PathFault::BadEscape);
    };
    *rest = after;
    match byte {
        b'%' => {
            let value = after.get(..2).and_then(hex_pair).ok_or(PathFault::BadEscape)?;
            *rest = after.get(2..).unwrap_or_default();
            escape_unit(value, slashes)
        }
        b'\\' => slash_unit(byte, slashes),
        _ if PLAIN[byte as usize] => Ok(Unit::plain(byte)),
        _ if byte < 0x20 || byte == 0x7f => Err(PathFault::Control),
        _ => Err(PathFault::BadByte),
    }
}

fn escape_unit(value: u8, slashes: EncodedSlash) -> Result<Unit, PathFault> {
    match value {
        0..=0x1f | 0x7f => Err(PathFault::Control),
        b'/' | b'\\' => slash_unit(value, slashes),
        b'-' | b'.' | b'_' | b'~' => Ok(Unit::plain(value)),
        _ if value.is_ascii_alphanumeric() => Ok(Unit::plain(value)),
        _ => Ok(Unit::escaped(value)),
    }
}

fn slash_unit(value: u8, slashes: EncodedSlash) -> Result<Unit, PathFault> {
    match slashes {
        EncodedSlash::Refuse => Err(PathFault::EncodedSlash),
        EncodedSlash::Keep => Ok(Unit::escaped(value)),
        EncodedSlash::Decode => Ok(Unit::plain(b'/')),
    }
}

pub(super) fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    match pair {
        &[high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    }
}

/// A `/` ends the segment that `out` ends with.
fn end_segment(out: &mut Vec<u8>, policy: &PathPolicy) -> Result<(), PathFault> {
    let segment = last_segment(out);
    if segment.is_empty() {
        match policy.double_slash {
            DoubleSlash::Merge => {}
            DoubleSlash::Keep => out.push(b'/'),
            DoubleSlash::Refuse => return Err(PathFault::DoubleSlash),
        }
        return Ok(());
    }
    if !resolve_dots(out, policy)? {
        out.push(b'/');
    }
    Ok(())
}

fn end_path(out: &mut Vec<u8>, policy: &PathPolicy) -> Result<(), PathFault> {
    resolve_dots(out, policy).map(|_| ())
}

/// Removes the last segment if it is a dot segment, and with `..` the one before it; `out` then ends with `/`.
fn resolve_dots(out: &mut Vec<u8>, policy: &PathPolicy) -> Result<bool, PathFault> {
    let segment = last_segment(out);
    let up = match segment {
        b"." => false,
        b".." => true,
        _ if segment.starts_with(b".;") || segment.starts_with(b"..;") => return Err(PathFault::DotSegment),
        _ => return Ok(false),
    };
    if policy.dot_segments == DotSegments::Refuse {
        return Err(PathFault::DotSegment);
    }
    out.truncate(out.len() - segment.len());
    if up {
        let parent =
            out.strip_suffix(b"/").filter(|parent| !parent.is_empty()).ok_or(PathFault::AboveRoot)?;
        let keep = parent.len() - last_segment(parent).len();
        out.truncate(keep);
    }
    Ok(true)
}

/// What follows the last `/`.
fn last_segment(path: &[u8]) -> &[u8] {
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    path.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
