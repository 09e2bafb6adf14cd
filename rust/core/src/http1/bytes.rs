//! Classes of bytes, and how far a run of one class reaches.
//!
//! Theory: a head is mostly names (letters, digits and hyphens up to a colon) and values (anything visible up to CR), and
//! hardly any sixteen bytes of them hold anything of interest. So bytes are tested a *lane* at a time, by vector
//! instructions that every processor of a kind has (SSE2, NEON): a scan looks for the first *stop*. The few names that are
//! not plain go on in a table.
//!
//! Rules: a scan returns an index that is never past the end of its buffer; the caller decides what the byte there
//! means.

use wide::u8x16;

const TOKEN: u8 = 1;
const VALUE: u8 = 2;
const HOST: u8 = 4;

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

/// Bytes tested at once.
const LANE: usize = 16;

/// Index of the first stop at or after `from`, or the length of `buf`. A class says of a lane which of its bytes are stops.
#[inline(always)]
fn first_stop(buf: &[u8], from: usize, class: impl Fn(u8x16) -> u32) -> usize {
    let mut at = from;
    while let Some(lane) = buf.get(at..).and_then(|rest| rest.first_chunk::<LANE>()) {
        let stops = class(u8x16::new(*lane));
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += LANE;
    }
    let left = buf.len().saturating_sub(at);
    // The lane that ends where the buffer does, without what was seen of it already.
    let stops = match buf.last_chunk::<LANE>() {
        Some(lane) => class(u8x16::new(*lane)) >> (LANE - left),
        None => class(short(buf.get(at..).unwrap_or(&[]))),
    };
    at + (stops.trailing_zeros() as usize).min(left)
}

/// A lane of fewer bytes.
#[inline(always)]
fn short(bytes: &[u8]) -> u8x16 {
    let mut lane = [0; LANE];
    if let Some(start) = lane.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    u8x16::new(lane)
}

/// Marks the bytes from `first` to `last`.
#[inline(always)]
fn within(lane: u8x16, first: u8, last: u8) -> u8x16 {
    let beyond = lane - u8x16::splat(first);
    beyond.min(u8x16::splat(last - first)).simd_eq(beyond)
}

#[inline(always)]
fn equal(lane: u8x16, byte: u8) -> u8x16 {
    lane.simd_eq(u8x16::splat(byte))
}

/// Every bit of a lane's mask.
const ALL: u32 = (1 << LANE) - 1;

/// Each byte that is no ASCII letter, digit, `-` or `.`.
#[inline(always)]
fn not_plain(lane: u8x16) -> u32 {
    let letter = within(lane | u8x16::splat(0x20), b'a', b'z');
    let other = within(lane, b'0', b'9') | within(lane, b'-', b'.');
    (letter | other).to_bitmask() ^ ALL
}

/// Each byte that is not visible ASCII, or is `#` or `?`.
#[inline(always)]
fn not_target(lane: u8x16) -> u32 {
    let marks = equal(lane, b'#') | equal(lane, b'?');
    (within(lane, b'!', b'~').to_bitmask() ^ ALL) | marks.to_bitmask()
}

/// Each byte that is below 0x20 or is 0x7f.
#[inline(always)]
fn controls(lane: u8x16) -> u32 {
    (within(lane, 0, 0x1f) | equal(lane, 0x7f)).to_bitmask()
}

/// Index of the first byte at or after `from` that is not a token byte, or the length of `buf`.
#[inline(always)]
pub(crate) fn token_end(buf: &[u8], from: usize) -> usize {
    let at = first_stop(buf, from, not_plain);
    // Nearly every name is letters, digits and hyphens up to its colon; one that is not goes on in the table.
    if matches!(buf.get(at), Some(b':')) { at } else { run(buf, at, TOKEN) }
}

/// Index of the first byte at or after `from` that cannot stand in a request target (`#` among them: a fragment is
/// never sent, RFC 9110 §4.2.5) or is `?`, or the length of `buf`.
#[inline(always)]
pub(crate) fn path_end(buf: &[u8], from: usize) -> usize {
    first_stop(buf, from, not_target)
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
    run(buf, first_stop(buf, from, not_plain), HOST)
}

/// Index of the first byte at or after `from` that cannot stand in a field value, or the length of `buf`.
#[inline(always)]
pub(crate) fn value_end(buf: &[u8], from: usize) -> usize {
    let mut at = first_stop(buf, from, controls);
    while buf.get(at) == Some(&b'\t') {
        at = first_stop(buf, at + 1, controls);
    }
    at
}

/// Whether a part of a field's value is this word, whatever its case. The word is in lower case, of letters and `-`: no
/// other byte that a value may hold becomes one of them by bit 5.
#[inline(always)]
pub(super) fn is_word<const N: usize>(text: &[u8], word: &[u8; N]) -> bool {
    let differs = |text: &[u8; N]| text.iter().zip(word).fold(0, |seen, (a, b)| seen | ((a | 0x20) ^ b));
    <&[u8; N]>::try_from(text).is_ok_and(|text| differs(text) == 0)
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

    /// What one scan says, and which bytes it passes over.
    type Scan = (fn(&[u8], usize) -> usize, fn(u8) -> bool);

    const SCANS: [Scan; 4] = [
        (token_end, is_token),
        (value_end, is_value),
        (host_end, is_host),
        (path_end, |byte| byte > 0x20 && byte < 0x7f && !matches!(byte, b'#' | b'?')),
    ];

    #[test]
    fn a_scan_stops_at_every_byte_of_no_use_to_it_and_only_there() {
        for (scan, passes) in SCANS {
            for byte in 0..=255u8 {
                for length in 1..=40 {
                    for at in 0..length {
                        let mut buf = [b'a'; 40];
                        buf[at] = byte;
                        let buf = &buf[..length];
                        let from = at.min(1);
                        let want = (from..length).find(|at| !passes(buf[*at])).unwrap_or(length);
                        assert_eq!(scan(buf, from), want, "{byte:#x} at {at} of {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_scan_ends_at_once_where_there_is_nothing() {
        for (scan, _) in SCANS {
            assert_eq!((scan(b"", 0), scan(b"abc", 3), scan(&[b'a'; 20], 20)), (0, 3, 20));
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
