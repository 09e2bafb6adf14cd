"""Every candidate of the comparison starts with the configuration of every scenario and answers its request.

A peer that is not installed is skipped: a test installs nothing. The answer is judged by the load generator, so that
its protocol, TLS, length and gRPC status are what the scenario asks for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from bench import certificate, compare, process, tool
from bench.candidates import NAMES, every
from bench.measure import Bench, asked_of, url
from bench.peers import envoy, gateway
from bench.scenarios import ALL, Scenario

pytestmark = pytest.mark.timeout(600)  # the load generator may have to be built

PACKAGES: Final = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "nghttpx": "nghttp2-proxy",
    "h2o": "h2o",
    "caddy": "caddy",
}
"""Peer → Debian package."""

DIFFERENT: Final = (
    "h1-64",
    "new-conn",
    "big",
    "h2c-h1",
    "h2-tls-h1",
    "h2c-h2c",
    "grpc",
    "h1-tls",
    "tls-new",
    "tls-resume",
    "big-tls-h1",
    "big-tls-h2",
)
"""The scenarios whose configurations or requests differ; the others measure one of these otherwise."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Upstreams and a certificate, as a session of the comparison has them."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is missing: the load generator cannot be built")
    for program, package in (("nginx", "nginx-light"), ("h2o", "h2o"), ("nghttpd", "nghttp2-server")):
        if installed(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {package}")
    load = tool.find()
    directory = tmp_path_factory.mktemp("bench")
    for parent in (directory, directory.parent):
        parent.chmod(0o755)
    core = min(os.sched_getaffinity(0))
    with ExitStack() as stack:
        upstreams = compare.upstreams(stack, directory, core, ALL)
        programs = {name: path for name in NAMES if (path := program_of(name, load))}
        yield Bench(directory, upstreams, core, load, 1.0, programs, certificate.make(directory))


def installed(program: str) -> Path | None:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return Path(found) if found else None


def program_of(name: str, load: Path) -> Path | None:
    if name == "relay":
        return load
    if name == "gateway":
        return gateway.peer(None).find()
    return envoy.installed(envoy.cache()) if name == "envoy" else installed(name)


def skip_what_cannot_be(bench: Bench, name: str, scenario: Scenario) -> None:
    if name in scenario.without:
        pytest.skip(f"{name} cannot do this")
    if name not in bench.programs:
        how = f"apt-get install {PACKAGES[name]}" if name in PACKAGES else "python -m bench compare installs it"
        pytest.skip(f"{name} is missing: {how}")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scenario", DIFFERENT)
def test_a_peer_answers_what_a_scenario_asks(bench: Bench, scenario: str, name: str) -> None:
    skip_what_cannot_be(bench, name, ALL[scenario])
    peer = every(None)[name]
    asked = asked_of(peer, ALL[scenario])
    with bench.started(peer, asked, f"{scenario}-{name}") as (_, place, _):
        again = ["--connections", "1", "--requests", "4", "--timeout", "10s"]
        report = tool.run(bench.load, url(asked, place.port), *asked.shape(), *again)
    assert (report["requests"], report["errors"]["total"]) == (4, 0), report["errors"]
    if asked.tls:
        assert report["resumed"] in ((2, 3) if asked.resume else (0,))  # h2o makes its first key a little late
        assert report["handshakes"] == (4 if asked.connection == "new" else 1)


@pytest.mark.parametrize("name", ["nginx", "nghttpx", "gateway"])
@pytest.mark.parametrize("scenario", ["memory", "memory-tls", "memory-h2"])
def test_connections_are_held_until_the_memory_is_read(bench: Bench, scenario: str, name: str) -> None:
    skip_what_cannot_be(bench, name, ALL[scenario])
    asked = ALL[scenario]
    with bench.started(every(None)[name], asked, f"{scenario}-{name}") as (running, place, _):
        shape = [*asked.shape(), "--connections", "20", "--requests", "20", "--rate", "500"]
        with tool.holding(bench.load, url(asked, place.port), *shape) as report:
            assert (report["requests"], report["connects"]) == (20, 20)
            held = established(place.port)
        assert held >= 20
        assert running.memory() > 0


def established(port: int) -> int:
    """Connections that the machine has with this port of its own (proc(5), state 01), seen from the server."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def test_an_upstream_of_grpc_is_not_taken_for_one_without(bench: Bench) -> None:
    host, _, port = bench.upstreams["h2"].rpartition(":")
    assert process.listens(int(port)), host
    asked = ALL["grpc"]
    report = tool.run(bench.load, url(asked, int(port)), *asked.shape(), "--connections", "1", "--requests", "1")
    assert (report["requests"], report["errors"]["total"]) == (0, 1)
