//! Bounds of one worker: each with its unit, its reason and what others chose.

/// Bytes read at once from a peer whose bytes flow. nginx reads 4–8 KiB, Envoy 16 KiB slices; measured on 1 MiB
/// answers, CPU per answer: 16 KiB 580 µs, 64 KiB 560 µs, 128 KiB 570 µs, 192 KiB 315 µs, 256 KiB 330 µs.
pub const SCRATCH: usize = 256 * 1024;

/// Bytes read at once until the other side has shown that it takes them ([`PROVEN`]).
pub const FIRST_READ: usize = 64 * 1024;

/// Bytes read at once for a side that could not take the last ones: what a stalled client makes us hold, beyond what
/// it left of the read that met the stall.
pub const CAUTIOUS_READ: usize = 16 * 1024;

/// Writes in a row that were taken whole before reads grow to [`SCRATCH`].
pub const PROVEN: u8 = 2;

/// Bytes one connection may move before the next one has its turn: about 60 µs of copying.
pub const TURN_BYTES: usize = 256 * 1024;

/// Requests one connection may begin in a row out of bytes that were already read (pipelining).
pub const TURN_REQUESTS: u32 = 16;

/// TLS handshakes, of both sides together, that are taken a step further before the established connections have their
/// turn. One step costs 50 to 500 µs, mostly for one signature, as much as ten requests. nginx and HAProxy take all.
pub const TURN_HANDSHAKES: usize = 1;

/// Places in the line of handshakes that are looked at per turn while nothing but clients who have left is found there:
/// as many as may be accepted per turn ([`TURN_ACCEPTS`]), so that the line of a flood is cleared as fast as it grows.
/// Each costs a close.
pub const TURN_VACANCIES: u32 = TURN_ACCEPTS;

/// Connections taken from one listening socket before the established ones have their turn. nginx: 1 or all;
/// HAProxy: 64 (`tune.maxaccept`).
pub const TURN_ACCEPTS: u32 = 64;

/// Batches taken from a listening socket before it is closed: with [`TURN_ACCEPTS`] twice the backlog that Trio asks for
/// (4,096), so that a flood cannot keep it open.
pub const LAST_ACCEPTS: usize = 2 * 4096 / TURN_ACCEPTS as usize;

/// Pause of a listening socket when descriptors ran out, ms. nginx waits 500 ms, HAProxy 100 ms.
pub const ACCEPT_PAUSE_MS: u64 = 100;

/// Share of a worker's descriptors that client connections may take, in eighths; the rest is for upstreams and files.
/// A gateway whose clients hold every descriptor can answer none of them.
pub const CLIENT_EIGHTHS: u64 = 6;

/// Descriptors that are neither clients nor upstreams: the interpreter's, epoll, eventfd, logs.
pub const RESERVED_DESCRIPTORS: u64 = 40;

/// Bytes of buffers that a worker keeps for reuse; beyond that they are freed. Enough for a small request kept for a
/// replay on each of ten thousand connections at once, or for sixty-four blocked ones.
pub const SPARE_BYTES: usize = 4 * 1024 * 1024;

/// Places of streams that a worker keeps for the next ones, some 700 bytes each: as many as eight busy connections have
/// open at once. The allocator's own cache holds seven.
pub const SPARE_STREAMS: usize = 1024;

/// Largest buffer worth keeping, bytes.
pub const SPARE_BUFFER_BYTES: usize = 64 * 1024;

/// Largest request kept for a replay on another connection, bytes; a larger one is sent once.
pub const REPLAY_BYTES: usize = 64 * 1024;

/// How often a request is replayed because a pooled connection turned out dead. Each replay takes another pooled
/// connection or a new one; after this many the pool is distrusted and a new connection is made.
pub const REPLAYS: u8 = 3;

/// How long a connection whose answer is complete is read and discarded so that the client sees the answer rather than
/// a reset, ms (RFC 9112 §9.6). nginx: `lingering_timeout` 5 s.
pub const LINGER_MS: u64 = 2_000;

/// Bytes discarded while lingering. nginx bounds by 30 s of time only.
pub const LINGER_BYTES: u64 = 1024 * 1024;

/// How long an idle connection may still bring a request after a drain began, ms: a client that is just about to reuse
/// it is answered with `Connection: close` rather than with a reset.
pub const DRAIN_GRACE_MS: u64 = 1_000;

/// Body bytes under way between a worker and Trio, per exchange and direction.
pub const ASK_WINDOW: u32 = 256 * 1024;

/// What an event costs of the window at least, so that small pieces cannot fill the queue: 16 events per exchange.
pub const ASK_EVENT_COST: u32 = 16 * 1024;

/// Exchanges of one worker that may wait for Python at once. A handler is for control planes, not for traffic.
pub const ASKS: usize = 256;

/// Events that wait for Trio, per worker: 16 body events in either direction and 4 others for each of [`ASKS`].
pub const EVENTS: usize = ASKS * (16 + 16 + 4) + EVENTS_SPARE;

/// Events that wait for Trio when nothing more is asked: then what [`ASKS`] exchanges still have to say fits.
pub const EVENTS_SPARE: usize = 1024;

/// Events about HTTP/2 connections that wait for Trio at most, per worker: three in the life of most, so two seconds of a
/// thousand new connections each while Trio is late.
pub const EVENTS_OF_CONNECTIONS: usize = 8192;

/// How long a worker sleeps at most while Trio has still to be told of ends, ms. Trio does not say that it has caught up.
pub const UNTOLD_MS: i32 = 50;

/// Commands that wait for a worker; Trio is told when they do not fit. 32 for each of [`ASKS`], and those to connections.
pub const COMMANDS: usize = 8192 + COMMANDS_OF_CONNECTIONS;

/// Commands to HTTP/2 connections are taken while no more than this wait for a worker in all, so that a drain of a hundred
/// thousand connections leaves the answers of handlers their room: eight turns' worth.
pub const COMMANDS_OF_CONNECTIONS: usize = 8 * TURN_COMMANDS;

/// Commands carried out in one turn.
pub const TURN_COMMANDS: usize = 256;
