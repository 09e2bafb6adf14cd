//! Events as Python tuples: the shapes of `Event` in `gateway/_engine.pyi`, letter by letter.

use gateway_core::worker::border::{AskHead, ConnId, Event, Owner};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// One event, or `None` for what concerns only this side.
pub fn to_python(py: Python<'_>, event: Event) -> PyResult<Option<Bound<'_, PyTuple>>> {
    Ok(Some(match event {
        Event::Ask { id, head } => ("ask", id, ask_head(py, &head)?).into_pyobject(py)?,
        Event::Body { id, data } => ("body", id, PyBytes::new(py, &data)).into_pyobject(py)?,
        Event::BodyEnd { id } => ("body_end", id).into_pyobject(py)?,
        Event::Sent { id, bytes } => ("sent", id, bytes).into_pyobject(py)?,
        Event::Over { id, reason } => ("over", id, reason.word()).into_pyobject(py)?,
        Event::Opened { conn, owner, peer } => opened(py, conn, &owner, &peer)?,
        Event::Settings { conn, payload } => {
            ("settings", conn, PyBytes::new(py, &payload)).into_pyobject(py)?
        }
        Event::SettingsAck { conn } => ("settings_ack", conn).into_pyobject(py)?,
        Event::PingAck { conn, data } => ("ping_ack", conn, PyBytes::new(py, &data)).into_pyobject(py)?,
        Event::GoneAway { conn, last, code } => ("gone_away", conn, last, code).into_pyobject(py)?,
        Event::Closed { conn, reason, served } => ("closed", conn, reason, served).into_pyobject(py)?,
        Event::Unlistened { worker, listener } => ("unlistened", worker, listener).into_pyobject(py)?,
        Event::Drained { worker, listener } => ("drained", worker, listener).into_pyobject(py)?,
        Event::Applied { worker, generation } => ("applied", worker, generation).into_pyobject(py)?,
        Event::Panicked { worker, text } => ("panicked", worker, text).into_pyobject(py)?,
        Event::Retired { .. } => return Ok(None),
    }))
}

fn opened<'py>(py: Python<'py>, conn: ConnId, owner: &Owner, peer: &str) -> PyResult<Bound<'py, PyTuple>> {
    match owner {
        Owner::Listener(key) => ("opened", conn, "server", *key, peer).into_pyobject(py),
        Owner::Upstream(name) => ("opened", conn, "client", &**name, peer).into_pyobject(py),
    }
}

/// Fifteen values; a Rust tuple has at most twelve on its way to Python.
fn ask_head<'py>(py: Python<'py>, head: &AskHead) -> PyResult<Bound<'py, PyTuple>> {
    let bytes = |data: &[u8]| PyBytes::new(py, data);
    let fields = head.fields.iter().map(|(name, value)| (bytes(name), bytes(value)));
    let fields = PyList::new(py, fields.collect::<Vec<_>>())?;
    let first = (
        head.handler_name.as_str(),
        head.listener.as_str(),
        head.route.as_str(),
        head.rule.as_str(),
        head.scheme.as_str(),
        bytes(&head.method),
        bytes(&head.authority),
        bytes(&head.path),
    );
    let second = (
        head.query.as_deref().map(bytes),
        fields,
        head.peer.as_str(),
        head.request_id.as_str(),
        head.content_length,
        head.has_body,
        head.deadline_ms,
    );
    let (first, second) = (first.into_pyobject(py)?, second.into_pyobject(py)?);
    first.as_sequence().concat(second.as_sequence())?.to_tuple()
}
