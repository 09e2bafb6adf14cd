"""gRPC calls that live while something is done to the gateway: streams that a test keeps open, and a load beside them.

Each knows how it ended. A stream is spoken on message by message, so that "it goes on" is an exchange that was seen
and not a connection that happened to stay open; a load counts every call, so that "none fails" is about all of them.
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Any, Final, Self

import grpc

from tests.e2e.gateway_process import until
from tests.e2e.grpc_peers import PATIENCE, EchoClient, EchoServer

LIFE: Final = 2 * PATIENCE
"""Seconds that a stream may be open: longer than any wait of a test, so that the wait is what fails."""

PAUSE: Final = 0.002
"""Seconds between two calls of a load. The server, the load and the test share one interpreter."""


CALLERS: Final = 4
"""Threads of a load."""


class Talk:
    """A stream in both directions: what is said comes back."""

    def __init__(self, client: EchoClient) -> None:
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._call: Any = client.both()(iter(self._said.get, None), timeout=LIFE)
        self._count = 0

    def __enter__(self) -> Self:
        self.go_on()
        return self

    def __exit__(self, _kind: object, _error: object, _at: TracebackType | None) -> None:
        self._said.put(None)
        self._call.cancel()

    def go_on(self) -> None:
        """Say something that was not said before, and hear it."""
        self._count += 1
        self._said.put(b"word %d" % self._count)
        assert next(self._call) == b"word %d" % self._count

    def end(self) -> None:
        """Say no more: it ends well, and nothing else was said."""
        self._said.put(None)
        assert list(self._call) == []
        assert self._call.code() == grpc.StatusCode.OK


class Ticker:
    """A stream in which the server speaks, when the test tells it to."""

    def __init__(self, client: EchoClient, server: EchoServer) -> None:
        self._ticks = server.ticks
        self._call: Any = client.down("Tick")(b"", timeout=LIFE)
        self._count = 0

    def __enter__(self) -> Self:
        self.go_on()
        return self

    def __exit__(self, _kind: object, _error: object, _at: TracebackType | None) -> None:
        self._call.cancel()

    def go_on(self) -> None:
        """The server says something that it has not said before."""
        self._count += 1
        self._ticks.put(b"tick %d" % self._count)
        assert next(self._call) == b"tick %d" % self._count

    def end(self) -> None:
        """The server says no more: it ends well, and nothing else was said."""
        self._ticks.put(None)
        assert list(self._call) == []
        assert self._call.code() == grpc.StatusCode.OK


class Streams:
    """One of each kind, on a client's channel."""

    def __init__(self, client: EchoClient, server: EchoServer) -> None:
        self._talk, self._ticker = Talk(client), Ticker(client, server)

    def __enter__(self) -> Self:
        self._talk.__enter__()
        self._ticker.__enter__()
        return self

    def __exit__(self, kind: object, error: object, at: TracebackType | None) -> None:
        self._talk.__exit__(kind, error, at)
        self._ticker.__exit__(kind, error, at)

    def go_on(self) -> None:
        """Messages on both."""
        self._talk.go_on()
        self._ticker.go_on()

    def end(self) -> None:
        """Both end well."""
        self._talk.end()
        self._ticker.end()


class SteadyCalls:
    """Unary calls, one after the other on each of some threads, until the block is left."""

    def __init__(self, client: EchoClient) -> None:
        self.failed: list[str] = []
        """How those ended that did not bring their message back."""
        self.answered = 0
        self._call = client.unary()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._caller, args=(each,), daemon=True) for each in range(CALLERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, _kind: object, _error: object, _at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every call under way finish, and begin none."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def more(self, count: int = 50) -> None:
        """Wait until so many more were answered, or one has failed."""
        wanted = self.answered + count
        until(lambda: self.answered >= wanted or bool(self.failed), f"{count} more calls are answered")
        assert not self.failed, self.failed[:5]

    def _caller(self, number: int) -> None:
        count = 0
        while not self._stop.wait(PAUSE):
            count += 1
            self._ask(b"%d of %d" % (count, number))

    def _ask(self, message: bytes) -> None:
        try:
            answer = self._call(message, timeout=PATIENCE)
        except grpc.RpcError as error:
            said: Any = error
            outcome = f"{said.code()}: {said.details()}"
        else:
            outcome = "" if answer == message else f"another message: {answer!r}"
        with self._lock:
            self.answered += not outcome
            if outcome:
                self.failed.append(outcome)
