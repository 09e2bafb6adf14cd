"""Configurations that many tests start from, as mappings (JSON is YAML)."""

from __future__ import annotations

from typing import Any

LISTEN = "127.0.0.1:0"
"""A port of the kernel's choice."""


def forward_to(*endpoints: str, rule: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """Everything that comes in at `web` goes to these endpoints. `rule` and `top` are added."""
    return {
        "listeners": [{"name": "web", "listen": LISTEN}],
        "routes": [{"name": "all", "rules": [{"name": "all", "to": "app", **(rule or {})}]}],
        "upstreams": {"app": {"endpoints": list(endpoints)}},
        **top,
    }


def rules(*given: dict[str, Any], upstreams: dict[str, Any], **top: Any) -> dict[str, Any]:
    """One route for every host with these rules."""
    named = [{"name": f"rule-{number}", **rule} for number, rule in enumerate(given)]
    return {
        "listeners": [{"name": "web", "listen": LISTEN}],
        "routes": [{"name": "all", "rules": named}],
        "upstreams": {name: {"endpoints": [address]} for name, address in upstreams.items()},
        **top,
    }
