"""Requests that RFC 9113 calls malformed, or that could mean two things once they are HTTP/1: each with its answer.

Theory: an HTTP/2 request becomes lines of HTTP/1 on its way to the upstream. So whatever would end a line, name another
length, or be read in two ways there is refused before, on its stream alone. Where somebody was once fooled, the name
says who.
"""

# ruff: noqa: E501  (a table reads best with one case per line)

from __future__ import annotations

from typing import Final, NamedTuple

from tests.e2e.http2 import Code, Field, data, head, pseudo


class Malformed(NamedTuple):
    """Frames on stream 1, and what becomes of it: the code of its reset, or the status of an answer."""

    name: str
    frames: bytes
    code: int | None = Code.PROTOCOL_ERROR
    status: int = 0


def _with(*fields: Field) -> bytes:
    return head(1, [*pseudo(), *fields])


def _post(*fields: Field, body: bytes = b"", end: bool = True) -> bytes:
    return head(1, [*pseudo("POST"), *fields], end=False) + data(1, body, end=end)


def _pseudo(*without: str, **instead: str) -> bytes:
    """A request with some pseudo-header fields left out or changed."""
    kept = [(name, value) for name, value in pseudo() if str(name)[1:] not in (*without, *instead)]
    return head(1, [*[(f":{name}", value) for name, value in instead.items()], *kept])


def _trailers(*fields: Field) -> bytes:
    return _post(body=b"abc", end=False) + head(1, fields)


NAMES: Final = [
    Malformed("a name with a capital letter", _with(("X-A", "b"))),
    Malformed("a capital letter in the middle of a name", _with(("content-Length", "0"))),
    Malformed("an empty name", _with(("", "b"))),
    Malformed("a space in a name", _with(("x a", "b"))),
    Malformed("a space after a name", _with(("content-length ", "3"))),
    Malformed("a colon in a name", _with(("x:a", "b"))),
    Malformed("a line end in a name (h2, CVE-2025-57804)", _with(("x: y\r\ntransfer-encoding", "chunked"))),
    Malformed("LF in a name", _with(("x\ny", "b"))),
    Malformed("NUL in a name", _with(("x\0y", "b"))),
    Malformed("a byte above 127 in a name", _with((b"x\xe4", "b"))),
]  # fmt: skip

VALUES: Final = [
    Malformed("a line end in a value (h2, CVE-2025-57804)", _with(("x-a", "b\r\ntransfer-encoding: chunked"))),
    Malformed("two line ends and a request in a value", _with(("x-a", "b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"))),
    Malformed("LF in a value (Envoy, CVE-2023-27491)", _with(("x-a", "b\nc: d"))),
    Malformed("CR in a value", _with(("x-a", "b\rc"))),
    Malformed("NUL in a value", _with(("x-a", "b\0c"))),
    Malformed("a space before a value", _with(("x-a", " b"))),
    Malformed("a space after a value", _with(("x-a", "b "))),
    Malformed("a tab after a value", _with(("x-a", "b\t"))),
    Malformed("a line end in a cookie", _with(("cookie", "a=b\r\nx: y"))),
]  # fmt: skip

CONNECTION: Final = [
    Malformed("Connection", _with(("connection", "keep-alive"))),
    Malformed("Connection that names a field of ours", _with(("connection", "x-forwarded-for"))),
    Malformed("Keep-Alive", _with(("keep-alive", "timeout=5"))),
    Malformed("Proxy-Connection", _with(("proxy-connection", "close"))),
    Malformed("Transfer-Encoding", _post(("transfer-encoding", "chunked"), body=b"0\r\n\r\n")),
    Malformed("Transfer-Encoding beside a length", _post(("transfer-encoding", "chunked"), ("content-length", "5"), body=b"0\r\n\r\n")),
    Malformed("Upgrade", _with(("upgrade", "websocket"))),
    Malformed("Upgrade to h2c", _with(("upgrade", "h2c"), ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"))),
    Malformed("TE other than trailers", _with(("te", "gzip"))),
    Malformed("TE with trailers and more", _with(("te", "trailers, chunked"))),
]  # fmt: skip

PSEUDO: Final = [
    Malformed("no :method", _pseudo("method")),
    Malformed("no :scheme", _pseudo("scheme")),
    Malformed("no :path", _pseudo("path")),
    Malformed("neither :authority nor Host", _pseudo("authority")),
    Malformed("two :method", head(1, [(":method", "POST"), *pseudo()])),
    Malformed("two :path", head(1, [(":path", "/admin"), *pseudo()])),
    Malformed("two :authority", head(1, [(":authority", "other"), *pseudo()])),
    Malformed("two :scheme", head(1, [(":scheme", "https"), *pseudo()])),
    Malformed("a pseudo-header field after a field", head(1, [*pseudo()[:3], ("x-a", "b"), *pseudo()[3:]])),
    Malformed("an unknown pseudo-header field", head(1, [*pseudo(), (":x", "y")])),
    Malformed(":status in a request", head(1, [*pseudo(), (":status", "200")])),
    Malformed(":protocol without CONNECT", head(1, [*pseudo(), (":protocol", "websocket")])),
    Malformed("an empty :method", _pseudo(method="")),
    Malformed("a space in :method (HAProxy, CVE-2021-39240)", _pseudo(method="GET /admin HTTP/1.1\r\nX:")),
    Malformed("a request line in :method", _pseudo(method="GET /admin")),
    Malformed("an unknown :scheme (HAProxy, CVE-2021-39241)", _pseudo(scheme="https://admin/?")),
    Malformed("an empty :path", _pseudo(path="")),
    Malformed(":path without its slash (grpc-go, CVE-2026-33186)", _pseudo(path="admin")),
    Malformed("a whole URL as :path", _pseudo(path="http://test/admin")),
    Malformed("an asterisk without OPTIONS", _pseudo(path="*")),
    Malformed("a space in :path", _pseudo(path="/a HTTP/1.1\r\nx: y")),
    Malformed("a space and a version in :path", _pseudo(path="/a HTTP/1.0")),
    Malformed("a tab in :path", _pseudo(path="/a\tb")),
    Malformed("a fragment in :path", _pseudo(path="/a#b")),
    Malformed("NUL in :path", _pseudo(path="/a\0b")),
    Malformed("bytes above 127 in :path", _pseudo(path="/\xe4")),
    Malformed("an empty :authority", _pseudo(authority="")),
    Malformed("user information in :authority", _pseudo(authority="user@test")),
    Malformed("a path in :authority", _pseudo(authority="test/admin")),
    Malformed("a line end in :authority", _pseudo(authority="test\r\nx: y")),
    Malformed("a bad port in :authority", _pseudo(authority="test:99999")),
    Malformed("Host that differs from :authority (HAProxy, CVE-2021-39242)", _with(("host", "other"))),
    Malformed("two equal Hosts", _with(("host", "test"), ("host", "test"))),
]  # fmt: skip

LENGTHS: Final = [
    Malformed("more body than its length", _post(("content-length", "3"), body=b"abcd")),
    Malformed("less body than its length", _post(("content-length", "5"), body=b"abcd")),
    Malformed("a length without a body", head(1, [*pseudo("POST"), ("content-length", "5")])),
    Malformed("two lengths", _post(("content-length", "3"), ("content-length", "4"), body=b"abcd")),
    Malformed("two equal lengths", _post(("content-length", "3"), ("content-length", "3"), body=b"abc")),
    Malformed("a list of lengths", _post(("content-length", "3, 3"), body=b"abc")),
    Malformed("a signed length", _post(("content-length", "+3"), body=b"abc")),
    Malformed("an empty length", _post(("content-length", ""), body=b"")),
    Malformed("a length past 64 bits", _post(("content-length", "18446744073709551619"), body=b"abc")),
    Malformed("a length and trailers before it is reached", _post(("content-length", "5"), body=b"abc", end=False) + head(1, [("x-a", "b")])),
]  # fmt: skip

TRAILERS: Final = [
    Malformed("trailers that do not end the stream", _post(body=b"abc", end=False) + head(1, [("x-a", "b")], end=False)),
    Malformed("a pseudo-header field in trailers", _trailers((":path", "/admin"))),
    Malformed("a capital letter in trailers", _trailers(("X-A", "b"))),
    Malformed("a line end in trailers", _trailers(("x-a", "b\r\n\r\nGET /smuggled HTTP/1.1"))),
    Malformed("Connection in trailers", _trailers(("connection", "close"))),
    Malformed("Transfer-Encoding in trailers", _trailers(("transfer-encoding", "chunked"))),
]  # fmt: skip

ANSWERED: Final = [
    Malformed("CONNECT", head(1, [(":method", "CONNECT"), (":authority", "test:443")]), None, 501),
    Malformed("a method of 100 bytes", _pseudo(method="A" * 100), None, 501),
    Malformed("a target past 8 KiB", _pseudo(path="/" + "a" * 9000), None, 414),
    Malformed("101 fields", _with(*[(f"x-{n}", "a") for n in range(101)]), None, 431),
    Malformed("a name of 256 bytes (HAProxy, CVE-2021-40346)", _with(("a" * 256, "b")), None, 431),
    Malformed("an escaped slash (Traefik, CVE-2025-66490)", _pseudo(path="/public/..%2fadmin"), None, 400),
    Malformed("an escaped backslash", _pseudo(path="/public/..%5cadmin"), None, 400),
    Malformed("an escaped NUL (Envoy, CVE-2021-29492)", _pseudo(path="/a%00b"), None, 400),
    Malformed("an escaped line end", _pseudo(path="/a%0d%0ab"), None, 400),
    Malformed("half an escape", _pseudo(path="/a%2"), None, 400),
    Malformed("above the root", _pseudo(path="/../../etc/passwd"), None, 400),
]  # fmt: skip

BEFORE_IT_IS_FORWARDED: Final = [*NAMES, *VALUES, *CONNECTION, *PSEUDO, *ANSWERED, LENGTHS[2], *LENGTHS[3:9]]
"""What the head alone tells: nothing of it reaches an upstream."""

LATER: Final = [*LENGTHS[:2], LENGTHS[9], *TRAILERS]
"""What only the body tells: an upstream may have seen a beginning, but never a whole request."""
