//! The report: words for people, one JSON object for tools. The same figures in both.

use crate::plan::Plan;
use crate::tally::{Failure, Tally};
use std::fmt::Write;

/// Quantiles that are told, with their names in JSON.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

struct Figures {
    seconds: f64,
    per_second: f64,
    bytes_per_second: f64,
    cpu_per_request: f64,
}

impl Figures {
    fn of(tally: &Tally) -> Self {
        let seconds = tally.window as f64 / 1e9;
        let per = |amount: f64, of: f64| if of > 0.0 { amount / of } else { 0.0 };
        Self {
            seconds,
            per_second: per(tally.requests() as f64, seconds),
            bytes_per_second: per(tally.bytes as f64, seconds),
            cpu_per_request: per((tally.cpu.0 + tally.cpu.1) as f64, tally.requests() as f64),
        }
    }
}

fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

/// One JSON object; times in the unit that their name ends in.
pub fn json(plan: &Plan, tally: &Tally) -> String {
    let figures = Figures::of(tally);
    let window = format!(
        "\"seconds\":{:.6},\"requests\":{},\"requests_per_second\":{:.1},\"bytes\":{},\"bytes_per_second\":{:.0},\"connects\":{},\"handshakes\":{},\"resumed\":{}",
        figures.seconds,
        tally.requests(),
        figures.per_second,
        tally.bytes,
        figures.bytes_per_second,
        tally.connects,
        tally.handshakes.0,
        tally.handshakes.1
    );
    let cpu = format!(
        "\"cpu\":{{\"user_seconds\":{:.6},\"system_seconds\":{:.6},\"us_per_request\":{:.3}}}",
        tally.cpu.0 as f64 / 1e6,
        tally.cpu.1 as f64 / 1e6,
        figures.cpu_per_request
    );
    format!("{{{},{window},{},{},{cpu}}}", json_plan(plan), json_latencies(tally), json_errors(tally))
}

fn json_plan(plan: &Plan) -> String {
    format!(
        "\"url\":\"{}\",\"protocol\":\"{}\",\"tls\":{},\"loop\":\"{}\",\"connection\":\"{}\",\"connections\":{},\"streams\":{},\"threads\":{},\"rate\":{}",
        plan.url.replace('\\', "\\\\").replace('"', "\\\""),
        plan.protocol.names().0,
        plan.tls,
        if plan.rate.is_some() { "open" } else { "closed" },
        if plan.keep { "keep" } else { "new" },
        plan.connections,
        plan.streams,
        plan.threads,
        plan.rate.map_or("null".to_owned(), |rate| rate.to_string())
    )
}

fn json_latencies(tally: &Tally) -> String {
    let mut text = format!("\"latency_us\":{{\"mean\":{:.1}", tally.latencies.mean() / 1e3);
    for (name, quantile) in QUANTILES {
        let _ = write!(text, ",\"{name}\":{:.1}", micros(tally.latencies.value_at_quantile(quantile)));
    }
    let _ = write!(text, ",\"max\":{:.1}}}", micros(tally.latencies.max()));
    text
}

fn json_errors(tally: &Tally) -> String {
    let mut text = format!("\"errors\":{{\"total\":{}", tally.errors());
    for (name, times) in Failure::NAMES.iter().zip(tally.failures) {
        let _ = write!(text, ",\"{name}\":{times}");
    }
    text + "}"
}

/// A few lines for people.
pub fn words(plan: &Plan, tally: &Tally) -> String {
    let figures = Figures::of(tally);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} requests in {:.2} s over {} connections{}, {} received",
        tally.requests(),
        figures.seconds,
        plan.connections,
        if plan.streams > 1 { format!(" of {} streams", plan.streams) } else { String::new() },
        bytes(tally.bytes as f64)
    );
    let _ = writeln!(
        text,
        "throughput  {:.0} requests/s, {}/s",
        figures.per_second,
        bytes(figures.bytes_per_second)
    );
    text += &latencies(plan, tally);
    let _ = write!(text, "errors      {}", tally.errors());
    let kinds = Failure::NAMES.iter().zip(tally.failures).filter(|(_, times)| *times > 0);
    for (at, (name, times)) in kinds.enumerate() {
        let _ = write!(text, "{}{name} {times}", if at == 0 { ": " } else { ", " });
    }
    if plan.tls {
        let (all, resumed) = tally.handshakes;
        let _ = write!(text, "\nhandshakes  {all}, {resumed} of them resumed");
    }
    let _ = write!(
        text,
        "\ngenerator   {:.2} µs of CPU per request, {:.0} % of {} core{}, {} connections opened\n",
        figures.cpu_per_request,
        (tally.cpu.0 + tally.cpu.1) as f64 / 1e4 / figures.seconds.max(1e-9),
        plan.threads,
        if plan.threads == 1 { "" } else { "s" },
        tally.connects
    );
    text
}

/// The line of quantiles; nothing when no answer was good.
fn latencies(plan: &Plan, tally: &Tally) -> String {
    if tally.requests() == 0 {
        return String::new();
    }
    let counted_from = if plan.rate.is_some() { "from the time each request was due" } else { "closed loop" };
    let mut text = "latency    ".to_owned();
    for (name, quantile) in QUANTILES.iter().take(4) {
        let name = if *name == "p999" { "p99.9" } else { name };
        let _ = write!(text, " {name} {} ", time(tally.latencies.value_at_quantile(*quantile)));
    }
    let _ = writeln!(text, " max {}  ({counted_from})", time(tally.latencies.max()));
    text
}

fn time(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000_000 => format!("{:.0} µs", nanoseconds as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", nanoseconds as f64 / 1e6),
        _ => format!("{:.2} s", nanoseconds as f64 / 1e9),
    }
}

fn bytes(count: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}
