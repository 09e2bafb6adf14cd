//! The field section (RFC 9112 §5), and what its fields say about the message.
//!
//! Theory: each line is found, checked and recognised once; the few that decide framing and the connection's fate
//! leave their meaning in [`Facts`] as they go by. Heads and trailers are read by the same code.

use super::Span;
use super::bytes::{is_word, members, token_end, value_end};
use super::head::{Cause, Field, Known, Limits, Stop, byte, line_end, span};
use crate::limits::CONNECTION_OPTIONS;

/// What the fields of one head said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// Minor version of the message, known from its first line.
    pub minor: u8,
    /// The first Host.
    pub host: Option<Span>,
    /// There was another one.
    pub host_repeated: bool,
    /// Content-Length.
    pub length: Option<u64>,
    /// `Transfer-Encoding: chunked`.
    pub chunked: bool,
    /// `Connection: upgrade`.
    pub switch: bool,
    /// An Upgrade field to something other than `h2c`.
    pub protocol: bool,
    /// `TE: trailers`.
    pub te_trailers: bool,
    /// `Expect: 100-continue`.
    pub expect_continue: bool,
    close: bool,
    keep_alive: bool,
    named: u16,
}

/// Reads fields from `at` to the empty line that ends them, into `fields`. Returns the index after that line.
#[inline]
pub(super) fn section(
    buf: &[u8],
    mut at: usize,
    limits: &Limits,
    fields: &mut Vec<Field>,
    facts: &mut Facts,
) -> Result<usize, Stop> {
    loop {
        if byte(buf, at)? == b'\r' {
            let end = line_end(buf, at, Cause::BareCr)?;
            if facts.named > 0 {
                mark_named(buf, fields);
            }
            return Ok(end);
        }
        if fields.len() >= usize::from(limits.headers) {
            return Err(Cause::TooManyFields.into());
        }
        let field = line(buf, at, limits.name_bytes)?;
        if field.known.decides() {
            facts.note(&field, buf)?;
        }
        at = field.line.end as usize;
        fields.push(field);
    }
}

/// Reads the field line at `at`.
#[inline(always)]
pub(super) fn line(buf: &[u8], at: usize, name_bytes: u16) -> Result<Field, Stop> {
    let colon = token_end(buf, at);
    if colon - at > usize::from(name_bytes) {
        return Err(Cause::NameTooLong.into());
    }
    // Nearly every line: a name, one space before the value, none after it.
    let (start, one_space) = match buf.get(colon..colon + 3) {
        Some([b':', b' ', first]) if colon > at && !is_blank(*first) => (colon + 2, true),
        _ => (value_start(buf, at, colon)?, false),
    };
    let stop = value_end(buf, start);
    let (end, next) = match buf.get(stop - 1..stop + 2) {
        Some([last, b'\r', b'\n']) if !is_blank(*last) => (stop, stop + 2),
        _ => ending(buf, start, stop)?,
    };
    let known = Known::of(buf, at, colon - at);
    Ok(Field {
        name: span(at, colon),
        value: span(start, end),
        line: span(at, next),
        known,
        plain: one_space && end == stop,
        hop: known.is_hop(),
        never_indexed: false,
    })
}

/// Where the value begins, after the name from `at` to `colon`.
#[cold]
fn value_start(buf: &[u8], at: usize, colon: usize) -> Result<usize, Stop> {
    if byte(buf, colon)? != b':' || colon == at {
        return Err(not_a_name(buf, at, colon).into());
    }
    let blanks = buf.get(colon + 1..).unwrap_or(&[]).iter().take_while(|byte| is_blank(**byte));
    Ok(colon + 1 + blanks.count())
}

/// Where the value from `start` ends, whose last byte or blank stands before `stop`; and where the next line begins.
#[cold]
fn ending(buf: &[u8], start: usize, stop: usize) -> Result<(usize, usize), Stop> {
    let next = line_end(buf, stop, Cause::ValueByte)?;
    let blanks = buf.get(start..stop).unwrap_or(&[]).iter().rev().take_while(|byte| is_blank(**byte));
    Ok((stop - blanks.count(), next))
}

/// A space or tab, RFC 9110 §5.6.3.
#[inline(always)]
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What is wrong with the bytes from `at` to `stop`, where a name ended without a colon.
#[cold]
fn not_a_name(buf: &[u8], at: usize, stop: usize) -> Cause {
    match buf.get(stop) {
        Some(b' ' | b'\t') if stop == at => Cause::Folded,
        Some(b' ' | b'\t') => Cause::SpaceBeforeColon,
        Some(b'\n') if stop == at => Cause::BareLf,
        Some(b'\r' | b'\n') => Cause::ColonMissing,
        _ => Cause::NameInvalid,
    }
}

impl Facts {
    pub(super) fn new(minor: u8) -> Self {
        Self { minor, ..Self::default() }
    }

    /// Whether the connection may be used again. RFC 9112 §9.3.
    pub(super) const fn persistent(&self) -> bool {
        !self.close && (self.minor >= 1 || self.keep_alive)
    }

    /// Both halves of an upgrade, in a version that has it. RFC 9110 §7.8.
    pub(super) const fn upgrade(&self) -> bool {
        self.switch && self.protocol && self.minor >= 1
    }

    fn note(&mut self, field: &Field, buf: &[u8]) -> Result<(), Cause> {
        let value = field.value.of(buf);
        match field.known {
            Known::Host if self.host.is_some() => self.host_repeated = true,
            Known::Host => self.host = Some(field.value),
            Known::ContentLength => self.note_length(value)?,
            Known::TransferEncoding => self.note_coding(value)?,
            Known::Connection => self.note_connection(value)?,
            Known::Upgrade => self.protocol = is_protocol(value),
            Known::Te => self.te_trailers |= members(value).any(|m| m.eq_ignore_ascii_case(b"trailers")),
            Known::Expect => self.expect_continue = value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    fn note_length(&mut self, value: &[u8]) -> Result<(), Cause> {
        if self.length.is_some() {
            return Err(Cause::LengthRepeated);
        }
        if self.chunked {
            return Err(Cause::LengthAndCoding);
        }
        self.length = Some(content_length(value)?);
        Ok(())
    }

    fn note_coding(&mut self, value: &[u8]) -> Result<(), Cause> {
        if self.minor == 0 {
            return Err(Cause::CodingVersion);
        }
        if self.length.is_some() {
            return Err(Cause::LengthAndCoding);
        }
        if self.chunked {
            return Err(Cause::CodingRepeated);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(not_chunked(value));
        }
        self.chunked = true;
        Ok(())
    }

    /// Members that are no tokens are passed over: the field ends here, and they name nothing.
    fn note_connection(&mut self, value: &[u8]) -> Result<(), Cause> {
        // Nearly always there is but one, which means something to us.
        let only = ConnectionOption::of(value);
        if only != ConnectionOption::Names {
            self.note_option(only);
            return Ok(());
        }
        for member in members(value) {
            self.note_option(ConnectionOption::of(member));
            if self.named > CONNECTION_OPTIONS {
                return Err(Cause::ConnectionOptions);
            }
        }
        Ok(())
    }

    fn note_option(&mut self, option: ConnectionOption) {
        match option {
            ConnectionOption::KeepAlive => self.keep_alive = true,
            ConnectionOption::Close => self.close = true,
            ConnectionOption::Upgrade => self.switch = true,
            ConnectionOption::Te => {}
            ConnectionOption::Names => self.named += 1,
        }
    }
}

/// A member of Connection. RFC 9110 §7.6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionOption {
    Close,
    KeepAlive,
    Upgrade,
    Te,
    /// Any other: names a field that goes no further.
    Names,
}

impl ConnectionOption {
    #[inline(always)]
    fn of(member: &[u8]) -> Self {
        match member.len() {
            2 if is_word(member, b"te") => Self::Te,
            5 if is_word(member, b"close") => Self::Close,
            7 if is_word(member, b"upgrade") => Self::Upgrade,
            10 if is_word(member, b"keep-alive") => Self::KeepAlive,
            _ => Self::Names,
        }
    }
}

/// `1*DIGIT` that fits in 64 bits.
pub(crate) fn content_length(value: &[u8]) -> Result<u64, Cause> {
    if value.is_empty() {
        return Err(Cause::LengthInvalid);
    }
    let mut length = 0u64;
    for byte in value {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        match length.checked_mul(10).and_then(|length| length.checked_add(digit)) {
            Some(longer) if digit <= 9 => length = longer,
            _ => return Err(no_length(value)),
        }
    }
    Ok(length)
}

#[cold]
fn no_length(value: &[u8]) -> Cause {
    if value.iter().all(u8::is_ascii_digit) { Cause::LengthOverflow } else { Cause::LengthInvalid }
}

/// What is wrong with a Transfer-Encoding that is not exactly `chunked`.
#[cold]
fn not_chunked(value: &[u8]) -> Cause {
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match (members(value).filter(is_chunked).count(), members(value).last().is_some_and(|m| is_chunked(&m))) {
        (1, true) if members(value).count() > 1 => Cause::CodingUnsupported,
        (2.., _) => Cause::CodingRepeated,
        _ => Cause::CodingInvalid,
    }
}

/// Whether an Upgrade names something we let through. `h2c` would let a client speak to the upstream past everything
/// that is decided here, and RFC 9113 §3.1 has withdrawn it; a server may ignore any Upgrade (RFC 9110 §7.8).
fn is_protocol(value: &[u8]) -> bool {
    let h2c = |member: &[u8]| {
        member.len() >= 3 && member.iter().zip(b"h2c").all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    members(value).next().is_some() && !members(value).any(h2c)
}

/// Marks the fields that Connection names. Host and Content-Length stay: they are meant for all recipients, so
/// naming them is no more than an attempt to have them dropped.
#[cold]
fn mark_named(buf: &[u8], fields: &mut [Field]) {
    for i in 0..fields.len() {
        let Some(connection) = fields.get(i).filter(|field| field.known == Known::Connection).copied() else {
            continue;
        };
        let names = |member: &&[u8]| ConnectionOption::of(member) == ConnectionOption::Names;
        for option in members(connection.value.of(buf)).filter(names) {
            let named = fields.iter_mut().filter(|field| option.eq_ignore_ascii_case(field.name.of(buf)));
            for field in named {
                field.hop |= !matches!(field.known, Known::Host | Known::ContentLength);
            }
        }
    }
}
