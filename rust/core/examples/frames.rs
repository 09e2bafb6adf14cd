//! Says what the codec makes of single HTTP/2 frames, for comparison with codecs in other languages
//! (`tests/unit/test_http2_hyperframe.py`).
//!
//! Reads records from standard input: a length of four bytes, big-endian, and that many bytes, which are one frame.
//! Answers each with one line of JSON: what the frame says, and the same frame written anew (without padding, and for
//! HEADERS without priority), in hexadecimal.

use std::io::{Read, Write, stdin, stdout};

use gateway_core::http2::cause::{Cause, Fault};
use gateway_core::http2::frame::continuation::{self, Continuation};
use gateway_core::http2::frame::goaway::GoAway;
use gateway_core::http2::frame::headers::{self, Headers};
use gateway_core::http2::frame::priority::Priority;
use gateway_core::http2::frame::priority_update::PriorityUpdate;
use gateway_core::http2::frame::settings::{self, Setting};
use gateway_core::http2::frame::{ACK, Header, Kind, PADDED, data, ping, push_promise, reset, window_update};

fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut prefix = [0; 4];
    while input.read_exact(&mut prefix).is_ok() {
        let mut frame = Vec::new();
        input.by_ref().take(u64::from(u32::from_be_bytes(prefix))).read_to_end(&mut frame)?;
        writeln!(output, "{}", line(&frame))?;
        output.flush()?;
    }
    Ok(())
}

fn line(frame: &[u8]) -> String {
    let Some((head, payload)) = frame.split_first_chunk() else { return r#"{"verdict": "partial"}"#.into() };
    let head = Header::parse(head);
    if head.length as usize != payload.len() {
        return r#"{"verdict": "partial"}"#.into();
    }
    let mut again = Vec::new();
    match says(&head, payload, &mut again) {
        Ok(says) => format!(
            r#"{{"verdict": "whole", "kind": "{:?}", "stream": {}{says}, "again": "{}"}}"#,
            head.kind,
            head.stream,
            hex(&again)
        ),
        Err(fault) => format!(r#"{{"verdict": "refused", "cause": "{:?}"}}"#, fault.cause()),
    }
}

/// The members of the answer that are this type's own.
fn says(head: &Header, payload: &[u8], again: &mut Vec<u8>) -> Result<String, Fault> {
    let stream = head.stream;
    Ok(match head.kind {
        Kind::Data => says_data(head, payload, again)?,
        Kind::Headers => says_headers(head, payload, again)?,
        Kind::Priority => {
            let priority = Priority::parse(head, payload)?;
            priority.write(stream, again);
            says_priority(priority)
        }
        Kind::Reset => {
            let code = reset::parse(head, payload)?;
            reset::write(stream, code, again);
            format!(r#", "code": {}"#, code.0)
        }
        Kind::Settings => says_settings(head, payload, again)?,
        Kind::PushPromise => {
            push_promise::parse(head)?;
            String::new()
        }
        Kind::Ping => {
            let payload = ping::parse(head, payload)?;
            ping::write(payload, head.has(ACK), again);
            format!(r#", "ack": {}, "payload": "{}""#, head.has(ACK), hex(&payload))
        }
        Kind::GoAway => {
            let away = GoAway::parse(head, payload)?;
            away.write(again);
            format!(r#", "last": {}, "code": {}, "debug": "{}""#, away.last, away.code.0, hex(away.debug))
        }
        Kind::WindowUpdate => {
            let increment = window_update::parse(head, payload)?;
            window_update::write(stream, increment, again);
            format!(r#", "increment": {increment}"#)
        }
        Kind::Continuation => {
            let part = Continuation::parse(head, payload)?;
            continuation::write(part.fragment, part.end_headers, stream, again);
            format!(r#", "fragment": "{}", "end_headers": {}"#, hex(part.fragment), part.end_headers)
        }
        Kind::PriorityUpdate => {
            let update = PriorityUpdate::parse(head, payload)?;
            update.write(again);
            format!(r#", "prioritized": {}, "value": "{}""#, update.prioritized, hex(update.value))
        }
        Kind::Unknown => String::new(),
    })
}

fn says_data(head: &Header, payload: &[u8], again: &mut Vec<u8>) -> Result<String, Fault> {
    let start =
        data::Start::parse(head, payload.first().copied())?.ok_or(Fault::Connection(Cause::FrameSize))?;
    let from = usize::from(head.has(PADDED));
    let bytes = payload.get(from..from + start.data as usize).unwrap_or(&[]);
    data::write_header(bytes.len(), start.end, head.stream, again);
    again.extend_from_slice(bytes);
    Ok(format!(r#", "data": "{}", "padding": {}, "end_stream": {}"#, hex(bytes), start.padding, start.end))
}

fn says_headers(head: &Header, payload: &[u8], again: &mut Vec<u8>) -> Result<String, Fault> {
    let part = Headers::parse(head, payload)?;
    headers::write(part.fragment, part.end_stream, part.end_headers, head.stream, again);
    let priority = part.priority.transpose().map_err(Fault::Stream)?.map(says_priority);
    Ok(format!(
        r#", "fragment": "{}", "end_stream": {}, "end_headers": {}{}"#,
        hex(part.fragment),
        part.end_stream,
        part.end_headers,
        priority.unwrap_or_default()
    ))
}

fn says_priority(priority: Priority) -> String {
    let Priority { depends_on, exclusive, weight } = priority;
    format!(r#", "depends_on": {depends_on}, "exclusive": {exclusive}, "weight": {weight}"#)
}

fn says_settings(head: &Header, payload: &[u8], again: &mut Vec<u8>) -> Result<String, Fault> {
    settings::check(head)?;
    let entries: Vec<Setting> = settings::entries(payload).collect::<Result<_, _>>()?;
    if head.has(ACK) {
        settings::write_ack(again);
    } else {
        settings::write(&entries, again);
    }
    let said: Vec<_> = entries.iter().map(|entry| format!(r#""{entry:?}""#)).collect();
    Ok(format!(r#", "ack": {}, "entries": [{}]"#, head.has(ACK), said.join(", ")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
