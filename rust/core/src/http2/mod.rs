//! HTTP/2 (RFC 9113): its frames, and what a peer can do wrong. Bytes in, meaning out: no socket, no clock, no global.

pub mod cause;
pub mod code;
pub mod frame;
