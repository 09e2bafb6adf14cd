"""Connections that grow old, and servers that leave, under live gRPC streams: calls move on, streams finish."""

from __future__ import annotations

import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import grpc

from tests.e2e.certificates import Certificates
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.grpc_peers import PATIENCE, EchoClient, EchoServer
from tests.e2e.grpc_reloads import (
    OVER_BOTH,
    client_of,
    connections,
    ended,
    forward_h2,
    listener,
    reload_by_api,
    through,
)
from tests.e2e.grpc_streams import SteadyCalls, Streams, Talk

AGES: Final = 3
"""How many connections become old before a test is content."""


def live_through_ages(gateway: Gateway, role: str, streams: Streams, calls: SteadyCalls) -> None:
    """Until enough connections have become old and ended, and beyond."""
    for age in range(1, AGES + 1):
        until(partial(has_ended, gateway, role, age), f"{age} old connections have ended")
        streams.go_on()
        calls.more()


def has_ended(gateway: Gateway, role: str, count: int) -> bool:
    return ended(gateway, role, "max_age") >= count


@OVER_BOTH
def test_clients_connections_grow_old_under_streams_and_calls(
    tmp_path: Path, certificates: Certificates, secure: bool
) -> None:
    ca = certificates if secure else None
    config = [listener(ca, http2={"max_age": "1s"})]
    with EchoServer() as server, Gateway(through(server, listeners=config), tmp_path) as gateway:
        with client_of(gateway, ca) as client, SteadyCalls(client) as calls, Streams(client, server) as streams:
            live_through_ages(gateway, "server", streams, calls)
            streams.end()
        assert calls.failed == []
        assert gateway.metrics().sum("gateway_connections_accepted_total", listener="web") > AGES
        until(lambda: connections(gateway, "server") == 0, "none is left")


def test_connections_to_an_upstream_grow_old_under_streams_and_calls(tmp_path: Path) -> None:
    with EchoServer() as server, Gateway(through(server, max_age="1s"), tmp_path) as gateway:
        with client_of(gateway) as client, SteadyCalls(client) as calls, Streams(client, server) as streams:
            live_through_ages(gateway, "client", streams, calls)
            assert connections(gateway, "server") == 1, "the client does not notice"
            streams.end()
        assert calls.failed == []


def test_an_upstream_that_asks_its_connections_to_go_loses_no_call(tmp_path: Path) -> None:
    (inner := tmp_path / "inner").mkdir()
    with (
        EchoServer() as server,
        Gateway(through(server, listeners=[listener(http2={"max_age": "1s"})]), inner) as upstream,
        Gateway(forward_h2(upstream.port()), tmp_path) as gateway,
    ):
        with client_of(gateway) as client, SteadyCalls(client) as calls, Streams(client, server) as streams:
            live_through_ages(upstream, "server", streams, calls)
            assert connections(gateway, "server") == 1, "the client does not notice"
            streams.end()
        assert calls.failed == []


def is_asked(client: EchoClient, server: EchoServer) -> bool:
    """A call was made, and came there."""
    with suppress(grpc.RpcError):
        client.unary()(b"", timeout=PATIENCE)
    return server.unary_calls > 0


def test_a_server_that_leaves_its_port_to_another_finishes_its_streams(tmp_path: Path) -> None:
    """Calls are counted from when the other is asked: grpcio cancels those that reach it between its decision to stop
    and its GOAWAY, without a gateway just as well."""
    with EchoServer(shared=True) as old, Gateway(through(old), tmp_path) as gateway:
        with (
            client_of(gateway) as client,
            Streams(client, old) as streams,
            EchoServer(old.port, shared=True) as new,
        ):
            left = old.leave(PATIENCE)
            streams.go_on()
            until(partial(is_asked, client, new), "the other server is asked")
            with SteadyCalls(client) as calls:
                streams.go_on()
                assert not left.is_set()
                streams.end()
                assert left.wait(PATIENCE)
                calls.more()
            assert calls.failed == []


def test_upstreams_that_are_replaced_one_after_the_other_lose_no_call(tmp_path: Path) -> None:
    """Each is taken out of the configuration, then ended, while streams go through it."""
    for name in ("front", "one", "two"):
        (tmp_path / name).mkdir()
    with (
        EchoServer() as server,
        Gateway(through(server), tmp_path / "one") as one,
        Gateway(through(server), tmp_path / "two") as two,
        Gateway(forward_h2(one.port(), two.port()), tmp_path / "front") as gateway,
    ):
        with client_of(gateway) as client, Talk(client) as first, Talk(client) as second:  # in turn: one through each
            with SteadyCalls(client) as calls:
                reload_by_api(gateway, forward_h2(two.port()))
                one.signal(signal.SIGTERM)
                one.wait_said("draining")
                calls.more()
                for talk in (first, second):
                    talk.go_on()
                    talk.end()
                assert one.wait() == 0
                calls.more()
        assert calls.failed == []
