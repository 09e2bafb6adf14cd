//! The encoder: heads out as header blocks. RFC 7541 §6.
//!
//! Theory: nothing is ever inserted into the peer's table, so there is no state to keep, no entry to look for and nothing
//! to bound; the static table gives most names in a byte or two. Strings are copied as they are: measured on a Date, a
//! Content-Type and a User-Agent, Huffman codes save a quarter and take 16 to 62 ns where the copy takes 2 to 3. HAProxy
//! decided the same.
//!
//! Rules: names are written in lower case; what says something about an HTTP/1 connection is left out (RFC 9113 §8.2.2);
//! what carries credentials, and what came with that wish, is marked as never to be indexed (RFC 7541 §7.1.3).

use super::integer::write;
use super::name::Pseudo;
use super::static_table::ENTRIES;
use crate::http1::head::{Field, Known};

/// Bits of an indexed field, RFC 7541 §6.1.
const INDEXED: u8 = 0x80;
/// Bit of a literal that is never to be indexed, RFC 7541 §6.2.3.
const NEVER: u8 = 0x10;
/// Places in the static table of `authorization`, `cookie`, `proxy-authorization` and `set-cookie`: whoever could guess
/// at them through a shared table (CRIME) would gain most.
const CREDENTIALS: u64 = 1 << 23 | 1 << 32 | 1 << 49 | 1 << 55;
/// Place of `accept-encoding: gzip, deflate`, the one regular field of the static table that has a value.
const ACCEPT_ENCODING: u8 = 16;

/// The encoder of one connection.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The peer knows that its table stays empty.
    announced: bool,
}

impl Encoder {
    /// For a new connection.
    #[must_use]
    pub const fn new() -> Self {
        Self { announced: false }
    }

    /// Begins a header block. The first one of a connection says that the table has no bytes, so that the peer need keep
    /// none, and whatever size it settles on later is no news (RFC 7541 §4.2).
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.announced {
            self.announced = true;
            out.push(0x20);
        }
    }

    /// Writes `:status`.
    #[inline]
    pub fn status(&self, status: u16, out: &mut Vec<u8>) {
        let index = match status {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => {
                let digit = |unit: u16| b'0' + (status / unit % 10) as u8;
                out.extend_from_slice(&[8, 3, digit(100), digit(10), digit(1)]);
                return;
            }
        };
        out.push(INDEXED | index);
    }

    /// Writes a pseudo-header field of a request. They come before all others.
    #[inline]
    pub fn pseudo(&self, name: Pseudo, value: &[u8], out: &mut Vec<u8>) {
        let (index, place) = match (name, value) {
            (Pseudo::Method, b"GET") => (2, 2),
            (Pseudo::Method, b"POST") => (3, 2),
            (Pseudo::Path, b"/") => (4, 4),
            (Pseudo::Path, b"/index.html") => (5, 4),
            (Pseudo::Scheme, b"http") => (6, 6),
            (Pseudo::Scheme, b"https") => (7, 6),
            (Pseudo::Authority, _) => (0, 1),
            (Pseudo::Method, _) => (0, 2),
            (Pseudo::Path, _) => (0, 4),
            (Pseudo::Scheme, _) => (0, 6),
            (Pseudo::Status, _) => (0, 8),
            (Pseudo::Protocol, _) => (0, 0),
        };
        if index > 0 {
            out.push(INDEXED | index);
            return;
        }
        out.push(place);
        if place == 0 {
            string(name.text().as_bytes(), out);
        }
        string(value, out);
    }

    /// Writes a field. `name` is a token in any case and `value` a field value: both are copied unseen.
    #[inline]
    pub fn field(&self, name: &[u8], value: &[u8], never_indexed: bool, out: &mut Vec<u8>) {
        let place = place(name);
        let credentials = place > 0 && CREDENTIALS >> place & 1 != 0;
        let never = if never_indexed || credentials { NEVER } else { 0 };
        match place {
            0 => {
                out.push(never);
                write(name.len(), 0x7f, 0, out);
                let at = out.len();
                out.extend_from_slice(name);
                out.get_mut(at..).unwrap_or(&mut []).make_ascii_lowercase();
            }
            ACCEPT_ENCODING if value == b"gzip, deflate" && never == 0 => {
                out.push(INDEXED | ACCEPT_ENCODING);
                return;
            }
            1..=0x0e => out.push(never | place),
            0x0f.. => out.extend_from_slice(&[never | 0x0f, place - 0x0f]),
        }
        string(value, out);
    }

    /// Writes fields of a parsed head but those that `left_out` names and those that are about a connection.
    #[inline]
    pub fn fields(
        &self,
        fields: &[Field],
        bytes: &[u8],
        left_out: impl Fn(&Field) -> bool,
        out: &mut Vec<u8>,
    ) {
        for field in fields.iter().filter(|field| !field.hop && !left_out(field)) {
            self.field(field.name.of(bytes), field.value.of(bytes), field.never_indexed, out);
        }
    }

    /// Writes the fields of `text`, which is lines of our own making, `name: value` CRLF each; those about a connection
    /// are passed over.
    #[inline]
    pub fn lines(&self, mut text: &[u8], out: &mut Vec<u8>) {
        while let Some(end) = memchr::memchr(b'\r', text) {
            let (line, rest) = text.split_at(end);
            text = rest.get(2..).unwrap_or(&[]);
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = line.split_at(colon);
            if !Known::of(line, 0, colon).is_hop() {
                self.field(name, value.get(2..).unwrap_or(&[]), false, out);
            }
        }
    }
}

/// Appends a string as it is. RFC 7541 §5.2.
#[inline(always)]
fn string(text: &[u8], out: &mut Vec<u8>) {
    write(text.len(), 0x7f, 0, out);
    out.extend_from_slice(text);
}

/// Both ends of a name, folded to lower case, and its length: of names up to 16 bytes, all there is. As in
/// `http1::known`, folding is exact for tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    len: u32,
}

/// Bit 5 of every byte.
const FOLD: u64 = u64::MAX / 255 * 0x20;

impl Key {
    #[inline(always)]
    const fn of(name: &[u8]) -> Self {
        let len = name.len() as u32;
        let (first, last) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
                }
                _ => match name {
                    [a, b, c] => (u32::from_le_bytes([*a, *b, *c, 0]) as u64, 0),
                    // No name of the static table is as short.
                    _ => (0, 0),
                },
            },
        };
        Self { first: first | FOLD, last: last | FOLD, len }
    }

    #[inline(always)]
    const fn place(self) -> usize {
        ((self.first ^ self.last.rotate_left(self.len)).wrapping_mul(SPREAD) >> (u64::BITS - PLACES)) as usize
    }
}

const PLACES: u32 = 7;

/// Found by trying: gives every name of the static table a place of its own, which the compiler checks.
const SPREAD: u64 = 0x6492_6f13_b2f9_9fcf;

struct Slot {
    key: Key,
    /// The lowest index of this name; 0 for an empty slot.
    index: u8,
}

static NAMES: [Slot; 1 << PLACES] = names();

const fn names() -> [Slot; 1 << PLACES] {
    let mut names = [const { Slot { key: Key { first: 0, last: 0, len: 0 }, index: 0 } }; 1 << PLACES];
    let mut i = ENTRIES.len();
    while i > 0 {
        let key = Key::of(ENTRIES[i - 1].name().as_bytes());
        let slot = &mut names[key.place()];
        let same = slot.key.first == key.first && slot.key.last == key.last && slot.key.len == key.len;
        assert!(slot.index == 0 || same, "two names in one place: try another SPREAD");
        *slot = Slot { key, index: i as u8 };
        i -= 1;
    }
    names
}

/// The lowest index that the static table has for `name`, in any case; 0 if it has none.
#[inline(always)]
fn place(name: &[u8]) -> u8 {
    let key = Key::of(name);
    let Some(slot) = NAMES.get(key.place()) else { return 0 };
    if slot.key != key || key.len > 16 && !is_entry(slot.index, name) { 0 } else { slot.index }
}

fn is_entry(index: u8, name: &[u8]) -> bool {
    let entry = ENTRIES.get(usize::from(index).wrapping_sub(1));
    entry.is_some_and(|entry| entry.name().as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_static_table_is_found_in_any_case() {
        for entry in &ENTRIES {
            let lowest = ENTRIES.iter().position(|other| other.name() == entry.name()).unwrap() + 1;
            assert_eq!(usize::from(place(entry.name().as_bytes())), lowest);
            assert_eq!(usize::from(place(entry.name().to_ascii_uppercase().as_bytes())), lowest);
        }
    }

    #[test]
    fn no_other_token_is_taken_for_a_name_of_the_static_table() {
        let token = |byte: &u8| crate::http1::bytes::token_end(&[*byte], 0) == 1;
        for entry in ENTRIES.iter().filter(|entry| !entry.name().starts_with(':')) {
            for at in 0..entry.name {
                for byte in (0..=255).filter(token) {
                    let mut name = entry.name().as_bytes().to_vec();
                    name[at] = byte;
                    let found = usize::from(place(&name)).checked_sub(1).map(|index| ENTRIES[index].name());
                    let same = |found: &str| found.as_bytes().eq_ignore_ascii_case(&name);
                    assert!(found.is_none_or(same), "{}", name.escape_ascii());
                }
            }
        }
    }
}
