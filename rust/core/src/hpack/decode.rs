//! The decoder: one header block in, a [`Block`] out. RFC 7541 §3, §6.

use super::block::Block;
use super::name::{Kind, kind, value_fault};
use super::static_table::{self, ENTRIES};
use super::table::{Churn, Table};
use super::{huffman, integer};
use crate::http1::head::{Cause, Limits};
use crate::limits::{FIELD_NAME_BYTES, HPACK_SIZE_UPDATES, HPACK_TABLE_BYTES, TRAILER_BYTES, TRAILER_FIELDS};

/// What a trailer section may cost: the same as over HTTP/1.
pub const TRAILERS: Limits = Limits {
    header_bytes: TRAILER_BYTES as u32,
    headers: TRAILER_FIELDS,
    target_bytes: 0,
    name_bytes: FIELD_NAME_BYTES,
    empty_lines: 0,
};

/// Why a block cannot be decoded: the tables of the two sides would differ from here on, so the connection ends with
/// COMPRESSION_ERROR (RFC 9113 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Corrupt {
    /// The block ends inside a field.
    Truncated,
    /// An integer that is longer than any we need. RFC 7541 §5.1.
    IntegerTooLarge,
    /// Index 0, or one beyond both tables. RFC 7541 §6.1.
    IndexUnknown,
    /// A table size above the one we allow. RFC 7541 §6.3.
    SizeTooLarge,
    /// A table size update after a field. RFC 7541 §4.2.
    SizeLate,
    /// More table size updates than a change of our setting can need. RFC 7541 §4.2.
    SizeRepeated,
    /// No table size update, though we allow less than what the peer uses. RFC 7541 §4.2.
    SizeMissing,
    /// EOS in a Huffman-coded string. RFC 7541 §5.2.
    HuffmanEos,
    /// Padding that is longer than seven bits or not all ones. RFC 7541 §5.2.
    HuffmanPadding,
}

impl Corrupt {
    /// The fault in words for a person.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Truncated => "a header block ends inside a field",
            Self::IntegerTooLarge => "an integer in a header block is too large",
            Self::IndexUnknown => "a header block refers to an entry that does not exist",
            Self::SizeTooLarge => "a table size above the one allowed",
            Self::SizeLate => "a table size update inside a header block",
            Self::SizeRepeated => "too many table size updates",
            Self::SizeMissing => "the table was not made as small as asked",
            Self::HuffmanEos => "EOS inside a string",
            Self::HuffmanPadding => "a string is not padded with ones",
        }
    }
}

/// A block that gives no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// End the connection with COMPRESSION_ERROR.
    Connection(Corrupt),
    /// The message is malformed or too large. The block was decoded to its end, so the connection can go on.
    Stream(Cause),
}

impl From<Corrupt> for Fault {
    fn from(corrupt: Corrupt) -> Self {
        Self::Connection(corrupt)
    }
}

/// The decoder of one connection.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// SETTINGS_HEADER_TABLE_SIZE as the peer has acknowledged it.
    limit: u16,
    /// The least that `limit` was since the last block.
    least: u16,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// For a new connection: the table may have [`HPACK_TABLE_BYTES`], whatever our SETTINGS say, until the peer has
    /// acknowledged them (RFC 9113 §6.5.3).
    #[must_use]
    pub fn new() -> Self {
        let initial = HPACK_TABLE_BYTES;
        Self { table: Table::new(initial), limit: initial, least: initial }
    }

    /// The peer has acknowledged another SETTINGS_HEADER_TABLE_SIZE, in bytes. If that is less than what it uses, its
    /// next block must begin with a table size update (RFC 7541 §4.2).
    pub fn set_limit(&mut self, limit: u16) {
        self.limit = limit;
        self.least = self.least.min(limit);
    }

    /// How often the table has changed since the connection began.
    #[must_use]
    pub const fn churn(&self) -> Churn {
        self.table.churn
    }

    /// Bytes of memory held between blocks.
    #[must_use]
    pub fn held(&self) -> usize {
        self.table.held()
    }

    /// Size of the table as RFC 7541 §4.1 counts it.
    #[must_use]
    pub const fn table_size(&self) -> usize {
        self.table.size()
    }

    /// Decodes a whole header block, CONTINUATION frames joined, into `head`, whose former content is dropped.
    ///
    /// # Errors
    /// [`Fault::Connection`] ends the connection. After [`Fault::Stream`] the connection goes on, and `head` holds what
    /// came before the fault.
    pub fn decode(&mut self, block: &[u8], limits: &Limits, head: &mut Block) -> Result<(), Fault> {
        head.open(limits, block.len());
        let mut rest = self.size_updates(block)?;
        while let Some(first) = rest.first().copied() {
            rest = match first {
                0x80.. => self.indexed(rest, head)?,
                0x40.. => self.literal(rest, Literal { mask: 0x3f, insert: true, never: false }, head)?,
                0x20.. => return Err(Corrupt::SizeLate.into()),
                0x10.. => self.literal(rest, Literal { mask: 0x0f, insert: false, never: true }, head)?,
                _ => self.literal(rest, Literal { mask: 0x0f, insert: false, never: false }, head)?,
            };
        }
        head.fault().map_or(Ok(()), |cause| Err(Fault::Stream(cause)))
    }

    /// RFC 7541 §6.3. They stand at the beginning of a block only (§4.2).
    #[inline]
    fn size_updates<'a>(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], Corrupt> {
        let mut least = self.table.max();
        let mut left = HPACK_SIZE_UPDATES;
        while let Some(0x20..0x40) = rest.first() {
            let (max, after) = integer::read(rest, 0x1f)?;
            left = left.checked_sub(1).ok_or(Corrupt::SizeRepeated)?;
            let max =
                u16::try_from(max).ok().filter(|max| *max <= self.limit).ok_or(Corrupt::SizeTooLarge)?;
            self.table.resize(max);
            least = least.min(max);
            rest = after;
        }
        if least > self.least {
            return Err(Corrupt::SizeMissing);
        }
        self.least = self.limit;
        Ok(rest)
    }

    /// RFC 7541 §6.1.
    #[inline(always)]
    fn indexed<'a>(&self, input: &'a [u8], head: &mut Block) -> Result<&'a [u8], Corrupt> {
        let (index, rest) = integer::read(input, 0x7f)?;
        if let Some(found) = static_table::entry(index) {
            if head.admits(found.line.len(), found.name) {
                let at = head.text.len();
                head.text.extend_from_slice(found.line.as_bytes());
                head.record(at, found.name, found.kind, false);
            }
            return Ok(rest);
        }
        let back = index.checked_sub(ENTRIES.len() + 1).ok_or(Corrupt::IndexUnknown)?;
        let entry = self.table.entry(back).ok_or(Corrupt::IndexUnknown)?;
        if head.admits(entry.line(), entry.name()) {
            let at = head.text.len();
            self.table.copy(entry, entry.line(), &mut head.text);
            head.record(at, entry.name(), entry.kind, false);
        }
        Ok(rest)
    }

    /// RFC 7541 §6.2.
    #[inline]
    fn literal<'a>(&mut self, input: &'a [u8], how: Literal, head: &mut Block) -> Result<&'a [u8], Corrupt> {
        let (index, rest) = integer::read(input, how.mask)?;
        if head.fault().is_some() && !how.insert {
            return self.skip(index, rest);
        }
        let at = head.text.len();
        let (known, rest) = self.name(index, rest, &mut head.text)?;
        let name = head.text.len() - at;
        head.text.extend_from_slice(b": ");
        let value_at = head.text.len();
        let (value, rest) = Coded::read(rest)?;
        value.decode(&mut head.text)?;
        let kind = match known.unwrap_or_else(|| kind(&head.text, at, name)) {
            Kind::Faulty(cause) => Kind::Faulty(cause),
            fine => value_fault(head.text.get(value_at..).unwrap_or(&[])).map_or(fine, Kind::Faulty),
        };
        head.text.extend_from_slice(b"\r\n");
        if how.insert {
            self.table.insert(head.text.get(at..).unwrap_or(&[]), name, kind);
        }
        if head.admits_last(at, name) {
            head.record(at, name, kind, how.never);
        } else {
            head.text.truncate(at);
        }
        Ok(rest)
    }

    /// Appends the name of a literal; says what it is if that is known already.
    #[inline(always)]
    fn name<'a>(
        &self,
        index: usize,
        input: &'a [u8],
        text: &mut Vec<u8>,
    ) -> Result<(Option<Kind>, &'a [u8]), Corrupt> {
        if index == 0 {
            let (name, rest) = Coded::read(input)?;
            name.decode(text)?;
            return Ok((None, rest));
        }
        if let Some(found) = static_table::entry(index) {
            text.extend_from_slice(found.name().as_bytes());
            return Ok((Some(found.kind), input));
        }
        let entry = self.table.entry(index - ENTRIES.len() - 1).ok_or(Corrupt::IndexUnknown)?;
        self.table.copy(entry, entry.name(), text);
        // The fault of a faulty entry may have been its value's.
        let known = Some(entry.kind).filter(|kind| !matches!(kind, Kind::Faulty(_)));
        Ok((known, input))
    }

    /// Passes over a literal that nobody will see.
    #[cold]
    fn skip<'a>(&self, index: usize, mut rest: &'a [u8]) -> Result<&'a [u8], Corrupt> {
        if index == 0 {
            (_, rest) = Coded::read(rest)?;
        } else if static_table::entry(index).is_none() {
            self.table.entry(index - ENTRIES.len() - 1).ok_or(Corrupt::IndexUnknown)?;
        }
        Ok(Coded::read(rest)?.1)
    }
}

/// How a literal is written, and what is to be done with it.
#[derive(Clone, Copy)]
struct Literal {
    mask: u8,
    insert: bool,
    never: bool,
}

/// A string as it is on the wire. RFC 7541 §5.2.
struct Coded<'a> {
    bytes: &'a [u8],
    huffman: bool,
}

impl<'a> Coded<'a> {
    #[inline(always)]
    fn read(input: &'a [u8]) -> Result<(Self, &'a [u8]), Corrupt> {
        let huffman = input.first().is_some_and(|first| first & 0x80 != 0);
        let (len, rest) = integer::read(input, 0x7f)?;
        let (bytes, rest) = rest.split_at_checked(len).ok_or(Corrupt::Truncated)?;
        Ok((Self { bytes, huffman }, rest))
    }

    #[inline(always)]
    fn decode(&self, text: &mut Vec<u8>) -> Result<(), Corrupt> {
        if self.huffman {
            return huffman::decode(self.bytes, text);
        }
        text.extend_from_slice(self.bytes);
        Ok(())
    }
}
