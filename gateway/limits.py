"""Every limit and default of the Python side, in one place.

Each constant says its unit in its name or comment, why it has this value, and what others chose (nginx 1.22,
Envoy 1.40, HAProxy 2.6 unless said otherwise). Limits that only the Rust core knows live in `rust/core/src/limits.rs`.
Times are milliseconds, sizes are bytes.
"""

from __future__ import annotations

from typing import Final

SECOND_MS: Final = 1_000

# ── listeners ────────────────────────────────────────────────────────────────────────────────────────────────────────

LISTENER_CONNECTIONS: Final = 10_000
"""Open connections per listener. Enough for a busy edge at about 10 MiB of state. nginx: 512 per worker; HAProxy:
from the descriptor limit; Envoy: none, and its hardening guide says to set one."""

LISTENER_CONNECTIONS_MAX: Final = 4_000_000
"""More than Linux gives descriptors to one process by default (fs.nr_open is 1,048,576), with room."""

HEADER_BYTES: Final = 64 * 1024
"""Bytes of a request head. nginx: 4 × 8 KiB; HAProxy: 16 KiB; Envoy: 60 KiB. Cookies and tokens of real
applications reach 32 KiB; one read of a worker is 64 KiB."""

HEADER_BYTES_MIN: Final = 1024
"""A head that a browser sends has 400 to 800 bytes; below 1 KiB nothing useful gets through."""

HEADER_BYTES_MAX: Final = 1024 * 1024
"""A head is kept in memory until it is whole: one mebibyte per connection is the most that can be asked for."""

HEADERS: Final = 100
"""Fields of a request head. Envoy: 100; HAProxy: 101; nginx: no limit by number."""

HEADERS_MAX: Final = 1_000
"""Each field costs a table entry while the head is looked at."""

HEADER_TIMEOUT_MS: Final = 10 * SECOND_MS
"""From the first byte of a head to its end: what a client that drips bytes gets. nginx: 60 s; HAProxy's manual
advises 5 to 10 s; Envoy: off, its hardening guide says 10 s."""

LISTENER_IDLE_TIMEOUT_MS: Final = 60 * SECOND_MS
"""Between requests on a kept connection. nginx: 75 s; Envoy: 1 h; browsers keep theirs for 60 to 300 s."""

# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

HANDSHAKE_TIMEOUT_MS: Final = 10 * SECOND_MS
"""From accept to the end of the TLS handshake: three round trips of a slow phone, one of them lost. As for the head
(`HEADER_TIMEOUT_MS`); nginx: 60 s; Envoy: none, its hardening guide says 10 s; HAProxy: the client timeout."""

HANDSHAKE_TIMEOUT_MIN_MS: Final = 100
"""A handshake is two round trips and a signature; less than this and nobody far away gets in."""

RSA_BITS_MIN: Final = 2_048
"""Bits of an RSA key. CAs sign no shorter ones since 2014 (CA/Browser Forum, Baseline Requirements §6.1.5)."""

RSA_BITS_MAX: Final = 8_192
"""Bits of an RSA key: the longest that the TLS library signs with. A handshake with 4,096 bits costs ten times as much
as one with 2,048."""

CERTIFICATE_FILE_BYTES: Final = 4 * 1024 * 1024
"""Of one file with certificates or a key. The bundle of all public CAs has about 220 KiB; a device such as /dev/zero
ends here."""

CA_LIFETIME_DAYS: Final = 3_650
"""Of a CA that the gateway makes: ten years, as mkcert, so that nobody has to trust a new one every spring."""

LEAF_LIFETIME_DAYS: Final = 90
"""Of a certificate that the gateway makes: what Let's Encrypt gives. Caddy's internal ones live 12 h; this one lies on
disk and may be used by a process that is started once a month."""

CA_RENEW_DAYS: Final = 100
"""A CA of ours with less than this left is replaced, so that no leaf is cut short by it: above `LEAF_LIFETIME_DAYS`."""

LEAF_RENEW_DAYS: Final = 30
"""A certificate of ours with less than this left is made again at the next start or reload. Let's Encrypt advises a
third of the lifetime, and so do certbot and cert-manager."""

INTERNAL_NAMES: Final = 100
"""Names of one certificate of `tls: internal`; more hosts get more certificates. Let's Encrypt: 100."""

CLOCK_SKEW_ALLOWED_S: Final = 3_600
"""Seconds by which a new certificate begins before it is made: clocks of clients may be behind ours. Let's Encrypt: an
hour."""

# ── HTTP/2, both sides ───────────────────────────────────────────────────────────────────────────────────────────────

HTTP2_STREAMS: Final = 128
"""Streams of one connection that are open at once. RFC 9113 §6.5.2 advises at least 100. nginx: 128; Envoy's hardening
guide, HAProxy and h2o: 100."""

HTTP2_STREAM_WINDOW: Final = 256 * 1024
"""Bytes that may be on their way to us on one stream: 20 Mbit/s over 100 ms. The RFC begins with 64 KiB; nginx: 64 KiB;
Envoy's hardening guide: 64 KiB; h2o: 16 MiB; browsers: 128 KiB to 12 MiB."""

HTTP2_CONNECTION_WINDOW: Final = 1024 * 1024
"""The same for all streams of a connection together: what one peer can make us hold while the other side stands still.
Envoy's hardening guide: 1 MiB; nginx: 2 GiB."""

HTTP2_STREAMS_MAX: Final = 10_000
"""Each stream has its state and may hold a window of bytes; who needs more opens another connection."""

HTTP2_WINDOW_MIN: Final = 16 * 1024
"""Less than a frame in flight, and every frame waits for a round trip."""

HTTP2_CONNECTION_WINDOW_MIN: Final = 64 * 1024
"""A connection begins with 65,535 bytes, and nothing can take them back (RFC 9113 §6.9.2)."""

HTTP2_WINDOW_MAX: Final = 64 * 1024 * 1024
"""Per stream or connection, held in memory while the other side stands still: 5 Gbit/s over 100 ms. RFC 9113 §6.9.1
allows 2 GiB."""

KEEPALIVE_MS: Final = 30 * SECOND_MS
"""Between PINGs on an HTTP/2 connection with a client: one that vanished without a word holds its place no longer than
this and KEEPALIVE_TIMEOUT_MS. Ten thousand connections make 333 PINGs a second, a hundredth of a core. Envoy's
hardening guide and Kubernetes: 30 s; gRPC servers: 2 h; nginx and HAProxy: none."""

UPSTREAM_KEEPALIVE_MS: Final = 0
"""The same with an upstream; 0 sends none, because a request on it has deadlines and an idle connection costs little.
gRPC servers end clients that send them more often than every 5 min. nginx, HAProxy and Envoy: none."""

KEEPALIVE_MIN_MS: Final = SECOND_MS
"""A PING is the business of Python, and ten thousand connections have one each. gRPC allows no less than 10 s for
clients by default."""

KEEPALIVE_TIMEOUT_MS: Final = 10 * SECOND_MS
"""What the answer to a PING may take before the connection is ended: three lost packets in a row. gRPC: 20 s; Go's
client: 15 s."""

KEEPALIVE_TIMEOUT_MIN_MS: Final = 100
"""Below a round trip to the other side of the world (about 300 ms) nearly nobody answers in time; a test may want
less."""

MAX_AGE_MIN_MS: Final = SECOND_MS
"""A connection that ends at once brings a handshake per request."""

MAX_AGE_MS: Final = 3_600 * SECOND_MS
"""How old an HTTP/2 connection with a client gets before it is asked to go, a tenth more or less. It spreads clients
that never leave over new instances. nginx: 1 h; gRPC and Envoy: none."""

UPSTREAM_MAX_AGE_MS: Final = 0
"""The same with an upstream; 0 is any: whoever serves it says when it goes. gRPC: none; nginx: 1 h."""

HTTP2_FRAME_BYTES: Final = 16 * 1024
"""Of the largest frame that we take: the smallest that may be asked for, and what nearly everybody sends."""

HTTP2_TABLE_BYTES: Final = 4096
"""Of the compression table that a peer's field blocks may refer to; equal to the core's `HPACK_TABLE_BYTES`."""

UPSTREAM_HEADER_BYTES: Final = 64 * 1024
"""Of the head of an upstream's answer, as it is announced; equal to the core's `HEAD_BYTES`."""

# ── what happens to a request ────────────────────────────────────────────────────────────────────────────────────────

REQUEST_TIMEOUT_MS: Final = 0
"""From the end of the head to the last byte of the answer; 0 is none, because downloads and long polls are
requests too, and the idle timeout ends what stands still. nginx and HAProxy: none; Envoy: 15 s."""

PER_TRY_TIMEOUT_MS: Final = 0
"""From choosing an endpoint to the end of the answer's head; 0 is none (the idle timeout still holds)."""

CONNECT_TIMEOUT_MS: Final = 5 * SECOND_MS
"""For a TCP connection to an endpoint. One lost SYN is sent again after 1 s, two after 3 s: 5 s survives both.
Envoy: 5 s; HAProxy's examples: 5 s; nginx: 60 s."""

IDLE_TIMEOUT_MS: Final = 60 * SECOND_MS
"""Without any byte in either direction while a request is open. nginx (proxy_read_timeout): 60 s; Envoy: 5 min per
stream; HAProxy's examples: 50 s."""

# ── upstreams ────────────────────────────────────────────────────────────────────────────────────────────────────────

POOL_IDLE: Final = 1_024
"""Idle connections kept per endpoint and worker. A closed connection costs a handshake, a kept one a descriptor and
some hundred bytes. nginx: 32 (where switched on); Envoy and HAProxy: no limit by number."""

POOL_IDLE_MAX: Final = 65_535
"""There are no more local ports than this towards one endpoint."""

POOL_IDLE_TIMEOUT_MS: Final = 60 * SECOND_MS
"""How long a connection may lie in the pool. nginx: 60 s; Envoy: 1 h; HAProxy: 5 s."""

WEIGHT_MAX: Final = 1_000_000
"""Of an endpoint or a share of a split. Fine enough for a thousandth of a percent; sums of 4,000 fit 32 bits.
Kubernetes Gateway API: 1,000,000; HAProxy: 256."""

# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────────

WORKERS_MAX: Final = 1_024
"""Threads that forward. More than any machine's cores that we know of; a typing error becomes an error."""

DRAIN_DELAY_MS: Final = 0
"""Between "not ready" and the end of accepting. 0 unless a load balancer in front needs time to notice."""

DRAIN_TIMEOUT_MS: Final = 30 * SECOND_MS
"""What requests in flight get to finish. Kubernetes kills after 30 s by default; Envoy: 600 s; nginx: none."""

# ── the configuration itself ─────────────────────────────────────────────────────────────────────────────────────────

DURATION_MAX_MS: Final = 576 * 3_600 * SECOND_MS
"""24 days: what fits a signed 32-bit number of milliseconds, the limit of nginx and HAProxy too."""

SIZE_MAX: Final = 1 << 40
"""One tebibyte: beyond every size that can be configured; a typing error becomes an error."""

CONFIG_FILE_BYTES: Final = 16 * 1024 * 1024
"""Of one file. 10,000 rules written generously are about 2 MiB."""

CONFIG_FILES: Final = 1_024
"""Files of one configuration, included ones counted."""

CONFIG_DEPTH: Final = 32
"""Nesting of one file. The schema is 9 deep; the rest is for x-* notes."""

CONFIG_NODES: Final = 500_000
"""Values of one file after aliases are copied out ("billion laughs" ends here). 10,000 rules written generously are
about 130,000; half a million take about 3 s and 500 MiB."""

CONFIG_ERRORS: Final = 100
"""Errors that are shown; past it their number is said. Nobody mends more than this at once."""

SECRET_BYTES: Final = 64 * 1024
"""Of one file read by ${file:…}. A key or token has less than 10 KiB; a device such as /dev/zero ends here."""

REGEX_BYTES: Final = 4 * 1024
"""Of one regular expression as written. The longest in published rule sets are about 1 KiB."""

RESPOND_BODY_BYTES: Final = 1024 * 1024
"""Of a body written in the configuration: it is kept in memory by every snapshot. Envoy: 4 KiB; nginx: the line."""
