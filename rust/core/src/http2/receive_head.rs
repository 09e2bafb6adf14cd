//! HEADERS and CONTINUATION: streams open, heads and trailers come. RFC 9113 §4.3, §5.1, §6.2, §6.10, §8.
//!
//! Rules: a whole block is decoded whatever becomes of its stream, because the compression table belongs to the
//! connection; one that is past a limit before it is whole ends the connection, and is not decoded at all. What makes a
//! message malformed is known in [`crate::hpack`]; here is what becomes of its stream.

use super::cause::{Cause, Fault};
use super::code::Code;
use super::connection::Connection;
use super::event::{Event, Scratch, Why};
use super::frame::Header;
use super::frame::continuation::Continuation;
use super::frame::headers::Headers;
use super::limits::{BLOCK_BYTES, Budget, CONTINUATIONS, INFORMATIONAL};
use super::reader::Open;
use super::receive::Came;
use super::settings::Role;
use super::state::{Act, Late, Phase};
use super::stream::{Key, UNKNOWN};
use super::urgency::Urgency;
use crate::hpack::{self, TRAILERS};
use crate::http1::head::{self, Framing, Refusal};
use crate::http1::request::Request;

/// Statuses with which a request is refused that was understood well enough to be answered.
const ANSWERED: [u16; 3] = [414, 431, 501];

type Message = Result<(), head::Cause>;

impl Connection {
    pub(super) fn headers(
        &mut self,
        header: &Header,
        payload: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let part = Headers::parse(header, payload)?;
        let fault = part.priority.and_then(Result::err);
        let open = Open { stream: header.stream, end_stream: part.end_stream, frames: 0, fault };
        if part.fragment.is_empty() {
            self.budgets.spend(Budget::Empty, 1)?;
        }
        if part.end_headers {
            return self.field_block(&open, part.fragment, scratch, out);
        }
        self.reader.open = Some(open);
        self.keep(part.fragment)?;
        Ok(Came::Nothing)
    }

    #[cold]
    pub(super) fn continuation(
        &mut self,
        header: &Header,
        payload: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let part = Continuation::parse(header, payload)?;
        let Some(mut open) = self.reader.open else {
            return Err(Fault::Connection(Cause::NothingToContinue));
        };
        open.frames += 1;
        if open.frames > CONTINUATIONS {
            return Err(Fault::Connection(Cause::ContinuationFlood));
        }
        if part.fragment.is_empty() {
            self.budgets.spend(Budget::Empty, 1)?;
        }
        self.keep(part.fragment)?;
        self.reader.open = Some(open).filter(|_| !part.end_headers);
        if !part.end_headers {
            return Ok(Came::Nothing);
        }
        let block = std::mem::take(&mut self.reader.block);
        self.field_block(&open, &block, scratch, out)
    }

    /// Keeps a part of a field block.
    fn keep(&mut self, fragment: &[u8]) -> Result<(), Fault> {
        if self.reader.block.len() + fragment.len() > BLOCK_BYTES {
            return Err(Fault::Connection(Cause::HeadTooLarge));
        }
        self.reader.block.extend_from_slice(fragment);
        Ok(())
    }

    /// A whole field block: of a new stream, of an open one, or of one that is no more.
    fn field_block(
        &mut self,
        open: &Open,
        bytes: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let id = open.stream;
        if let Some(slot) = self.streams.find(id) {
            let phase = self.streams.at(slot).map_or(Phase::Ended, |stream| stream.theirs);
            if let Some(cause) = open.fault {
                self.discard(bytes, scratch)?;
                return self.stream_fault(id, cause, out);
            }
            return match (phase, self.role) {
                (Phase::Head, Role::Client) => self.response_head(slot, open, bytes, scratch, out),
                _ => self.trailer_block(slot, open, bytes, scratch, out),
            };
        }
        if self.role == Role::Server && !id.is_multiple_of(2) && id > self.last_peer {
            return self.request_head(open, bytes, scratch, out);
        }
        Late::Headers.judge(self.absent(id))?;
        self.budgets.spend(Budget::Closed, 1)?;
        self.discard(bytes, scratch)?;
        Ok(Came::Nothing)
    }

    /// Decodes a block that nobody will see, for the compression table's sake.
    fn discard(&mut self, bytes: &[u8], scratch: &mut Scratch) -> Result<(), Fault> {
        self.decode(bytes, &TRAILERS, scratch).map(|_| ())
    }

    /// Decompresses a block; the outer fault is the connection's, the inner one the message's.
    #[inline]
    fn decode(
        &mut self,
        bytes: &[u8],
        limits: &head::Limits,
        scratch: &mut Scratch,
    ) -> Result<Message, Fault> {
        let before = self.decoder.churn().evicted;
        let message = match self.decoder.decode(bytes, limits, &mut scratch.block) {
            Ok(()) => Ok(()),
            Err(hpack::Fault::Stream(cause)) => Err(cause),
            Err(hpack::Fault::Connection(_)) => return Err(Fault::Connection(Cause::Compression)),
        };
        self.budgets.spend(Budget::Churn, self.decoder.churn().evicted.saturating_sub(before))?;
        Ok(message)
    }

    fn request_head(
        &mut self,
        open: &Open,
        bytes: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let (id, end) = (open.stream, open.end_stream);
        (self.skipped_from, self.last_peer) = (self.last_peer, id);
        let limits = self.local.limits;
        let decoded = self.decode(bytes, &limits, scratch)?;
        if id > self.away_sent || self.streams.live() >= self.local.max_streams {
            self.refuse(id, Code::REFUSED_STREAM, out)?;
            return Ok(Came::Nothing);
        }
        if let Some(cause) = open.fault {
            self.refuse(id, cause.code(), out)?;
            return Ok(Came::Nothing);
        }
        let read = decoded.and_then(|()| self.read_request(end, scratch)).map_err(Refusal::from);
        if let Err(refusal) = read
            && !ANSWERED.contains(&refusal.status)
        {
            self.refuse(id, Code::PROTOCOL_ERROR, out)?;
            return Ok(Came::Plain(Event::Malformed { id, refusal }));
        }
        let key = self.open_stream(id);
        let request = &scratch.request;
        if let Some(stream) = self.streams.get(key) {
            stream.theirs = if end { Phase::Ended } else { Phase::Body };
            if read.is_ok() {
                stream.expect = expected(request.framing);
                stream.urgency = urgency(request, &scratch.block.text);
            }
        }
        Ok(match read {
            Ok(()) => Came::Request(key, end),
            Err(refusal) => {
                scratch.block.remains(&mut scratch.request);
                Came::Refused(key, end, refusal)
            }
        })
    }

    #[inline]
    fn read_request(&self, end: bool, scratch: &mut Scratch) -> Message {
        scratch.block.request(end, &mut scratch.request)?;
        let unasked = scratch.request.upgrade && !self.local.connect;
        if unasked { Err(head::Cause::PseudoUnexpected) } else { Ok(()) }
    }

    fn response_head(
        &mut self,
        slot: u32,
        open: &Open,
        bytes: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let end = open.end_stream;
        let limits = self.local.limits;
        let decoded = self.decode(bytes, &limits, scratch)?;
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(Came::Nothing) };
        let answering = stream.answering;
        let read = decoded.and_then(|()| scratch.block.response(answering, end, &mut scratch.response));
        if let Err(cause) = read {
            return self.fault(slot, Why::Message(cause), Code::PROTOCOL_ERROR, out).map(Came::Plain);
        }
        let key = Key { slot, id: stream.id };
        if scratch.response.status < 200 {
            stream.informational += 1;
            if stream.informational > INFORMATIONAL {
                let cause = Cause::InformationalFlood;
                return self.fault(slot, Why::Frame(cause), cause.code(), out).map(Came::Plain);
            }
            return Ok(Came::Informational(key));
        }
        let act = if end { Act::BlockEnd } else { Act::Block };
        stream.theirs = stream.theirs.after(act).map_err(Fault::Connection)?;
        stream.expect = if scratch.response.upgrade { UNKNOWN } else { expected(scratch.response.framing) };
        self.settle(slot);
        Ok(Came::Response(key, end))
    }

    /// A block after the head: trailers, or a fault.
    fn trailer_block(
        &mut self,
        slot: u32,
        open: &Open,
        bytes: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Came<'static>, Fault> {
        let decoded = self.decode(bytes, &TRAILERS, scratch)?;
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(Came::Nothing) };
        let act = if open.end_stream { Act::BlockEnd } else { Act::Block };
        let mut phase = stream.theirs.after(act);
        if phase.is_ok() && !matches!(stream.expect, 0 | UNKNOWN) {
            phase = Err(Cause::LengthContradicted);
        }
        let phase = match phase {
            Ok(phase) => phase,
            Err(cause) => return self.fault(slot, Why::Frame(cause), cause.code(), out).map(Came::Plain),
        };
        scratch.bytes.clear();
        if let Err(cause) = decoded.and_then(|()| scratch.block.trailers(&mut scratch.bytes)) {
            return self.fault(slot, Why::Message(cause), Code::PROTOCOL_ERROR, out).map(Came::Plain);
        }
        stream.theirs = phase;
        let key = Key { slot, id: stream.id };
        self.settle(slot);
        Ok(Came::Trailers(key))
    }
}

/// Bytes of DATA that must come.
const fn expected(framing: Framing) -> u64 {
    match framing {
        Framing::None => 0,
        Framing::Length(length) => length,
        Framing::Chunked | Framing::UntilClose => UNKNOWN,
    }
}

/// What the Priority field says. RFC 9218 §5.
#[inline]
fn urgency(request: &Request, text: &[u8]) -> Urgency {
    let field = request.fields.iter().find(|field| field.name.of(text) == b"priority");
    field.map_or(Urgency::UNSAID, |field| Urgency::parse(field.value.of(text)))
}
