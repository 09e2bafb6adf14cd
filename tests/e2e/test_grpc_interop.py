"""gRPC's standard interop cases through the gateway, as Go's client asks and Go's server answers them.

They are described in https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md. Both programs speak
HTTP/2 alone, which is the one pairing that carries all of gRPC. Each case is asked without TLS, and over TLS by a
client that verifies the gateway's certificate.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.h2spec import peer
from tests.e2e.certificates import Certificates
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway, free_port, until
from tests.e2e.programs import answers

INTEROP: Final = (
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
)


NAME: Final = "grpc.test"
"""What the client over TLS asks for."""


def through(address: str, certificates: Certificates) -> dict[str, Any]:
    """Forward everything to this server of HTTP/2."""
    tls = certificates.tls(certificates.leaf(NAME))
    return {
        "listeners": [{"name": "plain", "listen": LISTEN}, {"name": "tls", "listen": LISTEN, "tls": tls}],
        "routes": [{"name": "all", "rules": [{"name": "all", "to": "app"}]}],
        "upstreams": {"app": {"endpoints": [address], "protocol": "h2"}},
    }


def aging(port: int, number: int = 0) -> dict[str, Any]:
    """Forward everything to the gateway behind, over connections that soon are old on both sides. `number` makes it
    another configuration."""
    config = forward_to(
        f"127.0.0.1:{port}",
        rule={"headers": {"response": {"set": {"x-number": str(number)}}}},
        listeners=[{"name": "web", "listen": LISTEN, "http2": {"max_age": "1s"}}],
    )
    config["upstreams"]["app"].update(protocol="h2", http2={"max_age": "1s"})
    return config


@pytest.fixture(scope="module")
def interop(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    port = free_port()
    server = subprocess.Popen(
        [peer("grpc-interop-server"), "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(port), "the interop server listens")
        with Gateway(through(f"127.0.0.1:{port}", certificates), tmp_path_factory.mktemp("interop")) as gateway:
            yield gateway
    finally:
        server.kill()
        server.wait()


Ask = Callable[..., None]
"""A case, with options."""


@pytest.fixture(params=["plain", "tls"])
def ask(request: pytest.FixtureRequest, interop: Gateway, certificates: Certificates) -> Ask:
    """Run Go's client."""
    listener: str = request.param
    where = ["--server_host", "127.0.0.1", "--server_port", str(interop.port(listener))]
    trust = ["--use_tls", "--use_test_ca", "--ca_file", str(certificates.ca), "--server_host_override", NAME]
    client = [peer("grpc-interop-client"), *where, *(trust if listener == "tls" else [])]

    def run(case: str, *options: str) -> None:
        done = subprocess.run([*client, "--test_case", case, *options], capture_output=True, text=True, timeout=50)
        assert done.returncode == 0, done.stderr[-3000:]

    return run


@pytest.mark.parametrize("case", INTEROP)
def test_interop_case_of_go(ask: Ask, case: str) -> None:
    ask(case)


def test_many_calls_of_go_on_one_channel(ask: Ask) -> None:
    rounds = ["--soak_iterations", "200", "--soak_max_failures", "0", "--soak_min_time_ms_between_rpcs", "0"]
    ask("rpc_soak", *rounds, "--soak_request_size", "1000", "--soak_response_size", "3000")


def test_calls_of_go_survive_reloads_and_ages(tmp_path: Path, interop: Gateway, certificates: Certificates) -> None:
    """Go's client learns by GOAWAY that its connection gets old, and from nothing that the configuration changes."""
    with Gateway(aging(interop.port("plain")), tmp_path) as gateway, (tmp_path / "said").open("w+") as said:
        where = ["--server_host", "127.0.0.1", "--server_port", str(gateway.port())]
        rounds = ["--soak_iterations", "500", "--soak_max_failures", "0", "--soak_min_time_ms_between_rpcs", "10"]
        client = subprocess.Popen(
            [peer("grpc-interop-client"), *where, "--test_case", "rpc_soak", *rounds], stdout=said, stderr=said
        )
        number = 0
        while client.poll() is None and number < 200:
            number += 1
            assert gateway.reload(aging(interop.port("plain"), number))[0] == 200
        code = client.wait(50)
        said.seek(0)
        assert code == 0, said.read()[-3000:]
        metrics = gateway.metrics()
        for role in ("server", "client"):
            aged = metrics.sum("gateway_http2_closed_total", role=role, reason="max_age")
            assert aged >= 2, f"{role}: {aged} connections had got old"
