//! What heads are written with, in both directions.
//!
//! Theory: everything that goes on as it came is copied in runs of whole lines that were validated and stand in canonical
//! form; mostly a head is one run, and what the gateway adds.

use crate::http1::Span;
use crate::http1::head::{Field, Known};
use crate::route::Edits;

/// Whether a field is a Content-Length as we would write it: without leading zeros.
#[inline]
pub fn is_length(field: &Field, bytes: &[u8]) -> bool {
    field.known == Known::ContentLength && !matches!(field.value.of(bytes), [b'0', _, ..])
}

/// Copy all fields but those in `left_out`, the hop-by-hop ones and those that `edits` drops; before them `beginning`,
/// a part of the head that goes on as it is.
#[inline]
pub fn copy_fields(
    fields: &[Field],
    bytes: &[u8],
    beginning: Span,
    mut left_out: impl FnMut(&Field) -> bool,
    edits: &Edits,
    out: &mut Vec<u8>,
) {
    let edited = !edits.is_empty();
    let (mut from, mut to) = (beginning.start as usize, beginning.end as usize);
    for field in fields {
        let skipped = field.hop || left_out(field) || (edited && edits.drops(field.name.of(bytes)));
        let (start, end) = (field.line.start as usize, field.line.end as usize);
        if !skipped && field.plain {
            if start != to {
                out.extend_from_slice(bytes.get(from..to).unwrap_or(&[]));
                from = start;
            }
            to = end;
        } else if !skipped {
            out.extend_from_slice(bytes.get(from..to).unwrap_or(&[]));
            (from, to) = (end, end);
            line(field.name.of(bytes), field.value.of(bytes), out);
        }
    }
    out.extend_from_slice(bytes.get(from..to).unwrap_or(&[]));
    if edited {
        out.extend_from_slice(edits.lines());
    }
}

/// Append `name: value` CRLF.
#[inline]
pub fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A number as text.
#[derive(Default)]
pub struct Digits([u8; 20]);

impl Digits {
    /// Its decimal digits.
    pub fn of(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            if let Some(digit) = self.0.get_mut(at) {
                *digit = b'0' + (number % 10) as u8;
            }
            number /= 10;
            if number == 0 {
                return self.0.get(at..).unwrap_or(&[]);
            }
        }
    }
}

/// Append the three digits of a status code.
#[inline]
pub fn status_digits(status: u16, out: &mut Vec<u8>) {
    let digit = |number: u16| b'0' + (number % 10) as u8;
    out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status)]);
}

/// Append a number.
pub fn decimal(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(Digits::default().of(number));
}
