"""`/debug/tasks`: who owns what, for how long, and where it waits. Text, or JSON for who accepts that."""

from __future__ import annotations

from gateway.admin.gateway import READ, Running, allow
from gateway.policy import Request, Response, json_response


@allow(*READ)
async def tasks(request: Request, gateway: Running) -> Response:
    """The live Trio task tree, and the connections that each listener owns as a group."""
    tree, text = gateway.task_tree()
    owned = _owned(gateway)
    if "application/json" in request.headers.get("accept", ""):
        return json_response({"tasks": tree, "connections": owned})
    lines = "".join(f"listener {name} owns {count} connections\n" for name, count in owned.items())
    return Response(200, (), f"{text}\n{lines}")


def _owned(gateway: Running) -> dict[str, int]:
    counted = {each.listener: each.open for each in gateway.levels().connections}
    return {f"{each.name} {each.address}": counted.get(each.key, 0) for each in gateway.listeners()}
