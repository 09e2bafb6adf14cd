//! Says what the codec makes of heads, for comparison with codecs in other languages (`tests/unit/test_codec_h11.py`).
//!
//! Reads records from standard input: a role (`q` for a request, `r` for a response to a GET that asked for an upgrade),
//! a length of four bytes, big-endian, and that many bytes of head. Answers each with one line of JSON; bytes appear as
//! the characters of the same number.

use std::io::{Read, Write, stdin, stdout};

use gateway_core::http1::Span;
use gateway_core::http1::head::{Field, Framing, Limits, Progress, Refusal};
use gateway_core::http1::request::{Form, Request};
use gateway_core::http1::response::{Answering, Response};

fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut prefix = [0; 5];
    while input.read_exact(&mut prefix).is_ok() {
        let [role, a, b, c, d] = prefix;
        let mut head = Vec::new();
        input.by_ref().take(u64::from(u32::from_be_bytes([a, b, c, d]))).read_to_end(&mut head)?;
        let line = if role == b'q' { request(&head) } else { response(&head) };
        writeln!(output, "{line}")?;
        output.flush()?;
    }
    Ok(())
}

fn request(head: &[u8]) -> String {
    let mut request = Request::new();
    let answer = request.parse(head, &Limits::default());
    verdict(answer).unwrap_or_else(|| {
        format!(
            r#"{{"verdict": "complete", "method": {}, "target": {}, "minor": {}, "keep_alive": {}, {}}}"#,
            text(request.method_text.of(head)),
            text(target(&request).of(head)),
            request.minor,
            request.keep_alive,
            rest(request.framing, &request.fields, head),
        )
    })
}

fn response(head: &[u8]) -> String {
    let mut response = Response::new();
    let answer = response.parse(head, &Limits::default(), Answering { head: false, upgrade: true });
    verdict(answer).unwrap_or_else(|| {
        format!(
            r#"{{"verdict": "complete", "status": {}, "reason": {}, "minor": {}, "keep_alive": {}, {}}}"#,
            response.status,
            text(response.reason.of(head)),
            response.minor,
            response.keep_alive,
            rest(response.framing, &response.fields, head),
        )
    })
}

fn verdict(answer: Result<Progress, Refusal>) -> Option<String> {
    match answer {
        Ok(Progress::Complete) => None,
        Ok(Progress::Partial) => Some(r#"{"verdict": "partial"}"#.into()),
        Err(refusal) => Some(format!(
            r#"{{"verdict": "refused", "status": {}, "cause": "{:?}"}}"#,
            refusal.status, refusal.cause
        )),
    }
}

/// The whole target, from its parts.
fn target(request: &Request) -> Span {
    let absolute = request.form == Form::Absolute;
    let start = if absolute { request.scheme.start } else { request.path.start };
    let path_end = if absolute { request.path.end.max(request.host.end) } else { request.path.end };
    Span { start, end: request.query.map_or(path_end, |query| query.end) }
}

fn rest(framing: Framing, fields: &[Field], head: &[u8]) -> String {
    let framing = match framing {
        Framing::None => "null".into(),
        Framing::Length(length) => length.to_string(),
        Framing::Chunked => r#""chunked""#.into(),
        Framing::UntilClose => r#""until close""#.into(),
    };
    let pair = |field: &Field| format!("[{}, {}]", text(field.name.of(head)), text(field.value.of(head)));
    let fields: Vec<_> = fields.iter().map(pair).collect();
    format!(r#""framing": {framing}, "fields": [{}]"#, fields.join(", "))
}

fn text(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for byte in bytes {
        match byte {
            b' '..=b'~' if !matches!(byte, b'"' | b'\\') => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push('"');
    out
}
