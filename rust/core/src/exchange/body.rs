//! Bodies as they pass: decoded from one side's framing, written in the other's.

use crate::http1::body::{CHUNK_END, Decoder, LAST_CHUNK, chunk_head};
use crate::http1::head::Refusal;

/// What became of one piece of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Input bytes that belong to this message.
    pub consumed: usize,
    /// Of them, body data.
    pub data: usize,
}

/// Decode `input` and append what it carries to `out`, in chunks if `chunked`. Stops at the end of the message: then
/// the decoder is done and, in chunks, the last chunk and the trailers are appended too.
///
/// # Errors
/// The decoder's refusal; what precedes the fault has been appended.
pub fn pass(
    decoder: &mut Decoder,
    input: &[u8],
    chunked: bool,
    out: &mut Vec<u8>,
) -> Result<Passed, Refusal> {
    let mut passed = Passed { consumed: 0, data: 0 };
    if decoder.is_done() {
        return Ok(passed);
    }
    while let Some(rest) = input.get(passed.consumed..).filter(|rest| !rest.is_empty()) {
        let step = decoder.decode(rest)?;
        let data = rest.get(step.data).unwrap_or(&[]);
        append(data, chunked, out);
        passed.consumed += step.consumed;
        passed.data += data.len();
        if step.done {
            end(decoder, chunked, out);
            break;
        }
    }
    Ok(passed)
}

/// Append one run of data.
pub fn append(data: &[u8], chunked: bool, out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    if chunked {
        chunk_head(data.len(), out);
        out.extend_from_slice(data);
        out.extend_from_slice(CHUNK_END);
    } else {
        out.extend_from_slice(data);
    }
}

/// Append the end of a message, with the trailers that may be forwarded.
pub fn end(decoder: &Decoder, chunked: bool, out: &mut Vec<u8>) {
    if chunked {
        out.extend_from_slice(LAST_CHUNK);
        out.extend_from_slice(decoder.trailers());
        out.extend_from_slice(CHUNK_END);
    }
}
