"""The admin API as rules: which Python handler answers which path. `serve` imports the handlers when it starts.

A GET rule matches HEAD too. Nothing that a GET reaches changes anything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

GET: Final = ("GET", "HEAD")
POST: Final = ("POST",)


class AdminRule(NamedTuple):
    """One path of the admin API."""

    name: str
    methods: tuple[str, ...]
    path: str
    handler: str


ADMIN_RULES: Final = (
    AdminRule("healthz", GET, "/healthz", "gateway.admin.health:healthz"),
    AdminRule("readyz", GET, "/readyz", "gateway.admin.health:readyz"),
    AdminRule("metrics", GET, "/metrics", "gateway.admin.metrics:metrics"),
    AdminRule("status", GET, "/api/v1/status", "gateway.admin.state:status"),
    AdminRule("routes", GET, "/api/v1/routes", "gateway.admin.state:routes"),
    AdminRule("upstreams", GET, "/api/v1/upstreams", "gateway.admin.state:upstreams"),
    AdminRule("listeners", GET, "/api/v1/listeners", "gateway.admin.state:listeners"),
    AdminRule("config", GET, "/api/v1/config", "gateway.admin.state:config"),
    AdminRule("reload", POST, "/api/v1/reload", "gateway.admin.actions:reload"),
    AdminRule("explain", POST, "/api/v1/explain", "gateway.admin.actions:explain"),
    AdminRule("tasks", GET, "/debug/tasks", "gateway.admin.tasks:tasks"),
)
