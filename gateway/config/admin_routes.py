"""The admin API as rules: which Python handler answers which path. `serve` imports the handlers when it starts.

The rules have no method condition: a handler knows its methods and answers others with 405, where a rule that does not
fit would say 404.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class AdminRule(NamedTuple):
    """One path of the admin API."""

    name: str
    path: str
    handler: str


ADMIN_RULES: Final = (
    AdminRule("healthz", "/healthz", "gateway.admin.health:healthz"),
    AdminRule("readyz", "/readyz", "gateway.admin.health:readyz"),
    AdminRule("metrics", "/metrics", "gateway.admin.metrics:metrics"),
    AdminRule("status", "/api/v1/status", "gateway.admin.state:status"),
    AdminRule("routes", "/api/v1/routes", "gateway.admin.state:routes"),
    AdminRule("upstreams", "/api/v1/upstreams", "gateway.admin.state:upstreams"),
    AdminRule("listeners", "/api/v1/listeners", "gateway.admin.state:listeners"),
    AdminRule("config", "/api/v1/config", "gateway.admin.state:config"),
    AdminRule("reload", "/api/v1/reload", "gateway.admin.actions:reload"),
    AdminRule("explain", "/api/v1/explain", "gateway.admin.actions:explain"),
    AdminRule("tasks", "/debug/tasks", "gateway.admin.tasks:tasks"),
)
