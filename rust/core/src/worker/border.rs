//! What passes between a worker and Trio: small, typed, batched, bounded.
//!
//! Worker → Trio: [`Event`]s in one bounded queue per worker and one eventfd for all, written only when a queue goes
//! from empty to non-empty. Trio → worker: [`Command`]s in a bounded queue and an eventfd per worker.
//!
//! Rule of the bound: an asked exchange may have at most [`limits::ASK_WINDOW`] bytes of body under way in each
//! direction, each event counted as at least [`limits::ASK_EVENT_COST`]; so [`limits::EVENTS`] entries always suffice
//! and a push that fails is a fault, counted, and costs that exchange only.
//!
//! Rule of stream 0: nothing that a worker does waits for Trio. Events about HTTP/2 connections have a queue of their own
//! ([`limits::EVENTS_OF_CONNECTIONS`]), so that connections which come and go never crowd out a handler's exchange, and
//! commands to them a share ([`limits::COMMANDS_OF_CONNECTIONS`]). What does not fit is kept or done by the worker itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crossbeam_queue::ArrayQueue;

use super::limits;
use crate::account::ledger::Gauge;
use crate::reason::Reason;
use crate::route::Snapshot;
use crate::sys::eventfd::EventFd;

/// Names an asked exchange: worker, slot and generation of its downstream connection. Never reused within a process.
pub type AskId = u64;

/// Names an HTTP/2 connection of either role: its worker in the upper 16 bits, a serial number in the others. Never reused
/// within a process.
pub type ConnId = u64;

/// Whose connection it is, and with that our role in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// We are the server of a client that came in through the listener with this key.
    Listener(u32),
    /// We are the client of an endpoint of the upstream with this name.
    Upstream(Box<str>),
}

/// What a worker tells Trio.
#[derive(Debug)]
pub enum Event {
    /// A request waits for a Python handler.
    Ask {
        /// Names the exchange in everything that follows.
        id: AskId,
        /// Everything that the handler may want to know.
        head: Box<AskHead>,
    },
    /// Part of the request body. Trio returns the credit with [`Command::Credit`] when it was consumed.
    Body {
        /// Which exchange.
        id: AskId,
        /// 1 byte to 64 KiB.
        data: Vec<u8>,
    },
    /// The request body is whole.
    BodyEnd {
        /// Which exchange.
        id: AskId,
    },
    /// So many bytes of the handler's answer have been taken by the socket; the handler may send as many again.
    Sent {
        /// Which exchange.
        id: AskId,
        /// Bytes.
        bytes: u32,
    },
    /// The exchange is over, however it ended; nothing more comes for this id and nothing more is accepted.
    Over {
        /// Which exchange.
        id: AskId,
        /// Why.
        reason: Reason,
    },
    /// An HTTP/2 connection is open and our first flight is on its way. The first event of a connection.
    Opened {
        /// Which connection.
        conn: ConnId,
        /// Whose it is.
        owner: Owner,
        /// Address of the peer.
        peer: Box<str>,
    },
    /// The peer's SETTINGS, already applied and acknowledged. Trio judges it too, and may end the connection.
    Settings {
        /// Which connection.
        conn: ConnId,
        /// The frame's payload, checked.
        payload: Vec<u8>,
    },
    /// The peer acknowledged our SETTINGS.
    SettingsAck {
        /// Which connection.
        conn: ConnId,
    },
    /// The peer answered a PING of Trio's.
    PingAck {
        /// Which connection.
        conn: ConnId,
        /// As sent.
        data: [u8; 8],
    },
    /// The peer sent GOAWAY. What follows for streams has been done.
    GoneAway {
        /// Which connection.
        conn: ConnId,
        /// The last stream that the peer processes.
        last: u32,
        /// Error code (RFC 9113 §7).
        code: u32,
    },
    /// The connection is gone. The last event of a connection, and there always is one.
    Closed {
        /// Which connection.
        conn: ConnId,
        /// Why, in one word of a closed set.
        reason: &'static str,
        /// Streams that were served on it.
        served: u64,
    },
    /// This worker accepts no more connections of that listener.
    Unlistened {
        /// Worker number.
        worker: u16,
        /// Listener key.
        listener: u32,
    },
    /// The last connection of a listener that was told to drain is gone from this worker.
    Drained {
        /// Worker number.
        worker: u16,
        /// Listener key.
        listener: u32,
    },
    /// This worker runs on that generation now.
    Applied {
        /// Worker number.
        worker: u16,
        /// Of the snapshot.
        generation: u64,
    },
    /// No exchange of this worker uses that snapshot any more; dropped on the Trio side, not on a worker's time.
    Retired {
        /// The last reference this worker held.
        snapshot: Arc<Snapshot>,
    },
    /// A panic was contained; the connection that caused it is gone.
    Panicked {
        /// Worker number.
        worker: u16,
        /// Message and place.
        text: String,
    },
}

/// The head of a request that a handler is asked about. Bytes as they came, names in lower case.
#[derive(Debug)]
pub struct AskHead {
    /// Index into the snapshot's handlers.
    pub handler: u32,
    /// Its name, so that Trio need not know which generation the request began with.
    pub handler_name: String,
    /// Listener name.
    pub listener: String,
    /// Route name.
    pub route: String,
    /// Rule name.
    pub rule: String,
    /// `http` or `https`.
    pub scheme: String,
    /// As sent.
    pub method: Vec<u8>,
    /// Host and port as sent.
    pub authority: Vec<u8>,
    /// Normal form.
    pub path: Vec<u8>,
    /// Without `?`; `None` if there was no `?`.
    pub query: Option<Vec<u8>>,
    /// End-to-end fields in the order they came.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Address of the client.
    pub peer: String,
    /// The gateway's id for this request (`x-request-id`).
    pub request_id: String,
    /// Content-Length if one was given.
    pub content_length: Option<u64>,
    /// Whether body events follow.
    pub has_body: bool,
    /// Milliseconds from now to the request's deadline; 0: none.
    pub deadline_ms: u32,
}

/// What Trio tells a worker. `L` is a listening socket.
#[derive(Debug)]
pub enum Command<L> {
    /// New requests are decided by this snapshot.
    Apply(Arc<Snapshot>),
    /// Accept on this socket, which the worker owns from now on.
    Listen {
        /// Listener key.
        listener: u32,
        /// A listening socket, non-blocking.
        socket: L,
        /// Where its connections are counted, with those of the other workers.
        gauge: Arc<Gauge>,
    },
    /// Close the listening socket; connections stay. Answered by `Unlistened`.
    Unlisten {
        /// Listener key.
        listener: u32,
    },
    /// Connections of this listener end after the exchange they are in; idle ones after a short grace.
    Drain {
        /// Listener key.
        listener: u32,
    },
    /// Close every connection of this listener now.
    Abort {
        /// Listener key.
        listener: u32,
    },
    /// The head of a handler's answer.
    Answer {
        /// Which exchange.
        id: AskId,
        /// 200–599.
        status: u16,
        /// Fields; names and values are validated before they come here.
        fields: Vec<(Vec<u8>, Vec<u8>)>,
        /// The first, maybe the only, part of the body.
        data: Vec<u8>,
        /// Whether that was all.
        end: bool,
        /// Whole length if it is known; else the body is chunked.
        length: Option<u64>,
    },
    /// More of a handler's answer.
    Send {
        /// Which exchange.
        id: AskId,
        /// Bytes.
        data: Vec<u8>,
        /// Whether that was all.
        end: bool,
    },
    /// The handler consumed so many bytes of the request body.
    Credit {
        /// Which exchange.
        id: AskId,
        /// Length of one body event, as it came: one credit for each event.
        bytes: u32,
    },
    /// The handler failed: 500 if no head was sent, else the connection is cut.
    Fail {
        /// Which exchange.
        id: AskId,
        /// `HandlerFailed`, `HandlersBusy`, `RequestTimeout` or `Drained`.
        reason: Reason,
    },
    /// Frames of stream 0, written by Trio: sent as they are.
    Control {
        /// Which connection.
        conn: ConnId,
        /// Whole frames.
        bytes: Vec<u8>,
    },
    /// Send GOAWAY and take no stream above `last` (RFC 9113 §6.8); a connection of our own is given no new requests. Once a
    /// `last` was said, the connection ends with its last stream.
    GoAway {
        /// Which connection.
        conn: ConnId,
        /// `None`: 2^31-1, a warning; [`LAST_PROCESSED`]: the last stream that this worker has taken.
        last: Option<u32>,
        /// Error code (RFC 9113 §7).
        code: u32,
    },
    /// Send GOAWAY and close; streams in flight fail.
    End {
        /// Which connection.
        conn: ConnId,
        /// Error code (RFC 9113 §7).
        code: u32,
    },
    /// End this worker's thread; connections are closed.
    Stop,
}

/// In [`Command::GoAway`]: only the worker knows which stream was the last, because more may have come meanwhile.
pub const LAST_PROCESSED: u32 = u32::MAX;

/// The number of the worker that an ask or a connection belongs to.
#[must_use]
pub fn worker_of(id: u64) -> usize {
    usize::try_from(id >> 48).unwrap_or(usize::MAX)
}

/// Both queues of one worker and the wake-ups that go with them.
#[derive(Debug)]
pub struct Border<L> {
    /// Towards Trio.
    pub events: ArrayQueue<Event>,
    /// Towards Trio, about HTTP/2 connections.
    pub conducted: ArrayQueue<Event>,
    /// Towards the worker.
    pub commands: ArrayQueue<Command<L>>,
    worker: Arc<EventFd>,
    trio: Arc<EventFd>,
    signalled: AtomicBool,
}

impl<L> Border<L> {
    /// Empty queues; `trio` is shared by all workers.
    #[must_use]
    pub fn new(worker: Arc<EventFd>, trio: Arc<EventFd>) -> Self {
        Self {
            events: ArrayQueue::new(limits::EVENTS),
            conducted: ArrayQueue::new(limits::EVENTS_OF_CONNECTIONS),
            commands: ArrayQueue::new(limits::COMMANDS),
            worker,
            trio,
            signalled: AtomicBool::new(false),
        }
    }

    /// Wake Trio, unless it was woken since it last looked.
    pub fn wake_trio(&self) {
        if !self.signalled.swap(true, SeqCst) {
            self.trio.raise();
        }
    }

    /// Trio looks now: events that come later wake it again.
    pub fn looked(&self) {
        self.signalled.store(false, SeqCst);
    }

    /// Wake the worker.
    pub fn wake_worker(&self) {
        self.worker.raise();
    }
}
