//! gRPC-Web: what a browser can say and hear, made gRPC on the way up and gRPC-Web again on the way down.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>, here PROTOCOL-WEB.
//!
//! Theory: the messages are the same bytes. What differs is the content type; the trailers, which come as one more
//! length-prefixed piece at the end of the body, marked by the highest bit of its flag; and, in the text form, base64
//! around all of it. A client may speak HTTP/1.1 or HTTP/2; its upstream sends the trailers as trailers.
//!
//! - Request: [`Translation::request`] gives the bytes for the upstream.
//! - Answer: [`Translation::answer`] and [`Translation::answer_end`] give the bytes for the client.
//!
//! Rules: each message is written in base64 by itself, padded at its end: a message that has come whole goes out whole,
//! and how the upstream cut its bytes shows nowhere. What an upstream says without trailers gets none: the client sees
//! that the outcome is missing.

pub use super::GRPC;
use super::base64::{Decoder, Encoder, Malformed};
use super::border::Border;
use super::{Form, Kind, after};

/// The flag of the piece that carries the trailers, not compressed. PROTOCOL-WEB: the eighth bit of the first byte.
const TRAILERS: u8 = 0x80;

/// Fields of an answer without messages that are its trailers: *Trailers-Only* in PROTOCOL-HTTP2. PROTOCOL-WEB lets them
/// stay in the head; but there a browser hides them from a page of another origin, and the body it does not.
pub const OUTCOME: [&[u8]; 3] = [b"grpc-status", b"grpc-message", b"grpc-status-details-bin"];

/// Whether a field of this name, in any case, is part of the outcome.
#[must_use]
pub fn is_outcome(name: &[u8]) -> bool {
    after(name, b"grpc-").is_some() && OUTCOME.iter().any(|outcome| name.eq_ignore_ascii_case(outcome))
}

/// How an answer is written to a request in form `asked` whose `Accept` fields have these values: the first gRPC-Web type
/// among them says it (PROTOCOL-WEB); without one it is as the request was.
#[must_use]
pub fn wanted<'a>(asked: Form, accept: impl Iterator<Item = &'a [u8]>) -> Form {
    let mut named = accept.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii_start);
    let form = named.find_map(|media| match Kind::of(media) {
        Kind::Web(form) => Some(form),
        _ => None,
    });
    form.unwrap_or(asked)
}

/// The translation of one exchange.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The request is text.
    request: Option<Decoder>,
    /// What the client wants to hear.
    form: Form,
    encoder: Encoder,
    border: Border,
    /// The request is not what it claims to be.
    faulty: bool,
    /// Bytes of the answer.
    told: u64,
}

impl Translation {
    /// For a request in form `asked` whose answer is [`wanted`] in form `form`.
    #[must_use]
    pub fn new(asked: Form, form: Form) -> Self {
        let request = (asked == Form::Text).then(Decoder::new);
        Self { request, form, encoder: Encoder::new(), border: Border::new(), faulty: false, told: 0 }
    }

    /// Whether the request's body has another length upstream.
    #[must_use]
    pub const fn changes_request(&self) -> bool {
        self.request.is_some()
    }

    /// How the answer is written.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Appends what the upstream gets for `data` of the request; `end`: there is no more.
    ///
    /// # Errors
    /// It is not base64. What precedes the fault has been appended.
    pub fn request(&mut self, data: &[u8], end: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some(decoder) = &mut self.request else {
            out.extend_from_slice(data);
            return Ok(());
        };
        let read = decoder.decode(data, out);
        let read = if end { read.and(decoder.finish()) } else { read };
        self.faulty |= read.is_err();
        read
    }

    /// The request was not what it claims to be.
    #[must_use]
    pub const fn is_faulty(&self) -> bool {
        self.faulty
    }

    /// Bytes that the client got so far.
    #[must_use]
    pub const fn told(&self) -> u64 {
        self.told
    }

    /// Appends what the client gets for `data` of the answer.
    pub fn answer(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        self.tell(data, out);
        self.told += (out.len() - from) as u64;
    }

    fn tell(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if self.form == Form::Binary {
            out.extend_from_slice(data);
            return;
        }
        let mut rest = data;
        while !rest.is_empty() {
            let (taken, ends) = self.border.take(rest);
            let (message, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            self.encoder.encode(message, out);
            if ends {
                self.encoder.flush(out);
            }
            rest = after;
        }
    }

    /// The answer has ended with these trailers, `name: value` CRLF each: appends what the client still gets.
    pub fn answer_end(&mut self, trailers: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        self.encoder.flush(out);
        self.tell_trailers(trailers, out);
        self.told += (out.len() - from) as u64;
    }

    fn tell_trailers(&mut self, trailers: &[u8], out: &mut Vec<u8>) {
        let Ok(length) = u32::try_from(trailers.len()) else { return };
        if length == 0 {
            return;
        }
        let prefix = [TRAILERS].into_iter().chain(length.to_be_bytes());
        let piece = prefix.chain(lower(trailers));
        match self.form {
            Form::Binary => out.extend(piece),
            Form::Text => {
                piece.for_each(|byte| self.encoder.encode(&[byte], out));
                self.encoder.flush(out);
            }
        }
    }
}

/// Field lines with their names in lower case, as PROTOCOL-WEB wants them: HTTP/1 upstreams may write them in any.
fn lower(lines: &[u8]) -> impl Iterator<Item = u8> {
    let mut name = true;
    lines.iter().map(move |byte| {
        let shown = if name { byte.to_ascii_lowercase() } else { *byte };
        name = (name && *byte != b':') || *byte == b'\n';
        shown
    })
}

/// Appends the content type under which the upstream gets a request that came as `content_type`, parameters left out:
/// they spoke of the other form.
pub fn request_type(content_type: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(GRPC);
    out.extend_from_slice(suffix(content_type));
}

/// Appends the content type under which the client gets an answer that came as `content_type`. Nothing is written, and
/// `false` returned, if the answer is not gRPC: then there is nothing to translate.
pub fn answer_type(content_type: &[u8], form: Form, out: &mut Vec<u8>) -> bool {
    if Kind::of(content_type) != Kind::Grpc {
        return false;
    }
    out.extend_from_slice(GRPC);
    out.extend_from_slice(if form == Form::Text { b"-web-text" } else { b"-web" });
    out.extend_from_slice(suffix(content_type));
    true
}

/// `+proto` and its like.
fn suffix(content_type: &[u8]) -> &[u8] {
    let end = content_type.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t'));
    let media = content_type.get(..end.unwrap_or(content_type.len())).unwrap_or(content_type);
    let at = media.iter().position(|byte| *byte == b'+');
    at.and_then(|at| media.get(at..)).unwrap_or(&[])
}
