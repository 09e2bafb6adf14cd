//! Framing and field lines of requests: what HTTP request smuggling is made of. A test reads as: this head, that answer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::http1::head::{Cause, Framing, Limits, Progress, Refusal};
use gateway_core::http1::request::Request;

fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let mut request = Request::new();
    match request.parse(head, &Limits::default())? {
        Progress::Complete => Ok(request),
        Progress::Partial => panic!("partial: {}", String::from_utf8_lossy(head)),
    }
}

/// A GET of `/` to host `h` with these further lines.
fn with(lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n").into_bytes()
}

#[track_caller]
fn refused(head: impl AsRef<[u8]>, status: u16, cause: Cause) {
    assert_eq!(parse(head.as_ref()).map(|_| ()), Err(Refusal { status, cause }));
}

// Framing: RFC 9112 §6.

#[test]
fn both_length_and_coding_are_refused() {
    refused(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, Cause::LengthAndCoding);
    refused(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, Cause::LengthAndCoding);
}

#[test]
fn a_name_over_255_bytes_that_hides_a_content_length_is_refused_cve_2021_40346() {
    let smuggled = format!("Content-Length0{}: \r\nContent-Length: 23\r\n", "a".repeat(255));
    refused(with(&smuggled), 431, Cause::NameTooLong);
    assert!(parse(&with(&format!("{}: v\r\n", "a".repeat(255)))).is_ok());
    refused(with(&format!("{}: v\r\n", "a".repeat(256))), 431, Cause::NameTooLong);
}

#[test]
fn an_empty_content_length_is_refused_also_before_a_second_one_cve_2023_40225() {
    refused(with("Content-Length:\r\n"), 400, Cause::LengthInvalid);
    refused(with("Content-Length: \t\r\nContent-Length: 5\r\n"), 400, Cause::LengthInvalid);
    refused(with("Content-Length: 5\r\nContent-Length:\r\n"), 400, Cause::LengthRepeated);
}

#[test]
fn content_lengths_that_differ_or_repeat_are_refused() {
    refused(with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400, Cause::LengthRepeated);
    refused(with("Content-Length: 5\r\ncontent-length: 5\r\n"), 400, Cause::LengthRepeated);
    refused(with("Content-Length: 5, 5\r\n"), 400, Cause::LengthInvalid);
}

#[test]
fn a_content_length_that_is_not_digits_is_refused() {
    for value in ["+5", "-5", "5 5", "0x5", "5.0", "5;", "five", "\u{665}"] {
        refused(with(&format!("Content-Length: {value}\r\n")), 400, Cause::LengthInvalid);
    }
}

#[test]
fn a_content_length_is_held_in_64_bits() {
    let most = parse(&with("Content-Length: 18446744073709551615\r\n")).unwrap();
    assert_eq!(most.framing, Framing::Length(u64::MAX));
    refused(with("Content-Length: 18446744073709551616\r\n"), 400, Cause::LengthOverflow);
    refused(with(&format!("Content-Length: {}\r\n", "9".repeat(200))), 400, Cause::LengthOverflow);
}

#[test]
fn transfer_encoding_in_http_1_0_is_refused_cve_2026_2835() {
    let head = b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    refused(head, 400, Cause::CodingVersion);
}

#[test]
fn several_transfer_encodings_are_refused_cve_2026_42581() {
    refused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400, Cause::CodingRepeated);
    refused(
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        400,
        Cause::CodingRepeated,
    );
    refused(with("Transfer-Encoding: chunked, chunked\r\n"), 400, Cause::CodingRepeated);
}

#[test]
fn a_request_never_ends_at_close_cve_2026_2835() {
    for value in
        ["identity", "gzip", "chunked, gzip", "", "xchunked", "chunked;a=b", "\"chunked\"", "chun\u{212a}ed"]
    {
        refused(with(&format!("Transfer-Encoding: {value}\r\n")), 400, Cause::CodingInvalid);
    }
    assert_eq!(parse(&with("")).unwrap().framing, Framing::None);
}

#[test]
fn a_coding_before_chunked_is_answered_501() {
    refused(with("Transfer-Encoding: gzip, chunked\r\n"), 501, Cause::CodingUnsupported);
}

#[test]
fn chunked_is_recognised_in_any_case() {
    assert_eq!(parse(&with("transfer-encoding:\tCHUNKED \r\n")).unwrap().framing, Framing::Chunked);
}

// Lines and bytes: RFC 9112 §2.2, §5.

#[test]
fn a_space_before_the_colon_is_refused_cve_2019_16276() {
    refused(with("Transfer-Encoding : chunked\r\n"), 400, Cause::SpaceBeforeColon);
    refused(with("X-A\t: b\r\n"), 400, Cause::SpaceBeforeColon);
}

#[test]
fn a_folded_line_is_refused() {
    refused(with("X-A: b\r\n c\r\n"), 400, Cause::Folded);
    refused(with("X-A: b\r\n\tc\r\n"), 400, Cause::Folded);
    refused("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, Cause::Folded);
}

#[test]
fn a_bare_cr_is_refused() {
    refused(with("X-A: b\rc\r\n"), 400, Cause::BareCr);
    refused(with("X-A: b\r\r\n"), 400, Cause::BareCr);
    refused("GET / HTTP/1.1\rHost: h\r\n\r\n", 400, Cause::BareCr);
    refused("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n", 400, Cause::BareCr);
}

#[test]
fn a_bare_lf_is_refused() {
    refused("GET / HTTP/1.1\nHost: h\n\n", 400, Cause::BareLf);
    refused(with("X-A: b\nContent-Length: 5\r\n"), 400, Cause::BareLf);
    refused("GET / HTTP/1.1\r\nHost: h\r\n\n", 400, Cause::BareLf);
}

#[test]
fn every_control_byte_in_a_value_is_refused_and_no_other() {
    for byte in 0..=255u8 {
        for place in [&b"a"[..], b"a value that is long enough to be read in words: "] {
            let head = [b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ", place, &[byte], b"z\r\n\r\n"].concat();
            match byte {
                b'\r' => refused(head, 400, Cause::BareCr),
                b'\n' => refused(head, 400, Cause::BareLf),
                0..=8 | 11 | 12 | 14..=31 | 127 => refused(head, 400, Cause::ValueByte),
                _ => assert!(parse(&head).is_ok(), "{byte:#x}"),
            }
        }
    }
}

#[test]
fn every_byte_that_is_no_token_byte_in_a_name_is_refused_and_no_other() {
    for byte in 0..=255u8 {
        let head = [&b"GET / HTTP/1.1\r\nHost: h\r\nX-A-long-enough"[..], &[byte], b"z: v\r\n\r\n"].concat();
        match byte {
            b'\t' | b' ' => refused(head, 400, Cause::SpaceBeforeColon),
            b'\r' | b'\n' => refused(head, 400, Cause::ColonMissing),
            b':' => assert!(parse(&head).is_ok()),
            _ if byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte) => {
                assert!(parse(&head).is_ok())
            }
            _ => refused(head, 400, Cause::NameInvalid),
        }
    }
}

#[test]
fn a_line_without_name_or_colon_is_refused() {
    refused(with(": v\r\n"), 400, Cause::NameInvalid);
    refused(with("nothing\r\n"), 400, Cause::ColonMissing);
}

#[test]
fn a_few_empty_lines_before_a_request_are_passed_over() {
    let head = b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let request = parse(head).unwrap();
    assert_eq!((request.method_text.of(head), request.head_len as usize), (&b"GET"[..], head.len()));
    refused(b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, Cause::EmptyLines);
    refused(b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, Cause::BareLf);
}
