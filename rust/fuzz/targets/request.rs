//! Invariant: whatever a client sends, a request head is answered without panic; cutting the bytes anywhere changes
//! nothing; and a head that is accepted, written anew from what was understood, is accepted again and means the same.

#![no_main]

use gateway_core::http1::Span;
use gateway_core::http1::head::{Limits, Progress, Scan};
use gateway_core::http1::request::{Form, Request};
use libfuzzer_sys::fuzz_target;

const SMALL: Limits = Limits { header_bytes: 200, headers: 6, target_bytes: 40, name_bytes: 20, empty_lines: 2 };

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    for limits in [Limits::default(), SMALL] {
        let mut request = Request::new();
        let whole = request.parse(bytes, &limits);
        if whole == Ok(Progress::Complete) {
            check_written_anew(&request, bytes);
            assert!(Scan::new().complete(bytes, &limits));
        }
        let part = bytes.get(..usize::from(cut) % (bytes.len() + 1)).unwrap_or(bytes);
        let answer = request.parse(part, &limits);
        assert!(answer == Ok(Progress::Partial) || answer == whole, "{answer:?} at a cut, {whole:?} whole");
    }
});

/// The whole target, from its parts.
fn target(request: &Request) -> Span {
    let absolute = request.form == Form::Absolute;
    let start = if absolute { request.scheme.start } else { request.path.start };
    let path_end = if absolute { request.path.end.max(request.host.end) } else { request.path.end };
    Span { start, end: request.query.map_or(path_end, |query| query.end) }
}

fn meaning<'a>(request: &Request, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut parts = vec![request.method_text.of(bytes), target(request).of(bytes), request.host.of(bytes)];
    for field in &request.fields {
        parts.extend([field.name.of(bytes), field.value.of(bytes)]);
    }
    parts
}

fn check_written_anew(request: &Request, bytes: &[u8]) {
    let version = if request.minor == 1 { &b" HTTP/1.1\r\n"[..] } else { b" HTTP/1.0\r\n" };
    let mut anew = [request.method_text.of(bytes), b" ", target(request).of(bytes), version].concat();
    for field in &request.fields {
        let line = [field.name.of(bytes), b": ", field.value.of(bytes), b"\r\n"].concat();
        assert!(!field.plain || line == field.line.of(bytes), "plain means that it may be copied");
        anew.extend_from_slice(&line);
    }
    anew.extend_from_slice(b"\r\n");
    let mut again = Request::new();
    let roomy = Limits { header_bytes: u32::MAX, ..Limits::default() };
    assert_eq!(again.parse(&anew, &roomy), Ok(Progress::Complete), "{}", anew.escape_ascii());
    assert_eq!(meaning(&again, &anew), meaning(request, bytes));
    assert_eq!(again.framing, request.framing);
    assert_eq!((again.keep_alive, again.upgrade), (request.keep_alive, request.upgrade));
    assert_eq!(again.head_len as usize, anew.len());
}
