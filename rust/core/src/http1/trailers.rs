//! The trailer section of a chunked body. RFC 9112 §7.1.2.
//!
//! Rules: read by the code that reads heads, so as strict; bounded in bytes and number; what could change how a message
//! is framed, routed, authenticated or understood is dropped (RFC 9110 §6.5.1), for it comes after all of that was
//! decided.

use super::fields::line;
use super::head::{Cause, Stop};
use crate::limits::{FIELD_NAME_BYTES, TRAILER_BYTES, TRAILER_FIELDS};

/// Names that may not be trailers, in lower case and sorted; beside them the hop-by-hop ones and `if-*`.
const FORBIDDEN: &[&[u8]] = &[
    b"accept-encoding",
    b"age",
    b"authentication-info",
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-length",
    b"content-location",
    b"content-range",
    b"content-type",
    b"cookie",
    b"date",
    b"expect",
    b"expires",
    b"forwarded",
    b"host",
    b"location",
    b"max-forwards",
    b"pragma",
    b"proxy-authenticate",
    b"proxy-authentication-info",
    b"proxy-authorization",
    b"range",
    b"retry-after",
    b"set-cookie",
    b"strict-transport-security",
    b"trailer",
    b"vary",
    b"via",
    b"warning",
    b"www-authenticate",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-request-id",
];

/// The longest of [`FORBIDDEN`], bytes.
const FORBIDDEN_BYTES: usize = 25;

/// Collects trailer lines.
#[derive(Debug, Default)]
pub(super) struct Trailers {
    /// What has come of the current line.
    line: Vec<u8>,
    /// The lines that may be forwarded.
    kept: Vec<u8>,
    bytes: usize,
    count: u16,
}

impl Trailers {
    /// Lines that may be forwarded, each `name: value` CRLF.
    pub(super) fn lines(&self) -> &[u8] {
        &self.kept
    }

    /// Nothing of a next line has come.
    pub(super) fn between_lines(&self) -> bool {
        self.line.is_empty()
    }

    /// Takes a line, or part of one; LF ends it.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Cause> {
        self.bytes += piece.len();
        if self.bytes > TRAILER_BYTES {
            return Err(Cause::TrailersTooLarge);
        }
        self.line.extend_from_slice(piece);
        if piece.last() == Some(&b'\n') {
            self.keep()?;
            self.line.clear();
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Cause> {
        if self.count == TRAILER_FIELDS {
            return Err(Cause::TooManyTrailers);
        }
        self.count += 1;
        let field = match line(&self.line, 0, FIELD_NAME_BYTES) {
            Ok(field) => field,
            Err(Stop::Refuse(cause)) => return Err(cause),
            Err(Stop::Partial) => return Err(Cause::ColonMissing),
        };
        let name = field.name.of(&self.line);
        if !field.hop && !is_forbidden(name) {
            self.kept.extend_from_slice(name);
            self.kept.extend_from_slice(b": ");
            self.kept.extend_from_slice(field.value.of(&self.line));
            self.kept.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

/// Whether a field of this name, hop-by-hop ones aside, may not be a trailer.
pub(crate) fn is_forbidden(name: &[u8]) -> bool {
    let mut lower = [0; FORBIDDEN_BYTES];
    let Some(lower) = lower.get_mut(..name.len()) else { return false };
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    lower.starts_with(b"if-") || FORBIDDEN.binary_search(&&*lower).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forbidden_names_are_sorted_and_fit() {
        assert!(FORBIDDEN.is_sorted());
        assert_eq!(FORBIDDEN.iter().map(|name| name.len()).max(), Some(FORBIDDEN_BYTES));
    }
}
