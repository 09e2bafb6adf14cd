"""Clients and servers of HTTP/2 that people use: nghttp, h2load and curl in front, nghttpd and nginx behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway
from tests.e2e.programs import nghttpd, nginx, run

PAGE = b"0123456789abcdef" * 64
LARGE = b"0123456789abcdef" * (5 * 1024 * 1024 // 16)


@pytest.fixture(scope="module", params=["h1", "h2"], ids=lambda name: f"to-{name}")
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("programs")
    with nginx(directory) if request.param == "h1" else nghttpd(directory) as origin:
        (origin.files / "page").write_bytes(PAGE)
        (origin.files / "large").write_bytes(LARGE)
        protocol = {"protocol": "h2"} if request.param == "h2" else {}
        config = {
            "listeners": [{"name": "web", "listen": LISTEN}],
            "routes": [{"name": "all", "rules": [{"name": "all", "to": "app"}]}],
            "upstreams": {"app": {"endpoints": [origin.address], **protocol}},
        }
        with Gateway(config, directory) as running:
            yield running


def url(gateway: Gateway, path: str) -> str:
    return f"http://127.0.0.1:{gateway.port()}{path}"


def test_curl_by_prior_knowledge(gateway: Gateway, tmp_path: Path) -> None:
    got = tmp_path / "got"
    said = run(
        "curl",
        "-sS",
        "--http2-prior-knowledge",
        "-o",
        str(got),
        "-w",
        "%{http_version} %{http_code}",
        url(gateway, "/large"),
    )
    assert said.stdout == "2 200"
    assert got.read_bytes() == LARGE


def test_curl_uploads(gateway: Gateway, tmp_path: Path) -> None:
    """To a server that takes no uploads here; it is heard out all the same, or told in order to stop."""
    body = tmp_path / "body"
    body.write_bytes(LARGE)
    said = run(
        "curl", "-sS", "--http2-prior-knowledge", "-T", str(body), "-w", "%{http_version}", url(gateway, "/sink")
    )
    assert said.stdout.endswith("2")


def test_nghttp_gets_pages_and_is_told_lengths(gateway: Gateway) -> None:
    said = run("nghttp", "-v", "--no-dep", url(gateway, "/page"), url(gateway, "/large"))
    assert said.stdout.count(":status: 200") == 2
    assert f"content-length: {len(LARGE)}" in said.stdout
    assert "RST_STREAM" not in said.stdout
    assert not re.search(r"GOAWAY.*\n.*error_code=(?!NO_ERROR)", said.stdout)


def test_nghttp_with_the_smallest_windows_gets_all_of_a_body(gateway: Gateway, tmp_path: Path) -> None:
    said = run("nghttp", "-w", "10", "-W", "12", "--no-dep", url(gateway, "/large"))
    assert len(said.stdout) == len(LARGE)


def test_nghttp_pads_continues_and_hints(gateway: Gateway, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(PAGE * 100)
    said = run(
        "nghttp", "-v", "-b", "200", "--continuation", "--hexdump", "-d", str(body), "--trailer", "x-sum: 1",
        url(gateway, "/sink"), check=False,
    )  # fmt: skip
    assert re.search(r":status: (200|405|404|400)", said.stdout), said.stdout[-2000:]
    assert "ENHANCE_YOUR_CALM" not in said.stdout
    assert "PROTOCOL_ERROR" not in said.stdout


@pytest.mark.parametrize(("clients", "streams"), [(1, 1), (4, 32), (2, 100)])
def test_h2load_finds_every_request_answered(gateway: Gateway, clients: int, streams: int) -> None:
    said = run("h2load", "-n", "2000", "-c", str(clients), "-m", str(streams), url(gateway, "/page")).stdout
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert "status codes: 2000 2xx" in said, said


def test_h2load_uploads(gateway: Gateway, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(100_000))
    said = run("h2load", "-n", "200", "-c", "2", "-m", "10", "-d", str(body), url(gateway, "/sink")).stdout
    assert "200 succeeded, 0 failed" in said or "0 errored, 0 timeout" in said, said


def test_h2load_over_http1_beside_it(gateway: Gateway) -> None:
    said = run("h2load", "--h1", "-n", "1000", "-c", "4", url(gateway, "/page")).stdout
    assert "1000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said


def test_nothing_of_it_was_a_fault(gateway: Gateway) -> None:
    assert gateway.status()["panics"] == 0
