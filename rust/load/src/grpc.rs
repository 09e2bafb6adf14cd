//! Whether an answer is a good one of a unary gRPC call: one whole message, then `grpc-status: 0`.
//!
//! Rules: what gRPC over HTTP/2 says of a response: Content-Type begins with `application/grpc`; a message has five bytes
//! before it, of which four are its length; the status is in the trailers, or in the head of an answer that is nothing
//! else, which cannot be good for a unary call.

use crate::request::GRPC_PREFIX;
use crate::tally::Failure;
use gateway_core::http1::response::Response;

/// What has been seen of one answer.
#[derive(Debug, Default)]
pub struct Reply {
    typed: bool,
    prefix: [u8; GRPC_PREFIX],
    bytes: u64,
    status: Option<bool>,
}

impl Reply {
    /// The head has come, its fields in `text`.
    pub fn head(&mut self, response: &Response, text: &[u8]) {
        self.typed = response.fields.iter().any(|field| {
            field.name.of(text) == b"content-type" && field.value.of(text).starts_with(b"application/grpc")
        });
    }

    /// A piece of the body has come.
    pub fn data(&mut self, bytes: &[u8]) {
        let at = self.bytes.min(GRPC_PREFIX as u64) as usize;
        for (to, from) in self.prefix[at..].iter_mut().zip(bytes) {
            *to = *from;
        }
        self.bytes += bytes.len() as u64;
    }

    /// The trailers have come: `name: value` CRLF each.
    pub fn trailers(&mut self, lines: &[u8]) {
        let mut lines = lines.split(|&byte| byte == b'\n');
        let status = lines.find_map(|line| line.strip_prefix(b"grpc-status: "));
        self.status = status.map(|value| value.trim_ascii_end() == b"0");
    }

    /// The verdict when the answer is complete.
    pub fn judge(self) -> Result<(), Failure> {
        let [_, length @ ..] = self.prefix;
        let whole = self.bytes == GRPC_PREFIX as u64 + u64::from(u32::from_be_bytes(length));
        if self.typed && whole && self.status == Some(true) { Ok(()) } else { Err(Failure::Grpc) }
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use crate::tally::Failure;

    fn judged(pieces: &[&[u8]], trailers: &[u8]) -> Result<(), Failure> {
        let mut reply = Reply { typed: true, ..Reply::default() };
        for piece in pieces {
            reply.data(piece);
        }
        reply.trailers(trailers);
        reply.judge()
    }

    #[test]
    fn one_whole_message_and_status_0_are_good_however_they_are_cut() {
        assert_eq!(judged(&[b"\0\0\0\0\x03abc"], b"grpc-status: 0\r\n"), Ok(()));
        assert_eq!(judged(&[b"\0\0", b"\0\0\x03a", b"bc"], b"grpc-message: \r\ngrpc-status: 0\r\n"), Ok(()));
        assert_eq!(judged(&[b"\0\0\0\0\0"], b"grpc-status: 0\r\n"), Ok(()), "an empty message is one");
    }

    #[test]
    fn everything_else_is_not() {
        let fault = Err(Failure::Grpc);
        assert_eq!(judged(&[b"\0\0\0\0\x03abc"], b"grpc-status: 14\r\n"), fault);
        assert_eq!(judged(&[b"\0\0\0\0\x03abc"], b"x-grpc-status: 0\r\n"), fault);
        assert_eq!(judged(&[b"\0\0\0\0\x04abc"], b"grpc-status: 0\r\n"), fault);
        assert_eq!(judged(&[b"\0\0\0\0\x02abc"], b"grpc-status: 0\r\n"), fault);
        assert_eq!(judged(&[], b"grpc-status: 0\r\n"), fault, "no message");
        let untyped = Reply { bytes: 5, status: Some(true), ..Reply::default() };
        assert_eq!(untyped.judge(), fault);
    }
}
