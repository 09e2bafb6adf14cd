//! gRPC as far as a gateway has to understand it: which requests are gRPC, how long they may take, how a fault is said
//! to them, and how gRPC-Web becomes gRPC and back. Bytes in, values and bytes out; no I/O, no clock.
//!
//! Theory: gRPC is HTTP with a content type, length-prefixed messages in the bodies and the outcome in the trailers
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, here PROTOCOL-HTTP2). A gateway forwards all of
//! that as it forwards any other message. Three things are different: the client says its deadline ([`timeout`]); an
//! answer about a fault must be one that a gRPC client takes for an answer ([`status`]); and browsers, which cannot see
//! trailers, speak another form that somebody has to translate ([`web`]).
//!
//! Rules: a message is never looked into, and its length is never an amount of memory; how the network cuts a body
//! decides nothing.

pub mod base64;
pub mod border;
pub mod call;
pub mod status;
pub mod timeout;
pub mod web;

/// What all content types of gRPC begin with.
pub const GRPC: &[u8] = b"application/grpc";

/// What a request is, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Not gRPC.
    #[default]
    Other,
    /// gRPC.
    Grpc,
    /// gRPC-Web, whose body is written in this form.
    Web(Form),
}

/// How the bytes of a gRPC-Web body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As they are.
    #[default]
    Binary,
    /// In base64.
    Text,
}

impl Kind {
    /// Of a message with this content type. Media types are compared without case (RFC 9110 §8.3.1).
    #[must_use]
    pub fn of(content_type: &[u8]) -> Self {
        match after(content_type, GRPC) {
            Some([] | [b'+' | b';' | b' ' | b'\t', ..]) => Self::Grpc,
            Some(rest) => Form::of(rest).map_or(Self::Other, Self::Web),
            None => Self::Other,
        }
    }

    /// The word for people: `grpc`, `grpc-web`, `grpc-web-text`; empty for any other.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Other => "",
            Self::Grpc => "grpc",
            Self::Web(Form::Binary) => "grpc-web",
            Self::Web(Form::Text) => "grpc-web-text",
        }
    }
}

impl Form {
    /// By what follows [`GRPC`] in a content type. PROTOCOL-WEB allows to name the encoding, of which there is one.
    fn of(rest: &[u8]) -> Option<Self> {
        let web = after(rest, b"-web")?;
        let (form, rest) = match after(web, b"-text") {
            Some(rest) => (Self::Text, after(rest, b"-base64").unwrap_or(rest)),
            None => (Self::Binary, web),
        };
        matches!(rest, [] | [b'+' | b';' | b' ' | b'\t', ..]).then_some(form)
    }
}

/// What follows `start`, compared without case.
fn after<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.split_at_checked(start.len())?;
    first.eq_ignore_ascii_case(start).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_by_their_content_type() {
        for text in
            ["application/grpc", "application/grpc+proto", "application/grpc;a=b", "Application/GRPC+json"]
        {
            assert_eq!(Kind::of(text.as_bytes()), Kind::Grpc, "{text}");
        }
        for text in
            ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web; charset=utf-8"]
        {
            assert_eq!(Kind::of(text.as_bytes()), Kind::Web(Form::Binary), "{text}");
        }
        for text in ["-text", "-text+proto", "-text-base64", "-text-base64+proto", "-Text;x=y"] {
            let text = format!("application/grpc-web{text}");
            assert_eq!(Kind::of(text.as_bytes()), Kind::Web(Form::Text), "{text}");
        }
        for text in [
            "",
            "application/grp",
            "application/grpcx",
            "application/grpc-webx",
            "application/json",
            "application/grpc-web-textual",
            "application/grpc-",
            "text/plain",
            "xapplication/grpc",
        ] {
            assert_eq!(Kind::of(text.as_bytes()), Kind::Other, "{text}");
        }
    }
}
