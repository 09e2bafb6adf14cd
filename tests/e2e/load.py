"""Load that keeps count: keep-alive clients in threads, each of which knows what became of each of its requests.

wrk drives harder but does not tell a request that failed in flight from one that was never sent; this does. A request
fails if its answer does not come whole. A connection that the gateway ends *between* requests is counted apart, and is
a failure only where a test says so.
"""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

from tests.e2e.client import PART, PATIENCE

REQUEST: Final = b"GET /load HTTP/1.1\r\nHost: test\r\n\r\n"


class Load:
    """`clients` connections that ask again and again until the block is left.

    `pause`: seconds between an answer and the next request, so that idle connections are seen as well.
    """

    def __init__(self, port: int, clients: int, *, pause: float = 0.0, request: bytes = REQUEST) -> None:
        self.answered = 0
        """Whole answers with status 200."""
        self.failed: list[str] = []
        """What became of requests that were sent and not answered whole with 200."""
        self.closed_between = 0
        """Connections that ended while no request was under way."""
        self.said_close = 0
        """Connections that ended after an answer with `Connection: close`."""
        self.refused = 0
        """Connections that could not be made."""
        self.never_taken = 0
        """Connections that the kernel made and then reset before their first answer: the listening socket was closed
        while they waited there. Between its last accept and its close a process cannot do anything about them."""
        self.slowest = 0.0
        """Seconds."""
        self.durations: list[float] = []
        self._port = port
        self._pause = pause
        self._request = request
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every client finish its request, then end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def percentile(self, share: float) -> float:
        """Seconds that `share` of the answers took at most."""
        ordered = sorted(self.durations)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def _client(self) -> None:
        while not self._stop.is_set():
            try:
                sock = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            except OSError:
                with self._lock:
                    self.refused += 1
                self._stop.wait(0.01)
                continue
            with sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ask_until_it_ends(sock)

    def _ask_until_it_ends(self, sock: socket.socket) -> None:
        first = True
        while not self._stop.is_set():
            began = time.monotonic()
            outcome, close = self._ask(sock)
            took = time.monotonic() - began
            with self._lock:
                if outcome == "ok":
                    self.answered += 1
                    self.durations.append(took)
                    self.slowest = max(self.slowest, took)
                    self.said_close += close
                elif outcome == "closed between":
                    self.closed_between += 1
                elif outcome == "reset before an answer" and first:
                    self.never_taken += 1
                else:
                    self.failed.append(outcome)
            if outcome != "ok" or close:
                return
            first = False
            if self._pause:
                self._stop.wait(self._pause)

    def _ask(self, sock: socket.socket) -> tuple[str, bool]:
        try:
            sock.sendall(self._request)
        except OSError:
            return "closed between", True
        answer = b""
        try:
            while b"\r\n\r\n" not in answer:
                part = sock.recv(PART)
                if not part:
                    return ("ended inside the head", True) if answer else ("closed between", True)
                answer += part
            head, _, body = answer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                return head.split(b"\r\n")[0].decode("latin-1"), True
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                part = sock.recv(PART)
                if not part:
                    return "ended inside the body", True
                body += part
        except ConnectionResetError:
            return ("reset inside the answer" if answer else "reset before an answer"), True
        except TimeoutError:
            return "no answer", True
        return "ok", b"\r\nconnection: close" in head.lower()
