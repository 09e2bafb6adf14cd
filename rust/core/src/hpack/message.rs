//! From a decoded block to a head: what RFC 9113 §8 asks of messages beyond their bytes.
//!
//! Theory: HTTP/2 says with pseudo-header fields and the end of a stream what HTTP/1 says with a first line and the
//! framing fields; a [`Request`] or [`Response`] is the same either way.
//!
//! Rules: everything that an HTTP/1 recipient could understand differently is refused here, because HTTP/1 lines are
//! what becomes of it: that is how HTTP/2 requests were smuggled (CVE-2021-39240 to 39242, CVE-2023-27491).

use super::block::Block;
use super::name::Pseudo;
use crate::http1::bytes::{path_end, query_end, token_end};
use crate::http1::fields::content_length;
use crate::http1::head::{Cause, Field, Framing, Known, span};
use crate::http1::request::{Form, Method, Request};
use crate::http1::response::{Answering, Response};
use crate::http1::trailers::is_forbidden;
use crate::http1::{Span, authority};
use crate::limits::METHOD_BYTES;

impl Block {
    /// Reads the block as the head of a request; `ends` if the stream ended with it. The fields move to `request`, whose
    /// spans refer to [`text`](Self::text). Its `framing` is `Chunked` where only the end of the stream will tell, and
    /// its version 1.1. Of extended CONNECT (RFC 8441) the method is `Connect`, `upgrade` is set, and
    /// `protocol` says to what.
    ///
    /// # Errors
    /// What makes it malformed. `MethodUnsupported` is CONNECT without a protocol: well-formed, but not served.
    pub fn request(&mut self, ends: bool, request: &mut Request) -> Result<(), Cause> {
        self.sound()?;
        if self.pseudo(Pseudo::Status).is_some() {
            return Err(Cause::PseudoUnexpected);
        }
        let method = self.pseudo(Pseudo::Method).ok_or(Cause::PseudoMissing)?;
        request.line = Span::default();
        request.method = self.method(method)?;
        request.method_text = method;
        self.target(request)?;
        request.host = self.host()?;
        let length = self.length()?;
        request.framing = request_framing(length, ends)?;
        self.join_cookies();
        let expects = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
        request.expect_continue = request.framing.has_body()
            && self.first(Known::Expect).is_some_and(|field| expects(field.value.of(&self.text)));
        request.te_trailers = self.has(Known::Te);
        request.protocol = self.pseudo(Pseudo::Protocol).unwrap_or_default();
        request.upgrade = request.is_extended_connect();
        (request.minor, request.keep_alive) = (1, true);
        request.head_len = span(0, self.text.len()).end;
        request.fields.clear();
        std::mem::swap(&mut request.fields, &mut self.fields);
        Ok(())
    }

    /// What can be told of a request that [`request`](Self::request) refused: its method, if one was read, and the fields
    /// that came before the fault. They move to `request`; the rest of it means nothing.
    pub fn remains(&mut self, request: &mut Request) {
        let method = self.pseudo(Pseudo::Method).unwrap_or_default();
        request.method = Method::of(method.of(&self.text));
        request.method_text = method;
        request.fields.clear();
        std::mem::swap(&mut request.fields, &mut self.fields);
    }

    /// Reads the block as the head of a response to `answering`; `ends` if the stream ended with it. The fields move to
    /// `response`, whose spans refer to [`text`](Self::text). Its `framing` is `Chunked` where only the end of the stream
    /// will tell.
    ///
    /// # Errors
    /// What makes it malformed.
    pub fn response(
        &mut self,
        answering: Answering,
        ends: bool,
        response: &mut Response,
    ) -> Result<(), Cause> {
        self.sound()?;
        let status = self.pseudo(Pseudo::Status).ok_or(Cause::PseudoMissing)?;
        if Pseudo::ALL.iter().any(|name| *name != Pseudo::Status && self.pseudo(*name).is_some()) {
            return Err(Cause::PseudoUnexpected);
        }
        response.status = status_code(status.of(&self.text))?;
        let length = self.length()?;
        response.framing = response_framing(response.status, length, answering, ends)?;
        response.upgrade = answering.upgrade && matches!(response.status, 200..=299);
        if response.upgrade {
            response.framing = Framing::None;
        }
        (response.line, response.reason) = (Span::default(), Span::default());
        (response.minor, response.keep_alive) = (1, true);
        response.head_len = span(0, self.text.len()).end;
        response.fields.clear();
        std::mem::swap(&mut response.fields, &mut self.fields);
        Ok(())
    }

    /// Reads the block as a trailer section and appends the lines that may be forwarded, `name: value` CRLF each, as
    /// [`Decoder::trailers`](crate::http1::body::Decoder::trailers) gives them.
    ///
    /// # Errors
    /// What makes it malformed.
    pub fn trailers(&self, lines: &mut Vec<u8>) -> Result<(), Cause> {
        self.sound()?;
        if Pseudo::ALL.iter().any(|name| self.pseudo(*name).is_some()) {
            return Err(Cause::PseudoUnexpected);
        }
        for field in self.fields.iter().filter(|field| !field.hop && !is_forbidden(field.name.of(&self.text)))
        {
            lines.extend_from_slice(field.line.of(&self.text));
        }
        Ok(())
    }

    /// What every message must satisfy.
    #[inline]
    fn sound(&self) -> Result<(), Cause> {
        if let Some(cause) = self.fault() {
            return Err(cause);
        }
        if self.has(Known::Te) && !self.all(Known::Te).all(|field| is_trailers(field.value.of(&self.text))) {
            return Err(Cause::TeUnsupported);
        }
        if FORBIDDEN.iter().any(|known| self.has(*known)) { Err(Cause::ConnectionField) } else { Ok(()) }
    }

    fn all(&self, known: Known) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.known == known)
    }

    #[inline]
    fn first(&self, known: Known) -> Option<&Field> {
        if self.has(known) { self.all(known).next() } else { None }
    }

    fn method(&self, text: Span) -> Result<Method, Cause> {
        let text = text.of(&self.text);
        if !is_token(text) {
            return Err(Cause::MethodInvalid);
        }
        if text.len() > METHOD_BYTES { Err(Cause::MethodTooLong) } else { Ok(Method::of(text)) }
    }

    /// RFC 9113 §8.3.1 and §8.5, RFC 8441 §4.
    fn target(&self, request: &mut Request) -> Result<(), Cause> {
        let (scheme, path) = (self.pseudo(Pseudo::Scheme), self.pseudo(Pseudo::Path));
        let connect = request.method == Method::Connect;
        match self.pseudo(Pseudo::Protocol) {
            Some(_) if !connect => return Err(Cause::PseudoUnexpected),
            Some(protocol) if !is_token(protocol.of(&self.text)) => return Err(Cause::PseudoUnexpected),
            None if connect && scheme.or(path).is_some() => return Err(Cause::PseudoUnexpected),
            None if connect => return Err(Cause::MethodUnsupported),
            _ => {}
        }
        request.scheme = scheme.ok_or(Cause::PseudoMissing)?;
        if !is_http(request.scheme.of(&self.text)) {
            return Err(Cause::SchemeUnsupported);
        }
        self.path(path.ok_or(Cause::PseudoMissing)?, request)
    }

    /// `/…`, or `*` of OPTIONS. A path without its slash walked past deny rules (CVE-2026-33186).
    #[inline]
    fn path(&self, whole: Span, request: &mut Request) -> Result<(), Cause> {
        let text = whole.of(&self.text);
        request.form = match text {
            [b'/', ..] => Form::Origin,
            b"*" if request.method == Method::Options => Form::Asterisk,
            [] => return Err(Cause::TargetByte),
            _ => return Err(Cause::TargetForm),
        };
        let mark = path_end(text, 0);
        let end = if text.get(mark) == Some(&b'?') { query_end(text, mark) } else { mark };
        match text.get(end) {
            None => {}
            Some(b'#') => return Err(Cause::TargetFragment),
            Some(_) => return Err(Cause::TargetByte),
        }
        let mark = whole.start + span(0, mark).end;
        request.path = Span { start: whole.start, end: mark };
        request.query = (mark < whole.end).then_some(Span { start: mark + 1, end: whole.end });
        Ok(())
    }

    /// `:authority`, or Host where it is missing; both may be there if they agree.
    fn host(&self) -> Result<Span, Cause> {
        if self.has(Known::Host) && self.all(Known::Host).count() > 1 {
            return Err(Cause::HostRepeated);
        }
        let field = self.first(Known::Host).map(|field| field.value);
        let asked = self.pseudo(Pseudo::Authority);
        let host = asked.or(field).ok_or(Cause::HostMissing)?;
        let text = host.of(&self.text);
        if field.is_some_and(|field| !field.of(&self.text).eq_ignore_ascii_case(text)) {
            return Err(Cause::HostDiffers);
        }
        match (authority::is_valid(text), asked) {
            (true, _) => Ok(host),
            (false, Some(_)) => Err(Cause::TargetAuthority),
            (false, None) => Err(Cause::HostInvalid),
        }
    }

    #[inline]
    fn length(&self) -> Result<Option<u64>, Cause> {
        let Some(field) = self.first(Known::ContentLength) else { return Ok(None) };
        if self.all(Known::ContentLength).count() > 1 {
            return Err(Cause::LengthRepeated);
        }
        content_length(field.value.of(&self.text)).map(Some)
    }

    /// One field of all that Cookie was split into. RFC 9113 §8.2.3.
    #[inline]
    fn join_cookies(&mut self) {
        if self.has(Known::Cookie) && self.all(Known::Cookie).nth(1).is_some() {
            self.join();
        }
    }

    #[cold]
    fn join(&mut self) {
        let at = self.text.len();
        let never_indexed = self.all(Known::Cookie).any(|field| field.never_indexed);
        self.text.extend_from_slice(b"cookie: ");
        let value_at = self.text.len();
        // An empty crumb would leave the value with a space at its end.
        let crumb = |field: &&Field| field.known == Known::Cookie && field.value.start < field.value.end;
        for field in self.fields.iter().filter(crumb) {
            if self.text.len() > value_at {
                self.text.extend_from_slice(b"; ");
            }
            self.text.extend_from_within(field.value.start as usize..field.value.end as usize);
        }
        let end = self.text.len();
        self.text.extend_from_slice(b"\r\n");
        self.fields.retain(|field| field.known != Known::Cookie);
        self.fields.push(Field {
            name: span(at, value_at - 2),
            value: span(value_at, end),
            line: span(at, end + 2),
            known: Known::Cookie,
            plain: true,
            hop: false,
            never_indexed,
        });
    }
}

/// What HTTP/2 says in other ways. RFC 9113 §8.2.2.
const FORBIDDEN: [Known; 5] =
    [Known::Connection, Known::KeepAlive, Known::ProxyConnection, Known::TransferEncoding, Known::Upgrade];

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && token_end(text, 0) == text.len()
}

fn is_trailers(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"trailers")
}

fn is_http(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"http")
}

/// RFC 9113 §8.1.1.
const fn request_framing(length: Option<u64>, ends: bool) -> Result<Framing, Cause> {
    match (length, ends) {
        (Some(1..), true) => Err(Cause::LengthContradicted),
        (Some(length), _) => Ok(Framing::Length(length)),
        (None, true) => Ok(Framing::None),
        (None, false) => Ok(Framing::Chunked),
    }
}

/// RFC 9110 §6.4.1, §8.6; RFC 9113 §8.1, §8.1.1.
const fn response_framing(
    status: u16,
    length: Option<u64>,
    answering: Answering,
    ends: bool,
) -> Result<Framing, Cause> {
    match (status, length) {
        (100..=199, _) if ends => Err(Cause::InformationalEnd),
        (100..=199 | 204 | 304, _) => Ok(Framing::None),
        _ if answering.head => Ok(Framing::None),
        (_, Some(1..)) if ends => Err(Cause::LengthContradicted),
        (_, Some(length)) => Ok(Framing::Length(length)),
        (_, None) if ends => Ok(Framing::None),
        (_, None) => Ok(Framing::Chunked),
    }
}

/// Three digits, 100–599, but not 101, which HTTP/2 does not have (RFC 9113 §8.6).
fn status_code(text: &[u8]) -> Result<u16, Cause> {
    let [a, b, c] = text else { return Err(Cause::StatusLine) };
    if ![a, b, c].iter().all(|digit| digit.is_ascii_digit()) {
        return Err(Cause::StatusLine);
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    match digit(a) * 100 + digit(b) * 10 + digit(c) {
        101 => Err(Cause::SwitchUnasked),
        status @ 100..=599 => Ok(status),
        _ => Err(Cause::StatusCode),
    }
}
