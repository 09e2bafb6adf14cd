//! What to do, as the command line says it.

use crate::request::Parts;
use crate::units::{count, duration, rate, size};
use gateway_core::http2::limits::OWN_STREAMS;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// A request answered later than this is counted as a timeout; wrk's figure of 2 s would hide a slow peer's tail.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The text of `--help`.
pub const HELP: &str = "\
usage: gateway-load [options] URL
       gateway-load relay LISTEN UPSTREAM
       gateway-load yardstick

Sends requests to URL (http[s]://host[:port]/path) and reports throughput, latency and errors.
Closed loop by default: each connection (stream, for HTTP/2) sends its next request when its answer has
ended. With --rate an open loop: requests have fixed times, and latency counts from those, however late
the request was sent. `relay` copies bytes between the clients of LISTEN and UPSTREAM (host:port each).
`yardstick` does always the same work and prints the microseconds of CPU time it took.

  -c, --connections N    connections, over all threads                      (64)
  -d, --duration T       how long, like 10s, 500ms or 2m                    (10s)
  -n, --requests N       stop after N requests instead
  -r, --rate N           open loop: N requests per second
  -t, --threads N        threads, each with its share of the connections    (1)
      --warmup T         answers that do not count, before the duration     (0s)
      --protocol P       h1; h2: by prior knowledge, over TLS by ALPN       (h1)
      --streams N        requests under way at once on each h2 connection   (1)
      --tls              speak TLS 1.3 even though the URL says http://
      --resume           resume TLS sessions with the tickets of earlier ones
      --connection MODE  keep: reuse connections; new: one for each request (keep)
      --new-connections  the same as --connection new
      --hold             keep the connections after the report, until standard input ends
  -m, --method M         request method                                     (GET)
  -H, --header 'N: V'    a request header; repeat for more
      --body SIZE        request body of SIZE bytes, like 100, 64KiB, 10MB
      --grpc             unary gRPC: POST of one message of --body bytes over h2; grpc-status 0 is good
      --expect SIZE      answers whose body has not exactly this size are errors
      --timeout T        answers later than this are errors                 (10s)
      --json             the report as one JSON object
      --help, --version

  gateway-load -c 64 http://127.0.0.1:8080/                                 HTTP/1.1
  gateway-load -c 8 --protocol h2 --streams 32 http://127.0.0.1:8080/       HTTP/2 without TLS
  gateway-load -c 8 --protocol h2 --streams 32 https://127.0.0.1:8443/      HTTP/2 over TLS
  gateway-load -c 64 --new-connections --resume https://127.0.0.1:8443/     a resumed handshake for each
  gateway-load -c 8 --protocol h2 --streams 32 --grpc --body 1KiB http://127.0.0.1:8080/bench.Echo/Unary

TLS is TLS 1.3 with AES-128-GCM and X25519 (P-256 with servers that know no other), whatever else the
server could do: so every server does the same work. Certificates are not verified: their server is measured, not trusted.
";

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: one request at a time on a connection.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// Its name in options, reports and ALPN.
    pub fn names(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::Http1 => ("h1", b"http/1.1"),
            Self::Http2 => ("h2", b"h2"),
        }
    }
}

/// One run.
#[derive(Debug)]
pub struct Plan {
    /// The URL as given.
    pub url: String,
    /// Where to connect.
    pub address: SocketAddr,
    /// The name that TLS asks for.
    pub host: String,
    /// HTTP/1.1: the request, ready to send. HTTP/2: its field block.
    pub request: Vec<u8>,
    /// HTTP/2: the body.
    pub body: Vec<u8>,
    /// Whether answers have no body because the method is HEAD.
    pub head: bool,
    /// What is spoken.
    pub protocol: Protocol,
    /// Over TLS.
    pub tls: bool,
    /// Whether TLS sessions are resumed.
    pub resume: bool,
    /// Whether answers are gRPC answers.
    pub grpc: bool,
    /// Bytes of every answer's body, if they are known.
    pub expect: Option<u64>,
    /// Connections over all threads.
    pub connections: usize,
    /// Requests under way at once on a connection.
    pub streams: usize,
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
    /// Whether connections stay open after the report.
    pub hold: bool,
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
            host: String::new(),
            request: Vec::new(),
            body: Vec::new(),
            head: false,
            protocol: Protocol::Http1,
            tls: false,
            resume: false,
            grpc: false,
            expect: None,
            connections: 64,
            streams: 1,
            threads: 1,
            duration: Duration::from_secs(10),
            requests: None,
            rate: None,
            warmup: Duration::ZERO,
            keep: true,
            hold: false,
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
        if name.is_empty() || inline.is_none() && switch(&mut plan, &name) {
            continue;
        }
        if !name.starts_with("-") {
            if words.url.replace(name).is_some() {
                return Err("one URL is enough".into());
            }
        } else {
            let value = inline.or_else(|| arguments.next()).ok_or(format!("{name} needs a value"))?;
            option(&mut plan, &mut words, &name, value)?;
        }
    }
    finish(plan, words)
}

/// An option without a value; false if it is none.
fn switch(plan: &mut Plan, name: &str) -> bool {
    match name {
        "--json" => plan.json = true,
        "--tls" => plan.tls = true,
        "--resume" => plan.resume = true,
        "--grpc" => plan.grpc = true,
        "--hold" => plan.hold = true,
        "--new-connections" => plan.keep = false,
        _ => return false,
    }
    true
}

fn option(plan: &mut Plan, words: &mut Words, name: &str, value: String) -> Result<(), String> {
    match name {
        "-c" | "--connections" => plan.connections = count(name, &value)? as usize,
        "-t" | "--threads" => plan.threads = count(name, &value)? as usize,
        "--streams" => plan.streams = count(name, &value)? as usize,
        "-n" | "--requests" => plan.requests = Some(count(name, &value)?),
        "-d" | "--duration" => plan.duration = duration(name, &value)?,
        "--warmup" => plan.warmup = duration(name, &value)?,
        "--timeout" => plan.timeout = duration(name, &value)?,
        "-r" | "--rate" => plan.rate = Some(rate(name, &value)?),
        "--protocol" if value == "h1" => plan.protocol = Protocol::Http1,
        "--protocol" if value == "h2" => plan.protocol = Protocol::Http2,
        "--protocol" => return Err(format!("{name}: write h1 or h2")),
        "--connection" if value == "keep" || value == "new" => plan.keep = value == "keep",
        "--connection" => return Err(format!("{name}: write keep or new")),
        "-m" | "--method" => words.method = Some(value),
        "-H" | "--header" => words.headers.push(value),
        "--body" => words.body = size(name, &value)?,
        "--expect" => plan.expect = Some(size(name, &value)? as u64),
        _ => return Err(format!("unknown option {name}; --help lists them")),
    }
    Ok(())
}

fn finish(mut plan: Plan, words: Words) -> Result<Plan, String> {
    let url = words.url.ok_or("a URL is needed, like http://127.0.0.1:8080/; --help explains")?;
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    plan.tls = match scheme {
        "http" => plan.tls,
        "https" => true,
        _ => return Err("the URL starts with http:// or https://".into()),
    };
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(cut);
    let target = match target.split('#').next() {
        Some(t) if t.starts_with('/') => t.to_owned(),
        Some(t) => format!("/{t}"),
        None => "/".to_owned(),
    };
    agree(&plan)?;
    plan.address = resolve(authority, if scheme == "https" { 443 } else { 80 })?;
    plan.host = host(authority).to_owned();
    let method = words.method.unwrap_or_else(|| if plan.grpc { "POST".into() } else { "GET".into() });
    plan.head = method == "HEAD";
    let parts = Parts {
        method: &method,
        target: &target,
        authority,
        headers: &words.headers,
        body: words.body,
        keep: plan.keep,
        tls: plan.tls,
        grpc: plan.grpc,
    };
    (plan.request, plan.body) = match plan.protocol {
        Protocol::Http1 => (parts.http1()?, Vec::new()),
        Protocol::Http2 => (parts.http2()?, parts.body()),
    };
    plan.url = url;
    Ok(plan)
}

/// What does not go together.
fn agree(plan: &Plan) -> Result<(), String> {
    let one_at_a_time = plan.protocol == Protocol::Http1 || !plan.keep;
    let wrong = match () {
        () if plan.threads > plan.connections => "more threads than connections",
        () if plan.streams > 1 && one_at_a_time => {
            "--streams: more than one at a time needs --protocol h2 and kept connections"
        }
        () if plan.streams > OWN_STREAMS as usize => "--streams: at most 256 on a connection",
        () if plan.grpc && plan.protocol == Protocol::Http1 => "--grpc needs --protocol h2",
        () if plan.resume && !plan.tls => "--resume needs https:// or --tls",
        () if plan.hold && (!plan.keep || plan.threads > 1) => "--hold needs kept connections and one thread",
        () => return Ok(()),
    };
    Err(wrong.into())
}

/// The host of `host[:port]`, without the brackets of IPv6.
fn host(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The first address of `host[:port]`.
pub fn resolve(authority: &str, default_port: u16) -> Result<SocketAddr, String> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let full = if has_port { authority.to_owned() } else { format!("{authority}:{default_port}") };
    let mut found = full.to_socket_addrs().map_err(|e| format!("{authority}: {e}"))?;
    found.next().ok_or(format!("{authority}: no address"))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
