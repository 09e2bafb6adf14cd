//! The access log's way out: lines are collected per turn, handed over in a bounded queue, written by a thread of
//! their own. A disk that is full or a reader that stalls costs lines, which are counted, and never a request.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;

use crossbeam_queue::ArrayQueue;

use super::ledger::Ledger;
use crate::sys::eventfd::EventFd;

/// Batches under way from all workers. A quiet worker makes one of each line: within [`GATHER_MS`] some 300 of them.
const BATCHES: usize = 4096;

/// Bytes under way from all workers: some 12,000 lines.
const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// A batch is handed over at the end of a turn or when it reaches this many bytes. The writer writes as much at once.
const BATCH_BYTES: usize = 64 * 1024;

/// Buffers kept for reuse; with [`BATCH_BYTES`] this bounds their memory at 4 MiB.
const SPARE_BUFFERS: usize = 64;

/// How long the writer gathers before it looks again, ms: one wake-up per interval, however many lines.
const GATHER_MS: i32 = 20;

/// Between workers and the writer.
pub struct LogQueue {
    batches: ArrayQueue<Batch>,
    /// Bytes in `batches`.
    waiting: AtomicUsize,
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
            waiting: AtomicUsize::new(0),
            spare: ArrayQueue::new(SPARE_BUFFERS),
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

    /// Hand over what this turn wrote. While the queue is full, lines gather here for the next turn to hand over, up to
    /// one batch; then they are dropped.
    #[inline]
    pub fn end_of_turn(&mut self, ledger: &Ledger) {
        if self.lines > 0 {
            self.hand_over(ledger);
        }
    }

    fn hand_over(&mut self, ledger: &Ledger) {
        let size = self.batch.len();
        if self.queue.waiting.fetch_add(size, SeqCst) + size > QUEUE_BYTES {
            return self.keep(size, ledger);
        }
        let spare = self.queue.spare.pop().unwrap_or_default();
        let batch = Batch { bytes: std::mem::replace(&mut self.batch, spare), lines: self.lines };
        match self.queue.batches.push(batch) {
            Ok(()) => ledger.log_lines.add(std::mem::take(&mut self.lines)),
            Err(full) => {
                self.batch = full.bytes;
                self.keep(size, ledger);
            }
        }
        if self.queue.asleep.swap(false, SeqCst) {
            self.queue.wake.raise();
        }
    }

    /// The queue took nothing.
    fn keep(&mut self, size: usize, ledger: &Ledger) {
        self.queue.waiting.fetch_sub(size, SeqCst);
        if size >= BATCH_BYTES {
            self.batch.clear();
            ledger.log_dropped.add(std::mem::take(&mut self.lines));
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
    let mut gathered = Batch { bytes: Vec::new(), lines: 0 };
    loop {
        if let Some(fd) = queue.target.pop() {
            target = Some(File::from(fd));
        }
        while let Some(batch) = queue.batches.pop() {
            gather(queue, batch, &mut gathered);
            if gathered.bytes.len() >= BATCH_BYTES {
                write_batch(queue, target.as_mut(), &mut gathered);
            }
        }
        write_batch(queue, target.as_mut(), &mut gathered);
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

fn gather(queue: &LogQueue, batch: Batch, gathered: &mut Batch) {
    let mut bytes = batch.bytes;
    queue.waiting.fetch_sub(bytes.len(), SeqCst);
    gathered.bytes.extend_from_slice(&bytes);
    gathered.lines += batch.lines;
    bytes.clear();
    // A full spare queue only means that this buffer is freed.
    let _ = queue.spare.push(bytes);
}

fn write_batch(queue: &LogQueue, target: Option<&mut File>, batch: &mut Batch) {
    let written = target.is_some_and(|file| file.write_all(&batch.bytes).is_ok());
    if !written {
        queue.failed_lines.fetch_add(batch.lines, SeqCst);
    }
    batch.bytes.clear();
    batch.lines = 0;
}
