//! A warm worker forwards without asking the allocator for anything.
//!
//! One worker on real sockets, turned by hand; the client and the upstream are in this thread too, with buffers of
//! their own made before. Allocations are counted by the allocator itself.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait; it only passes calls on")]
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gateway_core::account::ledger::Ledger;
use gateway_core::account::log::{LogQueue, LogSender};
use gateway_core::document::{Document, Http2};
use gateway_core::route::Snapshot;
use gateway_core::sys::epoll::Epoll;
use gateway_core::sys::eventfd::EventFd;
use gateway_core::worker::border::{Border, Command};
use gateway_core::worker::{Start, Worker};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A configuration that forwards everything to one endpoint.
fn snapshot(endpoint: &str) -> Arc<Snapshot> {
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
    let document: Document = serde_json::from_value(document).expect("the document has the wire form");
    Arc::new(Snapshot::build(document).expect("the document is sound"))
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
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    web.set_nonblocking(true).unwrap();
    let wake = Arc::new(EventFd::new().unwrap());
    let border = Arc::new(Border::new(Arc::clone(&wake), Arc::new(EventFd::new().unwrap())));
    let start = Start {
        number: 0,
        snapshot: snapshot(&upstream.local_addr().unwrap().to_string()),
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
    let before = ALLOCATIONS.load(Relaxed);
    for _ in 0..200 {
        exchange(&mut worker, &mut client, &mut server, &mut buffer);
    }
    let made = ALLOCATIONS.load(Relaxed) - before;
    assert!(made <= 4, "{made} allocations in 200 requests");
}
