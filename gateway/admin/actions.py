"""`POST /api/v1/reload` and `POST /api/v1/explain`."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.admin.gateway import Running, allow
from gateway.policy import Request, Response, json_response

QUESTION_BYTES: Final = 128 * 1024
"""Of a question as JSON: twice the largest request head that is accepted by default."""


@allow("POST")
async def reload(_request: Request, gateway: Running) -> Response:
    """Read the configuration file anew. 200 with the new generation, or 422 with every error; then nothing changed."""
    outcome = await gateway.reload()
    body: dict[str, object] = {"generation": outcome.generation, "warnings": outcome.warnings}
    if not outcome.ok:
        body["errors"] = outcome.errors
    return json_response(body, 200 if outcome.ok else 422)


class ClientCert(msgspec.Struct, forbid_unknown_fields=True):
    """The certificate that the client would show."""

    subject: str = ""
    """RFC 4514."""
    san: list[str] = []
    """Hosts, URIs, e-mail and IP addresses."""
    fingerprint: str = ""
    """SHA-256, lower-case hex."""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """A request that somebody wonders about (`rust/core/src/explain/question.rs`)."""

    method: str
    url: str
    """`scheme://host[:port]/path?query`."""
    headers: list[tuple[str, str]] = []
    listener: str | None = None
    """Where it would arrive; None: chosen by the URL."""
    client_cert: ClientCert | None = None
    """Who asks; None: nobody in particular."""


@allow("POST")
async def explain(request: Request, gateway: Running) -> Response:
    """What the configuration in force would do with a request, and why: the code that routes, with a trace."""
    try:
        question = msgspec.json.decode(await request.read(QUESTION_BYTES), type=Question)
        answer = gateway.explain(msgspec.msgpack.encode(question))
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        return json_response({"error": str(error)}, 400)
    return json_response(msgspec.msgpack.decode(answer))
