//! Classes of bytes, and how far a run of one class reaches.
//!
//! Theory: a head is mostly names (short, tokens) and values (longer, anything visible). Names are looked up byte by
//! byte in a table; values are tested eight bytes at a time in one machine word (SWAR), since nearly every word of
//! a value holds nothing of interest.
//!
//! Rules: a scan returns an index that is never past the end of its buffer; the caller decides what the byte there
//! means.

const TOKEN: u8 = 1;
const VALUE: u8 = 2;
const PATH: u8 = 4;
const HOST: u8 = 8;

/// `tchar` of RFC 9110 §5.6.2 that is neither digit nor letter.
const TOKEN_MARKS: &[u8] = b"!#$%&'*+-.^_`|~";
/// What `reg-name` of RFC 3986 §3.2.2 allows beside letters, digits and escapes.
const HOST_MARKS: &[u8] = b"-._~!$&'()*+,;=";

const CLASSES: [u8; 256] = classes();

const fn has(set: &[u8], byte: u8) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

const fn class(byte: u8) -> u8 {
    let mut class = 0;
    if byte.is_ascii_alphanumeric() || has(TOKEN_MARKS, byte) {
        class |= TOKEN;
    }
    if byte == b'\t' || byte >= 0x20 && byte != 0x7f {
        class |= VALUE;
    }
    if byte > 0x20 && byte < 0x7f && byte != b'#' && byte != b'?' {
        class |= PATH;
    }
    if byte.is_ascii_alphanumeric() || has(HOST_MARKS, byte) {
        class |= HOST;
    }
    class
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = class(i as u8);
        i += 1;
    }
    table
}

#[inline(always)]
const fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// `tchar`, RFC 9110 §5.6.2.
#[cfg(test)]
pub(super) const fn is_token(byte: u8) -> bool {
    is(byte, TOKEN)
}

/// HTAB, SP, VCHAR or obs-text: what a field value may hold, RFC 9110 §5.5.
#[inline(always)]
pub(super) const fn is_value(byte: u8) -> bool {
    is(byte, VALUE)
}

/// A byte of `reg-name` other than `%`, RFC 3986 §3.2.2.
#[inline(always)]
pub(super) const fn is_host(byte: u8) -> bool {
    is(byte, HOST)
}

#[inline(always)]
fn run(buf: &[u8], from: usize, class: u8) -> usize {
    let rest = buf.get(from..).unwrap_or(&[]);
    from + rest.iter().position(|byte| !is(*byte, class)).unwrap_or(rest.len())
}

/// Index of the first byte at or after `from` that is not a token byte, or the length of `buf`.
#[inline(always)]
pub(crate) fn token_end(buf: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = word(buf, at) {
        let stops = not_plain(word);
        if stops == 0 {
            at += 8;
            continue;
        }
        at += (stops.trailing_zeros() / 8) as usize;
        // Nearly every name is letters, digits and hyphens up to its colon; one that is not goes on in the table.
        if matches!(buf.get(at), Some(b':')) {
            return at;
        }
        break;
    }
    run(buf, at, TOKEN)
}

/// Index of the first byte at or after `from` that cannot stand in a request target (`#` among them: a fragment is
/// never sent, RFC 9110 §4.2.5) or is `?`, or the length of `buf`.
#[inline(always)]
pub(crate) fn path_end(buf: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = word(buf, at) {
        let stops = not_target(word);
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    run(buf, at, PATH)
}

/// As [`path_end`], but passes over `?`.
#[inline(always)]
pub(crate) fn query_end(buf: &[u8], from: usize) -> usize {
    let mut at = path_end(buf, from);
    while buf.get(at) == Some(&b'?') {
        at = path_end(buf, at + 1);
    }
    at
}

/// Index of the first byte at or after `from` that cannot stand in a registered name, or the length of `buf`.
#[inline(always)]
pub(super) fn host_end(buf: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = word(buf, at) {
        let stops = not_plain(word);
        if stops != 0 {
            at += (stops.trailing_zeros() / 8) as usize;
            break;
        }
        at += 8;
    }
    run(buf, at, HOST)
}

/// Index of the first byte at or after `from` that cannot stand in a field value, or the length of `buf`.
#[inline(always)]
pub(crate) fn value_end(buf: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = word(buf, at) {
        let stops = controls(word);
        if stops == 0 {
            at += 8;
            continue;
        }
        at += (stops.trailing_zeros() / 8) as usize;
        match buf.get(at) {
            Some(b'\t') => at += 1,
            _ => return at,
        }
    }
    run(buf, at, VALUE)
}

/// The eight bytes at `at`, the first in the lowest place.
#[inline(always)]
pub(super) fn word(buf: &[u8], at: usize) -> Option<u64> {
    buf.get(at..).and_then(|rest| rest.first_chunk::<8>()).map(|bytes| u64::from_le_bytes(*bytes))
}

/// One in every byte.
pub(super) const ONES: u64 = u64::MAX / 255;
/// The high bit of every byte.
const HIGH: u64 = ONES << 7;

/// The high bit of each byte that is no ASCII letter, digit, `-` or `.`. Exact: seven-bit sums never carry.
#[inline(always)]
const fn not_plain(word: u64) -> u64 {
    let low = word & !HIGH;
    let folded = low | (ONES * 0x20);
    let letter = (folded + ONES * (0x80 - 0x61)) & !(folded + ONES * (0x80 - 0x7b));
    let minus_to_nine = (low + ONES * (0x80 - 0x2d)) & !(low + ONES * (0x80 - 0x3a));
    let not_slash = (low ^ (ONES * 0x2f)) + ONES * 0x7f;
    (!(letter | minus_to_nine & not_slash) | word) & HIGH
}

/// The high bit of each byte that is not visible ASCII, or is `#` or `?`. Exact, as above.
#[inline(always)]
const fn not_target(word: u64) -> u64 {
    let low = word & !HIGH;
    let visible = (low + ONES * (0x80 - 0x21)) & ((low ^ (ONES * 0x7f)) + ONES * 0x7f);
    let not_fragment = (low ^ (ONES * 0x23)) + ONES * 0x7f;
    let not_query = (low ^ (ONES * 0x3f)) + ONES * 0x7f;
    (!(visible & not_fragment & not_query) | word) & HIGH
}

/// The high bit of each byte that is below 0x20 or is 0x7f. Exact for the lowest such byte; bytes above it may be
/// marked falsely, because a subtraction borrows from them.
#[inline(always)]
const fn controls(word: u64) -> u64 {
    let below = word.wrapping_sub(ONES * 0x20) & !word;
    let del = word ^ (ONES * 0x7f);
    let equal = del.wrapping_sub(ONES) & !del;
    (below | equal) & HIGH
}

/// `value` without spaces and tabs at either end, RFC 9110 §5.6.3.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The members of a comma-separated list, without the empty ones (RFC 9110 §5.6.1.2).
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_end_stops_at_every_control_byte_and_only_there() {
        for byte in 0..=255u8 {
            for offset in 0..24 {
                let mut buf = [b'a'; 24];
                buf[offset] = byte;
                let want = if is_value(byte) { 24 } else { offset };
                assert_eq!(value_end(&buf, 0), want, "byte {byte:#x} at {offset}");
            }
        }
    }

    #[test]
    fn value_end_is_not_misled_by_a_tab_before_high_bytes() {
        assert_eq!(value_end(b"\t\x80\x20\xff\t\t\x21\x7e\x7f", 0), 8);
    }

    #[test]
    fn members_skips_empty_ones() {
        let found: Vec<_> = members(b" a,, b\t, ,c").collect();
        assert_eq!(found, [b"a".as_slice(), b"b", b"c"]);
    }
}
