//! Invariant: whatever header blocks a peer sends on a connection, each is answered without panic and in memory bounded
//! by its length; another decoder answers the same; a message that is accepted as a request holds only what may stand in
//! lines of HTTP/1, and encoded anew it is accepted again and means the same.

#![no_main]

use gateway_core::hpack::{Block, Decoder, Encoder, Fault, Pseudo};
use gateway_core::http1::head::{Limits, Progress};
use gateway_core::http1::request::{Method, Request};
use gateway_core::limits::{HPACK_ALLOWANCE, HPACK_EXPANSION, HPACK_TABLE_BYTES};
use libfuzzer_sys::fuzz_target;

const SMALL: Limits = Limits { header_bytes: 300, headers: 4, target_bytes: 20, name_bytes: 12, empty_lines: 2 };

fuzz_target!(|bytes: &[u8]| {
    let (mut roomy, mut strict) = (Decoder::new(), Decoder::new());
    let (mut head, mut other) = (Block::new(), Block::new());
    for block in blocks(bytes) {
        let answer = roomy.decode(block, &Limits::default(), &mut head);
        let again = strict.decode(block, &SMALL, &mut other);
        for decoded in [&head, &other] {
            assert!(decoded.text.len() <= HPACK_ALLOWANCE + HPACK_EXPANSION * block.len());
        }
        if let Err(Fault::Connection(_)) = answer {
            break;
        }
        if let Err(Fault::Connection(_)) = again {
            // A string that nobody needs is not decoded past the limits, so only the roomy one may find its fault.
            unreachable!("a limit cannot make a block corrupt");
        }
        assert_eq!((roomy.table_size(), roomy.churn()), (strict.table_size(), strict.churn()), "out of step");
        assert!(roomy.table_size() <= usize::from(HPACK_TABLE_BYTES));
        if answer.is_ok() {
            check_request(&mut head);
        }
    }
});

/// Blocks, each after its length in two bytes.
fn blocks(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (block, rest) = rest.split_at(length);
        bytes = rest;
        Some(block)
    })
}

fn meaning(request: &Request, text: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![request.method_text, request.host, request.path, request.query.unwrap_or_default()];
    parts.extend(request.fields.iter().flat_map(|field| [field.name, field.value]));
    parts.iter().map(|part| part.of(text).to_vec()).collect()
}

fn check_request(head: &mut Block) {
    let mut request = Request::new();
    if head.request(false, &mut request).is_err() {
        return;
    }
    let text = &head.text;
    if request.method != Method::Connect {
        check_as_http1(&request, text);
    }
    let mut wire = Vec::new();
    let mut encoder = Encoder::new();
    encoder.begin(&mut wire);
    for name in [Pseudo::Method, Pseudo::Scheme, Pseudo::Authority, Pseudo::Path, Pseudo::Protocol] {
        if let Some(value) = head.pseudo(name) {
            encoder.pseudo(name, value.of(text), &mut wire);
        }
    }
    for field in &request.fields {
        encoder.field(field.name.of(text), field.value.of(text), field.never_indexed, &mut wire);
    }
    let (mut block, mut anew) = (Block::new(), Request::new());
    let limits = Limits { header_bytes: u32::MAX, ..Limits::default() };
    assert_eq!(Decoder::new().decode(&wire, &limits, &mut block), Ok(()));
    assert_eq!(block.request(false, &mut anew), Ok(()));
    assert_eq!(meaning(&anew, &block.text), meaning(&request, text));
    assert_eq!(
        (anew.framing, anew.upgrade, anew.te_trailers),
        (request.framing, request.upgrade, request.te_trailers)
    );
}

/// Written as HTTP/1 and read by our own codec it has these fields and no others.
fn check_as_http1(request: &Request, text: &[u8]) {
    let query = request.query.map(|query| [b"?", query.of(text)].concat()).unwrap_or_default();
    let target = [request.path.of(text), &query].concat();
    let mut wire =
        [request.method_text.of(text), b" ", &target, b" HTTP/1.1\r\nhost: ", request.host.of(text)].concat();
    wire.extend_from_slice(b"\r\n");
    let own: Vec<_> = request.fields.iter().filter(|field| field.name.of(text) != b"host").collect();
    own.iter().for_each(|field| wire.extend_from_slice(field.line.of(text)));
    wire.extend_from_slice(b"\r\n");
    let mut read = Request::new();
    let limits = Limits { header_bytes: u32::MAX, headers: u16::MAX, ..Limits::default() };
    assert_eq!(read.parse(&wire, &limits), Ok(Progress::Complete), "{}", wire.escape_ascii());
    assert_eq!(read.head_len as usize, wire.len());
    assert_eq!(read.fields.len(), own.len() + 1);
    assert_eq!((read.path.of(&wire), read.host.of(&wire)), (request.path.of(text), request.host.of(text)));
}
