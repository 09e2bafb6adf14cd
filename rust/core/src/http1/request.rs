//! Request heads: the request line (RFC 9112 §3) and what the head as a whole must satisfy.

use super::bytes::{path_end, query_end, token_end};
use super::fields::{Facts, section};
use super::head::{
    Cause, Field, Framing, Limits, Progress, Refusal, Stop, byte, conclude, line_end, span, window,
};
use super::version::{Version, version};
use super::{Span, authority};
use crate::limits::METHOD_BYTES;

/// The method, as far as it changes what we do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Method {
    /// RFC 9110 §9.3.1.
    #[default]
    Get,
    /// RFC 9110 §9.3.2.
    Head,
    /// RFC 9110 §9.3.3.
    Post,
    /// RFC 9110 §9.3.4.
    Put,
    /// RFC 9110 §9.3.5.
    Delete,
    /// RFC 9110 §9.3.7.
    Options,
    /// RFC 5789.
    Patch,
    /// RFC 9110 §9.3.6. Always refused for now.
    Connect,
    /// RFC 9110 §9.3.8.
    Trace,
    /// Any other token; methods are case-sensitive, so `get` is one.
    Other,
}

impl Method {
    /// Its name, for metrics: `OTHER` for what a client made up, so that labels stay bounded.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Connect => "CONNECT",
            Self::Trace => "TRACE",
            Self::Other => "OTHER",
        }
    }

    /// Recognises a method.
    pub(crate) fn of(text: &[u8]) -> Self {
        match text {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            b"CONNECT" => Self::Connect,
            b"TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }
}

/// The form of the request target. RFC 9112 §3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `/path?query`.
    #[default]
    Origin,
    /// `http://host/path?query`.
    Absolute,
    /// `*`, with OPTIONS only.
    Asterisk,
}

/// A request head. After `parse` has answered `Complete`, the spans refer to the buffer that was parsed; before, and
/// after a refusal, they mean nothing.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The first line, CRLF included, exactly as it would be written anew with this target; empty if it would not, or
    /// if there was none.
    pub line: Span,
    /// The method.
    pub method: Method,
    /// The method as written.
    pub method_text: Span,
    /// Form of the target.
    pub form: Form,
    /// `http` or `https`, as written, of an absolute target; else empty.
    pub scheme: Span,
    /// The host asked for: of an absolute target, which overrides Host (RFC 9112 §3.2.2), else of Host. A valid
    /// `host[:port]`; empty only in HTTP/1.0.
    pub host: Span,
    /// Raw path: begins with `/`, or is `*`. (For `http://host` it is a slash from `://`.)
    pub path: Span,
    /// Raw query, without `?`.
    pub query: Option<Span>,
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor: u8,
    /// In the order received.
    pub fields: Vec<Field>,
    /// Bytes of the head: the body begins here.
    pub head_len: u32,
    /// Where the body ends; never `UntilClose`. Write a length anew from here: the field may have leading zeros.
    pub framing: Framing,
    /// The client lets the connection be used again.
    pub keep_alive: bool,
    /// The client waits for 100 before it sends the body. Never without a body or in HTTP/1.0 (RFC 9110 §10.1.1).
    pub expect_continue: bool,
    /// Upgrade is asked for, in HTTP/1.1, by Connection and by an Upgrade field. `h2c` is passed over.
    pub upgrade: bool,
    /// `TE: trailers`: the client would like trailers.
    pub te_trailers: bool,
    /// What extended CONNECT asks for (RFC 8441 §4); empty otherwise.
    pub protocol: Span,
}

impl Request {
    /// An empty one, to be used again and again: a warm one allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is asked, as rules see it: extended CONNECT is what a GET with an Upgrade is in HTTP/1.1 (RFC 8441 §5).
    #[must_use]
    pub fn method_of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if self.is_extended_connect() { b"GET" } else { self.method_text.of(bytes) }
    }

    /// RFC 8441 §4.
    #[must_use]
    pub const fn is_extended_connect(&self) -> bool {
        self.protocol.start < self.protocol.end
    }

    /// Reads the head at the beginning of `buf`.
    ///
    /// # Errors
    /// The first fault. Every prefix of a refused head is either `Partial` or refused for the same cause.
    pub fn parse(&mut self, buf: &[u8], limits: &Limits) -> Result<Progress, Refusal> {
        let read = self.read(window(buf, limits), limits);
        conclude(read, buf.len(), limits).map_err(Refusal::from)
    }

    fn read(&mut self, buf: &[u8], limits: &Limits) -> Result<(), Stop> {
        let at = empty_lines(buf, limits.empty_lines)?;
        let at = self.line(buf, at, limits)?;
        self.fields.clear();
        let mut facts = Facts::new(self.minor);
        let end = section(buf, at, limits, &mut self.fields, &mut facts)?;
        self.head_len = span(0, end).end;
        Ok(self.settle(&facts, buf)?)
    }

    fn line(&mut self, buf: &[u8], start: usize, limits: &Limits) -> Result<usize, Stop> {
        let method_end = token_end(buf, start);
        if method_end - start > METHOD_BYTES {
            return Err(Cause::MethodTooLong.into());
        }
        if byte(buf, method_end)? != b' ' || method_end == start {
            return Err(Cause::MethodInvalid.into());
        }
        self.method_text = span(start, method_end);
        self.method = Method::of(self.method_text.of(buf));
        let path_end = path_end(buf, method_end + 1);
        let target_end = if buf.get(path_end) == Some(&b'?') { query_end(buf, path_end) } else { path_end };
        let target = span(method_end + 1, target_end);
        let after = target_stop(buf, target, limits)?;
        let version = version(buf, after)?;
        let next = line_end(buf, after + Version::LEN, Cause::VersionMalformed)?;
        self.minor = version.minor()?;
        self.line = if self.minor == 1 { span(start, next) } else { Span::default() };
        if self.method == Method::Connect {
            return Err(Cause::MethodUnsupported.into());
        }
        self.target(buf, target, path_end as u32)?;
        Ok(next)
    }

    /// Takes the target apart, whose first `?` is at `mark` if it has one. RFC 9112 §3.2.
    #[inline]
    fn target(&mut self, buf: &[u8], target: Span, mark: u32) -> Result<(), Cause> {
        self.scheme = Span::default();
        self.host = Span::default();
        self.form = Form::Origin;
        self.path = Span { start: target.start, end: mark };
        self.query = (mark < target.end).then_some(Span { start: mark + 1, end: target.end });
        match target.of(buf) {
            [b'/', ..] => Ok(()),
            b"*" if self.method == Method::Options => {
                self.form = Form::Asterisk;
                Ok(())
            }
            _ => self.absolute(buf),
        }
    }

    /// Splits what `target` took for the path into scheme, authority and path.
    #[cold]
    fn absolute(&mut self, buf: &[u8]) -> Result<(), Cause> {
        let before_query = self.path;
        let text = before_query.of(buf);
        let scheme_len = text.iter().position(|byte| *byte == b':').ok_or(Cause::TargetForm)?;
        let (scheme, rest) = text.split_at(scheme_len);
        let is_http = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
        let Some(rest) = rest.strip_prefix(b"://").filter(|_| is_http) else { return Err(Cause::TargetForm) };
        let authority_len = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let colon = before_query.start + scheme_len as u32;
        let authority_end = colon + 3 + authority_len as u32;
        self.form = Form::Absolute;
        self.scheme = Span { start: before_query.start, end: colon };
        self.host = Span { start: colon + 3, end: authority_end };
        self.path = Span { start: authority_end, end: before_query.end };
        if authority_end == before_query.end {
            self.path = Span { start: colon + 1, end: colon + 2 };
        }
        if authority::is_valid(self.host.of(buf)) { Ok(()) } else { Err(Cause::TargetAuthority) }
    }

    /// What the head as a whole must satisfy, and what follows from it.
    #[inline]
    fn settle(&mut self, facts: &Facts, buf: &[u8]) -> Result<(), Cause> {
        if facts.host_repeated {
            return Err(Cause::HostRepeated);
        }
        let host = facts.host.unwrap_or_default();
        if host.start < host.end {
            if !authority::is_valid(host.of(buf)) {
                return Err(Cause::HostInvalid);
            }
        } else if self.minor >= 1 {
            return Err(Cause::HostMissing);
        }
        if self.form != Form::Absolute {
            self.host = host;
        }
        self.framing = match facts.length {
            Some(length) => Framing::Length(length),
            None if facts.chunked => Framing::Chunked,
            None => Framing::None,
        };
        self.keep_alive = facts.persistent();
        self.expect_continue = facts.expect_continue && self.framing.has_body() && self.minor >= 1;
        self.upgrade = facts.upgrade();
        self.te_trailers = facts.te_trailers;
        Ok(())
    }
}

/// Checks what ended the target; returns the index after the space there.
#[inline]
fn target_stop(buf: &[u8], target: Span, limits: &Limits) -> Result<usize, Stop> {
    let len = target.end - target.start;
    if len > limits.target_bytes {
        return Err(Cause::TargetTooLong.into());
    }
    match byte(buf, target.end as usize)? {
        b' ' if len > 0 => Ok(target.end as usize + 1),
        b'#' => Err(Cause::TargetFragment.into()),
        _ => Err(Cause::TargetByte.into()),
    }
}

/// Passes over the few empty lines that old clients send after a body. RFC 9112 §2.2.
#[inline]
fn empty_lines(buf: &[u8], most: u8) -> Result<usize, Stop> {
    let mut at = 0;
    while let Some(b'\r' | b'\n') = buf.get(at) {
        if at >= 2 * usize::from(most) {
            return Err(Cause::EmptyLines.into());
        }
        at = line_end(buf, at, Cause::BareCr)?;
    }
    Ok(at)
}
