//! Beside httparse, which shares no code with us: what we accept it accepts with the same meaning, and what it refuses
//! we refuse.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod http1_generate;

use gateway_core::http1::head::{Field, Limits, Progress};
use gateway_core::http1::request::Request;
use gateway_core::http1::response::{Answering, Response};
use http1_generate as generate;
use proptest::prelude::*;

type Pair = (Vec<u8>, Vec<u8>);

fn ours(fields: &[Field], buf: &[u8]) -> Vec<Pair> {
    fields.iter().map(|field| (field.name.of(buf).to_vec(), field.value.of(buf).to_vec())).collect()
}

fn theirs(headers: &[httparse::Header<'_>]) -> Vec<Pair> {
    headers.iter().map(|header| (header.name.as_bytes().to_vec(), trim(header.value).to_vec())).collect()
}

/// httparse leaves tabs at the ends of a value.
fn trim(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |at| at + 1);
    &value[start..end]
}

fn check_request(head: &[u8]) -> Result<(), TestCaseError> {
    let mut request = Request::new();
    let answer = request.parse(head, &Limits::default());
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut other = httparse::Request::new(&mut headers);
    match (answer, other.parse(head)) {
        (Ok(Progress::Complete), Ok(httparse::Status::Complete(len))) => {
            prop_assert_eq!(request.head_len as usize, len);
            prop_assert_eq!(request.method_text.of(head), other.method.unwrap().as_bytes());
            prop_assert_eq!(Some(request.minor), other.version);
            let target = other.path.unwrap().as_bytes();
            let query = request.query.map_or(&[][..], |query| query.of(head));
            prop_assert!(target.ends_with(query));
            let path = &target[..target.len() - query.len()];
            let path = if request.query.is_some() { &path[..path.len() - 1] } else { path };
            // An absolute target, whose scheme may be written in any case (RFC 3986 §3.1), need have no path.
            let absolute = target.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http"));
            prop_assert!(absolute || path.ends_with(request.path.of(head)));
            prop_assert_eq!(ours(&request.fields, head), theirs(other.headers));
        }
        (Ok(Progress::Complete), other) => {
            prop_assert!(false, "we accept, httparse says {other:?}: {}", head.escape_ascii())
        }
        (ours, Err(error)) => prop_assert!(
            ours.is_err(),
            "httparse refuses ({error}), we say {ours:?}: {}",
            head.escape_ascii()
        ),
        _ => {}
    }
    Ok(())
}

fn check_response(head: &[u8]) -> Result<(), TestCaseError> {
    let mut response = Response::new();
    let answer = response.parse(head, &Limits::default(), Answering { head: false, upgrade: true });
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut other = httparse::Response::new(&mut headers);
    match (answer, other.parse(head)) {
        (Ok(Progress::Complete), Ok(httparse::Status::Complete(len))) => {
            prop_assert_eq!(response.head_len as usize, len);
            prop_assert_eq!(Some(response.status), other.code);
            prop_assert_eq!(Some(response.minor), other.version);
            prop_assert_eq!(ours(&response.fields, head), theirs(other.headers));
        }
        (Ok(Progress::Complete), other) => {
            prop_assert!(false, "we accept, httparse says {other:?}: {}", head.escape_ascii())
        }
        (ours, Err(error)) => prop_assert!(
            ours.is_err(),
            "httparse refuses ({error}), we say {ours:?}: {}",
            head.escape_ascii()
        ),
        _ => {}
    }
    Ok(())
}

#[test]
fn a_scheme_in_mixed_case_is_a_scheme() -> Result<(), TestCaseError> {
    check_request(b"GET Http://h HTTP/1.1\r\nHost: h\r\n\r\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn requests_mean_what_httparse_says(head in generate::request()) {
        check_request(&head)?;
    }

    #[test]
    fn responses_mean_what_httparse_says(head in generate::response()) {
        check_response(&head)?;
    }
}
