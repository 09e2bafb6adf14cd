//! Where the messages of a body end: PROTOCOL-HTTP2, *Length-Prefixed-Message*.
//!
//! Theory: five bytes, the last four of which say how many follow. Nothing is kept but how much of that has passed.
//!
//! Rules: the length is what its sender says and is only counted down; any bytes are messages of some kind.

/// Bytes before a message: a flag and a length.
pub const PREFIX_BYTES: u8 = 5;

/// Follows the messages of one body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Border {
    /// Bytes of the prefix that have passed.
    prefix: u8,
    /// The length as far as it was said; then what is still to come.
    left: u32,
}

impl Border {
    /// At the beginning of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes of `data` belong to the message that has begun, and whether it ends with them. Takes all of
    /// `data`, or ends a message; nothing at all only of nothing.
    pub fn take(&mut self, data: &[u8]) -> (usize, bool) {
        let mut taken = 0;
        while self.prefix < PREFIX_BYTES {
            let Some(byte) = data.get(taken) else { return (taken, false) };
            self.left = self.left << 8 | u32::from(*byte);
            if self.prefix == 0 {
                self.left = 0;
            }
            (self.prefix, taken) = (self.prefix + 1, taken + 1);
        }
        let rest = data.len() - taken;
        let of_message = usize::try_from(self.left).map_or(rest, |left| left.min(rest));
        self.left -= of_message as u32;
        let ends = self.left == 0;
        if ends {
            *self = Self::default();
        }
        (taken + of_message, ends)
    }

    /// Nothing of a next message has come.
    #[must_use]
    pub const fn between(&self) -> bool {
        self.prefix == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The indexes at which messages end, when `body` comes in pieces of `size`.
    fn ends(body: &[u8], size: usize) -> Vec<usize> {
        let (mut border, mut ends, mut at) = (Border::new(), Vec::new(), 0);
        for piece in body.chunks(size) {
            let mut rest = piece;
            while !rest.is_empty() {
                let (taken, end) = border.take(rest);
                assert!(taken > 0 && (end || taken == rest.len()));
                at += taken;
                if end {
                    ends.push(at);
                }
                assert_eq!(border.between(), end);
                rest = &rest[taken..];
            }
        }
        ends
    }

    proptest! {
        #[test]
        fn messages_end_where_they_say(messages in vec((any::<u8>(), vec(any::<u8>(), 0..9)), 0..6), size in 1usize..9) {
            let mut body = Vec::new();
            let mut wanted = Vec::new();
            for (flag, message) in &messages {
                body.push(*flag);
                body.extend_from_slice(&u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
                body.extend_from_slice(message);
                wanted.push(body.len());
            }
            prop_assert_eq!(ends(&body, size), wanted);
        }

        #[test]
        fn any_bytes_can_be_followed(body in vec(prop_oneof![Just(0u8), any::<u8>()], 0..60), size in 1usize..9) {
            prop_assert_eq!(ends(&body, size), ends(&body, body.len().max(1)));
        }
    }
}
