//! What is counted while the load runs, and how the threads' counts become one.

use crate::answer::Fault;
use hdrhistogram::Histogram;

/// Finest latency told apart: 1 µs, below which loopback has nothing to say.
const FINEST_NS: u64 = 1_000;
/// Latencies above one hour are counted as one hour.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Significant digits: 0.1 %.
const DIGITS: u8 = 3;

/// Why a request failed. The order is that of `NAMES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made.
    Connect,
    /// The request could not be sent.
    Send,
    /// Receiving failed, usually by a reset.
    Receive,
    /// The connection ended before the first byte of the answer.
    Closed,
    /// The connection ended before the answer did.
    Short,
    /// The answer, or the whole connection, was not HTTP as its RFC defines it.
    Malformed,
    /// The answer's status was not 2xx.
    Status,
    /// The answer's body had another length than `--expect` says.
    Length,
    /// The server reset the stream.
    Reset,
    /// The server announced the end of the connection before it took the request.
    GoAway,
    /// The answer was not a gRPC answer with status 0 and one message.
    Grpc,
    /// The TLS handshake failed, or a record was not genuine.
    Tls,
    /// The answer did not come in time.
    Timeout,
    /// Open loop: due, but not sent or not answered when the run was over.
    Unfinished,
}

impl Failure {
    /// Their names in reports, by number.
    pub const NAMES: [&str; 14] = [
        "connect",
        "send",
        "receive",
        "closed",
        "short",
        "malformed",
        "status",
        "length",
        "reset",
        "goaway",
        "grpc",
        "tls",
        "timeout",
        "unfinished",
    ];
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Closed => Self::Closed,
            Fault::Short => Self::Short,
            Fault::Malformed => Self::Malformed,
        }
    }
}

/// The counts of one thread, or of all.
#[derive(Debug)]
pub struct Tally {
    /// Latencies of good answers, in nanoseconds.
    pub latencies: Histogram<u64>,
    /// Bytes received in the window, heads included.
    pub bytes: u64,
    /// Connections opened over the whole run.
    pub connects: u64,
    /// TLS handshakes that were completed over the whole run, and how many of them resumed a session.
    pub handshakes: (u64, u64),
    /// Failures by `Failure`.
    pub failures: [u64; Failure::NAMES.len()],
    /// Length of the measured window in nanoseconds; the longest of the threads.
    pub window: u64,
    /// CPU time of the generator in the window, user and system, in microseconds.
    pub cpu: (u64, u64),
}

impl Tally {
    /// Nothing counted yet.
    pub fn new() -> Result<Self, String> {
        let latencies =
            Histogram::new_with_bounds(FINEST_NS, LONGEST_NS, DIGITS).map_err(|e| e.to_string())?;
        Ok(Self {
            latencies,
            bytes: 0,
            connects: 0,
            handshakes: (0, 0),
            failures: [0; Failure::NAMES.len()],
            window: 0,
            cpu: (0, 0),
        })
    }

    /// Counts a good answer.
    pub fn answered(&mut self, latency: u64) {
        self.latencies.saturating_record(latency);
    }

    /// Counts a failed request.
    pub fn failed(&mut self, failure: Failure, times: u64) {
        self.failures[failure as usize] += times;
    }

    /// Good answers.
    pub fn requests(&self) -> u64 {
        self.latencies.len()
    }

    /// All failures.
    pub fn errors(&self) -> u64 {
        self.failures.iter().sum()
    }

    /// Adds the counts of another thread.
    pub fn merge(&mut self, other: &Self) -> Result<(), String> {
        self.latencies.add(&other.latencies).map_err(|e| e.to_string())?;
        self.bytes += other.bytes;
        self.connects += other.connects;
        let (all, resumed) = other.handshakes;
        self.handshakes = (self.handshakes.0 + all, self.handshakes.1 + resumed);
        for (sum, more) in self.failures.iter_mut().zip(other.failures) {
            *sum += more;
        }
        self.window = self.window.max(other.window);
        self.cpu = (self.cpu.0 + other.cpu.0, self.cpu.1 + other.cpu.1);
        Ok(())
    }
}
