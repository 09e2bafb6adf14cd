//! The binary against servers that are known to the byte: what it counts is what they did.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_gateway-load");
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Serves each connection on a thread of its own with `serve`.
fn server(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads one request without a body; false at the end of the connection.
fn request(reader: &mut BufReader<&TcpStream>) -> bool {
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 0 {
        if line == "\r\n" {
            return true;
        }
        line.clear();
    }
    false
}

/// Answers each request of a connection with `answer`.
fn answering(answer: &'static [u8]) -> SocketAddr {
    server(move |stream| {
        let mut reader = BufReader::new(&stream);
        while request(&mut reader) && (&stream).write_all(answer).is_ok() {}
    })
}

fn load(address: SocketAddr, options: &str) -> String {
    let url = format!("http://{address}/");
    let output =
        Command::new(BINARY).arg(url).arg("--json").args(options.split_whitespace()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The number behind the first `"name":` of a report.
fn figure(report: &str, name: &str) -> f64 {
    let key = format!("\"{name}\":");
    let at = report.find(&key).unwrap_or_else(|| panic!("no {name} in {report}")) + key.len();
    let digits: String = report[at..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().unwrap()
}

#[test]
fn a_closed_loop_sends_exactly_the_requests_it_was_given() {
    let report = load(answering(GOOD), "-c 7 -n 1000 -t 2");
    assert_eq!(figure(&report, "requests"), 1000.0);
    assert_eq!(figure(&report, "connects"), 7.0);
    assert_eq!(figure(&report, "bytes"), 1000.0 * GOOD.len() as f64);
    assert_eq!(figure(&report, "total"), 0.0, "{report}");
}

#[test]
fn a_new_connection_carries_each_request_when_asked_for() {
    let report = load(answering(GOOD), "-c 4 -n 100 --connection new");
    assert_eq!((figure(&report, "requests"), figure(&report, "total")), (100.0, 0.0), "{report}");
    assert!(figure(&report, "connects") >= 100.0);
}

#[test]
fn a_chunked_answer_of_many_pieces_is_one_answer() {
    let pieces = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let address = server(move |stream| {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(&stream);
        while request(&mut reader) {
            for byte in pieces {
                if (&stream).write_all(&[*byte]).is_err() {
                    return;
                }
            }
        }
    });
    let report = load(address, "-c 2 -n 20");
    assert_eq!((figure(&report, "requests"), figure(&report, "total")), (20.0, 0.0), "{report}");
}

#[test]
fn a_short_body_is_never_counted_as_an_answer() {
    let address = server(|stream| {
        let mut reader = BufReader::new(&stream);
        if request(&mut reader) {
            let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhello");
        }
    });
    let report = load(address, "-c 3 -n 9");
    assert_eq!((figure(&report, "requests"), figure(&report, "short")), (0.0, 9.0), "{report}");
}

#[test]
fn answers_other_than_2xx_are_errors() {
    let report = load(answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), "-c 3 -n 9");
    assert_eq!((figure(&report, "requests"), figure(&report, "status")), (0.0, 9.0), "{report}");
}

#[test]
fn a_body_of_a_mebibyte_is_counted_whole() {
    const BODY: usize = 1 << 20;
    let address = server(|stream| {
        let mut reader = BufReader::new(&stream);
        let answer =
            [format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n").as_bytes(), &[7; BODY]].concat();
        while request(&mut reader) && (&stream).write_all(&answer).is_ok() {}
    });
    let report = load(address, "-c 2 -n 10");
    assert_eq!((figure(&report, "requests"), figure(&report, "total")), (10.0, 0.0), "{report}");
    assert_eq!(figure(&report, "bytes"), 10.0 * (BODY + 44) as f64, "{report}");
}

#[test]
fn an_open_loop_charges_a_pause_to_every_request_that_was_due_during_it() {
    let address = server(|stream| {
        let mut reader = BufReader::new(&stream);
        if request(&mut reader) {
            // The pause: nothing more comes while the one connection waits for its answer.
            stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let _ = (&stream).read(&mut [0]);
            stream.set_read_timeout(None).unwrap();
            let _ = (&stream).write_all(GOOD);
        }
        while request(&mut reader) && (&stream).write_all(GOOD).is_ok() {}
    });
    let report = load(address, "-c 1 -n 200 -r 1000");
    assert_eq!((figure(&report, "requests"), figure(&report, "total")), (200.0, 0.0), "{report}");
    // Requests 1 to 100 were due in the pause and wait for 100 ms to 0 ms; a closed loop would show one slow request.
    assert!(figure(&report, "p90") > 60_000.0, "{report}");
    assert!(figure(&report, "max") > 99_000.0, "{report}");
}

#[test]
fn an_open_loop_against_silence_reports_what_was_due() {
    let address = server(|stream| {
        let _ = (&stream).read_to_end(&mut Vec::new());
    });
    let report = load(address, "-c 2 -n 50 -r 1000 --timeout 200ms");
    assert_eq!((figure(&report, "requests"), figure(&report, "total")), (0.0, 50.0), "{report}");
}

/// A relay in front of `upstream`, ended with the test.
struct Relay(Child, SocketAddr);

impl Relay {
    fn before(upstream: SocketAddr) -> Self {
        let arguments = ["relay", "127.0.0.1:0", &upstream.to_string()];
        let mut child = Command::new(BINARY).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self(child, address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_relay_passes_every_byte_and_the_end_of_each_direction() {
    let echo = server(|stream| {
        let mut received = Vec::new();
        let _ = (&stream).read_to_end(&mut received);
        let _ = (&stream).write_all(&received);
    });
    let relay = Relay::before(echo);
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let stream = TcpStream::connect(relay.1).unwrap();
    (&stream).write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut received = Vec::new();
    (&stream).read_to_end(&mut received).unwrap();
    assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
}

#[test]
fn the_relay_carries_load_in_both_modes_and_closes_clients_of_a_dead_upstream() {
    let relay = Relay::before(answering(GOOD));
    for mode in ["keep", "new"] {
        let report = load(relay.1, &format!("-c 8 -n 400 --connection {mode}"));
        assert_eq!((figure(&report, "requests"), figure(&report, "total")), (400.0, 0.0), "{report}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = load(Relay::before(gone).1, "-c 2 -n 4");
    assert_eq!((figure(&report, "requests"), figure(&report, "total")), (0.0, 4.0), "{report}");
}
