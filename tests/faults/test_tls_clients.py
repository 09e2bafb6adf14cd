"""Clients of TLS that stall, vanish, or say what is no handshake: each ends in time, is counted, and leaves nothing."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.client import PATIENCE
from tests.e2e.configuration import LISTEN, rules
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.programs import program
from tests.e2e.tls_socket import TlsSocket
from tests.faults.tls_records import ALERT, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE, client_hello, in_pieces, record

HANDSHAKE_SECONDS: Final = 0.5
"""What a handshake may take here."""

CLIENTS: Final = 10

ASK: Final = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    """`opening` opens every connection; `passing` looks at the name first, since some are passed on."""
    tls = certificates.tls(certificates.leaf("test"), handshake_timeout=f"{HANDSHAKE_SECONDS}s")
    passing = {**tls, "passthrough": [{"sni": ["db.test"], "to": "db"}]}
    timeout = {"header": "600ms", "idle": "700ms"}
    listeners: list[dict[str, Any]] = [
        {"name": "opening", "listen": LISTEN, "tls": tls, "timeout": timeout},
        {"name": "passing", "listen": LISTEN, "tls": passing, "timeout": timeout},
    ]
    config = rules({"respond": {"body": "fine"}}, upstreams={"db": "127.0.0.1:1"}, listeners=listeners)
    with Gateway(config, tmp_path_factory.mktemp("tls-clients")) as running:
        yield running


def connect(gateway: Gateway, listener: str = "opening") -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", gateway.port(listener)), PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def counted(gateway: Gateway, *results: str) -> float:
    """Handshakes with clients that have ended so."""
    metrics = gateway.metrics()
    return sum(metrics.sum("gateway_tls_handshakes_total", side="downstream", result=each) for each in results)


def nothing_stays(gateway: Gateway) -> None:
    def gone() -> bool:
        metrics = gateway.metrics()
        return all(metrics.sum("gateway_connections_open", listener=name) == 0 for name in ("opening", "passing"))

    until(gone, "nothing of them is left")
    assert gateway.status()["panics"] == 0


def rest(sock: socket.socket) -> bytes:
    """Everything until the end."""
    heard = b""
    try:
        while part := sock.recv(65_536):
            heard += part
    except ConnectionResetError:
        pass
    return heard


HELLO: Final = client_hello()

STAGES: Final = {
    "before the first byte": b"",
    "inside the header of a record": HELLO[:3],
    "inside the hello": HELLO[: len(HELLO) // 2],
    "between two records of the hello": in_pieces(HELLO[5:], 40)[: 45 * 4],
    "after the hello": HELLO,
    "after change_cipher_spec": HELLO + record(CHANGE_CIPHER_SPEC, b"\x01"),
}


@pytest.mark.parametrize("listener", ["opening", "passing"])
@pytest.mark.parametrize("stage", STAGES)
def test_handshake_that_stands_still_is_ended_in_its_time(gateway: Gateway, listener: str, stage: str) -> None:
    before = counted(gateway, "timeout")
    with ExitStack() as stack:
        began = time.monotonic()
        socks = [stack.enter_context(connect(gateway, listener)) for _ in range(CLIENTS)]
        for sock in socks:
            sock.sendall(STAGES[stage])
        for sock in socks:
            rest(sock)
        assert time.monotonic() - began >= HANDSHAKE_SECONDS * 0.9
    assert counted(gateway, "timeout") - before == CLIENTS
    nothing_stays(gateway)


@pytest.mark.parametrize("listener", ["opening", "passing"])
def test_hello_that_is_dribbled_has_no_more_time(gateway: Gateway, listener: str) -> None:
    before = counted(gateway, "timeout")
    with connect(gateway, listener) as sock:
        sock.settimeout(HANDSHAKE_SECONDS / 20)
        began, ended, left = time.monotonic(), False, HELLO
        while not ended and time.monotonic() - began < PATIENCE:
            try:
                sock.sendall(left[:1])
                left = left[1:]
                ended = sock.recv(1) == b""
            except TimeoutError:
                pass
            except OSError:
                ended = True
        assert ended
        assert left, "it was ended in the middle"
    assert counted(gateway, "timeout") - before == 1
    nothing_stays(gateway)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stage", STAGES)
def test_client_that_vanishes_leaves_nothing_behind(gateway: Gateway, stage: str, how: str) -> None:
    before, descriptors = counted(gateway, "gone"), gateway.descriptors()
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            sock = stack.enter_context(connect(gateway))
            sock.sendall(STAGES[stage])
            if stage.startswith("after"):
                assert sock.recv(1) == b"\x16", "the gateway's part of the handshake"
            if how == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: counted(gateway, "gone") - before == CLIENTS, "all are counted")
    nothing_stays(gateway)
    until(lambda: gateway.descriptors() <= descriptors + 2, "descriptors are back")


def test_half_a_record_after_the_handshake_has_the_time_of_a_head(gateway: Gateway, certificates: Certificates) -> None:
    tls = TlsSocket(connect(gateway), certificates.client_context(), "test")
    tls.sock.sendall(tls.seal(ASK)[:-1])
    assert tls.recv(1) == b"", "it is ended in order"
    tls.close()
    nothing_stays(gateway)


def mangled(at: int, byte: int) -> bytes:
    return HELLO[:at] + bytes([byte]) + HELLO[at + 1 :]


GARBAGE: Final = {
    "HTTP/1.1": ASK,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a hello of SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "a hello of SSL 3": record(HANDSHAKE, b"\x01\0\0\x29\x03\0" + bytes(33) + b"\0\x02\0\x2f\x01\0"),
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "noise": random.Random(5).randbytes(1000),
    "a record that is too long": b"\x16\x03\x01\xff\xff" + bytes(70_000),
    "a record without content": record(HANDSHAKE, b""),
    "a message that is too long": record(HANDSHAKE, b"\x01\xff\xff\xff" + bytes(1000)),
    "a hello whose length is too small": mangled(8, HELLO[8] - 1),
    "a hello whose random has no end": mangled(43, 255),
    "a ServerHello": record(HANDSHAKE, b"\x02" + HELLO[6:]),
    "Finished": record(HANDSHAKE, b"\x14\x00\x00\x0c" + bytes(12)),
    "an alert": record(ALERT, b"\x02\x28"),
    "data before the handshake": record(DATA, bytes(100)),
    "data after the hello": HELLO + record(DATA, bytes(100)),
}


@pytest.mark.parametrize("listener", ["opening", "passing"])
@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_handshake_is_ended_before_its_time(gateway: Gateway, listener: str, name: str) -> None:
    before = counted(gateway, "malformed", "incompatible", "alert")
    with connect(gateway, listener) as sock:
        began = time.monotonic()
        sock.sendall(GARBAGE[name])
        heard = rest(sock)
    assert b"HTTP/" not in heard
    assert time.monotonic() - began < HANDSHAKE_SECONDS, "it was not waited for"
    assert counted(gateway, "malformed", "incompatible", "alert") - before == 1
    nothing_stays(gateway)


class InPieces(socket.socket):
    """A socket that sends handshake messages in records of so many bytes."""

    size = 1

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        super().sendall(in_pieces(data[5:], self.size) if data[0] == HANDSHAKE else data, flags)


@pytest.mark.parametrize("listener", ["opening", "passing"])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_hello_in_small_records_is_understood(
    gateway: Gateway, certificates: Certificates, listener: str, size: int
) -> None:
    sock = InPieces(fileno=connect(gateway, listener).detach())
    sock.settimeout(PATIENCE)
    sock.size = size
    answered(TlsSocket(sock, certificates.client_context(), "test"))


def answered(tls: TlsSocket) -> None:
    """The gateway answers a request on it."""
    tls.sendall(ASK)
    assert tls.recv(13).startswith(b"HTTP/1.1 200")
    tls.close()


def offering(certificates: Certificates, count: int) -> ssl.SSLContext:
    """Of a client that offers so many protocols of 250 bytes."""
    return certificates.client_context(alpn=(*(f"{number:0>250}" for number in range(count)), "http/1.1"))


@pytest.mark.parametrize("kilobytes", [4, 12, 40])
def test_large_hello_is_understood(gateway: Gateway, certificates: Certificates, kilobytes: int) -> None:
    answered(TlsSocket(connect(gateway), offering(certificates, 4 * kilobytes), "test"))


def test_a_handshake_is_not_made_again(gateway: Gateway, certificates: Certificates) -> None:
    """Renegotiation, which TLS 1.2 has: the client is told that there is none here."""
    before = counted(gateway, "full")
    where = ["-connect", f"127.0.0.1:{gateway.port('opening')}", "-servername", "test"]
    command = [program("openssl"), "s_client", "-tls1_2", "-CAfile", str(certificates.ca), *where]
    client = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with client:
        assert client.stdin is not None and client.stdout is not None
        client.stdin.write("R\n")
        client.stdin.flush()
        said = client.stdout.read()
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said, said[-2000:]
    assert counted(gateway, "full") - before == 1
    nothing_stays(gateway)
