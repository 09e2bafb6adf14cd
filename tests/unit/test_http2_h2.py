"""The Rust HTTP/2 connection in conversation with h2, which shares neither code nor language with it.

h2 is strict about its peer: it checks states, windows, identifiers and header blocks, and raises where a rule is
broken. So a conversation that ends well is itself the assertion; what was said is compared besides. Bytes cross in
pieces of random sizes.

Where h2 is wrong: it raises when an informational response was in flight to a stream that it reset (RFC 9113 §5.1 says
to ignore it), so none is asked for where streams are reset.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from h2 import config, connection, errors, events
from h2 import settings as codes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.examples import example

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 60
READ = 65536
SECONDS = 5.0

pytestmark = pytest.mark.timeout(600)  # the first run compiles the codec


@pytest.fixture(scope="module")
def program() -> str:
    """The example that speaks HTTP/2."""
    return example("streams")


class Peer:
    """h2 at one end of a socket, our connection at the other."""

    def __init__(self, sock: socket.socket, client: bool, cuts: list[int]) -> None:
        self.sock = sock
        self.conn = connection.H2Connection(config.H2Configuration(client_side=client))
        self.cuts, self.turn = cuts, 0
        self.unread, self.ended = b"", False
        self.conn.initiate_connection()

    def flush(self) -> None:
        """Send all there is; what comes meanwhile is kept, so that neither side waits for the other to read."""
        waiting = self.conn.data_to_send()
        while waiting:
            readable, writable, _ = select.select([self.sock], [self.sock], [], SECONDS)
            assert readable or writable
            if readable:
                self.keep()
            if writable:
                size = self.cuts[self.turn % len(self.cuts)]
                self.turn += 1
                waiting = waiting[self.sock.send(waiting[:size]) :]

    def keep(self) -> None:
        read = self.sock.recv(READ)
        self.ended |= not read
        self.unread += read
        assert not self.ended or self.unread, "the connection ended early"

    def hear(self) -> list[events.Event] | None:
        """What came next; None once the other side has closed."""
        self.flush()
        if not self.unread:
            self.unread = self.sock.recv(READ)
        read, self.unread = self.unread, b""
        return self.conn.receive_data(read) if read else None


@contextmanager
def talking(*command: str) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(SECONDS)
    with ours, theirs:
        end = theirs.fileno()
        process = subprocess.Popen(command, stdin=end, stdout=end, stderr=subprocess.PIPE)
        theirs.close()
        with process:
            try:
                yield ours, process
            finally:
                ours.close()
                process.wait(timeout=SECONDS)


class Client:
    """A client that asks for all bodies at once and takes them back."""

    def __init__(self, peer: Peer, bodies: list[bytes], trailers: bool, reset: set[int]) -> None:
        self.peer, self.trailers, self.reset = peer, trailers, reset
        self.left = {2 * i + 1: body for i, body in enumerate(bodies)}
        self.got = dict.fromkeys(self.left, b"")
        self.heads: dict[int, list[bytes]] = {stream: [] for stream in self.left}
        self.tails: dict[int, list[tuple[bytes, bytes]]] = {}
        self.open = set(self.left)
        for stream in self.left:
            path = "/x?y=z" if reset else "/early"
            head = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", path)]
            peer.conn.send_headers(stream, [*head, ("cookie", "a=b"), ("cookie", "c=d")])

    def send(self) -> None:
        for stream in list(self.left):
            body, conn = self.left[stream], self.peer.conn
            room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, len(body))
            if stream in self.reset and len(body) <= room:
                conn.reset_stream(stream, errors.ErrorCodes.CANCEL)
                self.open.discard(stream)
                del self.left[stream]
            elif room or not body:
                self.piece(stream, body, room)

    def piece(self, stream: int, body: bytes, room: int) -> None:
        last = room == len(body)
        self.peer.conn.send_data(stream, body[:room], end_stream=last and not self.trailers)
        self.left[stream] = body[room:]
        if last:
            del self.left[stream]
            if self.trailers:
                self.peer.conn.send_headers(stream, [("x-sum", "9")], end_stream=True)

    def run(self) -> None:
        self.send()
        while self.open:
            heard = self.peer.hear()
            assert heard is not None, "the connection ended early"
            for event in heard:
                self.take(event)
            self.send()
        self.peer.flush()

    def take(self, event: events.Event) -> None:
        assert not isinstance(event, events.ConnectionTerminated)
        if isinstance(event, events.DataReceived):
            self.got[event.stream_id] += event.data
            self.peer.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.ResponseReceived | events.InformationalResponseReceived):
            self.heads[event.stream_id] += [value for name, value in event.headers if name == b":status"]
        elif isinstance(event, events.TrailersReceived):
            self.tails[event.stream_id] = list(event.headers)
        elif isinstance(event, events.StreamEnded):
            self.open.discard(event.stream_id)
        elif isinstance(event, events.StreamReset):
            pytest.fail(f"stream {event.stream_id} was reset: {event.error_code}")


cut_sizes = st.lists(st.one_of(st.integers(1, 300), st.integers(1000, 20_000)), min_size=1, max_size=8)
lengths = st.lists(st.one_of(st.integers(0, 50), st.integers(0, 70_000)), min_size=1, max_size=8)


@settings(max_examples=EXAMPLES, deadline=None)
@given(lengths=lengths, trailers=st.booleans(), reset=st.sets(st.sampled_from([1, 3, 5, 9])), cuts=cut_sizes)
def test_h2_as_a_client_gets_back_what_it_sent(
    program: str, lengths: list[int], trailers: bool, reset: set[int], cuts: list[int]
) -> None:
    bodies = [(bytes(range(256)) * (length // 256 + 1))[:length] for length in lengths]
    with talking(program, "server") as (sock, _):
        client = Client(Peer(sock, client=True, cuts=cuts), bodies, trailers, reset)
        client.run()
    for i, body in enumerate(bodies):
        stream = 2 * i + 1
        if stream not in reset:
            assert client.got[stream] == body
            assert client.heads[stream] == ([b"200"] if reset else [b"103", b"200"])
            assert client.tails.get(stream, []) == ([(b"x-sum", b"9")] if trailers else [])


class Server:
    """An upstream that answers each request with its own body, slowly or at once."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.bodies: dict[int, bytes] = {}
        self.whole: set[int] = set()
        self.heads: list[dict[bytes, bytes]] = []

    def run(self) -> None:
        while (heard := self.peer.hear()) is not None:
            for event in heard:
                self.take(event)
            for stream in list(self.whole):
                self.answer(stream)

    def take(self, event: events.Event) -> None:
        assert not isinstance(event, events.ConnectionTerminated)
        if isinstance(event, events.RequestReceived):
            self.bodies[event.stream_id] = b""
            self.heads.append(dict(event.headers))
            self.peer.conn.send_headers(event.stream_id, [(":status", "103")])
            self.peer.conn.send_headers(event.stream_id, [(":status", "201"), ("x-a", "b")])
        elif isinstance(event, events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.peer.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            self.whole.add(event.stream_id)

    def answer(self, stream: int) -> None:
        conn, body = self.peer.conn, self.bodies[stream]
        room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, len(body))
        if body and not room:
            return
        padding = 7 if 0 < room < 100 else None
        if padding and room + padding + 1 > conn.local_flow_control_window(stream):
            padding = None
        conn.send_data(stream, body[:room], pad_length=padding)
        self.bodies[stream] = body[room:]
        if not self.bodies[stream]:
            self.whole.remove(stream)
            conn.send_headers(stream, [("x-end", "1")], end_stream=True)
        else:
            self.answer(stream)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    count=st.integers(1, 40),
    size=st.one_of(st.integers(0, 300), st.integers(0, 20_000)),
    window=st.sampled_from([65_535, 1_000, 100_000]),
    cuts=cut_sizes,
)
def test_h2_as_an_upstream_is_asked_and_heard(
    program: str, count: int, size: int, window: int, cuts: list[int]
) -> None:
    with talking(program, "client", str(count), str(size)) as (sock, process):
        peer = Peer(sock, client=False, cuts=cuts)
        peer.conn.update_settings({codes.SettingCodes.INITIAL_WINDOW_SIZE: window})
        server = Server(peer)
        server.run()
        assert process.stderr is not None
        said = [json.loads(line) for line in process.stderr]
    assert said == [{"id": 2 * i + 1, "status": 201, "bytes": size, "said": "x-end: 1"} for i in range(count)]
    want = {b":method": b"POST" if size else b"GET", b":path": b"/a?b=c", b"x-mixed-case": b"kept"}
    assert all(want.items() <= head.items() for head in server.heads)


def test_h2_would_notice_a_broken_rule(program: str) -> None:
    """A peer that takes everything would agree with everybody."""
    with talking(program, "server") as (sock, _):
        peer = Peer(sock, client=True, cuts=[READ])
        peer.flush()
        sock.sendall(bytes([0, 0, 8, 6, 0, 0, 0, 0, 1]) + bytes(8))
        heard: list[events.Event] = []
        while not any(isinstance(event, events.ConnectionTerminated) for event in heard):
            heard = peer.hear() or []
        ended = [event for event in heard if isinstance(event, events.ConnectionTerminated)]
        assert ended[0].error_code == errors.ErrorCodes.PROTOCOL_ERROR
