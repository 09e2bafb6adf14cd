//! Bounds of what is waited for before HTTP: each with its unit, its reason and what others chose.

/// The longest PROXY header of version 1, bytes, its line end included (proxy-protocol.txt §2.1).
pub const V1_BYTES: usize = 107;

/// The longest PROXY header of version 2 that is taken, bytes. The format allows 65,551; what load balancers send stays
/// under a few hundred. nginx: 4,096; HAProxy: 16,384.
pub const V2_BYTES: usize = 4096;

/// Bytes of a connection's first TLS message, in its records, that are waited for to find a server name; a longer one is
/// not passed through. A hello with post-quantum keys has about 1,800 bytes, one that resumes may have some thousand
/// more. nginx (`preread_buffer_size`) and HAProxy: 16,384; Envoy: 16,384.
pub const HELLO_BYTES: usize = 16 * 1024;

/// Bytes of a host name (RFC 1035 §2.3.4, without the root's dot).
pub const NAME_BYTES: usize = 253;
