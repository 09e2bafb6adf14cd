"""Scenarios as data: what the load generator and the candidates are told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import certificate, measure, scenarios
from bench.candidates import every
from bench.peer import Place
from bench.peers import caddy, envoy, gateway, h2o, haproxy, nghttpx, nginx
from bench.scenarios import ALL, SECURE


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> certificate.Certificate:
    return certificate.make(tmp_path_factory.mktemp("certificate"))


def test_patterns_name_scenarios_in_their_order() -> None:
    assert scenarios.matching(None) == list(ALL)
    assert scenarios.matching(["tls-*", "big"]) == ["big", "tls-new", "tls-resume"]
    with pytest.raises(ValueError, match="no scenario rat; there are h1-64"):
        scenarios.matching(["rat"])


@pytest.mark.parametrize("name", ALL)
def test_the_relay_speaks_http1_in_every_scenario(name: str) -> None:
    relay = every(None)["relay"]
    found = measure.asked_of(relay, ALL[name])
    assert (found.protocol, found.tls, found.upstream) == ("h1", False, "h1")
    if (ALL[name].protocol, ALL[name].tls) == ("h1", False):
        assert found == ALL[name], "what it was always measured with"
    else:
        assert found == replace(found, connection="keep", streams=1, resume=False)


def test_the_load_generator_is_told_the_shape() -> None:
    def said(name: str) -> str:
        return " ".join(ALL[name].shape())

    assert said("h1-64") == "--connections 64 --connection keep --expect 1024"
    assert said("h2c-h1") == "--connections 8 --connection keep --protocol h2 --streams 32 --expect 1024"
    assert said("tls-resume") == "--connections 64 --connection new --resume --expect 1024"
    assert "--grpc --body 100 --expect 1024" in said("grpc")
    assert "--expect 1048576" in said("big-tls-h2")


def test_what_cannot_speak_http2_upstream_is_left_out() -> None:
    both = [name for name, scenario in ALL.items() if scenario.upstream != "h1"]
    assert both
    assert all("h2o" in ALL[name].without for name in both)
    assert "nginx" not in ALL["grpc"].without


def texts(place: Place) -> dict[str, str]:
    """What every peer is told."""
    for peer in (nginx.PEER, haproxy.PEER, envoy.PEER, h2o.PEER, caddy.PEER):
        peer.command(Path(peer.name), place)
    files = ("nginx.conf", "haproxy.cfg", "envoy.yaml", "h2o.yaml", "caddy.json")
    told = {name.partition(".")[0]: (place.directory / name).read_text() for name in files}
    told["nghttpx"] = " ".join(nghttpx.PEER.command(Path("nghttpx"), place))
    told["gateway"] = gateway.configuration(place)
    return told


def test_http1_without_tls_is_told_to_nobody_otherwise(tmp_path: Path) -> None:
    told = texts(Place(tmp_path, 1, "127.0.0.1:2"))
    assert "ssl" not in told["nginx"]
    assert "proto h2" not in told["haproxy"]
    assert "codec_type: HTTP1" in told["envoy"]
    assert "no-tls" in told["nghttpx"]
    assert "chain" not in told["h2o"] + told["caddy"] + told["gateway"]


def test_http2_on_both_sides(tmp_path: Path) -> None:
    told = texts(Place(tmp_path, 1, "127.0.0.1:2", http2=True, upstream_http2=True))
    assert "backlog=4096 http2;" in told["nginx"]
    assert "grpc_pass" in told["nginx"]
    assert told["haproxy"].count("proto h2") == 2
    assert "codec_type: HTTP2" in told["envoy"]
    assert "http2_protocol_options" in told["envoy"]
    assert "--backend=127.0.0.1,2;;proto=h2" in told["nghttpx"]
    assert '"h2c"' in told["caddy"]
    assert "protocol: h2" in told["gateway"]


@pytest.mark.parametrize("tickets", [True, False])
def test_one_certificate_one_version_and_tickets_as_the_scenario_says(
    tmp_path: Path, shown: certificate.Certificate, tickets: bool
) -> None:
    told = texts(Place(tmp_path, 1, "127.0.0.1:2", certificate=shown, tickets=tickets))
    for name, text in told.items():
        assert str(shown.both if name == "haproxy" else shown.chain) in text, name
        assert "1.3" in text or "TLSv1_3" in text, name
    assert f"ssl_session_tickets {'on' if tickets else 'off'};" in told["nginx"]
    assert ("no-tls-tickets" in told["haproxy"]) is not tickets
    assert f"disable_stateless_session_resumption: {str(not tickets).lower()}" in told["envoy"]
    assert f"mode: {'ticket' if tickets else 'off'}" in told["h2o"]
    apps = json.loads(told["caddy"])["apps"]
    assert apps["tls"]["session_tickets"]["disabled"] is not tickets


def test_a_rate_offers_what_another_scenario_does() -> None:
    shapes = [scenario.shape() for name, scenario in ALL.items() if name.startswith("rate-")]
    assert shapes
    assert all(shape in [scenario.shape() for scenario in SECURE.values()] for shape in shapes)
