//! Bodies: a test reads as what goes in, what comes out.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::http1::body::{CHUNK_END, Decoder, LAST_CHUNK, Step, chunk_head};
use gateway_core::http1::head::{Cause, Framing};
use gateway_core::limits::{CHUNK_EXTENSION_BYTES, TRAILER_BYTES, TRAILER_FIELDS};

/// Data, trailers, and input left over; or the fault.
fn decode(body: &[u8]) -> Result<(Vec<u8>, Vec<u8>, usize), Cause> {
    let mut decoder = Decoder::new(Framing::Chunked);
    let (mut data, mut at) = (Vec::new(), 0);
    while at < body.len() && !decoder.is_done() {
        let step = decoder.decode(&body[at..]).map_err(|refusal| refusal.cause)?;
        data.extend_from_slice(&body[at..][step.data]);
        at += step.consumed;
    }
    decoder.finish().map_err(|refusal| refusal.cause)?;
    Ok((data, decoder.trailers().to_vec(), body.len() - at))
}

#[track_caller]
fn refused(body: impl AsRef<[u8]>, cause: Cause) {
    assert_eq!(decode(body.as_ref()), Err(cause));
}

#[track_caller]
fn trailers(section: &str, kept: &str) {
    let (_, lines, left) = decode(format!("0\r\n{section}\r\n").as_bytes()).unwrap();
    assert_eq!((String::from_utf8(lines).unwrap().as_str(), left), (kept, 0));
}

#[test]
fn chunks_are_put_together_and_the_next_message_is_left_alone() {
    let (data, trailers, left) =
        decode(b"5\r\nhello\r\n1;a=b\r\n \r\n00C\r\nwide, world!\r\n0\r\n\r\nGET /").unwrap();
    assert_eq!(data, b"hello wide, world!");
    assert_eq!((trailers.as_slice(), left), (&b""[..], 5));
}

#[test]
fn a_small_body_takes_one_step() {
    let mut decoder = Decoder::new(Framing::Chunked);
    let step = decoder.decode(b"5\r\nhello\r\n0\r\n\r\n").unwrap();
    assert_eq!(step, Step { consumed: 15, data: 3..8, done: true });
}

#[test]
fn a_body_with_a_length_ends_there() {
    let mut decoder = Decoder::new(Framing::Length(5));
    assert_eq!(decoder.decode(b"hel").unwrap(), Step { consumed: 3, data: 0..3, done: false });
    assert_eq!(decoder.remaining(), Some(2));
    assert_eq!(decoder.decode(b"loGET").unwrap(), Step { consumed: 2, data: 0..2, done: true });
    assert!(decoder.is_done() && decoder.finish().is_ok());
}

#[test]
fn a_message_without_body_is_done_at_once() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut decoder = Decoder::new(framing);
        assert!(decoder.is_done());
        assert_eq!(decoder.decode(b"GET").unwrap(), Step { consumed: 0, data: 0..0, done: true });
    }
}

#[test]
fn a_truncated_answer_never_looks_complete() {
    for (framing, part) in [
        (Framing::Length(5), &b"hell"[..]),
        (Framing::Chunked, b""),
        (Framing::Chunked, b"5\r\nhell"),
        (Framing::Chunked, b"5\r\nhello\r\n0\r\n"),
        (Framing::Chunked, b"5\r\nhello\r\n0\r\nX: y\r\n"),
    ] {
        let mut decoder = Decoder::new(framing);
        decoder.decode(part).unwrap();
        assert_eq!(decoder.finish().map_err(|refusal| refusal.cause), Err(Cause::Truncated));
        assert!(!decoder.is_done());
    }
    let mut decoder = Decoder::new(Framing::UntilClose);
    decoder.decode(b"anything").unwrap();
    assert!(!decoder.is_done());
    assert!(decoder.finish().is_ok() && decoder.is_done());
}

#[test]
fn a_bare_lf_after_a_chunk_size_is_refused_cve_2025_22871() {
    refused("5\nhello\r\n0\r\n\r\n", Cause::ChunkLineEnd);
    refused("0\n\r\n", Cause::ChunkLineEnd);
    refused("5\r\rhello\r\n", Cause::ChunkLineEnd);
}

#[test]
fn junk_in_a_chunk_extension_is_refused_cve_2025_55315() {
    refused("5;a\nb\r\nhello\r\n", Cause::ChunkLineEnd);
    refused("5;a\rb\r\nhello\r\n", Cause::ChunkLineEnd);
    refused("5;a\0\r\nhello\r\n", Cause::ChunkExtensionByte);
    refused("5 ;a\r\nhello\r\n", Cause::ChunkSizeByte);
    refused("5\t\r\nhello\r\n", Cause::ChunkSizeByte);
}

#[test]
fn only_crlf_ends_the_data_of_a_chunk_cve_2025_43859() {
    for end in ["XX", "\r\r", "\n\n", "\rX", "X\n", "0\r"] {
        refused(format!("5\r\nhello{end}0\r\n\r\n"), Cause::ChunkDataEnd);
    }
}

#[test]
fn data_before_a_fault_is_handed_out_first() {
    let mut decoder = Decoder::new(Framing::Chunked);
    let body = b"5\r\nhelloXX";
    let step = decoder.decode(body).unwrap();
    assert_eq!((step.data, step.consumed, step.done), (3..8, 8, false));
    assert_eq!(decoder.decode(&body[8..]).unwrap_err().cause, Cause::ChunkDataEnd);
    assert_eq!(decoder.finish().unwrap_err().cause, Cause::ChunkDataEnd);
}

#[test]
fn a_chunk_size_is_hex_digits_and_nothing_else() {
    for size in ["+5", "-5", " 5", "5 ", "0x5", "g", "5g", "5_0", "\u{ff15}"] {
        refused(format!("{size}\r\nhello\r\n"), Cause::ChunkSizeByte);
    }
    for size in ["", ";a"] {
        refused(format!("{size}\r\nhello\r\n"), Cause::ChunkSizeMissing);
    }
}

#[test]
fn a_chunk_size_cannot_overflow() {
    let mut decoder = Decoder::new(Framing::Chunked);
    assert_eq!(decoder.decode(b"ffffffffffffffff\r\nx").unwrap().data, 18..19);
    refused("10000000000000000\r\n", Cause::ChunkSizeTooLarge);
    refused("00000000000000005\r\n", Cause::ChunkSizeTooLarge);
}

#[test]
fn framing_may_not_cost_more_than_it_carries_cve_2023_39326() {
    let extension = "a".repeat(usize::from(CHUNK_EXTENSION_BYTES) - 1);
    let greedy = format!("1;{extension}\r\nx\r\n");
    assert!(decode(format!("{}0\r\n\r\n", greedy.repeat(60)).as_bytes()).is_ok());
    refused(greedy.repeat(80), Cause::ChunkOverhead);
    refused(format!("1;a{extension}\r\nx\r\n"), Cause::ChunkExtensionTooLong);
}

#[test]
fn signed_chunks_and_small_chunks_pass_however_many_there_are() {
    let signed = format!("400;chunk-signature={}\r\n{}\r\n", "a".repeat(64), "x".repeat(1024));
    assert!(decode(format!("{}0\r\n\r\n", signed.repeat(100)).as_bytes()).is_ok());
    assert!(decode(format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(100_000)).as_bytes()).is_ok());
}

#[test]
fn trailers_are_written_anew() {
    trailers("X-Sum:1 \r\nX-Other:\t\t2\r\n", "X-Sum: 1\r\nX-Other: 2\r\n");
}

#[test]
fn trailers_that_could_change_what_was_decided_are_dropped() {
    trailers(
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHOST: e\r\nAuthorization: x\r\nX-Sum: 1\r\nIf-Match: *\r\n\
         Set-Cookie: a\r\nX-Forwarded-For: 1\r\nConnection: close\r\nTrailer: y\r\nContent-Type: z\r\n",
        "X-Sum: 1\r\n",
    );
}

#[test]
fn trailers_are_read_as_strictly_as_heads() {
    refused("0\r\nX : 1\r\n\r\n", Cause::SpaceBeforeColon);
    refused("0\r\n X: 1\r\n\r\n", Cause::Folded);
    refused("0\r\nX: 1\n\r\n", Cause::BareLf);
    refused("0\r\nX: 1\r2\r\n\r\n", Cause::BareCr);
    refused("0\r\nX: \0\r\n\r\n", Cause::ValueByte);
    refused("0\r\nX\r\n\r\n", Cause::ColonMissing);
    refused("0\r\n: 1\r\n\r\n", Cause::NameInvalid);
    refused("0\r\n\n", Cause::BareLf);
    refused("0\r\n\rX", Cause::BareCr);
    refused(format!("0\r\n{}: 1\r\n\r\n", "a".repeat(256)), Cause::NameTooLong);
}

#[test]
fn trailers_are_bounded_in_bytes_and_number() {
    refused(format!("0\r\nX: {}", "a".repeat(TRAILER_BYTES)), Cause::TrailersTooLarge);
    refused(format!("0\r\n{}", "X: 1\r\n".repeat(usize::from(TRAILER_FIELDS) + 1)), Cause::TooManyTrailers);
    assert!(
        decode(format!("0\r\n{}\r\n", "X: 1\r\n".repeat(usize::from(TRAILER_FIELDS))).as_bytes()).is_ok()
    );
}

#[test]
fn what_is_written_is_read_back() {
    for len in [1, 9, 10, 15, 16, 255, 4096, 65_537] {
        let mut wire = Vec::new();
        chunk_head(len, &mut wire);
        assert_eq!(wire, format!("{len:x}\r\n").into_bytes());
        let data = vec![b'x'; len];
        let body = [&wire, &data, CHUNK_END, LAST_CHUNK, CHUNK_END].concat();
        assert_eq!(decode(&body), Ok((data, Vec::new(), 0)));
    }
}

#[test]
fn a_decoder_stays_small() {
    assert!(size_of::<Decoder>() <= 40);
}
