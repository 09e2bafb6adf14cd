//! `grpc-timeout`: how long the client will wait, and what is left of it for the upstream.
//!
//! Theory: the value is a duration, counted from when it is read; so each hop takes off what passed at its place and
//! sends on the rest. Digits and a unit (PROTOCOL-HTTP2, *Timeout*) can say 99 999 999 hours, which 64 bits of
//! nanoseconds cannot; what they cannot say is longer than any process lives and means "no deadline".
//!
//! Rules: a value that is not one is refused, not passed over: a deadline that one hop sees and the next does not is
//! none. Zero is taken, though the grammar says *positive*: it has passed. What is written is rounded down, so that
//! the upstream gives up before the gateway does and its own words reach the client.

/// Digits of a value. PROTOCOL-HTTP2: at most 8.
const DIGITS: usize = 8;

/// The least that needs more than [`DIGITS`] digits.
const TOO_MANY: u64 = 100_000_000;

/// The units and their length in ns, from the shortest.
const UNITS: [(u8, u64); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60 * 1_000_000_000),
    (b'H', 3_600 * 1_000_000_000),
];

/// The value is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl Malformed {
    /// The same for people.
    pub const TEXT: &str = "grpc-timeout is not one to eight digits and a unit, once";
}

/// The duration that `value` says, ns; `u64::MAX` if that is not enough.
///
/// # Errors
/// It is not one to eight digits and a unit.
pub fn parse(value: &[u8]) -> Result<u64, Malformed> {
    let (unit, digits) = value.split_last().ok_or(Malformed)?;
    if digits.is_empty() || digits.len() > DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    let number = digits.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let (_, length) = UNITS.iter().find(|(letter, _)| letter == unit).ok_or(Malformed)?;
    Ok(number.saturating_mul(*length))
}

/// Appends the value for what is left, ns, in the finest unit that can say it. The least is `1n`: who has nothing left
/// does not ask.
pub fn write(left: u64, out: &mut Vec<u8>) {
    let said = UNITS.iter().map(|(letter, length)| (letter, left / length));
    let (letter, number) =
        said.clone().find(|(_, number)| *number < TOO_MANY).unwrap_or((&b'H', TOO_MANY - 1));
    digits(number.max(1), out);
    out.push(*letter);
}

/// Appends a number of at most [`DIGITS`] digits.
fn digits(number: u64, out: &mut Vec<u8>) {
    let mut place = TOO_MANY / 10;
    while place > 1 && number < place {
        place /= 10;
    }
    while place > 0 {
        out.push(b'0' + (number / place % 10) as u8);
        place /= 10;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn written(left: u64) -> String {
        let mut out = Vec::new();
        write(left, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_unit_is_read() {
        let said = [("1n", 1), ("2u", 2_000), ("3m", 3_000_000), ("4S", 4 * SECOND), ("5M", 300 * SECOND)];
        for (text, ns) in said {
            assert_eq!(parse(text.as_bytes()), Ok(ns), "{text}");
        }
        assert_eq!(parse(b"1H"), Ok(3_600 * SECOND));
        assert_eq!(parse(b"0S"), Ok(0));
        assert_eq!(parse(b"00000001S"), Ok(SECOND));
        assert_eq!(parse(b"99999999M"), Ok(99_999_999 * 60 * SECOND));
        assert_eq!(parse(b"99999999H"), Ok(u64::MAX));
    }

    #[test]
    fn what_is_not_a_timeout_is_refused() {
        for text in [
            "",
            "S",
            "1",
            "123456789S",
            "1s",
            "1h",
            "-1S",
            "+1S",
            " 1S",
            "1 S",
            "1S ",
            "1.5S",
            "1SS",
            "0x1S",
            "٣S",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Malformed), "{text:?}");
        }
    }

    #[test]
    fn the_finest_unit_is_written() {
        assert_eq!(written(0), "1n");
        assert_eq!(written(10), "10n");
        assert_eq!(written(99_999_999), "99999999n");
        assert_eq!(written(100_000_999), "100000u");
        assert_eq!(written(15 * SECOND), "15000000u");
        assert_eq!(written(100 * SECOND), "100000m");
        assert_eq!(written(u64::MAX), "5124095H");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_no_more_and_hardly_less(left in 1u64..) {
            let read = parse(written(left).as_bytes()).unwrap();
            prop_assert!(read <= left && read >= left - left / 1_000);
        }

        #[test]
        fn any_bytes_are_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..12)) {
            let shape = value.len() >= 2 && value.len() <= 9 && b"numSMH".contains(value.last().unwrap());
            let digits = value.iter().rev().skip(1).all(u8::is_ascii_digit);
            prop_assert_eq!(parse(&value).is_ok(), shape && digits);
        }
    }
}
