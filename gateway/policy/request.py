"""What a handler is given: one request, its body still on the way.

The body is an async iterator that is used once. Bytes that the handler does not take stay with the client: at most a
window of them (`_engine.ASK_WINDOW`) waits in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from typing import Final

from gateway.policy.values import Headers, Query

READ_LIMIT: Final = 1024 * 1024
"""Bytes that `Request.read` takes unless told otherwise. A body is collected in memory, so there has to be an end;
1 MiB is what nginx (client_max_body_size) and Express (100 KiB) think reasonable, taking the larger."""


class BodyTooLargeError(Exception):
    """The body is longer than the handler wants to read. Not caught by the handler, it is answered with 413."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class Request:
    """One request. Everything but the body is there already.

    `path` is in normal form: the same that the rules saw and an upstream would get.
    """

    def __init__(
        self,
        *,
        method: str,
        path: str,
        query_string: bytes | None,
        fields: Sequence[tuple[bytes, bytes]],
        body: AsyncIterator[bytes],
        content_length: int | None,
        scheme: str,
        authority: str,
        peer: str,
        listener: str,
        route: str,
        rule: str,
        request_id: str,
        deadline: float | None,
    ) -> None:
        self.method = method
        """As sent; methods are case-sensitive (RFC 9110 §9.1)."""
        self.path = path
        self.query_string = query_string
        """What stands after `?`; None if there was no `?`."""
        self.body = body
        """`async for part in request.body`: non-empty parts of at most 64 KiB. May be used once."""
        self.content_length = content_length
        """Bytes, if the client said so."""
        self.scheme = scheme
        """`http` or `https`."""
        self.authority = authority
        """Host and port as sent."""
        self.peer = peer
        """Address of the client."""
        self.listener = listener
        self.route = route
        self.rule = rule
        self.request_id = request_id
        """The gateway's id of this request, `x-request-id`."""
        self.deadline = deadline
        """On Trio's clock (`trio.current_time()`); None if the request has no deadline. The handler is cancelled."""
        self._fields = fields

    @cached_property
    def headers(self) -> Headers:
        """End-to-end header fields."""
        return Headers.from_bytes(self._fields)

    @cached_property
    def query(self) -> Query:
        """Parameters, percent-decoded."""
        return Query.parse(self.query_string)

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        """The whole body. Raises BodyTooLargeError past `limit` bytes, before reading if the length was announced."""
        if self.content_length is not None and self.content_length > limit:
            raise BodyTooLargeError(limit)
        parts: list[bytes] = []
        size = 0
        async for part in self.body:
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            parts.append(part)
        return b"".join(parts)

    def __repr__(self) -> str:
        return f"<Request {self.request_id} {self.method} {self.path}>"
