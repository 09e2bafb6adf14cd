//! Integers with a prefix of `N` bits. RFC 7541 §5.1.

use super::decode::Corrupt;

/// Bytes that may follow the prefix. Five carry 35 bits, more than any length or index we accept.
const CONTINUATION: usize = 5;

/// Reads an integer whose prefix is the low bits of the first byte that `mask` covers. Returns it and what follows.
#[inline(always)]
pub(super) fn read(input: &[u8], mask: u8) -> Result<(usize, &[u8]), Corrupt> {
    let [first, rest @ ..] = input else { return Err(Corrupt::Truncated) };
    let prefix = first & mask;
    if prefix < mask { Ok((usize::from(prefix), rest)) } else { long(rest, mask) }
}

fn long(input: &[u8], mask: u8) -> Result<(usize, &[u8]), Corrupt> {
    let mut value = u64::from(mask);
    for (i, byte) in input.iter().take(CONTINUATION).enumerate() {
        value += u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| Corrupt::IntegerTooLarge)?;
            return Ok((value as usize, input.get(i + 1..).unwrap_or(&[])));
        }
    }
    Err(if input.len() < CONTINUATION { Corrupt::Truncated } else { Corrupt::IntegerTooLarge })
}

/// Appends `value` with a prefix of the bits that `mask` covers, beside which `flags` stand.
#[inline(always)]
pub(super) fn write(value: usize, mask: u8, flags: u8, out: &mut Vec<u8>) {
    if value < usize::from(mask) {
        out.push(flags | value as u8);
    } else {
        write_long(value - usize::from(mask), mask | flags, out);
    }
}

fn write_long(mut value: usize, first: u8, out: &mut Vec<u8>) {
    out.push(first);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_7541_c_1() {
        for (value, mask, wire) in
            [(10, 0x1f, &[0x0a][..]), (1337, 0x1f, &[0x1f, 0x9a, 0x0a]), (42, 0xff, &[0x2a])]
        {
            let mut out = Vec::new();
            write(value, mask, 0, &mut out);
            assert_eq!(out, wire);
            assert_eq!(read(wire, mask), Ok((value, &[][..])));
        }
    }

    #[test]
    fn an_integer_that_overflows_or_never_ends_is_refused() {
        let most = [0xff, 0x80, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(read(&most, 0x7f), Ok((u32::MAX as usize, &[][..])));
        assert_eq!(read(&[0xff, 0x81, 0xff, 0xff, 0xff, 0x0f], 0x7f), Err(Corrupt::IntegerTooLarge));
        assert_eq!(read(&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 0x7f), Err(Corrupt::IntegerTooLarge));
        assert_eq!(read(&[0xff; 4096], 0x7f), Err(Corrupt::IntegerTooLarge));
        assert_eq!(read(&[0x7f, 0x80, 0x80], 0x7f), Err(Corrupt::Truncated));
        assert_eq!(read(&[], 0x7f), Err(Corrupt::Truncated));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any::<u32>(), bits in 4u32..=8, flags in any::<u8>()) {
            let mask = (0xff_u16 >> (8 - bits)) as u8;
            let mut out = Vec::new();
            write(value as usize, mask, flags & !mask, &mut out);
            for cut in 0..out.len() {
                prop_assert_eq!(read(&out[..cut], mask), Err(Corrupt::Truncated));
            }
            out.push(7);
            prop_assert_eq!(read(&out, mask), Ok((value as usize, &[7][..])));
        }
    }
}
