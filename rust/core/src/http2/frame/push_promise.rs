//! PUSH_PROMISE: a request that the server makes up. RFC 9113 §6.6.
//!
//! Rules: never sent, and refused unread: our SETTINGS_ENABLE_PUSH is 0, and clients may not push at all, so there is no
//! PUSH_PROMISE that is not a connection error (§6.6, §8.4).

use super::Header;
use crate::http2::cause::{Cause, Fault};

/// The answer to every PUSH_PROMISE.
///
/// # Errors
/// Always.
pub const fn parse(_head: &Header) -> Result<(), Fault> {
    Err(Fault::Connection(Cause::Push))
}
