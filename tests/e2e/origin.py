"""Servers behind the gateway. One that tells what it was asked, one that does what a script says.

`TellingOrigin` is h11 (nobody here wrote it, and it is strict) in a thread per connection: it answers with a JSON
account of the request that reached it, so that a test can compare what was sent with what arrived. `ScriptedOrigin`
hands each connection to a function of the test: for servers that misbehave.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import h11

from tests.e2e.gateway_process import until

PATIENCE: Final = 20.0
"""Seconds that a connection may stand still before its thread gives up: a test that hangs shall not leave it behind."""

PART: Final = 64 * 1024


class Connection:
    """One accepted connection, as a script sees it."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        """0 for the first one."""
        self._buffer = b""

    def read_head(self) -> bytes:
        """The next head including its empty line; b"" at the end of the stream."""
        return self.read_until(b"\r\n\r\n")

    def read_until(self, end: bytes) -> bytes:
        """Bytes up to and including `end`; b"" if the stream ends before."""
        while end not in self._buffer:
            part = self.sock.recv(PART)
            if not part:
                return b""
            self._buffer += part
        at = self._buffer.index(end) + len(end)
        found, self._buffer = self._buffer[:at], self._buffer[at:]
        return found

    def read_exactly(self, count: int) -> bytes:
        """So many bytes; fewer if the stream ends before."""
        while len(self._buffer) < count:
            part = self.sock.recv(PART)
            if not part:
                break
            self._buffer += part
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def read_some(self) -> bytes:
        """What is there; b"" at the end of the stream."""
        if self._buffer:
            found, self._buffer = self._buffer, b""
            return found
        return self.sock.recv(PART)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def until_taken(self) -> None:
        """Wait until the other side has read everything that was sent: a reset overtakes what was not."""
        until(lambda: _unread(self.sock) == 0, "the other side reads")

    def half_close(self) -> None:
        """Send no more, go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with RST rather than FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def _unread(sock: socket.socket) -> int:
    """Bytes that the socket at the other end of this one has not read, or that are on their way to it: the queues in
    `/proc/net/tcp` (proc(5)). IPv4, and both ends on this machine."""
    here, there = (f":{address[1]:04X}" for address in (sock.getsockname(), sock.getpeername()))
    waiting = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        sent, received = (int(queue, 16) for queue in queues.split(":"))
        if local.endswith(here) and remote.endswith(there):
            waiting += sent
        elif local.endswith(there) and remote.endswith(here):
            waiting += received
    return waiting


Script = Callable[[Connection], None]


class ScriptedOrigin:
    """Listens on a port of the kernel's choice (or a unix socket) and runs `script` on every connection in a thread."""

    def __init__(self, script: Script, *, unix: Path | None = None, ipv6: bool = False, backlog: int = 1024) -> None:
        self._script = script
        if unix is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(unix))
            self._listener.listen(backlog)
            self.address = f"unix:{unix}"
        else:
            family, host = (socket.AF_INET6, "::1") if ipv6 else (socket.AF_INET, "127.0.0.1")
            self._listener = socket.create_server((host, 0), family=family, backlog=backlog)
            self.port: int = self._listener.getsockname()[1]
            self.address = f"[::1]:{self.port}" if ipv6 else f"127.0.0.1:{self.port}"
        self.accepted = 0
        """Connections so far."""
        self.errors: list[BaseException] = []
        """What scripts raised; a connection that the other side ended is no error."""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, _error: object, _at: TracebackType | None) -> None:
        self.stop()
        if kind is None and self.errors:
            raise AssertionError("the origin's script failed") from self.errors[0]

    def stop(self) -> None:
        """Refuse connections from now on and end those that are open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(PATIENCE)
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def open_connections(self) -> int:
        """Connections whose script still runs."""
        with self._lock:
            return len(self._open)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                number, self.accepted = self.accepted, self.accepted + 1
                self._open.add(sock)
            thread = threading.Thread(target=self._run, args=(Connection(sock, number),), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            self._script(connection)
        except OSError:
            pass  # the other side went away, or stop() ended the connection
        except BaseException as error:
            self.errors.append(error)
        finally:
            with self._lock:
                self._open.discard(connection.sock)
            connection.sock.close()


class Told(dict[str, Any]):
    """What reached the origin: method, target, version, headers, trailers, body_bytes, body_sha256, origin, …"""

    def header(self, name: str) -> list[str]:
        """All values of a field, in order."""
        return [value for found, value in self["headers"] if found == name.lower()]


class TellingOrigin(ScriptedOrigin):
    """Answers every request with an account of it, as JSON, and keeps all accounts in `requests`.

    Request fields steer it: `x-answer-status`, `x-answer-bytes` (a body of so many bytes instead of the account),
    `x-answer-early` (103 first), `x-answer-trailer` (a trailer with this value), `x-answer-close` (close afterwards).
    """

    def __init__(self, name: str = "origin", *, unix: Path | None = None, ipv6: bool = False) -> None:
        super().__init__(self._serve, unix=unix, ipv6=ipv6)
        self.name = name
        self.requests: list[Told] = []

    def _serve(self, connection: Connection) -> None:
        conn = h11.Connection(h11.SERVER, max_incomplete_event_size=128 * 1024)
        while True:
            request = self._next(conn, connection)
            if not isinstance(request, h11.Request):
                return
            told = self._account(conn, connection, request)
            self.requests.append(told)
            self._answer(conn, connection, told)
            if conn.our_state is h11.MUST_CLOSE or told.header("x-answer-close"):
                return
            conn.start_next_cycle()

    @staticmethod
    def _next(conn: h11.Connection, connection: Connection) -> Any:
        while True:
            event = conn.next_event()
            if event is not h11.NEED_DATA:
                return event
            part = connection.sock.recv(PART)
            if not part and conn.their_state is h11.SEND_BODY:
                raise ConnectionError("the request ended early")
            conn.receive_data(part)

    def _account(self, conn: h11.Connection, connection: Connection, request: h11.Request) -> Told:
        digest, size, trailers = hashlib.sha256(), 0, []
        if conn.they_are_waiting_for_100_continue:
            connection.send(conn.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        while True:
            event = self._next(conn, connection)
            if isinstance(event, h11.EndOfMessage):
                trailers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
                break
            if not isinstance(event, h11.Data):
                raise ConnectionError("the request ended early")
            digest.update(event.data)
            size += len(event.data)
        return Told(
            origin=self.name,
            connection=connection.number,
            method=request.method.decode(),
            target=request.target.decode(),
            version=request.http_version.decode(),
            headers=[(name.decode(), value.decode("latin-1")) for name, value in request.headers],
            body_bytes=size,
            body_sha256=digest.hexdigest(),
            trailers=trailers,
        )

    def _answer(self, conn: h11.Connection, connection: Connection, told: Told) -> None:
        wanted = told.header("x-answer-bytes")
        size = int(wanted[0]) if wanted else None
        account = json.dumps(told).encode()
        length = len(account) if size is None else size
        status = int((told.header("x-answer-status") or ["200"])[0])
        fields = [("content-type", "application/json"), ("content-length", str(length)), ("x-origin", self.name)]
        if status in (204, 304):
            fields = [("x-origin", self.name)]
            length = 0
        if told.header("x-answer-close"):
            fields.append(("connection", "close"))
        trailers = [("x-trailer", value) for value in told.header("x-answer-trailer")]
        if trailers:
            fields[1] = ("transfer-encoding", "chunked")
        if told.header("x-answer-early"):
            early = h11.InformationalResponse(status_code=103, headers=[("link", "</style.css>")])
            connection.send(conn.send(early) or b"")
        connection.send(conn.send(h11.Response(status_code=status, headers=fields)) or b"")
        if told["method"] != "HEAD" and length:
            if size is None:
                connection.send(conn.send(h11.Data(data=account)) or b"")
            else:
                self._send_bytes(conn, connection, size)
        connection.send(conn.send(h11.EndOfMessage(headers=trailers)) or b"")

    @staticmethod
    def _send_bytes(conn: h11.Connection, connection: Connection, size: int) -> None:
        block = b"0123456789abcdef" * (PART // 16)
        while size:
            part = block[: min(size, PART)]
            connection.send(conn.send(h11.Data(data=part)) or b"")
            size -= len(part)


def answer(body: bytes = b"", status: str = "200 OK", fields: bytes = b"") -> bytes:
    """A whole answer with a content-length, as bytes for a script."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), fields, body)
