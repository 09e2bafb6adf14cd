//! Base64 (RFC 4648 §4) that comes in pieces, for the text form of gRPC-Web.
//!
//! Theory: a sender that flushes ends what it has with padding and goes on, so a body is any number of padded runs, one
//! after the other (PROTOCOL-WEB, *Text-encoded streams*). Four letters make up to three bytes wherever they stand;
//! padding ends a group of four, never the body.
//!
//! Rules: one text for each run of bytes: no other alphabet, no white space, no missing padding, no stray bits under
//! it. What precedes a fault comes out the same, however the text was cut.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const PADDING: u8 = b'=';

/// Stands in [`VALUES`] for what is no letter.
const NONE: u8 = 64;

static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        values[LETTERS[value] as usize] = value as u8;
        value += 1;
    }
    values
}

/// The text is not base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Reads text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decoder {
    /// The letters of this group, six bits each.
    bits: u32,
    /// Places of this group that are taken, padding included.
    places: u8,
    /// Of them, padding.
    padding: u8,
    failed: bool,
}

impl Decoder {
    /// For a new body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the bytes that `text` gives; never more than three for four letters.
    ///
    /// # Errors
    /// The first fault, and then again at every call; the bytes before it have been appended.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        for &letter in text {
            if self.failed || !self.place(letter) || self.places == 4 && !self.group(out) {
                self.failed = true;
                return Err(Malformed);
            }
        }
        Ok(())
    }

    /// The text has ended.
    ///
    /// # Errors
    /// In the middle of a group.
    pub fn finish(&self) -> Result<(), Malformed> {
        if self.failed || self.places != 0 { Err(Malformed) } else { Ok(()) }
    }

    /// Takes one letter into the group; `false` if it cannot stand there.
    fn place(&mut self, letter: u8) -> bool {
        let (value, fits) = match VALUES.get(usize::from(letter)).copied().unwrap_or(NONE) {
            NONE => (0, letter == PADDING && self.places >= 2),
            value => (value, self.padding == 0),
        };
        self.padding += u8::from(letter == PADDING);
        self.bits = self.bits << 6 | u32::from(value);
        self.places += 1;
        fits
    }

    /// Appends the bytes of a whole group; `false` if bits are left under its padding.
    fn group(&mut self, out: &mut Vec<u8>) -> bool {
        let [_, bytes @ ..] = self.bits.to_be_bytes();
        let (said, under) = bytes.split_at_checked(3 - usize::from(self.padding)).unwrap_or((&bytes, &[]));
        let sound = under.iter().all(|byte| *byte == 0);
        if sound {
            out.extend_from_slice(said);
        }
        *self = Self::default();
        sound
    }
}

/// Writes text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Encoder {
    /// Bytes of a group that is not whole.
    held: u32,
    /// How many: up to two.
    count: u8,
}

impl Encoder {
    /// For a new body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the text of `data`, all but what makes no whole group yet.
    pub fn encode(&mut self, data: &[u8], out: &mut Vec<u8>) {
        for &byte in data {
            self.held = self.held << 8 | u32::from(byte);
            self.count += 1;
            if self.count == 3 {
                self.write(4, out);
            }
        }
    }

    /// Appends what was kept, and the padding that it needs.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let missing = 3 - self.count;
        if missing < 3 {
            self.held <<= 8 * missing;
            self.write(4 - missing, out);
            out.extend(std::iter::repeat_n(PADDING, usize::from(missing)));
        }
    }

    fn write(&mut self, letters: u8, out: &mut Vec<u8>) {
        for place in 0..letters {
            let value = self.held >> (18 - 6 * place) & 63;
            out.push(LETTERS.get(value as usize).copied().unwrap_or(PADDING));
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn encoded(data: &[u8]) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        encoder.encode(data, &mut out);
        encoder.flush(&mut out);
        out
    }

    /// What comes of `text` cut into pieces of `size`, and whether all of it was sound.
    fn decoded(text: &[u8], size: usize) -> (Vec<u8>, bool) {
        let (mut decoder, mut out) = (Decoder::new(), Vec::new());
        let sound = text.chunks(size).all(|piece| decoder.decode(piece, &mut out).is_ok());
        (out, sound && decoder.finish().is_ok())
    }

    #[test]
    fn the_examples_of_rfc_4648() {
        for (data, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(encoded(data.as_bytes()), text.as_bytes());
            assert_eq!(decoded(text.as_bytes(), 1), (data.as_bytes().to_vec(), true));
        }
        assert_eq!(decoded(b"Zg==Zm8=Zm9v", 5), (b"ffofoo".to_vec(), true));
    }

    #[test]
    fn there_is_one_way_to_write_it() {
        for text in [
            "Z", "Zg", "Zg=", "Zm8", "=", "====", "Z===", "Zg=v", "Zh==", "Zm9=", "Zg==\n", " Zg==", "Zg==Z",
            "-_8=",
        ] {
            assert!(!decoded(text.as_bytes(), 1).1, "{text}");
        }
        let mut decoder = Decoder::new();
        assert!(decoder.decode(b"*", &mut Vec::new()).is_err());
        assert!(decoder.decode(b"Zm9v", &mut Vec::new()).is_err() && decoder.finish().is_err());
    }

    proptest! {
        #[test]
        fn padded_runs_decode_to_their_bytes(runs in vec(vec(any::<u8>(), 0..10), 0..6), size in 1usize..9) {
            let text: Vec<u8> = runs.iter().flat_map(|run| encoded(run)).collect();
            prop_assert_eq!(decoded(&text, size), (runs.concat(), true));
        }

        #[test]
        fn cuts_decide_nothing(text in "[A-Za-z0-9+/=]{0,24}[ =*]?[A-Za-z=]{0,6}", size in 1usize..9) {
            prop_assert_eq!(decoded(text.as_bytes(), size), decoded(text.as_bytes(), text.len().max(1)));
        }

        #[test]
        fn a_sound_text_is_the_one_that_is_written(text in "[ABQZg+/]{2,3}[ABQZg=]{0,2}") {
            let (data, sound) = decoded(text.as_bytes(), 1);
            prop_assert!(!sound || encoded(&data) == text.as_bytes());
        }

        #[test]
        fn pieces_are_written_like_the_whole(pieces in vec(vec(any::<u8>(), 0..10), 0..6)) {
            let (mut encoder, mut out) = (Encoder::new(), Vec::new());
            pieces.iter().for_each(|piece| encoder.encode(piece, &mut out));
            encoder.flush(&mut out);
            prop_assert_eq!(out, encoded(&pieces.concat()));
        }
    }
}
