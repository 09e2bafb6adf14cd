//! What to do, as the command line says it.
//!
//! Rules: every value carries its unit or has one by definition (a bare duration is seconds); what does not parse is
//! an error that shows how to write it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// A request answered later than this is counted as a timeout; wrk's figure of 2 s would hide a slow peer's tail.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request body: it is kept in memory once.
const MAX_BODY_BYTES: usize = 1 << 30;

/// The text of `--help`.
pub const HELP: &str = "\
usage: gateway-load [options] URL
       gateway-load relay LISTEN UPSTREAM

Sends HTTP/1.1 requests to URL (http://host[:port]/path) and reports throughput, latency and errors.
Closed loop by default: each connection sends its next request when its answer has ended. With --rate an
open loop: requests have fixed times, and latency counts from those, however late the request was sent.
`relay` copies bytes between the clients of LISTEN and UPSTREAM (host:port each), one connection for one.

  -c, --connections N    connections, over all threads                      (64)
  -d, --duration T       how long, like 10s, 500ms or 2m                    (10s)
  -n, --requests N       stop after N requests instead
  -r, --rate N           open loop: N requests per second
  -t, --threads N        threads, each with its share of the connections    (1)
      --warmup T         answers that do not count, before the duration     (0s)
      --connection MODE  keep: reuse connections; new: one for each request (keep)
  -m, --method M         request method                                     (GET)
  -H, --header 'N: V'    a request header; repeat for more
      --body SIZE        request body of SIZE bytes, like 100, 64KiB, 10MB
      --timeout T        answers later than this are errors                 (10s)
      --json             the report as one JSON object
      --help, --version
";

/// One run.
#[derive(Debug)]
pub struct Plan {
    /// The URL as given.
    pub url: String,
    /// Where to connect.
    pub address: SocketAddr,
    /// The request, ready to send.
    pub request: Vec<u8>,
    /// Whether answers have no body because the method is HEAD.
    pub head: bool,
    /// Connections over all threads.
    pub connections: usize,
    /// Threads.
    pub threads: usize,
    /// Length of the measured window, unless `requests` ends it.
    pub duration: Duration,
    /// Requests after which to stop.
    pub requests: Option<u64>,
    /// Requests per second of an open loop; a closed loop without it.
    pub rate: Option<f64>,
    /// Time before the measured window.
    pub warmup: Duration,
    /// Whether connections are reused.
    pub keep: bool,
    /// Age at which an unanswered request is an error.
    pub timeout: Duration,
    /// Report for tools instead of people.
    pub json: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            url: String::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            request: Vec::new(),
            head: false,
            connections: 64,
            threads: 1,
            duration: Duration::from_secs(10),
            requests: None,
            rate: None,
            warmup: Duration::ZERO,
            keep: true,
            timeout: DEFAULT_TIMEOUT,
            json: false,
        }
    }
}

#[derive(Default)]
struct Words {
    url: Option<String>,
    method: Option<String>,
    headers: Vec<String>,
    body: usize,
}

/// Reads the arguments after the program's name. The error is a sentence for the user.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan::default();
    let mut words = Words::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        if name.is_empty() {
            continue;
        }
        if !name.starts_with("-") {
            if words.url.replace(name).is_some() {
                return Err("one URL is enough".into());
            }
        } else if name == "--json" {
            plan.json = true;
        } else {
            let value = inline.or_else(|| arguments.next()).ok_or(format!("{name} needs a value"))?;
            option(&mut plan, &mut words, &name, value)?;
        }
    }
    finish(plan, words)
}

fn option(plan: &mut Plan, words: &mut Words, name: &str, value: String) -> Result<(), String> {
    match name {
        "-c" | "--connections" => plan.connections = count(name, &value)? as usize,
        "-t" | "--threads" => plan.threads = count(name, &value)? as usize,
        "-n" | "--requests" => plan.requests = Some(count(name, &value)?),
        "-d" | "--duration" => plan.duration = duration(name, &value)?,
        "--warmup" => plan.warmup = duration(name, &value)?,
        "--timeout" => plan.timeout = duration(name, &value)?,
        "-r" | "--rate" => {
            let rate = value.parse().ok().filter(|r: &f64| r.is_finite() && *r > 0.0);
            plan.rate = Some(rate.ok_or(format!("{name}: write requests per second, like 10000"))?);
        }
        "--connection" if value == "keep" || value == "new" => plan.keep = value == "keep",
        "--connection" => return Err(format!("{name}: write keep or new")),
        "-m" | "--method" => words.method = Some(value),
        "-H" | "--header" => words.headers.push(value),
        "--body" => words.body = size(name, &value)?,
        _ => return Err(format!("unknown option {name}; --help lists them")),
    }
    Ok(())
}

fn finish(mut plan: Plan, words: Words) -> Result<Plan, String> {
    let url = words.url.ok_or("a URL is needed, like http://127.0.0.1:8080/; --help explains")?;
    let rest = url.strip_prefix("http://").ok_or("the URL starts with http://")?;
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(cut);
    let target = match target.split('#').next() {
        Some(t) if t.starts_with('/') => t.to_owned(),
        Some(t) => format!("/{t}"),
        None => "/".to_owned(),
    };
    plan.address = resolve(authority)?;
    if plan.threads > plan.connections {
        return Err("more threads than connections".into());
    }
    let method = words.method.unwrap_or_else(|| "GET".into());
    plan.head = method == "HEAD";
    plan.request = request(&method, &target, authority, &words.headers, words.body, plan.keep)?;
    plan.url = url;
    Ok(plan)
}

fn request(
    method: &str,
    target: &str,
    host: &str,
    headers: &[String],
    body: usize,
    keep: bool,
) -> Result<Vec<u8>, String> {
    let named = |name: &str| {
        headers.iter().any(|h| h.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name)))
    };
    let mut parts = headers.iter().map(String::as_str).chain([method, target, host]);
    if parts.any(|part| part.contains(|c: char| c.is_ascii_control()))
        || method.contains(' ')
        || target.contains(' ')
    {
        return Err("control characters and stray spaces do not belong in a request".into());
    }
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !named("host") {
        head += &format!("Host: {host}\r\n");
    }
    if !keep && !named("connection") {
        head += "Connection: close\r\n";
    }
    if body > 0 && !named("content-length") {
        head += &format!("Content-Length: {body}\r\n");
    }
    for header in headers {
        if !header.contains(':') {
            return Err(format!("-H {header}: write 'name: value'"));
        }
        head += &format!("{header}\r\n");
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.resize(bytes.len() + body, b'x');
    Ok(bytes)
}

/// The first address of `host[:port]`, port 80 without one.
pub fn resolve(authority: &str) -> Result<SocketAddr, String> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let full = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let mut found = full.to_socket_addrs().map_err(|e| format!("{authority}: {e}"))?;
    found.next().ok_or(format!("{authority}: no address"))
}

fn count(name: &str, value: &str) -> Result<u64, String> {
    value.parse().ok().filter(|&n| n > 0).ok_or(format!("{name}: write a number from 1"))
}

fn duration(name: &str, value: &str) -> Result<Duration, String> {
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

fn size(name: &str, value: &str) -> Result<usize, String> {
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

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
