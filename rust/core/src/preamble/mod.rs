//! What may come before HTTP on a connection, read without sockets: a PROXY header, which says who the client of a proxy
//! is ([`proxy`]), and the first message of TLS, of which a gateway that passes it on unopened reads one name ([`hello`]).
//!
//! Theory: both are prefixes. A reader is shown everything that has come so far and says that it wants more, what it has
//! found, or that this is something else; it keeps nothing, so how the network cuts the bytes decides nothing. What is
//! waited for is bounded ([`limits`]), and being asked again costs a look at the lengths, not at every byte.
//!
//! Rules: what is not understood to the last byte is not believed; bytes after the prefix are the next one's, untouched;
//! who may send a PROXY header is said by the configuration ([`networks`]), never by the client.

pub mod hello;
pub mod limits;
pub mod networks;
pub mod outcome;
pub mod proxy;
