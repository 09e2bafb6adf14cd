//! One worker's chance: SplitMix64 (Steele, Lea, Flood, 2014), seeded by the kernel. Balancing and request ids need
//! speed and spread, not secrecy.

/// A stream of 64-bit draws.
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An id for a request: 128 bits as hexadecimal digits, as long as a trace id (W3C Trace Context §3.2.2.3).
    #[inline]
    pub fn request_id(&mut self) -> [u8; 32] {
        let mut id = [0; 32];
        for (part, digits) in [self.draw(), self.draw()].into_iter().zip(id.as_chunks_mut::<16>().0) {
            let (high, low) = digits.split_at_mut(8);
            high.copy_from_slice(&hexadecimal((part >> 32) as u32));
            low.copy_from_slice(&hexadecimal(part as u32));
        }
        id
    }
}

/// Eight digits, computed in one word: each nibble is spread to a byte of its own, then all become ASCII at once.
fn hexadecimal(number: u32) -> [u8; 8] {
    const ONES: u64 = u64::MAX / 255;
    let spread = u64::from(number);
    let spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (spread | spread << 4) & (ONES * 0x0f);
    // One in each byte whose nibble is above 9: those begin 39 places further on, at `a`.
    let letters = (nibbles + ONES * 6) >> 4 & ONES;
    (nibbles + ONES * u64::from(b'0') + letters * 39).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hexadecimal_writes_what_the_standard_library_writes(number: u32) {
            let written = String::from_utf8(hexadecimal(number).to_vec()).unwrap_or_default();
            prop_assert_eq!(written, format!("{number:08x}"));
        }
    }

    #[test]
    fn ids_differ() {
        let mut random = Random::new(1);
        let (one, other) = (random.request_id(), random.request_id());
        assert!(one != other && one.iter().chain(&other).all(u8::is_ascii_hexdigit));
    }
}
