//! A decoded header block: text of canonical lines, and where in it everything is.
//!
//! Rules: what a block may cost is counted field by field while it is decoded, in three ways. Fields and bytes as RFC
//! 9113 §6.5.2 counts them (32 more for each), against the limits of heads. And bytes of text, against what came: one
//! small entry may be referred to again and again, a byte each time, so text is bounded by the bytes of the block
//! ([`HPACK_EXPANSION`]) beyond what honest blocks need ([`HPACK_ALLOWANCE`]).

use super::name::{Kind, Pseudo};
use super::table::{OVERHEAD, PUNCTUATION};
use crate::http1::Span;
use crate::http1::head::{Cause, Field, Known, Limits, span};
use crate::limits::{HPACK_ALLOWANCE, HPACK_EXPANSION};

/// A decoded header block. Used again and again, a warm one allocates nothing.
#[derive(Debug, Default)]
pub struct Block {
    /// Lines, `name: value` CRLF, those of pseudo-header fields among them. All spans refer to it.
    pub text: Vec<u8>,
    /// The regular fields in the order received. All are plain.
    pub fields: Vec<Field>,
    pseudo: [Option<Span>; Pseudo::ALL.len()],
    /// Names with a meaning that occur, as bits.
    seen: u64,
    fault: Option<Cause>,
    limits: Limits,
    list_left: usize,
    text_max: usize,
}

impl Block {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a pseudo-header field.
    #[inline]
    #[must_use]
    pub fn pseudo(&self, name: Pseudo) -> Option<Span> {
        self.pseudo.get(name as usize).copied().flatten()
    }

    /// What is wrong with the message, if anything was found while decoding.
    #[inline]
    #[must_use]
    pub const fn fault(&self) -> Option<Cause> {
        self.fault
    }

    /// Some field has this name.
    #[inline]
    pub(super) const fn has(&self, known: Known) -> bool {
        self.seen & known.bit() != 0
    }

    /// Makes it ready for a block of `wire` bytes.
    pub(super) fn open(&mut self, limits: &Limits, wire: usize) {
        self.text.clear();
        self.fields.clear();
        self.pseudo = [None; Pseudo::ALL.len()];
        self.seen = 0;
        self.fault = None;
        self.limits = *limits;
        self.list_left = limits.header_bytes as usize;
        self.text_max = HPACK_ALLOWANCE + HPACK_EXPANSION * wire;
    }

    /// Whether a line of `line` bytes, whose name has `name`, can still be stored.
    #[inline(always)]
    pub(super) fn admits(&mut self, line: usize, name: usize) -> bool {
        self.fault.is_none() && self.count(line, name, self.text.len() + line)
    }

    /// As [`admits`](Self::admits), of the line from `at` to the end of the text.
    #[inline(always)]
    pub(super) fn admits_last(&mut self, at: usize, name: usize) -> bool {
        self.fault.is_none() && self.count(self.text.len() - at, name, self.text.len())
    }

    #[inline(always)]
    fn count(&mut self, line: usize, name: usize, text: usize) -> bool {
        let size = line - PUNCTUATION + OVERHEAD;
        if size > self.list_left || text > self.text_max {
            self.fault = Some(Cause::HeadTooLarge);
        } else if name > usize::from(self.limits.name_bytes) {
            self.fault = Some(Cause::NameTooLong);
        } else {
            self.list_left -= size;
        }
        self.fault.is_none()
    }

    /// Notes the field whose line is the text from `at` to its end.
    #[inline(always)]
    pub(super) fn record(&mut self, at: usize, name: usize, kind: Kind, never_indexed: bool) {
        let end = self.text.len();
        let value = span(at + name + 2, end - 2);
        match kind {
            Kind::Regular(_) if self.fields.len() >= usize::from(self.limits.headers) => {
                self.fault = Some(Cause::TooManyFields);
            }
            Kind::Regular(known) => {
                self.seen |= known.bit();
                self.fields.push(Field {
                    name: span(at, at + name),
                    value,
                    line: span(at, end),
                    known,
                    plain: true,
                    hop: known.is_hop(),
                    never_indexed,
                });
            }
            Kind::Pseudo(pseudo) => self.note(pseudo, value),
            Kind::Faulty(cause) => self.fault = Some(cause),
        }
    }

    fn note(&mut self, pseudo: Pseudo, value: Span) {
        if !self.fields.is_empty() {
            self.fault = Some(Cause::PseudoOrder);
        } else if pseudo == Pseudo::Path && value.end - value.start > self.limits.target_bytes {
            self.fault = Some(Cause::TargetTooLong);
        } else if let Some(slot) = self.pseudo.get_mut(pseudo as usize)
            && slot.replace(value).is_some()
        {
            self.fault = Some(Cause::PseudoRepeated);
        }
    }
}
