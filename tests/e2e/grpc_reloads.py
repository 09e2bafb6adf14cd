"""Gateways in front of gRPC servers that are reloaded: their configurations, and what an operator sees meanwhile."""

from __future__ import annotations

import signal
from typing import Any, Final

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway
from tests.e2e.grpc_peers import PATIENCE, EchoClient, EchoServer

OVER_BOTH: Final = pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
"""Without TLS and with it."""


def through(
    *servers: EchoServer, number: int = 0, listeners: list[dict[str, Any]] | None = None, **http2: Any
) -> dict[str, Any]:
    """Every call goes to these servers. `number` makes it another configuration; `http2`: of the upstream."""
    config = forward_to(
        *(server.address for server in servers),
        rule={"headers": {"response": {"set": {"x-number": str(number)}}}},
        listeners=listeners or [{"name": "web", "listen": LISTEN}],
    )
    config["upstreams"]["app"].update(protocol="h2", http2=http2)
    return config


def listener(certificates: Certificates | None = None, **more: Any) -> dict[str, Any]:
    """The one called `web`."""
    tls = {} if certificates is None else {"tls": certificates.tls()}
    return {"name": "web", "listen": LISTEN, **tls, **more}


def client_of(gateway: Gateway, certificates: Certificates | None = None) -> EchoClient:
    return EchoClient(gateway.port(), ca=None if certificates is None else certificates.ca.read_bytes())


def forward_h2(*ports: int) -> dict[str, Any]:
    """Every call goes to one of these ports of HTTP/2."""
    config = forward_to(*(f"127.0.0.1:{port}" for port in ports))
    config["upstreams"]["app"]["protocol"] = "h2"
    return config


def number_seen(client: EchoClient) -> str:
    """What the configuration in force adds to an answer."""
    _, call = client.unary().with_call(b"", timeout=PATIENCE)
    return str(dict(call.initial_metadata())["x-number"])


def reload_by_signal(gateway: Gateway, config: dict[str, Any]) -> None:
    said = len(gateway.stderr())
    gateway.write(config)
    gateway.signal(signal.SIGHUP)
    gateway.wait_said("reloaded: generation", since=said)


def reload_by_api(gateway: Gateway, config: dict[str, Any]) -> None:
    status, outcome = gateway.reload(config)
    assert status == 200, outcome


def connections(gateway: Gateway, role: str) -> float:
    """HTTP/2 connections that are open: with clients (`server`) or to upstreams (`client`)."""
    return gateway.metrics().sum("gateway_http2_connections", role=role)


def ended(gateway: Gateway, role: str, reason: str) -> float:
    """HTTP/2 connections that have ended so."""
    return gateway.metrics().sum("gateway_http2_closed_total", role=role, reason=reason)
