"""The Rust codec beside h11, which shares neither code nor language with it.

What the codec accepts, h11 accepts with the same meaning: method, target, fields, where the body ends, whether the
connection lives on. The other direction does not hold: the codec is stricter on purpose (it refuses LF-only line ends,
repeated lengths, hosts that are none and more), and each such rule has a test in `rust/core/tests`.

Where h11 is stricter:

- It refuses empty lines before a request. RFC 9112 §2.2 asks servers to pass over at least one; the codec passes over
  two, and they are taken away before h11 is asked.
- It ends every HTTP/1.0 connection. RFC 9112 §9.3 lets `Connection: keep-alive` keep it.

It writes a transfer coding in small letters, whose names are the same in any (RFC 9112 §7); the codec leaves it.
"""

from __future__ import annotations

import json
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import h11
import pytest
from hypothesis import example as hypothesis_example
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.examples import example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = 3000

LONG = 10_000
"""Bytes of a body that are not worth sending."""

pytestmark = pytest.mark.timeout(600)  # the first run compiles the codec


@pytest.fixture(scope="module")
def codec() -> Iterator[Callable[[bytes, bytes], dict[str, Any]]]:
    """Ask the codec about one head: `codec(role, head)`."""
    with subprocess.Popen([example("heads")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(role: bytes, head: bytes) -> dict[str, Any]:
            stdin.write(role + struct.pack(">I", len(head)) + head)
            stdin.flush()
            answer: dict[str, Any] = json.loads(stdout.readline())
            return answer

        yield ask
        stdin.close()


METHODS = [b"GET", b"HEAD", b"POST", b"OPTIONS", b"M-SEARCH", b"get", b"G(T", b""]
TARGETS = [
    b"/",
    b"/a/b?c=d",
    b"*",
    b"http://h",
    b"http://h:80/x?y",
    b"http://u@h/",
    b"/a#b",
    b"/\xe9",
    b"a",
    b"/?",
    b"//",
]
VERSIONS = [b"HTTP/1.1"] * 4 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 "]
STATUSES = [b"200 OK", b"200", b"204 ", b"304 Not Modified", b"101 X", b"100 Continue", b"500 \xe9", b"099 X", b"20 X"]
NAMES = [
    *[
        b"Host",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Connection",
        b"Upgrade",
        b"Expect",
        b"X-A",
        b"x_b",
        b"Accept",
    ],
    *[b"TE", b"a", b"Bad Name", b"", b"\xe9"],
]
VALUES = [
    *[b"h", b"[::1]:8080", b"5", b"0", b"0005", b"+5", b"5, 5", b"chunked", b"CHUNKED", b"gzip, chunked", b"close"],
    *[
        b"keep-alive, X-A",
        b"upgrade",
        b"websocket",
        b"100-continue",
        b"",
        b"a b\tc",
        b"\xe9\xfc",
        b"a\x7f",
        b"a\rb",
        b"a\0",
    ],
    *[b"18446744073709551615", b"18446744073709551616", b"a" * 300],
]
COLONS = [b": "] * 8 + [b":", b":  \t", b" : ", b""]
ENDS = [b"\r\n"] * 20 + [b" \r\n", b"\t\r\n", b"\n", b"\r", b"\r\n "]
SOUND = [b"Host: h\r\n", b"Host: h\r\nX-A:\r\n", b"Host: a.example:80\r\nContent-Length: 3\r\n", b""]

PLAIN = [
    b"X-A: b\r\n",
    b"x_b:c \r\n",
    b"Connection: close\r\n",
    b"Accept: \t*/*\r\n",
    b"Cookie: a=b; c=d\r\n",
    b"TE: trailers\r\n",
]

risky = st.tuples(*map(st.sampled_from, (NAMES, COLONS, VALUES, ENDS))).map(b"".join)
plain = st.sampled_from(PLAIN)
fields = st.one_of(st.lists(plain, max_size=6), st.lists(st.one_of(plain, risky), max_size=4)).map(b"".join)


def sections(line: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Heads with this first line."""
    return st.tuples(line, st.sampled_from(SOUND), fields).map(lambda parts: b"".join(parts) + b"\r\n")


def mutated(heads: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Heads as they are, and with one byte changed."""

    def change(head: bytes, place: int, byte: int) -> bytes:
        at = place % len(head)
        return head[:at] + bytes([byte]) + head[at + 1 :]

    bytes_ = st.one_of(st.sampled_from(b"\r\n\t :\0\x7f\xff0;a"), st.integers(0, 255))
    return st.one_of(heads, st.builds(change, heads, st.integers(0, 400), bytes_))


def words(*choices: list[bytes]) -> st.SearchStrategy[bytes]:
    """A first line of these words."""
    return st.tuples(*map(st.sampled_from, choices)).map(b" ".join)


def ended(lines: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(lines, st.sampled_from(ENDS)).map(b"".join)


request_lines = st.one_of(st.just(b"GET /a/b?c HTTP/1.1\r\n"), ended(words(METHODS, TARGETS, VERSIONS)))
status_lines = st.one_of(st.just(b"HTTP/1.1 200 OK\r\n"), ended(words(VERSIONS, STATUSES)))
requests = st.tuples(st.sampled_from([b"", b"", b"", b"\r\n"]), mutated(sections(request_lines))).map(b"".join)
responses = mutated(sections(status_lines))


def latin(text: str) -> bytes:
    return text.encode("latin-1")


def fields_of(ours: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """Names, and codings, in small letters."""
    pairs = [(latin(name).lower(), latin(value)) for name, value in ours["fields"]]
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in pairs]


def without_empty_lines(head: bytes) -> bytes:
    while head.startswith(b"\r\n"):
        head = head[2:]
    return head


def check_body(connection: h11.Connection, framing: int | str | None) -> None:
    """h11 ends the message where the codec says that it ends; lengths beyond `LONG` are believed."""
    if isinstance(framing, int) and framing > 0:
        if framing > LONG:
            return
        connection.receive_data(b"x" * framing)
        assert isinstance(connection.next_event(), h11.Data)
    elif framing == "chunked":
        assert connection.next_event() is h11.NEED_DATA
        connection.receive_data(b"0\r\n\r\n")
    elif framing == "until close":
        assert connection.next_event() is h11.NEED_DATA
        connection.receive_data(b"")
    assert isinstance(connection.next_event(), h11.EndOfMessage)


@settings(max_examples=EXAMPLES, deadline=None)
@given(head=requests)
@hypothesis_example(head=b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n")
@hypothesis_example(head=b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n")
def test_requests_that_the_codec_accepts_mean_the_same_to_h11(
    codec: Callable[[bytes, bytes], dict[str, Any]], head: bytes
) -> None:
    ours = codec(b"q", head)
    if ours["verdict"] != "complete":
        return
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(without_empty_lines(head))
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert event.method == latin(ours["method"])
    assert event.target == latin(ours["target"])
    assert event.http_version == b"1.%d" % ours["minor"]
    assert fields_of(ours) == list(event.headers)
    check_body(connection, ours["framing"])
    # An Upgrade suspends h11's judgement until it is answered, a body that was not sent until it is.
    long = isinstance(ours["framing"], int) and ours["framing"] > LONG
    if ours["minor"] == 1 and not long and b"upgrade" not in dict(event.headers):
        assert ours["keep_alive"] == (connection.their_state is h11.DONE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(head=responses)
@hypothesis_example(head=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n")
def test_responses_that_the_codec_accepts_mean_the_same_to_h11(
    codec: Callable[[bytes, bytes], dict[str, Any]], head: bytes
) -> None:
    ours = codec(b"r", head)
    if ours["verdict"] != "complete":
        return
    connection = h11.Connection(h11.CLIENT)
    asked = [("Host", "h"), ("Connection", "upgrade"), ("Upgrade", "websocket")]
    connection.send(h11.Request(method="GET", target="/", headers=asked))
    connection.send(h11.EndOfMessage())
    connection.receive_data(head)
    event = connection.next_event()
    assert isinstance(event, h11.Response | h11.InformationalResponse)
    assert event.status_code == ours["status"]
    assert event.reason == latin(ours["reason"])
    assert fields_of(ours) == list(event.headers)
    if isinstance(event, h11.Response):
        check_body(connection, ours["framing"])


def test_the_comparison_sees_both_sides(codec: Callable[[bytes, bytes], dict[str, Any]]) -> None:
    """A codec that refuses everything would agree with h11 about everything."""
    assert codec(b"q", b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")["verdict"] == "complete"
    assert codec(b"q", b"GET /a HTTP/1.1\r\nHost : h\r\n\r\n")["cause"] == "SpaceBeforeColon"
    assert codec(b"r", b"HTTP/1.1 204 X\r\n\r\n")["verdict"] == "complete"
    assert codec(b"q", b"GET /a HTTP/1.1\r\n")["verdict"] == "partial"
