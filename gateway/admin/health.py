"""`/healthz`: the process lives. `/readyz`: it may be sent requests."""

from __future__ import annotations

from gateway.admin.gateway import READ, Running, allow
from gateway.policy import Request, Response

_UNCACHED = {"cache-control": "no-store"}


@allow(*READ)
async def healthz(_request: Request, _gateway: Running) -> Response:
    """200 while Trio and at least one worker run: this answer came through both."""
    return Response(200, _UNCACHED, "ok\n")


@allow(*READ)
async def readyz(_request: Request, gateway: Running) -> Response:
    """200 when every listener is open, 503 while starting and draining."""
    ready = gateway.state == "ready"
    return Response(200 if ready else 503, _UNCACHED, f"{gateway.state}\n")
