//! Bounds of HTTP/2 connections as the worker drives them; those of the codec are in `http2::limits`.

/// Bytes of frames that wait for one socket before its streams stand back and it is not read. As much as a connection
/// may move in a turn, so that a client that reads never waits for it. HAProxy: 16 KiB × 32 streams; Envoy: 1 MiB.
pub const SESSION_BACKLOG: usize = crate::worker::limits::TURN_BYTES;

/// Streams that we open on a new connection before its peer has said how many it takes. RFC 9113 §6.5.2 advises servers
/// against fewer; nghttp2 and hyper assume as many.
pub const UNSETTLED_STREAMS: u32 = 100;

/// Free streams of an endpoint's connections at which another connection is made before one is needed.
pub const SPARE_STREAMS: u32 = 8;

/// Bytes of a piece of a body that is small: handing it on at once would cost more than copying it.
pub const CRUMB_BYTES: usize = 1024;

/// Bytes of small pieces that are handed on together at most: a frame of our own.
pub const CRUMBS_BYTES: usize = crate::http2::limits::DATA_BYTES;
