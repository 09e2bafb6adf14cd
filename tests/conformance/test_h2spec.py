"""Every case of h2spec passes, strict ones included: asked of the codec alone, and of the gateway's listeners."""

from __future__ import annotations

import socket
import subprocess
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conformance.h2spec import CASES, h2spec, read
from tests.e2e.certificates import Certificates
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway
from tests.e2e.origin import TellingOrigin
from tests.unit.examples import example

pytestmark = pytest.mark.timeout(600)  # the first run compiles the codec


@contextmanager
def serving(*command: str) -> Iterator[int]:
    """Listen, and give every connection to a process of its own as its standard input and output."""
    started: list[subprocess.Popen[bytes]] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock:
                    end = sock.fileno()
                    started.append(subprocess.Popen(command, stdin=end, stdout=end, stderr=subprocess.DEVNULL))

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for process in started:
                process.kill()
                process.wait()


def test_the_codec_alone_passes_every_case(tmp_path: Path) -> None:
    with serving(example("streams"), "server") as port:
        report = h2spec(port, tmp_path)
    assert not report.troubles, "\n".join(report.troubles)
    assert report.passed == CASES


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    with TellingOrigin() as origin:
        config = forward_to(origin.address)
        config["listeners"] = [
            {"name": "both", "listen": LISTEN},
            {"name": "h2c", "listen": LISTEN, "protocols": ["h2"]},
            {"name": "tls", "listen": LISTEN, "tls": certificates.tls(certificates.leaf("test"))},
        ]
        with Gateway(config, tmp_path_factory.mktemp("h2spec")) as running:
            yield running


def test_a_plain_listener_of_http2_passes_every_case(gateway: Gateway, tmp_path: Path) -> None:
    report = h2spec(gateway.port("h2c"), tmp_path)
    assert not report.troubles, "\n".join(report.troubles)
    assert report.passed == CASES
    assert gateway.status()["panics"] == 0


def test_a_listener_with_tls_passes_every_case(gateway: Gateway, tmp_path: Path) -> None:
    report = h2spec(gateway.port("tls"), tmp_path, "--tls", "--insecure")
    assert not report.troubles, "\n".join(report.troubles)
    assert report.passed == CASES
    assert gateway.status()["panics"] == 0


def test_a_plain_listener_of_both_versions_passes_every_case_but_the_one_that_is_http_1(
    gateway: Gateway, tmp_path: Path
) -> None:
    """What does not begin with the preface is HTTP/1.1 there, and a bad request of that."""
    report = h2spec(gateway.port("both"), tmp_path)
    assert [trouble.split("\n")[0] for trouble in report.troubles] == ["http2/3.5: Sends invalid connection preface"]
    assert "looked like an HTTP/1.1 header" in report.troubles[0]


def test_h2spec_would_notice_a_broken_rule(tmp_path: Path) -> None:
    """A report that is always good would say nothing: `cat` answers every frame with itself."""
    with serving("cat") as port:
        report = h2spec(port, tmp_path, "generic/3.7", "hpack/6", "--timeout", "1")
    assert report.passed == 0
    assert [trouble.split(":")[0] for trouble in report.troubles] == ["generic/3.7", "hpack/6.1", "hpack/6.3"]


def test_a_case_that_was_skipped_is_a_trouble() -> None:
    text = '<testsuites><testsuite><testcase package="a" classname="b"><skipped/></testcase></testsuite></testsuites>'
    assert read(ElementTree.fromstring(text)).troubles == ["a: b\n    skipped"]
