//! The access log's way out: lines are collected per turn, handed over in a bounded queue, written by a thread of
//! their own. A disk that is full or a reader that stalls costs lines, which are counted, and never a request.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use crossbeam_queue::ArrayQueue;

use super::ledger::Ledger;
use crate::sys::eventfd::EventFd;

/// Batches under way from all workers. With [`BATCH_BYTES`] this bounds the log's memory at 4 MiB.
const BATCHES: usize = 64;

/// A batch is handed over at the end of a turn or when it reaches this many bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// How long the writer gathers before it looks again, ms: one wake-up per interval, however many lines.
const GATHER_MS: i32 = 20;

/// Between workers and the writer.
pub struct LogQueue {
    batches: ArrayQueue<Batch>,
    spare: ArrayQueue<Vec<u8>>,
    target: ArrayQueue<OwnedFd>,
    wake: EventFd,
    asleep: AtomicBool,
    stop: AtomicBool,
    /// Lines that could not be written (disk full, reader gone).
    pub failed_lines: AtomicU64,
}

struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

impl LogQueue {
    /// An empty queue.
    ///
    /// # Errors
    /// The kernel's, when descriptors have run out.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            batches: ArrayQueue::new(BATCHES),
            spare: ArrayQueue::new(BATCHES),
            target: ArrayQueue::new(1),
            wake: EventFd::new()?,
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            failed_lines: AtomicU64::new(0),
        })
    }

    /// Write to this descriptor from now on.
    pub fn retarget(&self, target: OwnedFd) {
        self.target.force_push(target);
        self.wake.raise();
    }

    /// End the writer after what is queued.
    pub fn stop(&self) {
        self.stop.store(true, SeqCst);
        self.wake.raise();
    }
}

/// One worker's end: the lines of this turn.
pub struct LogSender {
    queue: Arc<LogQueue>,
    batch: Vec<u8>,
    lines: u64,
}

impl LogSender {
    /// For a worker.
    #[must_use]
    pub fn new(queue: Arc<LogQueue>) -> Self {
        Self { queue, batch: Vec::new(), lines: 0 }
    }

    /// Append one line, newline included, by writing it into the batch.
    pub fn line(&mut self, ledger: &Ledger, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.batch);
        self.lines += 1;
        if self.batch.len() >= BATCH_BYTES {
            self.hand_over(ledger);
        }
    }

    /// Hand over what this turn wrote.
    #[inline]
    pub fn end_of_turn(&mut self, ledger: &Ledger) {
        if self.lines > 0 {
            self.hand_over(ledger);
        }
    }

    fn hand_over(&mut self, ledger: &Ledger) {
        let spare = self.queue.spare.pop().unwrap_or_default();
        let lines = std::mem::take(&mut self.lines);
        let batch = Batch { bytes: std::mem::replace(&mut self.batch, spare), lines };
        match self.queue.batches.push(batch) {
            Ok(()) => ledger.log_lines.add(lines),
            Err(full) => {
                self.batch = full.bytes;
                self.batch.clear();
                ledger.log_dropped.add(lines);
            }
        }
        if self.queue.asleep.swap(false, SeqCst) {
            self.queue.wake.raise();
        }
    }
}

/// Start the writer.
///
/// # Errors
/// The kernel's, when a thread cannot be had.
pub fn start(queue: Arc<LogQueue>) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("access-log".to_owned()).spawn(move || write_all(&queue))
}

fn write_all(queue: &LogQueue) {
    let mut target: Option<File> = None;
    loop {
        if let Some(fd) = queue.target.pop() {
            target = Some(File::from(fd));
        }
        while let Some(batch) = queue.batches.pop() {
            write_batch(queue, target.as_mut(), batch);
        }
        if queue.stop.load(SeqCst) && queue.batches.is_empty() {
            return;
        }
        queue.asleep.store(true, SeqCst);
        if queue.batches.is_empty() {
            queue.wake.wait(-1);
        }
        queue.asleep.store(false, SeqCst);
        if !queue.stop.load(SeqCst) {
            queue.wake.wait(GATHER_MS);
        }
    }
}

fn write_batch(queue: &LogQueue, target: Option<&mut File>, batch: Batch) {
    let written = target.is_some_and(|file| file.write_all(&batch.bytes).is_ok());
    if !written {
        queue.failed_lines.fetch_add(batch.lines, SeqCst);
    }
    let mut bytes = batch.bytes;
    bytes.clear();
    // A full spare queue only means that this buffer is freed.
    let _ = queue.spare.push(bytes);
}
