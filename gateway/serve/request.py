"""A task per request that a Python handler answers.

The task is the owner of the exchange on this side: it runs the handler under the request's deadline, and it ends in
exactly one of these ways, each told to the worker once:

    answered                  the answer was handed over whole
    handler_failed            the handler raised, or gave back what is no answer
    request_timeout           the deadline passed; the handler was cancelled
    drained                   the gateway goes away; the handler was cancelled
    (nothing)                 the worker said `over` first: the client went away

Memory is bounded from both sides: of the request body at most ASK_WINDOW bytes wait for the handler (credit is given
back part by part), of the answer at most ASK_WINDOW bytes are under way to the socket. The number of tasks is bounded;
the gateway's own handlers (the admin API) have a bound of their own, so that busy handlers never hide the gateway.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from gateway.policy.handler import Handler
from gateway.policy.request import BodyTooLargeError, Request
from gateway.policy.response import BODYLESS, Response
from gateway.serve.engine import Workers
from gateway.serve.notice import Tracebacks

if TYPE_CHECKING:
    from gateway._engine import AskHead

MAX_ASKED: Final = 192
"""Requests that wait for Python handlers at one time. A task costs about 10 KiB with its request, and one thread runs
them all: more only makes all of them late. gunicorn and uwsgi run tens of workers; Starlette's thread pool has 40.
With MAX_ASKED_OWN it makes 256, what a single worker keeps (`worker::limits::ASKS`)."""

MAX_ASKED_OWN: Final = 64
"""The same for the gateway's own handlers: scrapes, probes and people with curl."""

PIECES: Final = 16
"""Pieces of an answer that may be under way, however small they are: a worker's queue holds 8,192 of their
commands (`worker::limits::COMMANDS`), 32 for each of 256 requests."""

OWN_HANDLERS: Final = "gateway."


class AskedRequests:
    """All asked requests that are open; takes new ones from the workers."""

    def __init__(self, workers: Workers, nursery: trio.Nursery, tracebacks: Tracebacks) -> None:
        self.handlers: Mapping[str, Handler] = {}
        """By name, for every generation that a worker may still ask about."""
        self.count = 0
        """Requests for handlers of the configuration that are open."""
        self.count_own = 0
        """Requests for the gateway's own handlers that are open."""
        self._workers = workers
        self._nursery = nursery
        self._tracebacks = tracebacks
        workers.on_ask = self.begin

    def begin(self, ask: int, head: AskHead) -> None:
        """Start a task for this request, or refuse it."""
        name = head[0]
        own = name.startswith(OWN_HANDLERS)
        busy = self.count_own >= MAX_ASKED_OWN if own else self.count >= MAX_ASKED
        handler = self.handlers.get(name)
        if busy or handler is None:
            with suppress(RuntimeError):
                self._workers.native.fail(ask, "handlers_busy" if busy else "handler_failed")
            return
        self._count(own, 1)
        exchange = AskedExchange(ask, head, self._workers, self._tracebacks)
        self._workers.asks[ask] = exchange
        self._nursery.start_soon(self._run, exchange, handler, own, name=f"request {exchange.request.request_id}")

    async def _run(self, exchange: AskedExchange, handler: Handler, own: bool) -> None:
        try:
            await exchange.run(handler)
        finally:
            self._count(own, -1)

    def _count(self, own: bool, change: int) -> None:
        if own:
            self.count_own += change
        else:
            self.count += change


class AskedExchange:
    """One asked request and its answer."""

    def __init__(self, ask: int, head: AskHead, workers: Workers, tracebacks: Tracebacks) -> None:
        self._ask = ask
        self._workers = workers
        self._native = workers.native
        self._tracebacks = tracebacks
        self._window = workers.window
        self._under_way: deque[int] = deque()
        self._room = trio.Event()
        self._scope = trio.CancelScope()
        self._finished = False
        self._body = RequestBody(lambda count: self._native.credit(ask, count), whole=not head[13])
        self.request = _request(head, self._body)
        self.what = f"handler {head[0]}, request {head[11]}"

    # ── what the worker says ─────────────────────────────────────────────────────────────────────────────────────────

    def body(self, data: bytes) -> None:
        """Part of the request body came."""
        self._body.put(data)

    def body_end(self) -> None:
        """The request body is whole."""
        self._body.put(b"")

    def sent(self, count: int) -> None:
        """So many bytes of the answer were taken by the socket."""
        self._window += count
        while self._under_way and count >= self._under_way[0]:
            count -= self._under_way.popleft()
        if self._under_way:
            self._under_way[0] -= count
        self._room.set()

    def over(self, _reason: str) -> None:
        """The worker has ended the exchange; what the handler still does concerns nobody."""
        self._finished = True
        self._scope.cancel()

    # ── the task ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, handler: Handler) -> None:
        """Run the handler and deliver its answer. Raises nothing but the cancellation of the task itself."""
        deadline = self.request.deadline
        if deadline is not None:
            self._scope.deadline = deadline
        try:
            with self._scope:
                await self._answer(handler)
            self._end("request_timeout")  # answered, or over, or cancelled by the deadline
        finally:
            self._end("drained")  # cancelled from outside
            self._workers.asks.pop(self._ask, None)

    def _end(self, reason: str) -> None:
        if not self._finished:
            self._finished = True
            with suppress(RuntimeError):  # a worker that takes no more commands: the client's own patience decides
                self._native.fail(self._ask, reason)

    async def _answer(self, handler: Handler) -> None:
        try:
            response = await self._response(handler)
            await self._deliver(response)
        except BaseException as error:
            faults, cancelled = _without_cancellation(error)
            if faults is not None and not self._finished:
                self._tracebacks.show(f"{self.what} failed", faults)
                self._end("handler_failed")
            if cancelled is not None:
                raise cancelled from None

    async def _response(self, handler: Handler) -> Response:
        try:
            response: object = await handler(self.request)
        except BodyTooLargeError as error:
            return Response(413, (), f"{error}\n")
        if not isinstance(response, Response):
            raise TypeError(f"a handler gives back a Response, not {type(response).__name__}")
        return response

    async def _deliver(self, response: Response) -> None:
        body = response.body
        if self.request.method == "HEAD" or response.status in BODYLESS:
            self._begin(response, b"", end=response.length is not None)
            if response.length is None:
                self._native.send(self._ask, b"", True)
        elif isinstance(body, bytes):
            first = body[: self._window]
            self._begin(response, first, end=len(first) == len(body))
            await self._send(memoryview(body)[len(first) :], last=True)
        else:
            await self._stream(response, body)
        self._finished = True

    async def _stream(self, response: Response, body: AsyncIterable[bytes]) -> None:
        self._begin(response, b"", end=False)
        left = response.length
        try:
            async for part in body:
                if left is not None:
                    left -= len(part)
                    if left < 0:
                        raise ValueError("the body of the answer is longer than its length")
                await self._send(memoryview(part), last=False)
        finally:
            if isinstance(body, AsyncGenerator):
                await body.aclose()
        if left:
            raise ValueError(f"the body of the answer ended {left} bytes before its length")
        self._native.send(self._ask, b"", True)

    def _begin(self, response: Response, first: bytes, *, end: bool) -> None:
        length = None if response.status in BODYLESS else response.length  # RFC 9110 §8.6: no length on 204
        self._take(len(first))
        self._native.answer(self._ask, response.status, response.fields, first, end, length)

    async def _send(self, data: memoryview, *, last: bool) -> None:
        while data:
            while self._window <= 0 or len(self._under_way) >= PIECES:
                self._room = trio.Event()
                await self._room.wait()
            part = bytes(data[: self._window])
            data = data[len(part) :]
            self._take(len(part))
            self._native.send(self._ask, part, last and not data)

    def _take(self, count: int) -> None:
        if count:
            self._window -= count
            self._under_way.append(count)


class RequestBody:
    """The body on its way to the handler: parts as they came, credit given back as each is taken."""

    def __init__(self, credit: Callable[[int], None], *, whole: bool) -> None:
        self._parts: deque[bytes] = deque()
        self._whole = whole
        self._came = trio.Event()
        self._credit = credit

    def put(self, data: bytes) -> None:
        """A part that came; an empty one ends the body."""
        if data:
            self._parts.append(data)
        else:
            self._whole = True
        self._came.set()

    def __aiter__(self) -> RequestBody:
        return self

    async def __anext__(self) -> bytes:
        while not self._parts:
            if self._whole:
                raise StopAsyncIteration
            self._came = trio.Event()
            await self._came.wait()
        part = self._parts.popleft()
        self._credit(len(part))
        return part


def _request(head: AskHead, body: RequestBody) -> Request:
    (
        _handler, listener, route, rule, scheme, method, authority, path, query,
        fields, peer, request_id, content_length, _has_body, deadline_ms,
    ) = head  # fmt: skip
    return Request(
        method=method.decode("latin-1"),
        path=path.decode("latin-1"),
        query_string=query,
        fields=fields,
        body=body,
        content_length=content_length,
        scheme=scheme,
        authority=authority.decode("latin-1"),
        peer=peer,
        listener=listener,
        route=route,
        rule=rule,
        request_id=request_id,
        deadline=trio.current_time() + deadline_ms / 1000 if deadline_ms else None,
    )


def _without_cancellation(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """(what went wrong, what Trio has to see). SystemExit and the like are the handler's fault, not ours to follow."""
    if isinstance(error, trio.Cancelled):
        return None, error
    if isinstance(error, BaseExceptionGroup):
        cancelled, faults = error.split(trio.Cancelled)
        return faults, cancelled
    return error, None
