//! Response heads: the status line (RFC 9112 §4) and where the body of an answer ends (§6.3).

use super::Span;
use super::bytes::value_end;
use super::fields::{Facts, section};
use super::head::{
    Cause, Field, Framing, Limits, Progress, Refusal, Stop, byte, conclude, line_end, span, window,
};
use super::request::{Method, Request};
use super::version::{Version, version};

/// What a response answers: without it nobody can tell where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answering {
    /// The request was HEAD: there is no body, whatever the fields say.
    pub head: bool,
    /// The request that was sent upstream asked for an upgrade: 101 is allowed.
    pub upgrade: bool,
}

impl From<&Request> for Answering {
    fn from(request: &Request) -> Self {
        Self { head: request.method == Method::Head, upgrade: request.upgrade }
    }
}

/// A response head. After `parse` has answered `Complete`, the spans refer to the buffer that was parsed; before, and
/// after a refusal, they mean nothing.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The first line, CRLF included, exactly as it would be written anew; empty if it would not, or if there was none.
    pub line: Span,
    /// 100–599.
    pub status: u16,
    /// The reason phrase; may be empty.
    pub reason: Span,
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor: u8,
    /// In the order received. For HEAD and 304 a Content-Length here is to be forwarded, though there is no body; for
    /// 1xx and 204 none may be (RFC 9110 §8.6).
    pub fields: Vec<Field>,
    /// Bytes of the head: the body begins here.
    pub head_len: u32,
    /// Where the body ends.
    pub framing: Framing,
    /// The connection may be used again once the body has ended.
    pub keep_alive: bool,
    /// 101: after this head the connection is a tunnel.
    pub upgrade: bool,
}

impl Response {
    /// An empty one, to be used again and again: a warm one allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the head at the beginning of `buf`, an answer to `answering`.
    ///
    /// # Errors
    /// The first fault, with status 502. Every prefix of a refused head is either `Partial` or refused for the same
    /// cause.
    pub fn parse(&mut self, buf: &[u8], limits: &Limits, answering: Answering) -> Result<Progress, Refusal> {
        let read = self.read(window(buf, limits), limits, answering);
        conclude(read, buf.len(), limits).map_err(|cause| Refusal { status: 502, cause })
    }

    fn read(&mut self, buf: &[u8], limits: &Limits, answering: Answering) -> Result<(), Stop> {
        let at = self.line(buf)?;
        self.fields.clear();
        let mut facts = Facts::new(self.minor);
        let end = section(buf, at, limits, &mut self.fields, &mut facts)?;
        self.head_len = span(0, end).end;
        Ok(self.settle(&facts, answering)?)
    }

    fn line(&mut self, buf: &[u8]) -> Result<usize, Stop> {
        let version = version(buf, 0).map_err(malformed)?;
        if byte(buf, Version::LEN)? != b' ' {
            return Err(Cause::StatusLine.into());
        }
        self.minor = version.minor()?;
        self.status = status(buf, Version::LEN + 1)?;
        let after = Version::LEN + 4;
        let (start, spaced) = match byte(buf, after)? {
            b' ' => (after + 1, true),
            // RFC 9112 §4 wants the space even before an empty reason; many servers leave it out, and nothing hangs
            // on it.
            b'\r' => (after, false),
            _ => return Err(Cause::StatusLine.into()),
        };
        let end = value_end(buf, start);
        self.reason = span(start, end);
        let next = line_end(buf, end, Cause::ReasonByte)?;
        self.line = if spaced && self.minor == 1 { span(0, next) } else { Span::default() };
        Ok(next)
    }

    /// Where the body ends, and what becomes of the connection.
    #[inline]
    fn settle(&mut self, facts: &Facts, answering: Answering) -> Result<(), Cause> {
        self.upgrade = self.status == 101;
        if self.upgrade && !answering.upgrade {
            return Err(Cause::SwitchUnasked);
        }
        if self.upgrade && !facts.upgrade() {
            return Err(Cause::SwitchIncomplete);
        }
        let never_has_body = matches!(self.status, 100..=199 | 204);
        self.framing = match facts.length {
            _ if never_has_body || self.status == 304 || answering.head => Framing::None,
            Some(length) => Framing::Length(length),
            None if facts.chunked => Framing::Chunked,
            None => Framing::UntilClose,
        };
        // A server that announces a body where none can be may go on to send it: what follows is not a response.
        let announces = facts.chunked || facts.length.is_some_and(|length| length > 0);
        self.keep_alive =
            facts.persistent() && self.framing != Framing::UntilClose && !(never_has_body && announces);
        Ok(())
    }
}

fn malformed(stop: Stop) -> Stop {
    match stop {
        Stop::Refuse(Cause::VersionMalformed) => Stop::Refuse(Cause::StatusLine),
        other => other,
    }
}

/// Three digits, 100–599. RFC 9110 §15 lets a client treat other codes as 5xx; but 0xx cannot be classed at all, and
/// what is 6xx and above was never HTTP, so passing it on would mean to guess how others frame it.
fn status(buf: &[u8], at: usize) -> Result<u16, Stop> {
    let mut status = 0;
    for i in 0..3 {
        let digit = byte(buf, at + i)?;
        if !digit.is_ascii_digit() {
            return Err(Cause::StatusLine.into());
        }
        status = status * 10 + u16::from(digit - b'0');
    }
    if (100..=599).contains(&status) { Ok(status) } else { Err(Cause::StatusCode.into()) }
}
