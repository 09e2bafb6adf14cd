//! One worker's counters, and the names they are counted under.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::cells::{Cell, List};
use super::histogram::Histogram;
use crate::grpc::status;
use crate::preamble::outcome::{OUTCOMES, Outcome};
use crate::reason;
use crate::tls::{CAUSES, Cause};

/// Series of one worker: listener × rule × upstream × method × code as they occur. Prometheus advises well under
/// 10,000 per target; past the bound they are counted together.
pub const MAX_SERIES: usize = 8192;

/// Endpoints of one worker that are counted apart, over all generations.
pub const MAX_ENDPOINTS: usize = 8192;

/// What requests are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Names {
    /// Listener name.
    pub listener: String,
    /// Route name, empty if none was found.
    pub route: String,
    /// Rule name, empty if none was found.
    pub rule: String,
    /// Upstream name, empty if the request was not forwarded.
    pub upstream: String,
    /// Method, `OTHER` if it is not a standard one.
    pub method: &'static str,
    /// Status sent, or 499 if none was.
    pub code: u16,
}

/// Requests of one kind.
#[derive(Debug, Default)]
pub struct Series {
    /// What they have in common.
    pub names: Names,
    /// From the first byte of the request to the last of the answer.
    pub duration: Histogram,
    /// Body bytes from clients.
    pub bytes_in: Cell,
    /// Body bytes to clients.
    pub bytes_out: Cell,
    /// Of gRPC, by its outcome.
    pub grpc: [Cell; status::ALL.len()],
}

/// One endpoint as one worker sees it.
#[derive(Debug, Default)]
pub struct EndpointCells {
    /// Upstream name.
    pub upstream: String,
    /// Address as written.
    pub endpoint: String,
    /// Exchanges under way.
    pub in_flight: Cell,
    /// Connections that wait in the pool.
    pub idle: Cell,
    /// Connections that exist.
    pub open: Cell,
    /// Connections begun.
    pub connects: Cell,
    /// Connections that could not be made.
    pub connect_failures: Cell,
    /// Requests sent.
    pub requests: Cell,
    /// Of them, on a connection that had served before.
    pub reused: Cell,
    /// Of them, again because a pooled connection was dead.
    pub replayed: Cell,
}

/// Connections of one listener, over all workers: the one thing workers share, because its bound is shared.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Open now.
    pub open: AtomicU32,
    /// Accepted since the start.
    pub accepted: AtomicU64,
    /// Closed at once because the listener was full.
    pub refused: AtomicU64,
}

impl Gauge {
    /// Count a connection if there is room for it.
    pub fn admit(&self, limit: u32) -> bool {
        if self.open.fetch_add(1, Relaxed) >= limit {
            self.open.fetch_sub(1, Relaxed);
            self.refused.fetch_add(1, Relaxed);
            return false;
        }
        self.accepted.fetch_add(1, Relaxed);
        true
    }

    /// Count its end.
    pub fn leave(&self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// Everything one worker counts.
#[derive(Debug)]
pub struct Ledger {
    /// Requests; the first is `(other)`.
    pub series: List<Series>,
    /// Endpoints; the first is `(other)`.
    pub endpoints: List<EndpointCells>,
    other: EndpointCells,
    /// Ends of exchanges by reason.
    pub reasons: [Cell; reason::ALL.len()],
    /// Turns of the loop.
    pub turns: Cell,
    /// Panics contained.
    pub panics: Cell,
    /// Exchanges that wait for Python.
    pub asks: Cell,
    /// Events that did not fit (a fault).
    pub events_lost: Cell,
    /// Log lines handed over.
    pub log_lines: Cell,
    /// Log lines dropped because the writer was behind.
    pub log_dropped: Cell,
    /// Timers that exist.
    pub timers: Cell,
    /// Client connections that exist.
    pub downstreams: Cell,
    /// Upstream connections that exist.
    pub upstreams: Cell,
    /// Times accepting was paused because descriptors ran out.
    pub accept_pauses: Cell,
    /// Connections that had to begin with a PROXY header, by what became of it.
    pub proxy_headers: [Cell; OUTCOMES.len()],
    /// Ends of TLS handshakes with clients by cause.
    pub handshakes_down: [Cell; CAUSES.len()],
    /// The same with endpoints.
    pub handshakes_up: [Cell; CAUSES.len()],
    /// HTTP/2 connections that Trio was not told of: it was too far behind.
    pub untold_connections: Cell,
}

/// Cells for what cannot be counted apart; the first endpoint is always there.
impl Ledger {
    /// This became of a connection that had to begin with a PROXY header.
    pub fn proxy_header(&self, outcome: Outcome) {
        if let Some(cell) = self.proxy_headers.get(outcome as usize) {
            cell.add(1);
        }
    }

    /// An endpoint's cells.
    #[inline]
    #[must_use]
    pub fn endpoint(&self, number: usize) -> &EndpointCells {
        self.endpoints.get(number).unwrap_or(&self.other)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        let other = || "(other)".to_owned();
        let series = List::new(MAX_SERIES);
        let names = Names { listener: other(), method: "OTHER", ..Names::default() };
        series.push(Series { names, ..Series::default() });
        let endpoints = List::new(MAX_ENDPOINTS);
        endpoints.push(EndpointCells { upstream: other(), endpoint: other(), ..EndpointCells::default() });
        Self {
            series,
            endpoints,
            other: EndpointCells::default(),
            reasons: std::array::from_fn(|_| Cell::default()),
            turns: Cell::default(),
            panics: Cell::default(),
            asks: Cell::default(),
            events_lost: Cell::default(),
            log_lines: Cell::default(),
            log_dropped: Cell::default(),
            timers: Cell::default(),
            downstreams: Cell::default(),
            upstreams: Cell::default(),
            accept_pauses: Cell::default(),
            proxy_headers: std::array::from_fn(|_| Cell::default()),
            handshakes_down: std::array::from_fn(|_| Cell::default()),
            handshakes_up: std::array::from_fn(|_| Cell::default()),
            untold_connections: Cell::default(),
        }
    }
}

impl Ledger {
    /// A TLS handshake with a client has ended so.
    pub fn shaken_down(&self, cause: Cause) {
        if let Some(cell) = self.handshakes_down.get(cause as usize) {
            cell.add(1);
        }
    }

    /// A TLS handshake with an endpoint has ended so.
    pub fn shaken_up(&self, cause: Cause) {
        if let Some(cell) = self.handshakes_up.get(cause as usize) {
            cell.add(1);
        }
    }

    /// The number of a series, made if it is new; 0 (`(other)`) when there are too many.
    pub fn series_number(&self, names: Names) -> usize {
        match self.series.iter().position(|series| series.names == names) {
            Some(number) => number,
            None => self.series.push(Series { names, ..Series::default() }).unwrap_or(0),
        }
    }

    /// The number of an endpoint, made if it is new; 0 (`(other)`) when there are too many.
    pub fn endpoint_number(&self, upstream: &str, endpoint: &str) -> usize {
        let same = |cells: &EndpointCells| cells.upstream == upstream && cells.endpoint == endpoint;
        match self.endpoints.iter().position(same) {
            Some(number) => number,
            None => {
                let (upstream, endpoint) = (upstream.to_owned(), endpoint.to_owned());
                let cells = EndpointCells { upstream, endpoint, ..EndpointCells::default() };
                self.endpoints.push(cells).unwrap_or(0)
            }
        }
    }
}
