"""What admin handlers may know of the running gateway, and how they get at it.

A handler is a plain function of a request. The gateway that it speaks of comes by a context variable, which
`gateway.serve.app` sets in the task from which every asked request descends: several gateways in one process (tests)
do not see each other, and handlers of other people are not given a handle by accident.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Protocol

from gateway.account.counters import Levels, Totals
from gateway.account.http2 import Http2Counts
from gateway.policy import Handler, Request, Response

if TYPE_CHECKING:
    from gateway.config.document import Document
    from gateway.config.tls.certificate import Shown


class Reloaded(Protocol):
    """How a reload ended."""

    @property
    def ok(self) -> bool: ...
    @property
    def generation(self) -> int: ...
    @property
    def at(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def errors(self) -> tuple[str, ...]: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


class ListenerState(Protocol):
    """One listener as it is."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def state(self) -> str: ...


class Running(Protocol):
    """The running gateway."""

    @property
    def version(self) -> str: ...
    @property
    def state(self) -> str:
        """`starting`, `ready` or `draining`."""
        ...

    @property
    def started_at(self) -> float:
        """Unix time."""
        ...

    @property
    def uptime(self) -> float:
        """Seconds."""
        ...

    @property
    def config_file(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def applied(self) -> list[int]:
        """The generation that each worker runs on."""
        ...

    @property
    def asked(self) -> int:
        """Requests for Python handlers that are open."""
        ...

    @property
    def http2(self) -> Http2Counts:
        """HTTP/2 connections, and what became of them."""
        ...

    @property
    def panics(self) -> int: ...
    @property
    def last_reload(self) -> Reloaded | None: ...
    @property
    def reloads(self) -> tuple[int, int]:
        """(succeeded, failed)"""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of the configuration in force."""
        ...

    @property
    def certificates(self) -> Sequence[Shown]:
        """Which listener shows which certificates, the default first, and what upstreams are shown."""
        ...

    @property
    def document(self) -> Document: ...
    def listeners(self) -> Sequence[ListenerState]: ...
    def counters(self) -> Totals:
        """Everything that is counted. May be called in a thread, and should be: it can be much."""
        ...

    def levels(self) -> Levels:
        """Connections and endpoints."""
        ...

    def rendered_config(self) -> str:
        """The configuration in force as YAML, defaults filled in, secrets masked."""
        ...

    def task_tree(self) -> tuple[object, str]:
        """The live tasks, for JSON and as text."""
        ...

    def explain(self, question: bytes) -> bytes:
        """The engine's own answer. Raises ValueError for what is no question."""
        ...

    async def reload(self) -> Reloaded: ...


running: ContextVar[Running] = ContextVar("running gateway")
"""The gateway that this task belongs to."""


def allow(*methods: str) -> Callable[[Callable[[Request, Running], Awaitable[Response]]], Handler]:
    """A handler of the admin API: 405 for other methods (RFC 9110 §15.5.6), and the gateway as second argument."""

    def wrap(inner: Callable[[Request, Running], Awaitable[Response]]) -> Handler:
        @wraps(inner)
        async def handler(request: Request) -> Response:
            if request.method not in methods:
                allowed = ", ".join(methods)
                return Response(405, {"allow": allowed}, f"{request.method} is not allowed here: use {allowed}\n")
            return await inner(request, running.get())

        return handler

    return wrap


READ = ("GET", "HEAD")
