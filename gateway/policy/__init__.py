"""The Python API for handlers: what a rule with `handler: module:function` calls.

    from gateway.policy import Request, Response

    async def hello(request: Request) -> Response:
        return Response(200, {"content-type": "text/plain"}, f"hello {request.peer}\n")

A handler runs as a Trio task of its own. It is cancelled when the client goes away or the deadline of the request
passes. What it raises is logged and answered with 500; nothing that it does ends the process.
"""

from gateway.policy.handler import Handler, HandlerError, resolve
from gateway.policy.request import BodyTooLargeError, Request
from gateway.policy.response import Response, json_response
from gateway.policy.values import Headers, Query

__all__ = [
    "BodyTooLargeError",
    "Handler",
    "HandlerError",
    "Headers",
    "Query",
    "Request",
    "Response",
    "json_response",
    "resolve",
]
