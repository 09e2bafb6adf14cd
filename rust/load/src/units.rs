//! Values of the command line: counts, times and sizes as people write them.
//!
//! Rules: every value carries its unit or has one by definition (a bare duration is seconds); what does not parse is an
//! error that shows how to write it.

use std::time::Duration;

/// Largest request body: it is kept in memory once.
const MAX_BODY_BYTES: usize = 1 << 30;

/// A number from 1.
pub fn count(name: &str, value: &str) -> Result<u64, String> {
    value.parse().ok().filter(|&n| n > 0).ok_or(format!("{name}: write a number from 1"))
}

/// Requests per second.
pub fn rate(name: &str, value: &str) -> Result<f64, String> {
    let rate = value.parse().ok().filter(|r: &f64| r.is_finite() && *r > 0.0);
    rate.ok_or(format!("{name}: write requests per second, like 10000"))
}

/// A duration: `10s`, `500ms`, `2m`.
pub fn duration(name: &str, value: &str) -> Result<Duration, String> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match &value[digits.len()..] {
        "ms" => Some(0.001),
        "" | "s" => Some(1.0),
        "m" => Some(60.0),
        _ => None,
    };
    let seconds = scale.zip(digits.parse::<f64>().ok()).map(|(scale, number)| scale * number);
    seconds
        .and_then(|s| Duration::try_from_secs_f64(s).ok())
        .ok_or(format!("{name}: write a duration, like 10s, 500ms or 2m"))
}

/// A size: `100`, `64KiB`, `10MB`.
pub fn size(name: &str, value: &str) -> Result<usize, String> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match &value[digits.len()..] {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "kB" | "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        _ => None,
    };
    let bytes = scale.zip(digits.parse::<usize>().ok()).and_then(|(s, n)| n.checked_mul(s));
    bytes
        .filter(|&b| b <= MAX_BODY_BYTES)
        .ok_or(format!("{name}: write a size up to 1024MiB, like 100, 64KiB or 10MB"))
}
