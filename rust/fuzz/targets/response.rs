//! Invariant: whatever an upstream sends, a response head is answered without panic; cutting the bytes anywhere changes
//! nothing; and a head that is accepted, written anew from what was understood, is accepted again and means the same.

#![no_main]

use gateway_core::http1::head::{Limits, Progress};
use gateway_core::http1::response::{Answering, Response};
use libfuzzer_sys::fuzz_target;

const SMALL: Limits = Limits { header_bytes: 200, headers: 6, target_bytes: 40, name_bytes: 20, empty_lines: 2 };

fuzz_target!(|input: (bool, bool, u16, &[u8])| {
    let (head, upgrade, cut, bytes) = input;
    let answering = Answering { head, upgrade };
    for limits in [Limits::default(), SMALL] {
        let mut response = Response::new();
        let whole = response.parse(bytes, &limits, answering);
        if whole == Ok(Progress::Complete) {
            check_written_anew(&response, bytes, answering);
        }
        let part = bytes.get(..usize::from(cut) % (bytes.len() + 1)).unwrap_or(bytes);
        let answer = response.parse(part, &limits, answering);
        assert!(answer == Ok(Progress::Partial) || answer == whole, "{answer:?} at a cut, {whole:?} whole");
    }
});

fn meaning<'a>(response: &Response, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let fields = response.fields.iter();
    fields.flat_map(|field| [field.name.of(bytes), field.value.of(bytes)]).collect()
}

fn check_written_anew(response: &Response, bytes: &[u8], answering: Answering) {
    let line = format!("HTTP/1.{} {} ", response.minor, response.status);
    let mut anew = [line.as_bytes(), response.reason.of(bytes), b"\r\n"].concat();
    for field in &response.fields {
        anew.extend_from_slice(&[field.name.of(bytes), b": ", field.value.of(bytes), b"\r\n"].concat());
    }
    anew.extend_from_slice(b"\r\n");
    let mut again = Response::new();
    let roomy = Limits { header_bytes: u32::MAX, ..Limits::default() };
    assert_eq!(again.parse(&anew, &roomy, answering), Ok(Progress::Complete), "{}", anew.escape_ascii());
    assert_eq!(meaning(&again, &anew), meaning(response, bytes));
    assert_eq!((again.status, again.framing), (response.status, response.framing));
    assert_eq!((again.keep_alive, again.upgrade), (response.keep_alive, response.upgrade));
}
