//! The class `Engine`: the workers of one process, as Python sees them.

use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::reason::Reason;
use gateway_core::sys::adopt::adopt;
use gateway_core::worker::border::{Command, ConnId, Event, worker_of};
use gateway_core::worker::fleet::{Fleet, Full};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::events::to_python;
use crate::{fields, parse, refused};

/// Events that one call gives. A turn of Trio's loop with so many takes some milliseconds; Python asks again.
const BATCH: usize = 1024;

/// How Python may end an ask without an answer.
const FAILURES: [Reason; 4] =
    [Reason::HandlerFailed, Reason::HandlersBusy, Reason::RequestTimeout, Reason::Drained];

/// The workers of one process.
#[pyclass(frozen, module = "gateway._engine")]
pub struct Engine {
    /// `None` when stopped. Never held while waiting for the interpreter.
    fleet: Mutex<Option<Fleet>>,
}

impl Engine {
    fn with<T>(&self, act: impl FnOnce(&Fleet) -> T) -> PyResult<T> {
        let fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.as_ref().map(act).ok_or_else(|| PyRuntimeError::new_err("the engine is stopped"))
    }

    fn command(&self, act: impl FnOnce(&Fleet) -> Result<(), Full>) -> PyResult<()> {
        self.with(act)?.map_err(|Full| PyRuntimeError::new_err("a worker takes no more commands"))
    }

    fn reply(&self, ask: u64, command: Command<std::os::fd::OwnedFd>) -> PyResult<()> {
        self.command(|fleet| fleet.command(worker_of(ask), command))
    }

    fn conduct(&self, conn: ConnId, command: Command<std::os::fd::OwnedFd>) -> PyResult<()> {
        self.command(|fleet| fleet.conduct(conn, command))
    }
}

#[pymethods]
impl Engine {
    /// Build the snapshot and start the threads.
    #[new]
    fn new(py: Python<'_>, workers: usize, snapshot: &[u8]) -> PyResult<Self> {
        let fleet = py.detach(|| {
            let snapshot = Arc::new(parse(snapshot)?);
            Fleet::start(workers, &snapshot).map_err(PyOSError::new_err)
        })?;
        Ok(Self { fleet: Mutex::new(Some(fleet)) })
    }

    /// Readable while events wait.
    fn fileno(&self) -> PyResult<i32> {
        self.with(Fleet::event_fd)
    }

    /// Take the events that wait, at most 1,024 of them; acknowledges `fileno`.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut taken = Vec::new();
        self.with(|fleet| fleet.take_events(BATCH, &mut taken))?;
        let (retired, told): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|event| matches!(event, Event::Retired { .. }));
        if !retired.is_empty() {
            py.detach(|| drop(retired)); // maybe the last reference to the tables of an old generation
        }
        let events = PyList::empty(py);
        for event in told {
            if let Some(event) = to_python(py, event)? {
                events.append(event)?;
            }
        }
        Ok(events)
    }

    /// Build, then hand to every worker.
    fn apply(&self, py: Python<'_>, snapshot: &[u8]) -> PyResult<()> {
        py.detach(|| {
            let snapshot = Arc::new(parse(snapshot)?);
            self.command(|fleet| fleet.broadcast(|| Command::Apply(Arc::clone(&snapshot))))
        })
    }

    /// Hand over one listening socket per worker, which are owned by the engine from now on.
    fn listen(&self, listener: u32, fds: Vec<i32>) -> PyResult<()> {
        let sockets = fds.into_iter().map(adopt).collect::<Result<Vec<_>, _>>()?;
        self.command(|fleet| fleet.listen(listener, sockets))
    }

    /// Close the listening sockets of this key; connections stay. One `unlistened` per worker.
    fn unlisten(&self, listener: u32) -> PyResult<()> {
        self.command(|fleet| fleet.broadcast(|| Command::Unlisten { listener }))
    }

    /// Unlisten; connections end with their exchange. One `drained` per worker.
    fn drain(&self, listener: u32) -> PyResult<()> {
        self.command(|fleet| fleet.broadcast(|| Command::Drain { listener }))
    }

    /// Close every connection of this key now.
    fn abort(&self, listener: u32) -> PyResult<()> {
        self.command(|fleet| fleet.broadcast(|| Command::Abort { listener }))
    }

    /// Send the head of a handler's answer.
    fn answer(
        &self,
        ask: u64,
        status: u16,
        fields: Vec<(Vec<u8>, Vec<u8>)>,
        data: Vec<u8>,
        end: bool,
        length: Option<u64>,
    ) -> PyResult<()> {
        fields::check(status, &fields).map_err(refused)?;
        self.reply(ask, Command::Answer { id: ask, status, fields, data, end, length })
    }

    /// Send more of the body. The caller keeps to `ASK_WINDOW`.
    fn send(&self, ask: u64, data: Vec<u8>, end: bool) -> PyResult<()> {
        self.reply(ask, Command::Send { id: ask, data, end })
    }

    /// One body event of so many bytes was consumed.
    fn credit(&self, ask: u64, consumed: u32) -> PyResult<()> {
        self.reply(ask, Command::Credit { id: ask, bytes: consumed })
    }

    /// End an ask without an answer.
    fn fail(&self, ask: u64, reason: &str) -> PyResult<()> {
        let known = FAILURES.into_iter().find(|each| each.word() == reason);
        let reason = known.ok_or_else(|| refused(format!("an ask does not end with `{reason}`")))?;
        self.reply(ask, Command::Fail { id: ask, reason })
    }

    /// Send frames of stream 0 as they are.
    fn control(&self, conn: u64, data: Vec<u8>) -> PyResult<()> {
        self.conduct(conn, Command::Control { conn, bytes: data })
    }

    /// Send GOAWAY, and take no stream above `last`.
    fn go_away(&self, conn: u64, last: Option<u32>, code: u32) -> PyResult<()> {
        self.conduct(conn, Command::GoAway { conn, last, code })
    }

    /// Send GOAWAY and close; streams in flight fail.
    fn end(&self, conn: u64, code: u32) -> PyResult<()> {
        self.conduct(conn, Command::End { conn, code })
    }

    /// Write log lines to this descriptor (owned by the engine from now on), in a thread of its own.
    fn access_log(&self, fd: i32) -> PyResult<()> {
        let target = adopt(fd)?;
        self.with(|fleet| fleet.access_log(target))
    }

    /// All counters and histograms as MessagePack.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let counters = py.detach(|| {
            let totals = self.with(Fleet::counters)?;
            rmp_serde::to_vec_named(&totals).map_err(refused)
        })?;
        Ok(PyBytes::new(py, &counters))
    }

    /// End the threads and join them; connections are closed.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| drop(self.fleet.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}
