"""Reloads and drains under live gRPC streams: what is in flight ends well, what is new goes the new way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.grpc_peers import PATIENCE, EchoClient, EchoServer
from tests.e2e.grpc_reloads import (
    OVER_BOTH,
    client_of,
    connections,
    ended,
    listener,
    number_seen,
    reload_by_api,
    reload_by_signal,
    through,
)
from tests.e2e.grpc_streams import CALLERS, SteadyCalls, Streams


@OVER_BOTH
@pytest.mark.parametrize("reload", [reload_by_signal, reload_by_api])
def test_reloads_leave_streams_alone_and_send_new_calls_to_the_new_server(
    tmp_path: Path, certificates: Certificates, reload: Callable[[Gateway, dict[str, Any]], None], secure: bool
) -> None:
    ca = certificates if secure else None
    listeners = [listener(ca)]
    with (
        EchoServer() as old,
        EchoServer() as new,
        Gateway(through(old, listeners=listeners), tmp_path) as gateway,
        client_of(gateway, ca) as client,
    ):
        with Streams(client, old) as first, SteadyCalls(client) as calls:
            for number in range(1, 4):
                reload(gateway, through(old, number=number, listeners=listeners))
                assert number_seen(client) == str(number)
                first.go_on()
                calls.more()
            reload(gateway, through(new, number=4, listeners=listeners))
            assert number_seen(client) == "4"
            asked = old.unary_calls
            calls.more()
            assert old.unary_calls <= asked + CALLERS, "but for those that were under way"
            with Streams(client, new) as second:
                reload(gateway, through(old, number=5, listeners=listeners))  # back, while the former connection lives
                assert number_seen(client) == "5"
                reload(gateway, through(new, number=6, listeners=listeners))
                for streams in (first, second):
                    streams.go_on()
                calls.more()
                assert connections(gateway, "server") == 1, "the client's connection is the same all the time"
                for streams in (first, second):
                    streams.end()
            calls.more()
        assert calls.failed == []
        until(lambda: is_left(gateway, old), "connections to the former server have ended")


def is_left(gateway: Gateway, server: EchoServer) -> bool:
    """No connection leads to it any more."""
    return gateway.metrics().sum("gateway_upstream_connections_open", endpoint=server.address) == 0


def test_an_upstream_whose_name_goes_lets_its_streams_finish(tmp_path: Path) -> None:
    with EchoServer() as old, EchoServer() as new, Gateway(through(old), tmp_path) as gateway:
        with client_of(gateway) as client, Streams(client, old) as streams:
            renamed = through(new)
            renamed["upstreams"] = {"other": renamed["upstreams"]["app"]}
            renamed["routes"][0]["rules"][0]["to"] = "other"
            with SteadyCalls(client) as calls:
                reload_by_api(gateway, renamed)
                streams.go_on()
                calls.more()
            assert calls.failed == []
            reload_by_api(gateway, forward_to(new.address, rule={"match": "/elsewhere"}))
            with pytest.raises(grpc.RpcError, match="no_rule"):
                client.unary()(b"", timeout=PATIENCE)
            streams.go_on()
            streams.end()


def told_to_go(client: EchoClient) -> threading.Event:
    """Set when the connection of a client that makes no new calls takes none any more: it was sent GOAWAY."""
    told = threading.Event()

    def changed(state: grpc.ChannelConnectivity) -> None:
        if state is not grpc.ChannelConnectivity.READY:
            told.set()

    ready = threading.Event()
    client.channel.subscribe(lambda state: ready.set() if state is grpc.ChannelConnectivity.READY else None)
    assert ready.wait(PATIENCE)
    client.channel.subscribe(changed)
    return told


def test_a_listener_that_goes_lets_its_streams_finish_and_takes_no_new_connection(tmp_path: Path) -> None:
    web, extra = listener(), listener(name="extra")
    with EchoServer() as server, Gateway(through(server, listeners=[web, extra]), tmp_path) as gateway:
        with (
            EchoClient(gateway.port("extra")) as leaving,
            EchoClient(gateway.port("extra"), gateway.port()) as moving,
            SteadyCalls(moving) as calls,
            Streams(leaving, server) as streams,
        ):
            told = told_to_go(leaving)
            reload_by_api(gateway, through(server, listeners=[web]))
            assert told.wait(PATIENCE)
            streams.go_on()
            with pytest.raises(grpc.RpcError, match="refused"):
                leaving.unary()(b"", timeout=PATIENCE)
            calls.more()
            streams.go_on()
            streams.end()
        assert calls.failed == []
        until(lambda: [each["name"] for each in gateway.status()["listeners"]] == ["web", "admin"], "it is gone")
        assert ended(gateway, "server", "drained") == 2


def test_the_process_ends_after_its_streams_while_calls_go_to_another(tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    with (
        EchoServer() as server,
        Gateway(through(server), tmp_path) as first,
        Gateway(through(server), other) as second,
    ):
        with (
            EchoClient(first.port()) as leaving,
            EchoClient(first.port(), second.port()) as moving,
            SteadyCalls(moving) as calls,
            Streams(leaving, server) as streams,
        ):
            told = told_to_go(leaving)
            first.signal(signal.SIGTERM)
            assert told.wait(PATIENCE)
            calls.more()
            streams.go_on()
            until(lambda: connections(second, "server") == 1, "the load has moved")
            assert first.process.poll() is None
            calls.more()
            streams.end()
            assert first.wait() == 0
            calls.more()
        assert calls.failed == []
