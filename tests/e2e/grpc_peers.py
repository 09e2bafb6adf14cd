"""A gRPC server and client (grpcio, which nobody here wrote), and a browser's gRPC-Web spelled out by hand.

Messages are plain bytes: nothing here needs protobuf. The server does what the name of the method says; what it saw of
a call comes back as its trailing metadata.
"""

from __future__ import annotations

import base64
import http.client
import queue
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc
import h2.config
import h2.connection
import h2.events

SERVICE: Final = "house.Echo"

PATIENCE: Final = 20.0
"""Seconds that a call may take before a test fails."""


def path(method: str) -> str:
    """Of a method of the service."""
    return f"/{SERVICE}/{method}"


class EchoServer:
    """Answers calls on a port of the kernel's choice, or on one that a former server listens on and will leave."""

    def __init__(self, port: int = 0, *, shared: bool = False) -> None:
        """`shared`: another may listen on the same port."""
        self._server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", int(shared))])
        self._server.add_generic_rpc_handlers((_handlers(self),))
        self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self.address = f"127.0.0.1:{self.port}"
        self.unary_calls = 0
        self.ticks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        """What `Tick` says next; None: it ends."""
        self.cancelled = threading.Event()
        """A call that waited was ended by its client."""
        self.waiting = threading.Event()
        """A call waits."""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, _kind: object, _error: object, _at: TracebackType | None) -> None:
        self._server.stop(None).wait(PATIENCE)

    def leave(self, patience: float) -> threading.Event:
        """Take no more calls, and let those that are under way finish. The event: it has ended."""
        ended: threading.Event = self._server.stop(patience)
        return ended

    def unary(self, request: bytes, context: Any) -> bytes:
        """The same again, with what was seen of the call in the trailers."""
        self.unary_calls += 1
        left = context.time_remaining()
        seen = [(f"saw-{key}", value) for key, value in context.invocation_metadata() if key.startswith("x-")]
        context.set_trailing_metadata([("time-left", str(left)), ("x-raw-bin", b"\x00\xff"), *seen])
        return request

    def fail(self, request: bytes, context: Any) -> bytes:
        """Ends with the code and words in the request: `5 no such thing`."""
        code, _, words = request.decode().partition(" ")
        wanted = next(each for each in grpc.StatusCode if each.value[0] == int(code))
        context.abort(wanted, words)
        return b""

    def count(self, request: bytes, _context: Any) -> Iterator[bytes]:
        """As many messages as the request says."""
        for number in range(int(request)):
            yield b"%d" % number

    def gather(self, requests: Iterator[bytes], _context: Any) -> bytes:
        """All messages in one."""
        return b"".join(requests)

    def chat(self, requests: Iterator[bytes], _context: Any) -> Iterator[bytes]:
        """Each message as it comes."""
        yield from requests

    def tick(self, _request: bytes, _context: Any) -> Iterator[bytes]:
        """What `ticks` is given, when it is given."""
        while (word := self.ticks.get(timeout=PATIENCE)) is not None:
            yield word

    def wait(self, request: bytes, context: Any) -> Iterator[bytes]:
        """One message, then nothing until the call is ended from elsewhere."""
        ended = threading.Event()
        context.add_callback(ended.set)
        if request:
            yield request
        self.waiting.set()
        ended.wait(PATIENCE)
        if not context.is_active():
            self.cancelled.set()


def _handlers(server: EchoServer) -> Any:
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Unary": grpc.unary_unary_rpc_method_handler(server.unary),
            "Fail": grpc.unary_unary_rpc_method_handler(server.fail),
            "Count": grpc.unary_stream_rpc_method_handler(server.count),
            "Tick": grpc.unary_stream_rpc_method_handler(server.tick),
            "Wait": grpc.unary_stream_rpc_method_handler(server.wait),
            "Gather": grpc.stream_unary_rpc_method_handler(server.gather),
            "Chat": grpc.stream_stream_rpc_method_handler(server.chat),
        },
    )


class EchoClient:
    """A channel to the gateway, or to several of which the first that answers is taken."""

    def __init__(self, *ports: int, ca: bytes | None = None) -> None:
        """`ca`: over TLS, with a server whose certificate is from there."""
        target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.default_authority", "localhost")]
        if ca is None:
            self.channel = grpc.insecure_channel(target, options=options)
        else:
            self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca), options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, _error: object, _at: TracebackType | None) -> None:
        self.channel.close()

    def unary(self, method: str = "Unary") -> Any:
        """One message up, one down."""
        return self.channel.unary_unary(path(method))

    def down(self, method: str = "Count") -> Any:
        """One message up, many down."""
        return self.channel.unary_stream(path(method))

    def up(self, method: str = "Gather") -> Any:
        """Many up, one down."""
        return self.channel.stream_unary(path(method))

    def both(self, method: str = "Chat") -> Any:
        """Many up, many down."""
        return self.channel.stream_stream(path(method))


def raw_call(port: int, *fields: tuple[str, str]) -> dict[str, str]:
    """A unary call whose fields are written by hand: what its answer says, in head and trailers."""
    head = [
        (":method", "POST"), (":scheme", "http"), (":authority", "a.test"), (":path", path("Unary")),
        ("content-type", "application/grpc"), ("te", "trailers"), *fields,
    ]  # fmt: skip
    said: dict[str, str] = {}
    for event in exchange(port, head, message(b"")):
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            said.update((str(name), str(value)) for name, value in event.headers or ())
    return said


def exchange(port: int, head: list[tuple[str, str]], body: bytes) -> Iterator[h2.events.Event]:
    """One request over HTTP/2 on a connection of its own, and what comes until its answer ends."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        connection.initiate_connection()
        connection.send_headers(1, head)
        connection.send_data(1, body, end_stream=True)
        sock.sendall(connection.data_to_send())
        while True:
            for event in connection.receive_data(sock.recv(65_536)):
                if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise ConnectionResetError(str(event))
                if isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
                yield event
                if isinstance(event, h2.events.StreamEnded):
                    return
            sock.sendall(connection.data_to_send())


# ── gRPC-Web ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def message(data: bytes, flag: int = 0) -> bytes:
    """Length-prefixed."""
    return struct.pack(">BI", flag, len(data)) + data


@dataclass
class WebAnswer:
    """An answer as a browser's library takes it apart."""

    status: int
    content_type: str
    messages: list[bytes]
    trailers: dict[str, str]
    head: dict[str, str]
    body: bytes
    """As it came."""


def take_apart(status: int, head: dict[str, str], body: bytes) -> WebAnswer:
    """Undo base64 (in padded runs) and framing."""
    text = head.get("content-type", "").startswith("application/grpc-web-text")
    data = (
        b"".join(base64.b64decode(body[at : at + 4], validate=True) for at in range(0, len(body), 4)) if text else body
    )
    messages, trailers = [], {}
    while data:
        flag, length = struct.unpack(">BI", data[:5])
        piece, data = data[5 : 5 + length], data[5 + length :]
        assert len(piece) == length, "the body is cut"
        if flag & 0x80:
            assert not data, "trailers are the last piece"
            trailers = dict(line.split(": ", 1) for line in piece.decode().split("\r\n") if line)
        else:
            messages.append(piece)
    return WebAnswer(status, head.get("content-type", ""), messages, trailers, head, body)


def web_call_h2(
    port: int, method: str, body: bytes, content_type: str = "application/grpc-web+proto", **fields: str
) -> WebAnswer:
    """Over HTTP/2, as a browser would without TLS."""
    sent = base64.b64encode(body) if content_type.startswith("application/grpc-web-text") else body
    named = [(name.replace("_", "-"), value) for name, value in fields.items()]
    head = [
        (":method", "POST"), (":scheme", "http"), (":authority", "a.test"), (":path", path(method)),
        ("content-type", content_type), ("x-grpc-web", "1"), *named,
    ]  # fmt: skip
    found: dict[str, str] = {}
    data = b""
    for event in exchange(port, head, sent):
        if isinstance(event, h2.events.ResponseReceived):
            found = {str(name): str(value) for name, value in event.headers or ()}
        elif isinstance(event, h2.events.DataReceived):
            data += event.data or b""
        elif isinstance(event, h2.events.TrailersReceived):
            raise AssertionError("a browser cannot see trailers")
    return take_apart(int(found.pop(":status")), found, data)


def web_call(
    port: int, method: str, body: bytes, content_type: str = "application/grpc-web+proto", **fields: str
) -> WebAnswer:
    """Over HTTP/1.1, as a page would."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        sent = base64.b64encode(body) if content_type.startswith("application/grpc-web-text") else body
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request("POST", path(method), sent, {"content-type": content_type, "x-grpc-web": "1", **named})
        answer = connection.getresponse()
        head = {name.lower(): value for name, value in answer.getheaders()}
        return take_apart(answer.status, head, answer.read())
    finally:
        connection.close()
