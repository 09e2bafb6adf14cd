//! Header blocks written by hand, for the tests of the decoder.

#![allow(dead_code, missing_docs, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used)] // a test fails loudly

use gateway_core::hpack::{Block, Decoder, Fault};
use gateway_core::http1::head::Limits;

/// A literal with a name of its own (RFC 7541 §6.2): `first` is 0x40 to insert it, 0x00 not to, 0x10 never to.
pub fn literal(first: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    string(name, &mut out);
    string(value, &mut out);
    out
}

/// A block of such literals.
pub fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(0, name.as_bytes(), value.as_bytes())).collect()
}

pub fn string(text: &[u8], out: &mut Vec<u8>) {
    integer(text.len(), 0x7f, 0, out);
    out.extend_from_slice(text);
}

pub fn integer(value: usize, mask: u8, flags: u8, out: &mut Vec<u8>) {
    if value < usize::from(mask) {
        return out.push(flags | value as u8);
    }
    out.push(flags | mask);
    let mut rest = value - usize::from(mask);
    while rest >= 128 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A table size update.
pub fn size_update(size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    integer(size, 0x1f, 0x20, &mut out);
    out
}

/// All lines of a block, pseudo-header fields included.
pub fn text(block: &Block) -> String {
    block.text.escape_ascii().to_string().replace("\\r\\n", "\n")
}

/// Decodes with a new decoder.
pub fn decode(block: &[u8]) -> Result<Block, Fault> {
    let mut head = Block::new();
    Decoder::new().decode(block, &Limits::default(), &mut head).map(|()| head)
}

/// Bytes from hexadecimal digits; spaces do not count.
pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}
