//! What became of a connection that had to begin with a PROXY header, in the words of the metrics.

use super::proxy::{Fault, Header};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// A header of version 1.
    V1,
    /// A header of version 2.
    V2,
    /// It began with something else.
    Missing,
    /// Its header was none.
    Malformed,
    /// Its header was longer than is waited for.
    TooLong,
    /// No whole header came in time.
    Late,
    /// The sender left before its header was whole, as those do that only look whether somebody listens.
    Gone,
}

/// All of them, in the order of their numbers.
pub const OUTCOMES: [Outcome; 7] = [
    Outcome::V1,
    Outcome::V2,
    Outcome::Missing,
    Outcome::Malformed,
    Outcome::TooLong,
    Outcome::Late,
    Outcome::Gone,
];

impl Outcome {
    /// The word used as a metric label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Late => "late",
            Self::Gone => "gone",
        }
    }
}

impl From<Header> for Outcome {
    fn from(header: Header) -> Self {
        if header.version == 1 { Self::V1 } else { Self::V2 }
    }
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing => Self::Missing,
            Fault::Malformed => Self::Malformed,
            Fault::TooLong => Self::TooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_order_of_all_and_words_are_distinct() {
        for (number, outcome) in OUTCOMES.iter().enumerate() {
            assert_eq!(*outcome as usize, number);
            assert_eq!(OUTCOMES.iter().filter(|other| other.word() == outcome.word()).count(), 1);
        }
    }
}
