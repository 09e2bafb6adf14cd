//! Invariant: whatever a peer sends as a chunked body is decoded without panic, in bounded memory and always forwards;
//! cutting the bytes anywhere changes neither data nor outcome; and what was decoded, encoded anew, decodes to the same.

#![no_main]

use gateway_core::http1::body::{CHUNK_END, Decoder, LAST_CHUNK, chunk_head};
use gateway_core::http1::head::{Cause, Framing};
use gateway_core::limits::TRAILER_BYTES;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    data: Vec<u8>,
    trailers: Vec<u8>,
    outcome: Result<bool, Cause>,
}

fuzz_target!(|input: (u16, u16, &[u8])| {
    let (first, second, bytes) = input;
    let whole = decode(bytes, &[]);
    let place = |cut: u16| usize::from(cut) % (bytes.len() + 1);
    let mut cuts = [place(first), place(second)];
    cuts.sort_unstable();
    assert_eq!(decode(bytes, &cuts), whole, "cut at {cuts:?}");
    assert!(whole.data.len() <= bytes.len() && whole.trailers.len() <= 2 * TRAILER_BYTES);
    if whole.outcome == Ok(true) {
        assert_eq!(decode(&encode(&whole), &[]), whole);
    }
});

fn decode(bytes: &[u8], cuts: &[usize]) -> Decoded {
    let mut decoder = Decoder::new(Framing::Chunked);
    let (mut data, mut at) = (Vec::new(), 0);
    for end in cuts.iter().copied().chain([bytes.len()]) {
        while at < end && !decoder.is_done() {
            let piece = &bytes[at..end];
            match decoder.decode(piece) {
                Ok(step) => {
                    assert!(step.consumed > 0 && step.done == decoder.is_done());
                    data.extend_from_slice(&piece[step.data]);
                    at += step.consumed;
                }
                Err(refusal) => {
                    let trailers = decoder.trailers().to_vec();
                    return Decoded { data, trailers, outcome: Err(refusal.cause) };
                }
            }
        }
    }
    Decoded { data, trailers: decoder.trailers().to_vec(), outcome: Ok(decoder.is_done()) }
}

fn encode(decoded: &Decoded) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in decoded.data.chunks(100) {
        chunk_head(chunk.len(), &mut wire);
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(CHUNK_END);
    }
    [&wire, LAST_CHUNK, &decoded.trailers, CHUNK_END].concat()
}
