//! Request heads: what is understood, and what is refused and why. A test reads as: this head, that answer.

use gateway_core::http1::head::{Cause, Framing, Known, Limits, Progress, Refusal};
use gateway_core::http1::request::{Form, Method, Request};

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

#[test]
fn a_request_is_taken_apart() {
    let head = b"POST /a/b?c=d HTTP/1.1\r\nHost: example.com:80\r\nContent-Length:5\r\nX-Other: \t y z \r\n\r\nhello";
    let request = parse(head).unwrap();
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.method_text.of(head), b"POST");
    assert_eq!(request.form, Form::Origin);
    assert_eq!(request.path.of(head), b"/a/b");
    assert_eq!(request.query.map(|query| query.of(head)), Some(b"c=d".as_slice()));
    assert_eq!(request.host.of(head), b"example.com:80");
    assert_eq!(request.minor, 1);
    assert_eq!(request.framing, Framing::Length(5));
    assert_eq!(request.head_len as usize, head.len() - 5);
    assert!(request.keep_alive);
    let [host, length, other] = request.fields.as_slice() else { panic!("three fields") };
    assert_eq!((host.known, host.plain, host.hop), (Known::Host, true, false));
    assert_eq!((length.known, length.plain), (Known::ContentLength, false));
    assert_eq!((other.known, other.plain), (Known::Other, false));
    assert_eq!(other.name.of(head), b"X-Other");
    assert_eq!(other.value.of(head), b"y z");
    assert_eq!(other.line.of(head), b"X-Other: \t y z \r\n");
}

#[test]
fn both_length_and_coding_are_refused() {
    refused(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, Cause::LengthAndCoding);
    refused(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, Cause::LengthAndCoding);
}
