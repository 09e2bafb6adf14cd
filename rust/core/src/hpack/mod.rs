//! HPACK (RFC 7541): header blocks of HTTP/2 in, heads that the rest of the house understands out, and back.
//!
//! Theory: a block is decoded once, straight into text of canonical lines, `name: value` CRLF, with a
//! [`Field`](crate::http1::head::Field) for each. So [`Block::request`] and [`Block::response`] give the same heads that
//! HTTP/1 gives, and whatever decides, rewrites and copies them works on both. Everything that a compression table
//! remembers is kept in this form too, so that a field found there costs one copy: its name was recognised and its bytes
//! were judged when it came.
//!
//! Rules: a fault after which the two sides' tables would differ ends the connection ([`Corrupt`]); any other is the
//! message's ([`Cause`](crate::http1::head::Cause)), and the block is decoded to its end all the same. Past a limit
//! nothing is stored, and only what the table must remember is decoded. The encoder keeps no table: what it saves on
//! the wire costs more, in memory and in time, than it is worth between a gateway and its upstreams.

mod block;
mod decode;
mod encode;
mod huffman;
mod integer;
mod message;
mod name;
mod static_table;
mod table;

pub use block::Block;
pub use decode::{Corrupt, Decoder, Fault, TRAILERS};
pub use encode::Encoder;
pub use name::Pseudo;
pub use table::Churn;
