"""`/metrics`: Prometheus text, or OpenMetrics for who accepts it."""

from __future__ import annotations

import trio

from gateway.account.metrics import Facts, scrape
from gateway.admin.gateway import READ, Running, allow
from gateway.policy import Request, Response


@allow(*READ)
async def metrics(request: Request, gateway: Running) -> Response:
    """Everything that is counted. Read and rendered in a thread, so that a large scrape does not hold up a probe."""
    last = gateway.last_reload
    facts = Facts(
        version=gateway.version,
        generation=gateway.generation,
        reloads=gateway.reloads,
        last_ok=last is None or last.ok,
        asked=gateway.asked,
        certificates=[(each.side, each.to, each.facts.name, each.facts.not_after) for each in gateway.certificates],
        http2=gateway.http2,
        listeners={each.key: each.name for each in gateway.listeners()},
    )
    accept = request.headers.get("accept", "")
    text, content_type = await trio.to_thread.run_sync(lambda: scrape(gateway.counters(), facts, accept))
    return Response(200, {"content-type": content_type}, text)
