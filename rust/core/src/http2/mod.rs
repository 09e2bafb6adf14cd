//! HTTP/2 (RFC 9113) as a sans-I/O state machine for both roles: bytes in, events and bytes out. No socket, no clock, no
//! global.
//!
//! Theory: stream 0 belongs to somebody else, every other stream to [`Connection`]. Somebody else made the first flight
//! (a client's preface, SETTINGS), keeps alive, and decides about the end; what it must
//! know comes out as an event. The connection does what cannot wait: it applies and acknowledges SETTINGS in their order, answers PING,
//! keeps windows and states, and ends what breaks the rules or costs more than it brings.
//!
//! - Reading: [`Connection::next`] takes the next event from the input, where data stays: it is handed on in slices. Heads
//!   are decoded into a [`Scratch`] that all connections share.
//! - Writing appends to a buffer of the caller's: [`Connection::request`], [`head`](Connection::head),
//!   [`data`](Connection::data), [`trailers`](Connection::trailers), [`reset`](Connection::reset). What the windows did
//!   not allow is sent when [`Connection::next_ready`] names its stream.
//! - Back-pressure: the peer may send again what [`Connection::consumed`] says was passed on.
//!
//! Rules: no number that a peer chose allocates memory; a reset costs the same whatever else is open; every loop is
//! bounded by the input or by the streams that may be open. A stream ends exactly once for the caller: when it has seen
//! the peer's end and written its own, or with [`Event::Reset`], or by its own [`Connection::reset`], or with the
//! connection.

mod budget;
pub mod cause;
pub mod code;
mod connection;
mod control;
mod event;
pub mod frame;
mod graves;
pub mod limits;
mod reader;
mod ready;
mod receive;
mod receive_data;
mod receive_head;
mod send;
mod settings;
mod state;
mod stream;
mod streams;
mod urgency;
mod window;

pub use connection::{Connection, LAST_STREAM, Summary};
pub use event::{Event, Scratch, Why};
pub use reader::PREFACE;
pub use settings::{DEFAULT_WINDOW, LocalSettings, PeerSettings, Role};
pub use stream::Key;
pub use urgency::Urgency;
