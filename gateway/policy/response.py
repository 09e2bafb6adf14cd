"""What a handler gives back: a status, fields and a body, whole or in parts.

What may stand in a head is judged in one place only, the border (`rust/engine`), for every answer; framing fields
(content-length, transfer-encoding, connection) are the gateway's and refused there. What needs the body is judged here.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Final

BODYLESS: Final = frozenset({204, 205, 304})
"""Statuses that have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5)."""

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


class Response:
    """An answer.

    `body` is bytes, text (UTF-8; `content-type: text/plain` unless one is given) or an async iterable of bytes, which
    is taken part by part as the client reads and is sent chunked unless `length` says how many bytes it gives.
    """

    __slots__ = ("body", "fields", "length", "status")

    def __init__(
        self,
        status: int = 200,
        headers: Fields = (),
        body: bytes | str | AsyncIterable[bytes] = b"",
        *,
        length: int | None = None,
    ) -> None:
        if not 200 <= status <= 599:
            raise ValueError(f"a handler answers with a status from 200 to 599, not {status}")
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.status = status
        self.fields: list[tuple[bytes, bytes]] = [_field(name, value) for name, value in pairs]
        self.body: bytes | AsyncIterable[bytes]
        if isinstance(body, str):
            self.body = body.encode()
            if not any(name == b"content-type" for name, _ in self.fields):
                self.fields.append((b"content-type", b"text/plain; charset=utf-8"))
        else:
            self.body = body
        self.length = len(self.body) if isinstance(self.body, bytes) else length
        if status in BODYLESS and self.body != b"":
            raise ValueError(f"an answer with status {status} has no body (RFC 9110 §15)")


def _field(name: str, value: str) -> tuple[bytes, bytes]:
    try:
        return name.lower().encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"header field {name!r} has characters that cannot stand in a head") from None


def json_response(value: object, status: int = 200, headers: Fields = ()) -> Response:
    """Anything that msgspec can write (structs, dataclasses, dicts, …), as JSON with a final line end."""
    import msgspec

    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    return Response(status, [("content-type", "application/json"), *pairs], msgspec.json.encode(value) + b"\n")
