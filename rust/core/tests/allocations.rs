//! What a worker asks of the allocator: nothing while it forwards, once it is warm; and little for who says nothing.
//!
//! One worker on real sockets, turned by hand; the clients and the upstream are in this thread too, with buffers of
//! their own made before. The allocator itself counts, for each thread apart.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait; it only passes calls on")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test fails loudly

mod tls_peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use gateway_core::account::ledger::Ledger;
use gateway_core::account::log::{LogQueue, LogSender};
use gateway_core::document::{Document, Http2, ListenerTls};
use gateway_core::route::Snapshot;
use gateway_core::sys::epoll::Epoll;
use gateway_core::sys::eventfd::EventFd;
use gateway_core::worker::border::{Border, Command};
use gateway_core::worker::{Start, Worker};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that were asked for and not given back.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

fn count(fresh: usize, given_back: usize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + u64::from(fresh > 0));
    HELD.set(HELD.get() + fresh as i64 - given_back as i64);
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A configuration that forwards everything to one endpoint.
fn document(endpoint: &str) -> Document {
    let http2 = serde_json::to_value(Http2::default()).expect("it can be written");
    let document = serde_json::json!({
        "format": gateway_core::document::FORMAT, "generation": 1, "name": "gateway", "access_log": false,
        "system_roots": [], "handlers": [],
        "listeners": [{
            "name": "web", "key": 0, "address": "", "scheme": "http", "max_connections": 10, "header_bytes": 65536,
            "headers": 100, "header_timeout": 10000, "idle_timeout": 60000, "trust_forwarded": false,
            "path": {"dot_segments": "resolve", "double_slash": "merge", "encoded_slash": "refuse"},
            "protocols": ["http/1.1"], "tls": null, "http2": http2, "proxy_protocol": [],
        }],
        "routes": [{"name": "all", "source": "", "hosts": [], "listeners": [0], "rules": [{
            "name": "all", "source": "", "priority": 0,
            "matches": [{"path": {"kind": "prefix", "value": "/"}, "methods": [], "headers": [], "query": [], "cookies": [], "client_cert": []}],
            "action": {"kind": "forward", "targets": [{"upstream": 0, "weight": 1}]},
            "timeouts": {"request": 15000, "per_try": 5000, "connect": 1000, "idle": 60000},
            "request_headers": {"set": [["x-env", "test"]], "add": [], "remove": ["x-debug"]},
            "response_headers": {"set": [], "add": [], "remove": []},
            "rewrite": {"path_prefix": null, "path": null, "host": null}, "grpc_web": false,
        }]}],
        "upstreams": [{
            "name": "app", "source": "", "balance": "round_robin", "max_idle": 16, "idle_timeout": 60000,
            "endpoints": [{"address": endpoint, "weight": 1}], "protocol": "http/1.1", "tls": null, "http2": http2,
        }],
    });
    serde_json::from_value(document).expect("the document has the wire form")
}

/// A worker that listens, and where.
fn worker(document: Document) -> (Worker<Epoll>, SocketAddr) {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    web.set_nonblocking(true).unwrap();
    let wake = Arc::new(EventFd::new().unwrap());
    let border = Arc::new(Border::new(Arc::clone(&wake), Arc::new(EventFd::new().unwrap())));
    let start = Start {
        number: 0,
        snapshot: Arc::new(Snapshot::build(document).expect("the document is sound")),
        border: Arc::clone(&border),
        ledger: Arc::new(Ledger::default()),
        log: LogSender::new(Arc::new(LogQueue::new().unwrap())),
        descriptors: 100,
    };
    let mut worker = Worker::new(Epoll::new(wake).unwrap(), start);
    border
        .commands
        .push(Command::Listen { listener: 0, socket: OwnedFd::from(web), gauge: Arc::default() })
        .unwrap();
    border.wake_worker();
    worker.turn();
    (worker, address)
}

const REQUEST: &[u8] =
    b"GET /a/b?c=d HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

/// Turn the worker until there is something to read, then read it.
fn read(worker: &mut Worker<Epoll>, stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    loop {
        worker.turn();
        match stream.read(buffer) {
            Ok(count) => return count,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
        }
    }
}

fn exchange(worker: &mut Worker<Epoll>, client: &mut TcpStream, server: &mut TcpStream, buffer: &mut [u8]) {
    client.write_all(REQUEST).expect("the request fits into the socket");
    let count = read(worker, server, buffer);
    assert!(buffer[..count].starts_with(b"GET /a/b?c=d HTTP/1.1\r\nHost: shop.example.com\r\n"));
    server.write_all(ANSWER).expect("the answer fits into the socket");
    let count = read(worker, client, buffer);
    assert!(buffer[..count].starts_with(b"HTTP/1.1 200 OK\r\n") && buffer[..count].ends_with(b"hello"));
}

#[test]
fn a_warm_worker_forwards_without_allocating() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut worker, address) = worker(document(&upstream.local_addr().unwrap().to_string()));

    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(REQUEST).unwrap();
    worker.turn();
    worker.turn();
    let (mut server, _) = upstream.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    let mut buffer = vec![0; 4096];
    read(&mut worker, &mut server, &mut buffer);
    server.write_all(ANSWER).unwrap();
    read(&mut worker, &mut client, &mut buffer);

    for _ in 0..10 {
        exchange(&mut worker, &mut client, &mut server, &mut buffer);
    }
    // The Date of an answer is made once a second; the upstream's lacks one. Two seconds cannot pass in 200 exchanges.
    let before = ALLOCATIONS.get();
    for _ in 0..200 {
        exchange(&mut worker, &mut client, &mut server, &mut buffer);
    }
    let made = ALLOCATIONS.get() - before;
    assert!(made <= 4, "{made} allocations in 200 requests");
}

/// Bytes that a worker holds for each client that has connected and said nothing.
fn silence_costs(tls: Option<ListenerTls>) -> i64 {
    let mut document = document("127.0.0.1:1");
    document.listeners[0].max_connections = 100;
    document.listeners[0].tls = tls;
    let (mut worker, address) = worker(document);
    let mut clients = Vec::with_capacity(40);
    let mut held = [0; 2];
    for (count, held) in [10, 40].into_iter().zip(&mut held) {
        while clients.len() < count {
            clients.push(TcpStream::connect(address).unwrap());
        }
        while worker.census().downs < count {
            worker.turn();
        }
        *held = HELD.get();
    }
    (held[1] - held[0]) / 30
}

#[test]
fn a_client_that_has_said_nothing_costs_no_more_with_tls_than_without() {
    let (secure, plain) =
        (silence_costs(Some(tls_peer::listener(vec![tls_peer::shop()]))), silence_costs(None));
    assert!(secure <= plain, "{secure} bytes, and {plain} without TLS");
}
