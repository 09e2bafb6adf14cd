"""Upstreams and their endpoints."""

from __future__ import annotations

from gateway.config.addresses import AddressError, parse_endpoint
from gateway.config.check.text import name_problem
from gateway.config.findings import Findings
from gateway.config.nodes import Cursor, Spot
from gateway.config.schema import Config, Upstream


def check_upstreams(config: Config, at: Cursor, findings: Findings) -> None:
    """Every upstream by itself (whether one is used is for the routes to say)."""
    for name, upstream in config.upstreams.items():
        findings.problem(at["upstreams"].key(name), name, name_problem(name))
        _upstream(upstream, at["upstreams"][name], findings)


def _upstream(upstream: Upstream, at: Cursor, findings: Findings) -> None:
    seen: dict[str, Spot] = {}
    for index, endpoint in enumerate(upstream.endpoints):
        item = at["endpoints"][index]
        spot = item.spot if isinstance(endpoint, str) else item["address"].spot
        written = endpoint if isinstance(endpoint, str) else endpoint.address
        try:
            address = str(parse_endpoint(written))
        except AddressError as error:
            findings.problem(spot, written, (str(error), error.hint))
            continue
        if address in seen:
            hint = f"first at {seen[address].where}; give it a weight instead"
            findings.error(spot, f"the endpoint {address} is written twice", hint)
        seen.setdefault(address, spot)
    if upstream.pool.idle_timeout == 0:
        findings.error(at["pool"]["idle_timeout"].spot, "must be at least 1ms", "max_idle: 0 keeps no connections")
