"""Upstreams of HTTP/2 that misbehave: each is told why, its requests end in order, and nobody else notices.

One upstream plays every part: the path says which. `/fine` is answered as it should be, on whatever connection it comes.
"""

# ruff: noqa: E501  (a table reads best with one case per line)

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import pytest

from tests.e2e.client import IncompleteError
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.http2 import (
    END_HEADERS,
    Code,
    Kind,
    RawServer,
    Setting,
    block,
    data,
    frame,
    goaway,
    head,
    ping,
    priority,
    reset,
    response,
    settings,
    settings_ack,
    window,
)
from tests.e2e.http2_client import Http2Client
from tests.e2e.origin import Connection, ScriptedOrigin

FLOOD: Final = 4000
"""Frames: beyond every budget."""


class Part(NamedTuple):
    """What the upstream sends once it was asked, and what must come of it."""

    name: str
    frames: Callable[[int], bytes]
    status: int | None
    """What the client gets; None: an answer that has begun is cut."""
    code: int | None = None
    """Of the GOAWAY that the upstream is sent; None: the connection goes on."""
    reset: int | None = None
    """Of the RST_STREAM that the upstream is sent."""


def _headers(*fields: tuple[str, str]) -> Callable[[int], bytes]:
    return lambda stream: head(stream, fields, end=True)


def _after(head_of: Callable[[int], bytes], rest: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda stream: head_of(stream) + rest(stream)


def _begun(rest: Callable[[int], bytes], *fields: tuple[str, str]) -> Callable[[int], bytes]:
    """An answer whose head and first bytes are right."""
    return lambda stream: response(stream, *fields) + data(stream, b"begun") + rest(stream)


CALM: Final = Code.ENHANCE_YOUR_CALM
WRONG: Final = Code.PROTOCOL_ERROR

PARTS: Final = [
    # ── absurd SETTINGS, pushes, broken frames: the connection ends ──
    Part("a window beyond 2^31-1", lambda _: settings({Setting.INITIAL_WINDOW_SIZE: 2**31}), 502, Code.FLOW_CONTROL_ERROR),
    Part("frames of 100 bytes", lambda _: settings({Setting.MAX_FRAME_SIZE: 100}), 502, WRONG),
    Part("frames of 2^24 bytes", lambda _: settings({Setting.MAX_FRAME_SIZE: 2**24}), 502, WRONG),
    Part("a server that allows pushes", lambda _: settings({Setting.ENABLE_PUSH: 1}), 502, WRONG),
    Part("SETTINGS of 7 bytes", lambda _: frame(Kind.SETTINGS, 0, 0, bytes(7)), 502, Code.FRAME_SIZE_ERROR),
    Part("PUSH_PROMISE", lambda s: frame(Kind.PUSH_PROMISE, END_HEADERS, s, bytes([0, 0, 0, 2]) + block([(":path", "/x")])), 502, WRONG),
    Part("a frame above the maximum", lambda s: response(s) + frame(Kind.DATA, 0, s, bytes(70_000)), None, Code.FRAME_SIZE_ERROR),
    Part("a window update that overflows the connection", lambda _: window(0, 2**31 - 1), 502, Code.FLOW_CONTROL_ERROR),
    Part("a field block that cannot be decompressed", lambda s: frame(Kind.HEADERS, 5, s, b"\x80"), 502, Code.COMPRESSION_ERROR),
    Part("a stream that nobody opened", lambda s: data(s + 100, b"x"), 502, WRONG),
    Part("a stream of its own", lambda _: response(2), 502, WRONG),
    Part("a frame inside a field block", lambda s: frame(Kind.HEADERS, 0, s, block([(":status", "200")])) + ping(), 502, WRONG),
    Part("PRIORITY_UPDATE from a server (RFC 9218)", lambda _: frame(0x10, 0, 0, bytes([0, 0, 0, 1])), 502, WRONG),
    # ── malformed answers: the stream ends ──
    Part("no status", _headers(("x-a", "b")), 502, None, WRONG),
    Part("a status of two digits", _headers((":status", "20")), 502, None, WRONG),
    Part("101, which HTTP/2 does not have", _headers((":status", "101")), 502, None, WRONG),
    Part("a pseudo-header field of requests", _headers((":status", "200"), (":path", "/")), 502, None, WRONG),
    Part("a capital letter in a name", _headers((":status", "200"), ("X-A", "b")), 502, None, WRONG),
    Part("a line end in a value", _headers((":status", "200"), ("x-a", "b\r\nset-cookie: c=d")), 502, None, WRONG),
    Part("Connection", _headers((":status", "200"), ("connection", "close")), 502, None, WRONG),
    Part("Transfer-Encoding", _headers((":status", "200"), ("transfer-encoding", "chunked")), 502, None, WRONG),
    Part("two lengths", _headers((":status", "200"), ("content-length", "1"), ("content-length", "2")), 502, None, WRONG),
    Part("a length without a body", _headers((":status", "200"), ("content-length", "5")), 502, None, WRONG),
    Part("data before the head", lambda s: data(s, b"x"), 502, None, WRONG),
    Part("early answers without end", lambda s: response(s, status="103") * 40, 502, None, CALM),
    # ── answers that have begun: they never look complete ──
    Part("trailers without an end", _begun(lambda s: head(s, [("x-a", "b")], end=False)), None, None, WRONG),
    Part("a pseudo-header field in trailers", _begun(lambda s: head(s, [(":status", "200")])), None, None, WRONG),
    Part("more body than its length", _begun(lambda s: data(s, b"more", end=True), ("content-length", "6")), None, None, WRONG),
    Part("less body than its length", _begun(lambda s: data(s, b"", end=True), ("content-length", "6")), None, None, WRONG),
    Part("a reset in the body", _begun(lambda s: reset(s, Code.INTERNAL_ERROR)), None),
    Part("a reset without an error in the body", _begun(lambda s: reset(s, Code.NO_ERROR)), None),
    Part("a reset before the head", lambda s: reset(s, Code.INTERNAL_ERROR), 502),
    # ── floods: the connection ends ──
    Part("PING", lambda _: ping() * FLOOD, 502, CALM),
    Part("SETTINGS", lambda _: settings() * FLOOD, 502, CALM),
    Part("acknowledgements", lambda _: settings_ack() * FLOOD, 502, CALM),
    Part("GOAWAY that takes nothing back", lambda s: goaway(s) * FLOOD, 502, CALM),
    Part("WINDOW_UPDATE", lambda s: window(s, 1) * FLOOD, 502, CALM),
    Part("PRIORITY", lambda s: priority(s, 77) * FLOOD, 502, CALM),
    Part("unknown frames", lambda s: frame(0xFA, 0, s, b"grease") * FLOOD, 502, CALM),
    Part("empty DATA", _begun(lambda s: data(s, b"") * FLOOD), None, CALM),
    Part("CONTINUATION", lambda s: frame(Kind.HEADERS, 0, s, block([(":status", "200")])) + frame(Kind.CONTINUATION, 0, s, b"") * 100, 502, CALM),
    Part("a head of a megabyte", lambda s: frame(Kind.HEADERS, 0, s, bytes(16_384)) + frame(Kind.CONTINUATION, 0, s, bytes(16_384)) * 64, 502, CALM),
    # ── what is odd and must be borne ──
    Part("a few unknown frames", lambda s: frame(0xFA, 0xFF, s, b"grease") * 5 + response(s, end=True), 200),
    Part("padding", lambda s: response(s) + frame(Kind.DATA, 8 | 1, s, b"\x05hello" + bytes(5)), 200),
    Part("a window of 2^31-1 and back", lambda s: settings({Setting.INITIAL_WINDOW_SIZE: 2**31 - 1}) + settings({Setting.INITIAL_WINDOW_SIZE: 0}) + response(s, end=True), 200),
    Part("a table of 4 GiB", lambda s: settings({Setting.HEADER_TABLE_SIZE: 2**32 - 1}) + response(s, end=True), 200),
    Part("settings that nobody knows", lambda s: settings({0xABCD: 1, 0x7F: 2**32 - 1}) + response(s, end=True), 200),
    Part("an answer and GOAWAY", lambda s: response(s, end=True) + goaway(s), 200),
    Part("an error after the answer", lambda s: response(s, end=True) + reset(s, Code.INTERNAL_ERROR), 200),
]  # fmt: skip


class Theatre:
    """What the upstream was told, part by part."""

    def __init__(self) -> None:
        self.parts = {f"/{number}": part for number, part in enumerate(PARTS)}
        self.codes: dict[str, int | None] = {}
        self.resets: dict[str, int | None] = {}

    def play(self, connection: Connection) -> None:
        server = RawServer(connection.sock)
        while (found := server.receive()) is not None:
            if found.kind != Kind.HEADERS:
                continue
            path = server.path(found.stream)
            if path not in self.parts:
                server.answer(found.stream)
                continue
            server.send(self.parts[path].frames(found.stream))
            self.watch(server, found.stream, path)

    def watch(self, server: RawServer, stream: int, path: str) -> None:
        """Note how it is told; go on only if the connection does."""
        part = self.parts[path]
        if part.code is not None:
            self.codes[path] = server.end().code
        elif part.reset is not None:
            self.resets[path] = server.await_frame(Kind.RST_STREAM, stream).number


Stage = tuple[Gateway, Theatre]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    theatre = Theatre()
    with ScriptedOrigin(theatre.play) as origin:
        config = {
            "listeners": [{"name": "web", "listen": LISTEN}],
            "routes": [{"name": "all", "rules": [{"name": "all", "to": "app"}]}],
            "upstreams": {"app": {"endpoints": [origin.address], "protocol": "h2"}},
        }
        with Gateway(config, tmp_path_factory.mktemp("upstream2")) as gateway:
            yield gateway, theatre


def names(part: Part) -> str:
    return part.name


@pytest.mark.parametrize("part", PARTS, ids=names)
def test_upstream_that_misbehaves_is_told_so_and_its_request_ends_in_order(stage: Stage, part: Part) -> None:
    gateway, theatre = stage
    path = f"/{PARTS.index(part)}"
    with Http2Client(gateway.port()) as client:
        if part.status is None:
            with pytest.raises(IncompleteError):
                client.ask("GET", path)
        else:
            found = client.ask("GET", path)
            assert found.status == part.status
            assert (found.header("proxy-status") is not None) == (part.status == 502)
        if part.code is not None:
            until(lambda: path in theatre.codes, "the upstream is told")
            assert theatre.codes[path] == part.code
        if part.reset is not None:
            until(lambda: path in theatre.resets, "the upstream is told")
            assert theatre.resets[path] == part.reset
        assert client.ask("GET", "/fine").status == 200, "the others go on"
    assert gateway.status()["panics"] == 0


def test_many_answers_under_way_survive_a_goaway_that_takes_them_in(stage: Stage) -> None:
    """GOAWAY in mid-flight: what it says was processed is finished there, the rest is sent again elsewhere."""
    seen: list[int] = []

    def script(connection: Connection) -> None:
        server = RawServer(connection.sock)
        streams: list[int] = []
        if connection.number == 0:
            while len(streams) < 10:
                streams.append(server.await_request())
            server.send(goaway(streams[4]))
            for stream in streams[:5]:
                server.answer(stream, b"old")
        else:
            while (found := server.receive()) is not None:
                if found.kind == Kind.HEADERS:
                    seen.append(found.stream)
                    server.answer(found.stream, b"new")
        server.end()

    gateway, _ = stage
    with ScriptedOrigin(script) as origin:
        config = {
            "listeners": [{"name": "web", "listen": LISTEN}],
            "routes": [{"name": "all", "rules": [{"name": "all", "to": "app"}]}],
            "upstreams": {"app": {"endpoints": [origin.address], "protocol": "h2"}},
            "workers": 1,
        }
        directory = gateway.directory / "goaway"
        directory.mkdir()
        with Gateway(config, directory) as other, Http2Client(other.port()) as client:
            asked = [client.start("GET", f"/{number}") for number in range(10)]
            bodies = [client.finish(each).body for each in asked]
    assert sorted(bodies) == [b"new"] * 5 + [b"old"] * 5
    assert len(seen) == 5
