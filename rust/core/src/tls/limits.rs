//! What a peer may cost under TLS: every bound with its unit, its reason and who else chose so.

/// Plain bytes of a record. RFC 8446 §5.1.
pub const RECORD_BYTES: usize = 16 * 1024;

/// Bytes of a record on the wire: the header, and what RFC 5246 §6.2.3 lets ciphers add at most.
pub const WIRE_RECORD_BYTES: usize = 5 + RECORD_BYTES + 2048;

/// Bytes that may lie here and be no whole message yet. A chain of client certificates comes in one handshake message,
/// for which rustls takes 64 KiB; OpenSSL 100 KiB.
pub const PARTIAL_BYTES: usize = 64 * 1024 + WIRE_RECORD_BYTES;

/// Plain bytes that are sealed and sent at once: four whole records. More would leave the nearest cache before it is
/// written; nginx and HAProxy write one record per call.
pub const SEAL_BYTES: usize = 4 * RECORD_BYTES;

/// Bytes that sealing [`SEAL_BYTES`] may take: what ciphers add, and a key update that stands in front.
pub const SEALED_BYTES: usize = SEAL_BYTES + 4 * 256 + 1024;

/// Reads in a row that bring no plain byte before the peer is taken for one that only keeps us busy. Honest ones are
/// the rest of a record, tickets and key updates.
pub const IDLE_READS: u32 = 64;

/// TLS 1.3 tickets given per full handshake. A client that opens several connections at once resumes with one of them and
/// gets more on each. OpenSSL: 2; h2o: 1.
pub const TICKETS: usize = 1;

/// Subject alternative names of a client's certificate; more are refused. Certificates of clients have one to five.
pub const ALTERNATIVE_NAMES: usize = 64;

/// Bytes of the subject and the alternative names of a client's certificate, as text: they go into a field of every
/// request. Envoy has no bound of its own.
pub const IDENTITY_BYTES: usize = 8 * 1024;

/// Sessions that an upstream's side of TLS keeps for resumption, per upstream. rustls: 256.
pub const CLIENT_SESSIONS: usize = 256;
