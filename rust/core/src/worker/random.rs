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
        let bits = u128::from(self.draw()) << 64 | u128::from(self.draw());
        let mut shift = 128;
        std::array::from_fn(|_| {
            shift -= 4;
            let digit = (bits >> shift) as u8 & 0xf;
            if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
        })
    }
}
