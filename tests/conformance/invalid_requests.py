"""Requests that RFC 9112 calls invalid, each with what it must be answered.

Theory: two parsers that read the same bytes differently are a request smuggled; so whatever can be read in two ways is
refused, whatever others forgive. A name says what is wrong; where somebody was once fooled by it, it names the case.
"""

# ruff: noqa: E501  (a table reads best with one case per line)

from __future__ import annotations

from typing import Final, NamedTuple


class Invalid(NamedTuple):
    """Bytes that are no request."""

    name: str
    status: int
    data: bytes


def _get(*lines: bytes) -> bytes:
    return b"\r\n".join((b"GET / HTTP/1.1", b"Host: test", *lines, b"", b""))


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: test", *lines, b"", b"")) + body


def _chunked(body: bytes) -> bytes:
    return _post(b"Transfer-Encoding: chunked", body=body)


FRAMING: Final = [
    Invalid("both lengths", 400, _post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    Invalid("both lengths, coding first", 400, _post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n")),
    Invalid("differing lengths", 400, _post(b"Content-Length: 3", b"Content-Length: 4", body=b"abcd")),
    Invalid("a list of lengths", 400, _post(b"Content-Length: 3, 4", body=b"abcd")),
    Invalid("a repeated length, equal", 400, _post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc")),
    Invalid("an empty length (HAProxy, CVE-2023-40225)", 400, _post(b"Content-Length:", body=b"abc")),
    Invalid("an empty length before a second one", 400, _post(b"Content-Length:", b"Content-Length: 3", body=b"abc")),
    Invalid("a signed length", 400, _post(b"Content-Length: +3", body=b"abc")),
    Invalid("a negative length", 400, _post(b"Content-Length: -3", body=b"abc")),
    Invalid("a hexadecimal length", 400, _post(b"Content-Length: 0x3", body=b"abc")),
    Invalid("a length with a space in it", 400, _post(b"Content-Length: 1 2", body=b"abc")),
    Invalid("a length with an underscore", 400, _post(b"Content-Length: 1_0", body=b"abcdefghij")),
    Invalid("a length past 64 bits", 400, _post(b"Content-Length: 18446744073709551616")),
    Invalid("a length of many digits", 400, _post(b"Content-Length: " + b"9" * 100)),
    Invalid("a coding nobody knows", 501, _post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    Invalid("identity as a coding", 501, _post(b"Transfer-Encoding: identity, chunked", body=b"0\r\n\r\n")),
    Invalid("a coding without chunked at its end", 400, _post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n")),
    Invalid("chunked twice", 400, _post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n")),
    Invalid("two codings (Pingora, CVE-2026-2835)", 400, _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")),
    Invalid("a misspelt coding", 400, _post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    Invalid("a quoted coding", 400, _post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n")),
    Invalid("an empty coding", 400, _post(b"Transfer-Encoding:", body=b"0\r\n\r\n")),
    Invalid("a vertical tab before chunked", 400, _post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n")),
    Invalid("a coding in HTTP/1.0 (Pingora, CVE-2026-2835)", 400, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
]  # fmt: skip

CHUNKS: Final = [
    Invalid("a chunk without size", 400, _chunked(b"\r\n0\r\n\r\n")),
    Invalid("a chunk size with junk", 400, _chunked(b"5x\r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk size with 0x", 400, _chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    Invalid("a signed chunk size", 400, _chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk size with a space before it", 400, _chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk size with a space after it", 400, _chunked(b"5 \r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk size past 64 bits", 400, _chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk size line that ends in LF", 400, _chunked(b"5\nhello\r\n0\r\n\r\n")),
    Invalid("an extension with a bare LF (Go, CVE-2025-22871)", 400, _chunked(b"5;a=\nb\r\nhello\r\n0\r\n\r\n")),
    Invalid("an extension with a bare CR (Kestrel, CVE-2025-55315)", 400, _chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    Invalid("an extension without end", 400, _chunked(b"5;" + b"a" * 1000 + b"\r\nhello\r\n0\r\n\r\n")),
    Invalid("chunk data that ends in other bytes (h11, CVE-2025-43859)", 400, _chunked(b"5\r\nhelloxx0\r\n\r\n")),
    Invalid("chunk data that ends in LF", 400, _chunked(b"5\r\nhello\n0\r\n\r\n")),
    Invalid("chunks that cost more than they carry (Go, CVE-2023-39326)", 400, _chunked(b"1;" + b"a" * 200 + b"\r\nx\r\n" + (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 200 + b"0\r\n\r\n")),
    Invalid("a trailer without colon", 400, _chunked(b"0\r\nnonsense\r\n\r\n")),
    Invalid("a folded trailer", 400, _chunked(b"0\r\nA: b\r\n c\r\n\r\n")),
    Invalid("trailers without end", 431, _chunked(b"0\r\n" + b"A: " + b"b" * 9000 + b"\r\n\r\n")),
]  # fmt: skip

HEADS: Final = [
    Invalid("a folded line", 400, _get(b"X-A: b", b" c")),
    Invalid("a folded line with a tab", 400, _get(b"X-A: b", b"\tc")),
    Invalid("whitespace before the first field", 400, b"GET / HTTP/1.1\r\n Host: test\r\n\r\n"),
    Invalid("a bare CR in a value", 400, _get(b"X-A: b\rc")),
    Invalid("a bare CR as line end", 400, b"GET / HTTP/1.1\rHost: test\r\r"),
    Invalid("LF as line end", 400, b"GET / HTTP/1.1\nHost: test\n\n"),
    Invalid("LF as one line end", 400, b"GET / HTTP/1.1\r\nHost: test\nX-A: b\r\n\r\n"),
    Invalid("LF as the empty line", 400, b"GET / HTTP/1.1\r\nHost: test\r\n\n"),
    Invalid("a space before the colon (Go, CVE-2019-16276)", 400, _get(b"X-A : b")),
    Invalid("a space before the colon of a coding", 400, _post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    Invalid("a tab before the colon", 400, _get(b"X-A\t: b")),
    Invalid("a line without colon", 400, _get(b"nonsense")),
    Invalid("an empty name", 400, _get(b": b")),
    Invalid("a NUL in a value", 400, _get(b"X-A: b\0c")),
    Invalid("a control byte in a value", 400, _get(b"X-A: b\x01c")),
    Invalid("DEL in a value", 400, _get(b"X-A: b\x7fc")),
    Invalid("a NUL in a name", 400, _get(b"X\0A: b")),
    Invalid("a byte above 127 in a name", 400, _get(b"X-\xe4: b")),
    Invalid("a name of 256 bytes (HAProxy, CVE-2021-40346)", 431, _get(b"a" * 256 + b": b")),
    Invalid("Content-Length hidden in a long name", 431, _post(b"Content-Length" + b"a" * 242 + b": 3", b"Content-Length: 3", body=b"abc")),
    Invalid("no Host", 400, b"GET / HTTP/1.1\r\n\r\n"),
    Invalid("an empty Host", 400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    Invalid("two Hosts", 400, _get(b"Host: other")),
    Invalid("two equal Hosts", 400, _get(b"Host: test")),
    Invalid("a Host with a path", 400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    Invalid("a Host with user information", 400, b"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"),
    Invalid("a Host with a space", 400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    Invalid("a Host with a bad port", 400, b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"),
    Invalid("a head past 64 KiB", 431, _get(*[b"X-%d: " % n + b"a" * 8000 for n in range(9)])),
    Invalid("one line past 64 KiB", 431, _get(b"X-A: " + b"a" * 70_000)),
    Invalid("101 fields", 431, _get(*[b"X-%d: a" % n for n in range(101)])),
    Invalid("Connection names too many fields", 400, _get(b"Connection: " + b", ".join(b"x%d" % n for n in range(100)))),
]  # fmt: skip

LINES: Final = [
    Invalid("a target past 8 KiB", 414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target with a fragment", 400, b"GET /a#b HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target with a space", 400, b"GET /a b HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target with a NUL", 400, b"GET /a\0b HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target with bytes above 127", 400, b"GET /\xe4 HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target without slash", 400, b"GET a HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("no target", 400, b"GET HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("an asterisk without OPTIONS", 400, b"GET * HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target of another scheme", 400, b"GET ftp://test/ HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a target with user information", 400, b"GET http://u:p@test/ HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("CONNECT", 501, b"CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n"),
    Invalid("a method with a space before it", 400, b" GET / HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a method with a slash", 400, b"G/T / HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a method of 100 bytes", 501, b"A" * 100 + b" / HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("two spaces in the request line", 400, b"GET  / HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a tab in the request line", 400, b"GET\t/ HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a space at the end of the request line", 400, b"GET / HTTP/1.1 \r\nHost: test\r\n\r\n"),
    Invalid("a request of HTTP/0.9", 400, b"GET /\r\n\r\n"),
    Invalid("HTTP/2.0", 505, b"GET / HTTP/2.0\r\nHost: test\r\n\r\n"),
    Invalid("HTTP/1.2", 505, b"GET / HTTP/1.2\r\nHost: test\r\n\r\n"),
    Invalid("HTTP/0.9 by name", 505, b"GET / HTTP/0.9\r\nHost: test\r\n\r\n"),
    Invalid("a version with two digits", 400, b"GET / HTTP/1.10\r\nHost: test\r\n\r\n"),
    Invalid("a version in small letters", 400, b"GET / http/1.1\r\nHost: test\r\n\r\n"),
    Invalid("another protocol", 400, b"GET / HTCPCP/1.0\r\nHost: test\r\n\r\n"),
    Invalid("something like the preface of HTTP/2", 505, b"PRI * HTTP/2.0\r\nHost: a\r\n\r\nSM\r\n\r\n"),
    Invalid("a TLS hello", 400, bytes.fromhex("160301010c010001080303") + b"\0" * 64 + b"\r\n\r\n"),
    Invalid("five empty lines first", 400, b"\r\n" * 5 + b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"),
]  # fmt: skip

PATHS: Final = [
    Invalid("an escaped slash (Traefik, CVE-2025-66490)", 400, b"GET /public/..%2fadmin HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("an escaped backslash", 400, b"GET /public/..%5cadmin HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("a backslash", 400, b"GET /public\\admin HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("an escaped NUL (Envoy, CVE-2021-29492)", 400, b"GET /a%00b HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("an escaped line end", 400, b"GET /a%0d%0ab HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("half an escape", 400, b"GET /a%2 HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("an escape without digits", 400, b"GET /a%zz HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("above the root", 400, b"GET /../../etc/passwd HTTP/1.1\r\nHost: test\r\n\r\n"),
    Invalid("above the root, escaped", 400, b"GET /%2e%2e/%2E%2e/etc/passwd HTTP/1.1\r\nHost: test\r\n\r\n"),
]  # fmt: skip

ALL: Final = [*FRAMING, *CHUNKS, *HEADS, *LINES, *PATHS]
