"""Python handlers that the tests put behind a gateway; copied beside its configuration."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from gateway.policy import Request, Response

HERE = Path(__file__).parent


def note(text: str) -> None:
    """Leave a trace that the test can see."""
    with (HERE / "notes").open("a") as notes:
        notes.write(text + "\n")


async def forever(request: Request) -> Response:
    """Waits until it is cancelled, and says so."""
    note(f"begun {request.path}")
    try:
        await trio.sleep_forever()
    finally:
        note(f"cancelled {request.path}")


async def drip(request: Request) -> Response:
    """Streams for ever, until it is cancelled."""

    async def parts() -> AsyncIterator[bytes]:
        note("begun drip")
        try:
            while True:
                yield b"drop\n"
                await trio.sleep(0.01)
        finally:
            note("cancelled drip")

    return Response(200, {"content-type": "text/plain"}, parts())


async def pour(request: Request) -> Response:
    """As many bytes as the query says, as fast as they are taken."""

    async def parts() -> AsyncIterator[bytes]:
        left = int(request.query["bytes"])
        block = b"x" * 65536
        while left:
            part = block[:left]
            left -= len(part)
            yield part

    return Response(200, {}, parts())


async def swallow(request: Request) -> Response:
    """Reads the body part by part and says how long it was."""
    count = 0
    async for part in request.body:
        count += len(part)
    return Response(200, {}, f"{count}\n")


async def ignore(_request: Request) -> Response:
    """Answers without looking at the body."""
    return Response(200, {}, "ignored\n")


async def fail(_request: Request) -> Response:
    """Raises."""
    raise RuntimeError("the handler of the test fails")


async def fail_late(_request: Request) -> Response:
    """Raises when half of the body is out."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the handler of the test fails late")

    return Response(200, {}, parts())


async def block(request: Request) -> Response:
    """Holds the interpreter for some seconds, as a bad handler does."""
    time.sleep(float(request.query["seconds"]))  # noqa: ASYNC251  (this is what is tested)
    return Response(200, {}, "blocked\n")


async def spin(request: Request) -> Response:
    """Holds the interpreter and never waits."""
    end = time.monotonic() + float(request.query["seconds"])
    while time.monotonic() < end:
        pass
    return Response(200, {}, "spun\n")


async def describe(request: Request) -> Response:
    """Everything that a handler is told, as text."""
    lines = [
        request.method, request.path, str(request.query_string), request.scheme, request.authority, request.peer,
        request.listener, request.route, request.rule, str(request.content_length), request.headers.get("x-one", ""),
    ]  # fmt: skip
    return Response(200, {"x-request-id-seen": request.request_id}, "\n".join(lines))
