//! PING: eight bytes that come back. RFC 9113 §6.7.

use super::{ACK, Header, Kind, exactly, header, on_connection};
use crate::http2::cause::Fault;

/// Bytes of the payload.
pub const LEN: usize = 8;

/// Reads the payload.
///
/// # Errors
/// On another stream than 0; of another length than eight.
pub fn parse(head: &Header, payload: &[u8]) -> Result<[u8; LEN], Fault> {
    let bytes = *exactly(payload)?;
    on_connection(head)?;
    Ok(bytes)
}

/// Appends a PING frame.
pub fn write(payload: [u8; LEN], ack: bool, out: &mut Vec<u8>) {
    header(LEN, Kind::Ping, if ack { ACK } else { 0 }, 0, out);
    out.extend_from_slice(&payload);
}
