"""The order of a session, who takes part, and what candidates are told."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bench import __main__, candidates, compare, measure, scenarios
from bench.measure import Bench, Sample
from bench.peer import MissingError, Peer, Place
from bench.peers import envoy, gateway, haproxy, nginx
from bench.process import FailedError
from bench.scenarios import Scenario


def session(peers: dict[str, Peer], rounds: int) -> compare.Session:
    return compare.Session(Bench(Path(), {}, 0, Path(), 1.0, {}), peers, rounds)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names in the order in which they were measured; envoy fails."""
    names: list[str] = []

    def sample(_bench: Bench, peer: Peer, _scenario: Scenario, _label: str, _rate: float | None) -> Sample:
        names.append(peer.name)
        if peer.name == "envoy":
            raise FailedError("no")
        return {"cpu_us": 1.0, "errors": 0}

    monkeypatch.setattr(measure, "sample", sample)
    return names


def test_rounds_alternate_their_order(measured: list[str]) -> None:
    chosen = {name: peer for name, peer in candidates.every(None).items() if name in ("relay", "nginx", "gateway")}
    session(chosen, 3).run("h1-64", scenarios.ALL["h1-64"])
    assert measured == [
        "relay",
        "nginx",
        "gateway",
        "gateway",
        "nginx",
        "relay",
        "relay",
        "nginx",
        "gateway",
    ]


def test_a_candidate_that_fails_is_left_out_and_named(measured: list[str]) -> None:
    chosen = {name: peer for name, peer in candidates.every(None).items() if name in ("nginx", "envoy")}
    table = session(chosen, 2).run("h1-64", scenarios.ALL["h1-64"])
    assert measured == ["nginx", "envoy", "nginx"]
    assert table.faults == {"envoy": "no"}


@pytest.mark.parametrize(
    ("pulse", "rounds"),
    [
        ([90.0] * 6, 2),
        ([90.0, 120.0, 90.0, 90.0, 90.0, 90.0], 3),
        ([90.0, *[120.0] * 5], 6),
    ],
)
def test_disturbed_rounds_are_repeated_by_everybody_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, pulse: list[float], rounds: int
) -> None:
    names: list[str] = []

    def sample(_bench: Bench, peer: Peer, _scenario: Scenario, _label: str, _rate: float | None) -> Sample:
        names.append(peer.name)
        yardstick = pulse[names.count("nginx") - 1] if peer.name == "nginx" else 90.0
        return {"cpu_us": 1.0, "errors": 0, "yardstick_ms": yardstick}

    monkeypatch.setattr(measure, "sample", sample)
    chosen = {name: peer for name, peer in candidates.every(None).items() if name in ("relay", "nginx")}
    session(chosen, 2).run("h1-64", scenarios.ALL["h1-64"])
    assert (names.count("nginx"), names.count("relay")) == (rounds, rounds)


def test_the_rate_is_one_that_every_candidate_holds(monkeypatch: pytest.MonkeyPatch, measured: list[str]) -> None:
    found = {"relay": 90_000.0, "nginx": 70_000.0, "haproxy": 12_345.0}
    monkeypatch.setattr(measure, "throughput", lambda _bench, peer, _scenario, _label: found[peer.name])
    chosen = {name: peer for name, peer in candidates.every(None).items() if name in found}
    assert session(chosen, 1).run("rate", scenarios.ALL["rate"]).rate == 7400
    found["haproxy"] = 45.6
    assert session(chosen, 1).run("rate", scenarios.ALL["rate"]).rate == 27
    del chosen["haproxy"]
    assert session(chosen, 1).run("rate", scenarios.ALL["rate"]).rate == scenarios.OFFERED_RATE
    assert measured


def test_controls_are_always_there() -> None:
    assert list(candidates.choose(["gateway"], None)) == [
        "relay",
        "nginx",
        "haproxy",
        "gateway",
    ]
    assert list(candidates.choose(None, None)) == list(candidates.NAMES)
    with pytest.raises(MissingError, match="relay, nginx"):
        candidates.choose(["apache"], None)


def test_a_missing_program_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="make build"):
        gateway.peer(tmp_path / "nowhere").find()


@pytest.mark.parametrize(("routes", "rules", "admin"), [(1, 1, None), (10, 1, 9901), (1, 1000, None)])
def test_the_gateway_is_told_one_worker_and_its_table(
    tmp_path: Path, routes: int, rules: int, admin: int | None
) -> None:
    text = gateway.configuration(Place(tmp_path, 8080, "127.0.0.1:3000", routes, rules, admin))
    lines = text.splitlines()
    assert "workers: 1" in lines
    assert sum(line.startswith(("  - {name:", "  - name:")) for line in lines) == routes
    assert sum(line.startswith("      - {name:") for line in lines) == rules
    assert ('admin: {listen: "127.0.0.1:9901"}' in lines) is bool(admin)


@pytest.mark.parametrize(("peer", "check"), [(nginx.PEER, "-t"), (haproxy.PEER, "-c")])
def test_the_peers_accept_their_configurations(tmp_path: Path, peer: Peer, check: str) -> None:
    program = shutil.which(peer.name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{peer.name} is not installed, and a test installs nothing")
    command = peer.command(Path(program), Place(tmp_path, 1, "127.0.0.1:3000"))
    done = subprocess.run([*command, check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_envoy_runs_one_worker_and_may_run_twice(tmp_path: Path) -> None:
    command = envoy.command(Path("envoy"), Place(tmp_path, 8080, "127.0.0.1:3000"))
    assert command[command.index("--concurrency") + 1] == "1"
    assert "--disable-hot-restart" in command
    assert "port_value: 3000" in (tmp_path / "envoy.yaml").read_text()


def test_a_quick_look_is_short_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[compare.Options] = []

    def note(options: compare.Options) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr(__main__, "compare", note)
    for line in (
        ["compare"],
        [
            "compare",
            "--quick",
            "--seconds",
            "2",
            "--candidates",
            "nginx",
            "--scenario",
            "big",
        ],
    ):
        assert __main__.main(line) == 0
    assert (seen[0].rounds, seen[0].seconds, seen[0].scenarios) == (
        6,
        4.0,
        list(scenarios.ALL),
    )
    assert (seen[1].rounds, seen[1].seconds, seen[1].scenarios) == (2, 2.0, ["big"])
    assert seen[1].candidates == ["nginx"]
