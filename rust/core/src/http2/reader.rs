//! How far reading has come: what the next bytes of the input are.
//!
//! Theory: a frame that is whole in the input is looked at where it is. Of one that was cut, the header is kept, and of
//! its payload what is needed to understand it; DATA never is, its pieces are handed on as they come.

use super::cause::{Cause, Fault};
use super::frame::settings::Setting;
use super::frame::{Header, Kind, goaway, priority_update};
use super::limits::{BLOCK_BYTES, PRIORITY_BYTES, SETTINGS_ENTRIES};
use super::settings::Role;
use super::stream::Key;

/// What a client begins with. RFC 9113 §3.4.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that are kept of a payload of fixed length: one that is longer shows that it is.
const FIXED: usize = 16;

/// Padding and priority, bytes: what a HEADERS frame may have beside its part of a block.
const HEADERS_EXTRA: usize = 1 + 255 + 5;

/// What comes next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    /// The rest of the preface.
    Preface,
    /// A frame's header.
    Header,
    /// The payload of any frame but DATA.
    Payload(Header),
    /// The length of a DATA frame's padding.
    Padding(Header),
    /// The data of a DATA frame.
    Data(Rest),
    /// So many bytes that nobody wants.
    Skip(u32),
    /// Nothing any more.
    Closed,
}

/// What is left of a DATA frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    pub key: Key,
    pub left: u32,
    pub padding: u32,
    pub end: bool,
}

/// A field block that goes on in CONTINUATION.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub stream: u32,
    pub end_stream: bool,
    /// CONTINUATION frames so far.
    pub frames: u8,
    /// What was wrong with its priority.
    pub fault: Option<Cause>,
}

/// Takes the input apart.
#[derive(Debug)]
pub(super) struct Reader {
    pub stage: Stage,
    /// The beginning of what is expected now: of the preface, or of a header.
    partial: [u8; Header::LEN],
    have: u8,
    /// The payload of a frame that was cut.
    payload: Vec<u8>,
    /// The first parts of a field block.
    pub block: Vec<u8>,
    pub open: Option<Open>,
    /// No frame has come yet.
    pub first: bool,
}

impl Reader {
    pub(super) const fn new(role: Role) -> Self {
        let stage = match role {
            Role::Server => Stage::Preface,
            Role::Client => Stage::Header,
        };
        Self {
            stage,
            partial: [0; Header::LEN],
            have: 0,
            payload: Vec::new(),
            block: Vec::new(),
            open: None,
            first: true,
        }
    }

    pub(super) fn close(&mut self) {
        self.stage = Stage::Closed;
        (self.payload, self.block) = (Vec::new(), Vec::new());
    }

    pub(super) const fn held(&self) -> usize {
        self.payload.capacity() + self.block.capacity()
    }

    pub(super) const fn skip(&mut self, bytes: u32) {
        self.stage = if bytes == 0 { Stage::Header } else { Stage::Skip(bytes) };
    }

    /// Compares what came with the preface; true once it is whole.
    pub(super) fn preface(&mut self, input: &mut &[u8]) -> Result<bool, Fault> {
        let want = PREFACE.get(usize::from(self.have)..).unwrap_or(&[]);
        let count = want.len().min(input.len());
        let (came, rest) = input.split_at(count);
        if !want.starts_with(came) {
            return Err(Fault::Connection(Cause::Preface));
        }
        *input = rest;
        self.have += count as u8;
        let whole = count == want.len();
        if whole {
            (self.have, self.stage) = (0, Stage::Header);
        }
        Ok(whole)
    }

    /// The next header, once all of it is there.
    #[inline(always)]
    pub(super) fn header(&mut self, input: &mut &[u8]) -> Option<Header> {
        if self.have == 0
            && let Some((bytes, rest)) = input.split_first_chunk()
        {
            *input = rest;
            return Some(Header::parse(bytes));
        }
        self.cut_header(input)
    }

    #[cold]
    fn cut_header(&mut self, input: &mut &[u8]) -> Option<Header> {
        for place in self.partial.iter_mut().skip(usize::from(self.have)) {
            let (byte, rest) = input.split_first()?;
            (*place, *input) = (*byte, rest);
            self.have += 1;
        }
        self.have = 0;
        Some(Header::parse(&self.partial))
    }

    /// Collects what is wanted of a payload that is not whole in the input. `None` until it is.
    #[cold]
    pub(super) fn collect(&mut self, input: &mut &[u8], wanted: usize) -> Option<Vec<u8>> {
        let missing = wanted.saturating_sub(self.payload.len()).min(input.len());
        let (came, rest) = input.split_at(missing);
        self.payload.extend_from_slice(came);
        *input = rest;
        if self.payload.len() < wanted { None } else { Some(std::mem::take(&mut self.payload)) }
    }

    /// Nothing of the payload has come yet.
    pub(super) const fn is_fresh(&self) -> bool {
        self.payload.is_empty()
    }
}

/// How many bytes of a frame's payload are wanted; the rest is passed over.
#[inline]
pub(super) fn wanted(header: &Header) -> Result<usize, Fault> {
    let length = header.length as usize;
    match header.kind {
        Kind::Headers | Kind::Continuation if length > BLOCK_BYTES + HEADERS_EXTRA => {
            Err(Fault::Connection(Cause::HeadTooLarge))
        }
        Kind::Headers | Kind::Continuation => Ok(length),
        Kind::Settings if length > SETTINGS_ENTRIES * Setting::LEN => {
            Err(Fault::Connection(Cause::SettingsFlood))
        }
        Kind::Settings => Ok(length),
        Kind::GoAway => Ok(length.min(goaway::GoAway::LEN)),
        Kind::PriorityUpdate => Ok(length.min(priority_update::PriorityUpdate::LEN + PRIORITY_BYTES)),
        _ => Ok(length.min(FIXED)),
    }
}
