"""The handlers of handler.yaml: `async def handler(request: Request) -> Response`, run by Trio, one task per request.

A handler is cancelled when its client goes away or the rule's `timeout.request` passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import trio

from gateway.policy import Request, Response


async def hello(request: Request) -> Response:
    """An answer made of the request's head."""
    name = request.query.get("name", "world")
    return Response(200, {"content-type": "text/plain; charset=utf-8"}, f"Hello {name}, from {request.peer}\n")


async def shout(request: Request) -> Response:
    """An answer made of the body, which is streamed: no more than one part of it is in memory."""

    async def louder() -> AsyncIterator[bytes]:
        async for part in request.body:
            yield part.upper()

    return Response(200, {"content-type": "application/octet-stream"}, louder())


async def count(request: Request) -> Response:
    """An answer that takes its time. Stop curl in the middle: the task ends with the connection."""
    written = request.query.get("seconds", "10")
    seconds = int(written) if written.isdecimal() and len(written) < 4 else 10

    async def numbers() -> AsyncIterator[bytes]:
        for number in range(seconds):
            yield f"{number}\n".encode()
            await trio.sleep(1)

    return Response(200, {"content-type": "text/plain"}, numbers())
