//! `gateway._engine`: the border between Trio and the workers. Glue only, no logic.
//!
//! - `engine`: the class `Engine`: commands in, events out
//! - `events`: events as Python tuples
//! - `fields`: what may stand in the head of a handler's answer
//!
//! Rules: a method never waits for a worker and never calls back into Python; building a snapshot happens detached from
//! the interpreter; no lock is held while waiting for the interpreter. Stub: `gateway/_engine.pyi`; a test compares.

mod engine;
mod events;
mod fields;

use gateway_core::explain;
use gateway_core::route::Snapshot;
use pyo3::PyErr;
use pyo3::exceptions::PyValueError;

/// What Python is told when a document or an argument is refused.
fn refused(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The border between Trio and the workers.
#[pyo3::pymodule]
mod _engine {
    use pyo3::prelude::*;
    use pyo3::types::{PyBytes, PyTuple};

    use gateway_core::{http2::cause::Cause, reason, worker::border, worker::limits};

    #[pymodule_export]
    use super::engine::Engine;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let words = PyTuple::new(module.py(), reason::ALL.map(reason::Reason::word))?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
        module.add("REASONS", words)?;
        module.add("ASK_WINDOW", limits::ASK_WINDOW)?;
        let abuses = Cause::ALL.iter().filter(|cause| cause.is_abuse()).map(|cause| cause.word());
        module.add("ABUSES", PyTuple::new(module.py(), abuses.collect::<Vec<_>>())?)?;
        module.add("LAST_PROCESSED", border::LAST_PROCESSED)
    }

    /// Build a snapshot document and drop it; how many of the system's CAs could not be read.
    #[pyfunction]
    fn check(py: Python<'_>, snapshot: &[u8]) -> PyResult<usize> {
        py.detach(|| super::parse(snapshot).map(|snapshot| snapshot.unread_roots))
    }

    /// Rules that can never be taken: (rule, the rule that always wins).
    #[pyfunction]
    fn shadowed(py: Python<'_>, snapshot: &[u8]) -> PyResult<Vec<(u32, u32)>> {
        py.detach(|| super::shadowed_rules(snapshot))
    }

    /// Decide a question with a trace.
    #[pyfunction]
    fn explain<'py>(py: Python<'py>, snapshot: &[u8], question: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| super::explained(snapshot, question))?;
        Ok(PyBytes::new(py, &answer))
    }
}

fn parse(snapshot: &[u8]) -> Result<Snapshot, PyErr> {
    Snapshot::parse(snapshot).map_err(refused)
}

fn shadowed_rules(snapshot: &[u8]) -> Result<Vec<(u32, u32)>, PyErr> {
    let found = gateway_core::route::shadowed(&parse(snapshot)?);
    let mut pairs: Vec<_> =
        found.iter().filter(|each| each.whole_rule).map(|each| (each.rule, each.by_rule)).collect();
    pairs.dedup_by_key(|(rule, _)| *rule);
    Ok(pairs)
}

/// The draw is 0, so that the same question has the same answer; a split shows all its shares.
fn explained(snapshot: &[u8], question: &[u8]) -> Result<Vec<u8>, PyErr> {
    let question: explain::Question = rmp_serde::from_slice(question).map_err(refused)?;
    let answer = explain::explain(&parse(snapshot)?, &question, 0);
    rmp_serde::to_vec_named(&answer).map_err(refused)
}
