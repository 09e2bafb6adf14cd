//! What all workers counted, as one document for the Trio side: series of the same name are added up.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::cells::Cell;
use super::histogram;
use super::ledger::{EndpointCells, Gauge, Ledger, Names, Series};
use crate::preamble::outcome::OUTCOMES;
use crate::reason;
use crate::tls::CAUSES;

/// Everything that was counted.
#[derive(Debug, Serialize)]
pub struct Totals {
    /// Requests by what they have in common.
    pub series: Vec<SeriesTotal>,
    /// Ends of exchanges by reason, those that occurred.
    pub reasons: Vec<(&'static str, u64)>,
    /// Connections by listener key.
    pub connections: Vec<ConnectionsTotal>,
    /// Endpoints.
    pub endpoints: Vec<EndpointTotal>,
    /// Each worker's own figures.
    pub workers: Vec<WorkerTotal>,
    /// Upper bounds of the duration buckets, ns; one more bucket has none.
    pub bounds_ns: Vec<u64>,
    /// Log lines that could not be written.
    pub log_failed: u64,
    /// Connections that had to begin with a PROXY header: what became of it, and how often; those that occurred.
    pub proxy_headers: Vec<(&'static str, u64)>,
    /// Ends of TLS handshakes: `downstream` or `upstream`, how, and how often; those that occurred.
    pub handshakes: Vec<(&'static str, &'static str, u64)>,
}

/// Requests of one kind.
#[derive(Debug, Default, Serialize)]
pub struct SeriesTotal {
    /// Listener name.
    pub listener: String,
    /// Route name.
    pub route: String,
    /// Rule name.
    pub rule: String,
    /// Upstream name.
    pub upstream: String,
    /// Method.
    pub method: &'static str,
    /// Status.
    pub code: u16,
    /// How many.
    pub requests: u64,
    /// By duration.
    pub buckets: Vec<u64>,
    /// Sum of durations, ns.
    pub sum_ns: u64,
    /// Body bytes from clients.
    pub bytes_in: u64,
    /// Body bytes to clients.
    pub bytes_out: u64,
    /// Of gRPC, by number of its outcome; empty if none was gRPC.
    pub grpc: Vec<u64>,
}

/// Connections of one listener.
#[derive(Debug, Serialize)]
pub struct ConnectionsTotal {
    /// Listener key.
    pub listener: u32,
    /// Open now.
    pub open: u32,
    /// Accepted since the start.
    pub accepted: u64,
    /// Closed at once because the listener was full.
    pub refused: u64,
}

/// One endpoint.
#[derive(Debug, Default, Serialize)]
pub struct EndpointTotal {
    /// Upstream name.
    pub upstream: String,
    /// Address.
    pub endpoint: String,
    /// Exchanges under way.
    pub in_flight: u64,
    /// Connections in pools.
    pub idle: u64,
    /// Connections that exist.
    pub open: u64,
    /// Connections begun.
    pub connects: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Requests sent.
    pub requests: u64,
    /// Of them on a pooled connection.
    pub reused: u64,
    /// Of them sent again.
    pub replayed: u64,
}

/// One worker.
#[derive(Debug, Serialize)]
pub struct WorkerTotal {
    /// Turns of the loop.
    pub turns: u64,
    /// Panics contained.
    pub panics: u64,
    /// Exchanges that wait for Python.
    pub asks: u64,
    /// Events that did not fit.
    pub events_lost: u64,
    /// Log lines handed over.
    pub log_lines: u64,
    /// Log lines dropped.
    pub log_dropped: u64,
    /// Timers that exist.
    pub timers: u64,
    /// Client connections.
    pub downstreams: u64,
    /// Upstream connections.
    pub upstreams: u64,
    /// Times accepting was paused.
    pub accept_pauses: u64,
    /// HTTP/2 connections that Trio was not told of.
    pub untold_connections: u64,
}

/// Add everything up.
#[must_use]
pub fn gather<'a>(
    ledgers: &[std::sync::Arc<Ledger>],
    gauges: impl Iterator<Item = (u32, &'a Gauge)>,
    log_failed: u64,
) -> Totals {
    Totals {
        series: add_series(ledgers),
        reasons: add_reasons(ledgers),
        connections: gauges
            .map(|(listener, gauge)| ConnectionsTotal {
                listener,
                open: gauge.open.load(Relaxed),
                accepted: gauge.accepted.load(Relaxed),
                refused: gauge.refused.load(Relaxed),
            })
            .collect(),
        endpoints: add_endpoints(ledgers),
        workers: ledgers.iter().map(|ledger| worker(ledger)).collect(),
        bounds_ns: histogram::bounds(),
        log_failed,
        proxy_headers: add_proxy_headers(ledgers),
        handshakes: add_handshakes(ledgers),
    }
}

fn add_series(ledgers: &[std::sync::Arc<Ledger>]) -> Vec<SeriesTotal> {
    let mut totals: HashMap<&Names, SeriesTotal> = HashMap::new();
    for series in ledgers.iter().flat_map(|ledger| ledger.series.iter()) {
        let counts = series.duration.counts();
        let requests: u64 = counts.iter().sum();
        if requests > 0 {
            let total = totals.entry(&series.names).or_insert_with(|| named(series));
            total.requests += requests;
            for (sum, count) in total.buckets.iter_mut().zip(&counts) {
                *sum += count;
            }
            total.sum_ns += series.duration.sum();
            total.bytes_in += series.bytes_in.get();
            total.bytes_out += series.bytes_out.get();
            add_outcomes(series, &mut total.grpc);
        }
    }
    totals.into_values().collect()
}

fn add_outcomes(series: &Series, totals: &mut Vec<u64>) {
    if series.grpc.iter().any(|cell| cell.get() > 0) {
        totals.resize(series.grpc.len(), 0);
        for (sum, cell) in totals.iter_mut().zip(&series.grpc) {
            *sum += cell.get();
        }
    }
}

fn named(series: &Series) -> SeriesTotal {
    let names = series.names.clone();
    SeriesTotal {
        listener: names.listener,
        route: names.route,
        rule: names.rule,
        upstream: names.upstream,
        method: names.method,
        code: names.code,
        buckets: vec![0; histogram::BUCKETS],
        ..SeriesTotal::default()
    }
}

fn add_reasons(ledgers: &[std::sync::Arc<Ledger>]) -> Vec<(&'static str, u64)> {
    let counted = (0..).zip(reason::ALL).map(|(number, reason): (usize, _)| {
        let cells = ledgers.iter().filter_map(|ledger| ledger.reasons.get(number));
        (reason.word(), cells.map(Cell::get).sum())
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

fn add_proxy_headers(ledgers: &[std::sync::Arc<Ledger>]) -> Vec<(&'static str, u64)> {
    let counted = (0..).zip(OUTCOMES).map(|(number, outcome): (usize, _)| {
        let cells = ledgers.iter().filter_map(|ledger| ledger.proxy_headers.get(number));
        (outcome.word(), cells.map(Cell::get).sum())
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

fn add_handshakes(ledgers: &[std::sync::Arc<Ledger>]) -> Vec<(&'static str, &'static str, u64)> {
    let counted = (0..).zip(CAUSES).flat_map(|(number, cause): (usize, _)| {
        let sum = |cells: fn(&Ledger) -> &[Cell]| {
            ledgers.iter().filter_map(|ledger| cells(ledger).get(number)).map(Cell::get).sum()
        };
        [
            ("downstream", cause.word(), sum(|ledger| &ledger.handshakes_down)),
            ("upstream", cause.word(), sum(|ledger| &ledger.handshakes_up)),
        ]
    });
    counted.filter(|(.., count)| *count > 0).collect()
}

fn add_endpoints(ledgers: &[std::sync::Arc<Ledger>]) -> Vec<EndpointTotal> {
    let mut totals: HashMap<(&str, &str), EndpointTotal> = HashMap::new();
    for cells in ledgers.iter().flat_map(|ledger| ledger.endpoints.iter().skip(1)) {
        let EndpointCells { upstream, endpoint, .. } = cells;
        let total = totals.entry((upstream, endpoint)).or_insert_with(|| EndpointTotal {
            upstream: upstream.clone(),
            endpoint: endpoint.clone(),
            ..EndpointTotal::default()
        });
        total.in_flight += cells.in_flight.get();
        total.idle += cells.idle.get();
        total.open += cells.open.get();
        total.connects += cells.connects.get();
        total.connect_failures += cells.connect_failures.get();
        total.requests += cells.requests.get();
        total.reused += cells.reused.get();
        total.replayed += cells.replayed.get();
    }
    totals.into_values().collect()
}

fn worker(ledger: &Ledger) -> WorkerTotal {
    WorkerTotal {
        turns: ledger.turns.get(),
        panics: ledger.panics.get(),
        asks: ledger.asks.get(),
        events_lost: ledger.events_lost.get(),
        log_lines: ledger.log_lines.get(),
        log_dropped: ledger.log_dropped.get(),
        timers: ledger.timers.get(),
        downstreams: ledger.downstreams.get(),
        upstreams: ledger.upstreams.get(),
        accept_pauses: ledger.accept_pauses.get(),
        untold_connections: ledger.untold_connections.get(),
    }
}
