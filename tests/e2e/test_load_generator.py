"""The load generator tells what went wrong: each kind of failure, from a server that does just that.

HTTP/2 servers are Python's `h2`, TLS is Python's `ssl`: neither shares code with the generator.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from bench import tool
from tests.e2e.certificates import Certificates
from tests.e2e.origin import Connection, Script, ScriptedOrigin

pytestmark = pytest.mark.timeout(600)  # the load generator may have to be built

Http2 = h2.connection.H2Connection
ONE = ("--connections", "1", "--requests", "1", "--timeout", "5s")


@pytest.fixture(scope="module")
def binary() -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is missing: the load generator cannot be built")
    return tool.find()


def told(binary: Path, script: Script, *options: str, scheme: str = "http") -> dict[str, Any]:
    """What the generator reports of a server that does as scripted."""
    with ScriptedOrigin(script) as origin:
        return tool.run(binary, f"{scheme}://{origin.address}/p", *ONE, *options)


def failures(report: dict[str, Any]) -> dict[str, int]:
    errors = {kind: count for kind, count in report["errors"].items() if count}
    assert errors.pop("total", 0) == sum(errors.values())
    return errors


def http1(answer: bytes) -> Script:
    def script(connection: Connection) -> None:
        connection.read_head()
        connection.send(answer)

    return script


def http2(act: Callable[[Http2, int], None]) -> Script:
    """Answers each request, once it has ended, with `act`, until that ends the connection."""

    def script(connection: Connection) -> None:
        speaker = Http2(h2.config.H2Configuration(client_side=False))
        speaker.initiate_connection()
        connection.send(speaker.data_to_send())
        while data := connection.sock.recv(65536):
            if speaker.state_machine.state is h2.connection.ConnectionState.CLOSED:
                continue
            for event in speaker.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    assert event.stream_id is not None
                    act(speaker, event.stream_id)
            connection.send(speaker.data_to_send())

    return script


def answer(speaker: Http2, stream: int, status: str = "200", body: bytes = b"abc", *fields: tuple[str, str]) -> None:
    speaker.send_headers(stream, [(":status", status), *fields])
    speaker.send_data(stream, body, end_stream=True)


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", None),
        (b"HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nabc", "status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "short"),
        (b"HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\nabc", "malformed"),
        (b"", "closed"),
    ],
)
def test_each_failure_of_http1_by_its_kind(binary: Path, sent: bytes, kind: str | None) -> None:
    report = told(binary, http1(sent), "--expect", "3")
    assert failures(report) == ({kind: 1} if kind else {})
    assert report["requests"] == (0 if kind else 1)


def goaway_first(speaker: Http2, _stream: int) -> None:
    speaker.close_connection(last_stream_id=0)


def stop_halfway(speaker: Http2, stream: int) -> None:
    speaker.send_headers(stream, [(":status", "200"), ("content-length", "3")])
    speaker.send_data(stream, b"ab")
    speaker.close_connection(last_stream_id=stream)


def trailers(status: str) -> Callable[[Http2, int], None]:
    def act(speaker: Http2, stream: int) -> None:
        speaker.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        speaker.send_data(stream, b"\0\0\0\0\x01a")
        speaker.send_headers(stream, [("grpc-status", status)], end_stream=True)

    return act


@pytest.mark.parametrize(
    ("act", "options", "kind"),
    [
        (answer, [], None),
        (lambda speaker, stream: answer(speaker, stream, "404"), [], "status"),
        (lambda speaker, stream: answer(speaker, stream, "200", b"ab"), ["--expect", "3"], "length"),
        (lambda speaker, stream: speaker.reset_stream(stream, 2), [], "reset"),
        (goaway_first, [], "goaway"),
        (trailers("0"), ["--grpc"], None),
        (trailers("14"), ["--grpc"], "grpc"),
        (answer, ["--grpc"], "grpc"),
    ],
)
def test_each_failure_of_http2_by_its_kind(
    binary: Path, act: Callable[[Http2, int], None], options: list[str], kind: str | None
) -> None:
    report = told(binary, http2(act), "--protocol", "h2", *options)
    assert failures(report) == ({kind: 1} if kind else {})
    assert report["requests"] == (0 if kind else 1)


def test_an_answer_that_the_connection_cuts_is_short(binary: Path) -> None:
    def script(connection: Connection) -> None:
        speaker = Http2(h2.config.H2Configuration(client_side=False))
        speaker.initiate_connection()
        connection.send(speaker.data_to_send())
        while not any(isinstance(e, h2.events.RequestReceived) for e in speaker.receive_data(connection.read_some())):
            pass
        stop_halfway(speaker, 1)
        connection.send(speaker.data_to_send())
        connection.half_close()
        while connection.read_some():  # to close on bytes that nobody read would be to reset the answer away
            pass

    assert failures(told(binary, script, "--protocol", "h2")) == {"short": 1}


def test_requests_on_one_connection_overlap(binary: Path) -> None:
    waiting: list[int] = []

    def act(speaker: Http2, stream: int) -> None:
        waiting.append(stream)
        if len(waiting) == 4:
            for one in reversed(waiting):
                answer(speaker, one)
            waiting.clear()

    report = told(binary, http2(act), "--protocol", "h2", "--streams", "4", "--requests", "8")
    assert (report["requests"], report["connects"], failures(report)) == (8, 1, {})


def over_tls(context: ssl.SSLContext, answered: bytes, *, clean: bool = True) -> Script:
    def script(connection: Connection) -> None:
        with context.wrap_socket(connection.sock, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(answered)
            if clean:
                secure.unwrap()

    return script


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nabc"


@pytest.mark.parametrize(
    ("answered", "clean", "kind"),
    [(GOOD, True, None), (ENDLESS, True, None), (ENDLESS, False, "short"), (GOOD[:-1], True, "short")],
)
def test_what_ends_with_a_tls_connection_is_whole_only_if_its_end_was_announced(
    binary: Path, certificates: Certificates, answered: bytes, clean: bool, kind: str | None
) -> None:
    context = certificates.server_context()
    report = told(binary, over_tls(context, answered, clean=clean), scheme="https")
    assert failures(report) == ({kind: 1} if kind else {})


def test_a_handshake_that_fails_is_a_failure_of_tls(binary: Path, certificates: Certificates) -> None:
    def plain(connection: Connection) -> None:
        connection.send(GOOD)
        while connection.sock.recv(65536):
            pass

    assert failures(told(binary, plain, scheme="https")) == {"tls": 1}
    context = certificates.server_context()
    report = told(binary, over_tls(context, GOOD), "--protocol", "h2", scheme="https")
    assert failures(report) == {"tls": 1}, "a server that does not agree to h2"


def test_the_yardstick_takes_time_and_no_argument(binary: Path) -> None:
    assert tool.yardstick(binary) > 1
    done = subprocess.run([binary, "yardstick", "10"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "usage: gateway-load yardstick" in done.stderr
