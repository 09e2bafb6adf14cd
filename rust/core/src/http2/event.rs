//! What comes out of a connection.

use super::cause::Cause;
use super::code::Code;
use super::stream::Key;
use crate::hpack::Block;
use crate::http1::head::Refusal;
use crate::http1::request::Request;
use crate::http1::response::Response;

/// Where heads are decoded to. One is enough for any number of connections: an event borrows it until the next one.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The text that the spans of `request` and `response` refer to.
    pub block: Block,
    /// The last request.
    pub request: Request,
    /// The last response.
    pub response: Response,
    /// Lines of trailers that may be forwarded, or a copy of a SETTINGS frame's payload.
    pub bytes: Vec<u8>,
}

/// Something that the peer did.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stream opened with `scratch.request`, whose text is `scratch.block.text`. (Server.)
    Request {
        /// The new stream.
        key: Key,
        /// The request is whole.
        end: bool,
        /// Where the head is.
        heads: &'a Scratch,
    },
    /// A stream opened with a head that is past a limit, or with a method that is not served. Answer it with the status
    /// named, and then reset the stream with NO_ERROR unless it has ended. (Server.)
    Refused {
        /// The new stream.
        key: Key,
        /// The request is whole.
        end: bool,
        /// What to answer.
        refusal: Refusal,
        /// What is known of the head: the method, and the fields before the limit.
        heads: &'a Scratch,
    },
    /// A request was malformed; its stream was reset before anybody heard of it. (Server.)
    Malformed {
        /// Identifier of the stream.
        id: u32,
        /// What was wrong.
        refusal: Refusal,
    },
    /// The final head of a response is `scratch.response`. (Client.)
    Response {
        /// The stream.
        key: Key,
        /// The response is whole.
        end: bool,
        /// Where the head is.
        heads: &'a Scratch,
    },
    /// An informational response is `scratch.response`. (Client.)
    Informational {
        /// The stream.
        key: Key,
        /// Where the head is.
        heads: &'a Scratch,
    },
    /// A piece of the body. Once it has been passed on, say so to [`consumed`](super::Connection::consumed).
    Data {
        /// The stream.
        key: Key,
        /// May be empty with `end`, else it is not.
        bytes: &'a [u8],
        /// The message is whole.
        end: bool,
    },
    /// The message ended with trailers: lines that may be forwarded, `name: value` CRLF each; perhaps none.
    Trailers {
        /// The stream.
        key: Key,
        /// The lines.
        lines: &'a [u8],
    },
    /// The stream ended early. Nothing more comes, and nothing more can be sent.
    Reset {
        /// The stream, whose slot is free now.
        key: Key,
        /// The code, the peer's or ours.
        code: Code,
        /// Why we reset it; `None` if the peer did.
        why: Option<Why>,
    },
    /// The peer's SETTINGS, which have been applied and acknowledged.
    Settings(&'a [u8]),
    /// Our SETTINGS were acknowledged.
    SettingsAck,
    /// The answer to a PING of ours.
    PingAck([u8; 8]),
    /// The peer will take no new streams, and did not process those above `last`: each of them is reset next, with
    /// REFUSED_STREAM.
    GoAway {
        /// The last stream that was or may be processed.
        last: u32,
        /// Why.
        code: Code,
    },
}

/// Why we reset a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A frame that was out of order.
    Frame(Cause),
    /// A message that was malformed.
    Message(crate::http1::head::Cause),
}
