//! Extensible priorities: `u=0` to `u=7`, and `i`. RFC 9218 §4.
//!
//! Rules: a hint, never a fault; what is not understood is passed over (§4). A stream about which nothing was said shares
//! with its equals; one that said something and not `i` goes before the later ones of its urgency (§10).

use super::limits::PRIORITY_BYTES;

/// How soon, and whether pieces are of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Urgency {
    /// 0, soonest, to 7.
    pub level: u8,
    /// Its bytes are of use as they come, so it takes turns with its equals.
    pub incremental: bool,
}

/// Number of levels.
pub(super) const LEVELS: usize = 8;

impl Urgency {
    /// Of a stream about which nothing was said.
    pub const UNSAID: Self = Self { level: 3, incremental: true };

    /// Reads the value of a Priority field or a PRIORITY_UPDATE frame.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let mut urgency = Self { level: 3, incremental: false };
        for member in value.get(..PRIORITY_BYTES).unwrap_or(value).split(|byte| *byte == b',') {
            let member = member.split(|byte| *byte == b';').next().unwrap_or(&[]);
            match member.trim_ascii() {
                [b'u', b'=', level @ b'0'..=b'7'] => urgency.level = level - b'0',
                b"i" | b"i=?1" => urgency.incremental = true,
                b"i=?0" => urgency.incremental = false,
                _ => {}
            }
        }
        urgency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_counts_and_the_rest_is_passed_over() {
        let of = |text: &str| {
            let Urgency { level, incremental } = Urgency::parse(text.as_bytes());
            (level, incremental)
        };
        assert_eq!(of(""), (3, false));
        assert_eq!(of("u=0, i"), (0, true));
        assert_eq!(of("i=?0,u=7;x=1"), (7, false));
        assert_eq!(of("u=8, u=-1, u, foo=\"u=1\", i=?2"), (3, false));
        assert_eq!(of("u=1, u=5"), (5, false));
        assert_eq!(of(&"u=1,".repeat(10_000)), (1, false));
    }
}
