"""PROXY headers from real senders: HAProxy, curl, and by hand. The client that they name is the client everywhere."""

from __future__ import annotations

import ipaddress
import json
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.client import Client
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway, free_port, until
from tests.e2e.origin import TellingOrigin
from tests.e2e.programs import answers, program, run

GET: Final = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"

HAPROXY: Final = """
global
  stats socket {directory}/haproxy.sock mode 600
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:{port}
  server gateway 127.0.0.1:{gateway} {how}
"""


def believing(*networks: str, address: str, **listener: Any) -> dict[str, Any]:
    config = forward_to(address, access_log={"path": "access.log"})
    config["listeners"] = [
        {"name": "web", "listen": LISTEN, "proxy_protocol": {"from": list(networks)}, **listener},
        {"name": "open", "listen": LISTEN},
    ]
    return config


def block(client: str, records: bytes = b"", *, command: int = 0x21) -> bytes:
    """A header of version 2."""
    packed = ipaddress.ip_address(client).packed
    family = 0x11 if len(packed) == 4 else 0x21
    content = packed + packed + struct.pack(">HH", 56_324, 443) + records
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(content)) + content


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with TellingOrigin() as origin:
        config = believing("127.0.0.0/8", address=origin.address)
        with Gateway(config, tmp_path_factory.mktemp("proxy")) as running:
            yield running


@contextmanager
def haproxy(gateway: Gateway, how: str, directory: Path) -> Iterator[int]:
    """A HAProxy in front of the gateway; its port."""
    port = free_port()
    text = HAPROXY.format(directory=directory, port=port, gateway=gateway.port(), how=how)
    (directory / "haproxy.cfg").write_text(text)
    process = subprocess.Popen(
        [program("haproxy"), "-db", "-f", str(directory / "haproxy.cfg")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: answers(port) or process.poll() is not None, "HAProxy answers")
        assert process.poll() is None, process.communicate()[1].decode()
        yield port
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_a_client_behind_haproxy_is_the_client(gateway: Gateway, tmp_path: Path, how: str) -> None:
    with haproxy(gateway, how, tmp_path) as port:
        for source in ("127.0.0.2", "127.0.0.3"):
            done = run("curl", "-sS", "--interface", source, f"http://127.0.0.1:{port}/hello")
            assert json.loads(done.stdout)["headers"].count(["x-forwarded-for", source]) == 1


def test_a_client_that_curl_speaks_for(gateway: Gateway) -> None:
    done = run("curl", "-sS", "--haproxy-protocol", f"http://127.0.0.1:{gateway.port()}/hello")
    assert ["x-forwarded-for", "127.0.0.1"] in json.loads(done.stdout)["headers"]


@pytest.mark.parametrize("client", ["198.51.100.7", "2001:db8::7"])
def test_the_client_is_in_the_log_and_named_upstream(gateway: Gateway, client: str) -> None:
    records = b"\x01\0\x02h2" + b"\x04\0\x03\0\0\0"
    with Client(gateway.port()) as sender:
        sender.send(block(client, records) + GET)
        assert sender.read().told.header("x-forwarded-for") == [client]
        sender.send(GET)
        assert sender.read().told.header("x-forwarded-for") == [client]
    log = gateway.directory / "access.log"
    until(lambda: log.read_text().count(f'"client":"{client}"') == 2, "both requests are logged")


def test_a_proxy_that_speaks_for_itself_has_its_own_address(gateway: Gateway) -> None:
    with Client(gateway.port()) as sender:
        sender.send(block("198.51.100.7", command=0x20) + GET)
        assert sender.read().told.header("x-forwarded-for") == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("begins", "result"),
    [
        (GET, "missing"),
        (b"PROXY TCP4 198.51.100.7\r\n", "malformed"),
        (block("198.51.100.7", b"\x01\0\xffh2") + GET, "malformed"),
        (SIGNATURE + b"\x21\x11\xff\xff", "too_long"),
        (b"PROXY UNKNOWN " + b"x" * 100, "too_long"),
    ],
)
def test_a_sender_that_is_listed_has_to_send_a_header(gateway: Gateway, begins: bytes, result: str) -> None:
    before = gateway.metrics().sum("gateway_proxy_headers_total", result=result)
    with Client(gateway.port()) as sender:
        sender.send(begins)
        assert sender.closed()
    assert gateway.metrics().sum("gateway_proxy_headers_total", result=result) == before + 1


def test_nobody_else_is_believed(gateway: Gateway) -> None:
    for header in (block("198.51.100.7"), b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n"):
        with Client(gateway.port("open")) as sender:
            sender.send(header + GET)
            assert sender.read().status == 400


def test_a_unix_socket_lists_its_clients_by_a_word(tmp_path: Path) -> None:
    with TellingOrigin() as origin:
        config = believing("unix", address=origin.address, listen=f"unix:{tmp_path}/gw.sock")
        with Gateway(config, tmp_path), Client(unix=f"{tmp_path}/gw.sock") as sender:
            sender.send(block("198.51.100.7") + GET)
            assert sender.read().told.header("x-forwarded-for") == ["198.51.100.7"]
