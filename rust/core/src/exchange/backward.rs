//! The head of an upstream's answer as it is sent to the client: written anew from what was understood. The counterpart of
//! [`forward`](super::forward).

use super::grpc::Downward;
use super::write::{Digits, copy_fields, decimal, is_length, line, status_digits};
use super::{Exchange, answer, websocket};
use crate::hpack::Encoder;
use crate::http1::Span;
use crate::http1::head::{Field, Framing, Known};
use crate::http1::response::Response;
use crate::route::Edits;

/// Everything that the head is written from.
pub struct Returning<'a> {
    /// The parsed head.
    pub response: &'a Response,
    /// The bytes it was parsed from.
    pub bytes: &'a [u8],
    /// The rule's changes.
    pub edits: &'a Edits,
    /// RFC 9110 §6.6.1: a recipient with a clock adds the Date that is missing.
    pub date: Option<&'a [u8]>,
    /// What differs for gRPC-Web.
    pub downward: Option<Downward>,
}

/// Written by the gateway itself, never copied.
const OWNED: u64 = Known::TransferEncoding.bit() | Known::ContentLength.bit();

/// See [`OWNED`].
fn owned(field: &Field) -> bool {
    OWNED & field.known.bit() != 0
}

impl Returning<'_> {
    /// Whether a field goes no further.
    fn drops(&self, field: &Field) -> bool {
        owned(field) || self.downward.is_some_and(|downward| downward.drops(field.name.of(self.bytes)))
    }

    /// Content-Length, if the answer has one.
    fn stated(&self) -> Option<&[u8]> {
        let stated = self.response.fields.iter().find(|field| field.known == Known::ContentLength);
        stated.map(|field| field.value.of(self.bytes))
    }
}

/// Append the whole head, for an exchange of HTTP/1.
pub fn write(head: &Returning<'_>, exchange: &Exchange, chunked: bool, out: &mut Vec<u8>) {
    let (response, bytes) = (head.response, head.bytes);
    let agreed = response.upgrade && response.status != 101;
    let beginning = if agreed {
        answer::status_line(101, out);
        Span::default()
    } else {
        status_line(response, bytes, out)
    };
    let says_length = head.downward.is_none() && may_say_length(response.framing, exchange.status);
    let mut length_kept = false;
    let drops = |field: &Field| {
        let keep = says_length && is_length(field, bytes);
        length_kept |= keep;
        !keep && head.drops(field)
    };
    copy_fields(&response.fields, bytes, beginning, drops, head.edits, out);
    if let Some(date) = head.date {
        line(b"Date", date, out);
    }
    if let Some(downward) = head.downward {
        downward.lines(response, bytes, out);
    } else if says_length && !length_kept {
        length(head, exchange.is_head(), out);
    }
    if chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if agreed {
        out.extend_from_slice(&exchange.agreement);
    } else {
        connection(exchange, response, bytes, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Append an informational head.
pub fn write_informational(response: &Response, bytes: &[u8], out: &mut Vec<u8>) {
    let beginning = status_line(response, bytes, out);
    copy_fields(&response.fields, bytes, beginning, owned, &Edits::default(), out);
    out.extend_from_slice(b"\r\n");
}

/// The status line, if it can go on as it stands; otherwise it is written.
fn status_line(response: &Response, bytes: &[u8], out: &mut Vec<u8>) -> Span {
    if !response.line.is_empty() {
        return response.line;
    }
    if response.reason.end == 0 {
        // On a stream there are no phrases; some clients take a status without one for none.
        answer::status_line(response.status, out);
    } else {
        out.extend_from_slice(b"HTTP/1.1 ");
        status_digits(response.status, out);
        out.push(b' ');
        out.extend_from_slice(response.reason.of(bytes));
        out.extend_from_slice(b"\r\n");
    }
    Span::default()
}

/// Whether an answer with this status may say how long it is. RFC 9110 §8.6: never with 1xx and 204.
fn may_say_length(framing: Framing, status: u16) -> bool {
    match framing {
        Framing::Length(_) => true,
        Framing::None => status >= 200 && status != 204,
        Framing::Chunked | Framing::UntilClose => false,
    }
}

/// The length of this body, or of the one that a GET would have brought (HEAD, 304). What ended with its head on a stream
/// has a length that nobody had to state there; here its end could not be told without one.
fn length(head: &Returning<'_>, is_head: bool, out: &mut Vec<u8>) {
    if let Framing::Length(length) = head.response.framing {
        out.extend_from_slice(b"Content-Length: ");
        decimal(length, out);
        out.extend_from_slice(b"\r\n");
    } else if let Some(stated) = head.stated() {
        line(b"Content-Length", stated, out);
    } else if !is_head && head.response.status != 304 {
        out.extend_from_slice(b"Content-Length: 0\r\n");
    }
}

fn connection(exchange: &Exchange, response: &Response, bytes: &[u8], out: &mut Vec<u8>) {
    if response.status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
        for field in response.fields.iter().filter(|field| field.known == Known::Upgrade) {
            line(b"Upgrade", field.value.of(bytes), out);
        }
    } else if !exchange.keep_alive {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if exchange.minor == 0 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
}

/// Append the head as a field block.
pub fn encode(head: &Returning<'_>, status: u16, encoder: &Encoder, out: &mut Vec<u8>) {
    let (response, bytes, edits) = (head.response, head.bytes, head.edits);
    let edited = !edits.is_empty();
    let left_out = |field: &Field| {
        head.drops(field)
            || (edited && edits.drops(field.name.of(bytes)))
            || (response.status == 101 && field.name.of(bytes).eq_ignore_ascii_case(websocket::ACCEPT))
    };
    encoder.status(status, out);
    encoder.fields(&response.fields, bytes, left_out, out);
    encoder.lines(edits.lines(), out);
    if let Some(date) = head.date {
        encoder.field(b"date", date, false, out);
    }
    if let Some(downward) = head.downward {
        let mut lines = Vec::new();
        downward.lines(response, bytes, &mut lines);
        return encoder.lines(&lines, out);
    }
    if !may_say_length(response.framing, response.status) {
        return;
    }
    if let Framing::Length(length) = response.framing {
        encoder.field(b"content-length", Digits::default().of(length), false, out);
    } else if let Some(stated) = head.stated() {
        encoder.field(b"content-length", stated, false, out);
    }
}

/// Append an informational head as a field block.
pub fn encode_informational(response: &Response, bytes: &[u8], encoder: &Encoder, out: &mut Vec<u8>) {
    encoder.status(response.status, out);
    encoder.fields(&response.fields, bytes, owned, out);
}
