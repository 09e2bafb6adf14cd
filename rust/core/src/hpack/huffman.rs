//! The Huffman code of RFC 7541 §5.2 and Appendix B, decoded.
//!
//! Theory: the code is canonical (codes of one length ascend with their symbols), so the lengths below are all of it;
//! the compiler makes the tables. Twelve bits look up two symbols at once, for nearly everything in a header is written
//! in codes of five to eight bits; a longer code is found by its length.
//!
//! Rules: the padding is fewer than eight bits, all ones; EOS inside a string is an error.

use super::decode::Corrupt;

/// Bits of the code of every byte, and of EOS.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

const EOS: u16 = 256;
/// Bits of the shortest and of the longest code.
const SHORTEST: usize = 5;
const LONGEST: usize = 30;
/// Bits that one look-up takes.
const LOOK: u32 = 12;

/// The symbols that a run of [`LOOK`] bits begins with.
#[derive(Clone, Copy)]
struct Pair {
    /// The second is meaningless if there is only one.
    symbols: [u8; 2],
    /// Bits of the first; zero if its code is longer than the run.
    first: u8,
    /// Bits of both, or of the first if the second does not fit.
    both: u8,
}

/// Stands for a run that begins with a longer code.
const NONE: Pair = Pair { symbols: [0; 2], first: 0, both: 0 };

/// The canonical code, by length.
struct Code {
    /// One past the last code of this length and all shorter ones, from the highest bit of 32 down.
    end: [u64; LONGEST + 1],
    /// Index in `symbols` of the first symbol of this length.
    place: [u16; LONGEST + 2],
    /// All symbols by length, then by number.
    symbols: [u16; 257],
}

static CODE: Code = code();
static PAIRS: [Pair; 1 << LOOK] = pairs();

const fn code() -> Code {
    let mut code = Code { end: [0; LONGEST + 1], place: [0; LONGEST + 2], symbols: [0; 257] };
    let (mut length, mut filled, mut next) = (1, 0, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                code.symbols[filled] = symbol as u16;
                filled += 1;
                next += 1 << (32 - length);
            }
            symbol += 1;
        }
        code.end[length] = next;
        code.place[length + 1] = filled as u16;
        length += 1;
    }
    code
}

/// The symbol that `window` begins with and the bits of its code.
const fn symbol(code: &Code, window: u64) -> (u16, usize) {
    let mut length = SHORTEST;
    while length < LONGEST && window >= code.end[length] {
        length += 1;
    }
    let place = code.place[length] as u64 + ((window - code.end[length - 1]) >> (32 - length));
    (code.symbols[if place < 257 { place as usize } else { 256 }], length)
}

const fn pairs() -> [Pair; 1 << LOOK] {
    let mut pairs = [NONE; 1 << LOOK];
    let mut run = 0;
    while run < pairs.len() {
        let (one, length) = symbol(&CODE, (run as u64) << (32 - LOOK));
        if length <= LOOK as usize {
            let rest = (run << length) & ((1 << LOOK) - 1);
            let (two, more) = symbol(&CODE, (rest as u64) << (32 - LOOK));
            let both = if length + more <= LOOK as usize { length + more } else { length };
            pairs[run] = Pair { symbols: [one as u8, two as u8], first: length as u8, both: both as u8 };
        }
        run += 1;
    }
    pairs
}

/// Input as a queue of bits.
struct Bits<'a> {
    rest: &'a [u8],
    /// The next bits, from the highest down.
    word: u64,
    /// How many of them count.
    have: u32,
}

impl Bits<'_> {
    /// Takes in as many whole bytes as fit, so that 56 bits are there unless the input ends.
    #[inline(always)]
    fn fill(&mut self) {
        if let Some(eight) = self.rest.first_chunk::<8>() {
            self.word |= u64::from_be_bytes(*eight) >> self.have;
            let taken = (63 - self.have) >> 3;
            self.rest = self.rest.get(taken as usize..).unwrap_or(&[]);
            self.have += taken * 8;
        } else {
            self.fill_last();
        }
    }

    fn fill_last(&mut self) {
        while let ([byte, rest @ ..], 0..=56) = (self.rest, self.have) {
            self.word |= u64::from(*byte) << (56 - self.have);
            self.have += 8;
            self.rest = rest;
        }
    }

    /// Passes over bits that are there: fewer than 64.
    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.word <<= bits;
        self.have -= bits;
    }

    /// The next symbol, whose code may be of any length; `None` if the bits do not suffice for it.
    fn next(&mut self) -> Result<Option<u8>, Corrupt> {
        let padded = self.word | u64::MAX.checked_shr(self.have).unwrap_or(0);
        let (symbol, length) = symbol(&CODE, padded >> 32);
        if length as u32 > self.have {
            return Ok(None);
        }
        if symbol == EOS {
            return Err(Corrupt::HuffmanEos);
        }
        self.skip(length as u32);
        Ok(Some(symbol as u8))
    }

    /// What is left is padding.
    fn is_padding(&self) -> bool {
        self.have < 8 && self.word | u64::MAX >> self.have == u64::MAX
    }
}

/// Appends what `input` stands for to `out`: at most 8 bytes for 5.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Result<(), Corrupt> {
    let mut at = out.len();
    // A pair is always written whole, so one byte more than the text can have.
    out.resize(at + input.len() * 8 / SHORTEST + 1, 0);
    let mut bits = Bits { rest: input, word: 0, have: 0 };
    loop {
        bits.fill();
        while bits.have >= LOOK {
            let pair = PAIRS.get((bits.word >> (64 - LOOK)) as usize).copied().unwrap_or(NONE);
            if pair.first == 0 {
                break;
            }
            if let Some(slot) = out.get_mut(at..at + 2) {
                slot.copy_from_slice(&pair.symbols);
            }
            at += 1 + usize::from(pair.both != pair.first);
            bits.skip(u32::from(pair.both));
        }
        // Here the next code is long, or few bits are left of the word or of all.
        bits.fill();
        let Some(symbol) = bits.next()? else { break };
        if let Some(slot) = out.get_mut(at) {
            *slot = symbol;
        }
        at += 1;
    }
    out.truncate(at);
    if bits.is_padding() { Ok(()) } else { Err(Corrupt::HuffmanPadding) }
}
