//! Every limit of the data plane: its unit, why it is where it is, and who else chose so.

/// Bytes of a whole head. HAProxy and Node.js stop at 16 KiB, nginx at 32 KiB, Envoy at 60 KiB; cookies of single
/// sign-on fill 20 KiB in practice.
pub const HEAD_BYTES: u32 = 64 * 1024;

/// Fields of one head. HAProxy 101, Apache 100, Envoy 100.
pub const HEAD_FIELDS: u16 = 100;

/// Bytes of a request target. RFC 9112 §3 recommends at least 8000; Apache 8190, nginx 8 KiB.
pub const TARGET_BYTES: u32 = 8 * 1024;

/// Bytes of a field name. CVE-2021-40346 was a name of 256 bytes whose length was kept in 8 bits.
pub const FIELD_NAME_BYTES: u16 = 255;

/// Bytes of a method. The longest registered ones have 17 (UPDATEREDIRECTREF).
pub const METHOD_BYTES: usize = 32;

/// Empty lines passed over before a request line. RFC 9112 §2.2 asks for at least one; some old clients send CRLF
/// after a body.
pub const EMPTY_LINES: u8 = 2;

/// Fields that Connection may name beside the options with a meaning. Each is compared with every field of the head,
/// so their product is bounded; honest messages name one or two.
pub const CONNECTION_OPTIONS: u16 = 32;

/// Bytes of the extension of one chunk. The longest in use, AWS's `chunk-signature`, has 82.
pub const CHUNK_EXTENSION_BYTES: u16 = 256;

/// Bytes by which a chunk's framing may exceed [`CHUNK_ALLOWANCE`] plus twice its data, summed over the body and never
/// below zero. Go 1.22 after CVE-2023-39326 counts the same way, to the same sum.
pub const CHUNK_OVERHEAD_BYTES: u32 = 16 * 1024;

/// Bytes of framing that every chunk may have whatever it carries: size, two line ends and some zeros. Go: 16.
pub const CHUNK_ALLOWANCE: u32 = 16;

/// Bytes of a trailer section. Trailers carry checksums and a status; gRPC's are a few hundred bytes, and its own
/// default for a whole header list is 8 KiB.
pub const TRAILER_BYTES: usize = 8 * 1024;

/// Fields of a trailer section, dropped ones included.
pub const TRAILER_FIELDS: u16 = 64;

/// Bytes of the table that a peer's header blocks may refer to, counted as RFC 7541 §4.1 does: the value that every
/// connection begins with (RFC 9113 §6.5.2). nginx, HAProxy, Envoy and h2o stay with it.
pub const HPACK_TABLE_BYTES: u16 = 4096;

/// Table size updates at the beginning of a header block. RFC 7541 §4.2: the smallest size and the final one.
pub const HPACK_SIZE_UPDATES: u8 = 2;

/// Bytes of text that any header block may be decoded to: two full tables. A block that says nothing twice needs one,
/// and what its literals and the static table give, which [`HPACK_EXPANSION`] covers.
pub const HPACK_ALLOWANCE: usize = 2 * HPACK_TABLE_BYTES as usize;

/// Bytes of text for each byte of a header block beyond that. Huffman codes give 1.6; the rest is for references.
pub const HPACK_EXPANSION: usize = 20;
