"""TLS that is passed on unopened: the certificate that clients see is the upstream's, and what they say is theirs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.client import PATIENCE
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.origin import Connection, ScriptedOrigin, answer
from tests.e2e.programs import run


@contextmanager
def secure_origin(certificates: Certificates, *names: str) -> Iterator[ScriptedOrigin]:
    """A TLS server that answers one request with the name that it was asked for."""
    context = certificates.server_context(*names)
    asked: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: asked.append(name)

    def serve(connection: Connection) -> None:
        with context.wrap_socket(connection.sock, server_side=True) as secure:
            secure.settimeout(PATIENCE)
            secure.recv(65_536)
            secure.sendall(answer(f"{asked[-1]} over {secure.version()}".encode()))

    with ScriptedOrigin(serve) as origin:
        yield origin


def passing(origin: ScriptedOrigin, *names: str, **tls: Any) -> dict[str, Any]:
    listener = {"name": "web", "listen": LISTEN, "tls": {"passthrough": [{"sni": list(names), "to": "app"}], **tls}}
    return {
        "access_log": {"path": "access.log"},
        "listeners": [listener],
        "routes": [{"name": "own", "rules": [{"name": "own", "respond": {"body": "opened here"}}]}],
        "upstreams": {"app": {"endpoints": [origin.address]}},
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    """`db.test` is passed on, `web.test` is opened."""
    pair = certificates.leaf("web.test")
    with secure_origin(certificates, "db.test", "one.db.test") as origin:
        config = passing(origin, "db.test", "*.db.test", certificates=[pair.as_config()])
        with Gateway(config, tmp_path_factory.mktemp("passthrough")) as running:
            yield running


def curl(gateway: Gateway, certificates: Certificates, host: str, *more: str) -> str:
    port = gateway.port()
    where = f"{host}:{port}:127.0.0.1"
    url = f"https://{host}:{port}/"
    return run(
        "curl", "-sS", "--max-time", "10", "--cacert", str(certificates.ca), "--resolve", where, *more, url
    ).stdout


@pytest.mark.parametrize("version", ["--tls-max 1.2", "--tlsv1.3"])
def test_the_upstream_answers_for_its_names(gateway: Gateway, certificates: Certificates, version: str) -> None:
    for host in ("db.test", "one.db.test"):
        told = curl(gateway, certificates, host, *version.split())
        assert told == f"{host} over TLSv1.{2 if '1.2' in version else 3}"


def test_the_certificate_is_the_upstream_s(gateway: Gateway, certificates: Certificates) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port()), PATIENCE) as sock:
        context = certificates.client_context()
        with context.wrap_socket(sock, server_hostname="db.test") as secure:
            shown = secure.getpeercert(binary_form=True)
    pem = certificates.leaf("db.test", "one.db.test").cert.read_text()
    own = ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END CERTIFICATE-----") + 26])
    assert shown == own


def test_other_names_are_opened_here(gateway: Gateway, certificates: Certificates) -> None:
    assert curl(gateway, certificates, "web.test") == "opened here"


def first_flight(name: str) -> bytes:
    """A ClientHello."""
    come, gone = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(come, gone, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return gone.read()


@pytest.mark.parametrize("name", ["db.test", "web.test"])
def test_a_hello_in_many_records_and_pieces_is_answered(gateway: Gateway, name: str) -> None:
    hello = first_flight(name)
    message = hello[5:]
    parts = [message[at : at + 40] for at in range(0, len(message), 40)]
    with socket.create_connection(("127.0.0.1", gateway.port()), PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            for piece in (hello[:3], len(part).to_bytes(2, "big"), part):
                sock.sendall(piece)
        assert sock.recv(3) == b"\x16\x03\x03"


def test_what_is_passed_on_is_logged_and_counted(gateway: Gateway, certificates: Certificates) -> None:
    curl(gateway, certificates, "db.test")
    log = gateway.directory / "access.log"
    until(lambda: '"host":"db.test","target":"","protocol":"tls"' in log.read_text(), "it is logged")
    assert gateway.metrics().sum("gateway_requests_total", upstream="app", code="200") >= 1


def test_a_name_that_nobody_has_is_said_where_nothing_is_opened(tmp_path: Path, certificates: Certificates) -> None:
    with secure_origin(certificates, "db.test") as origin, Gateway(passing(origin, "db.test"), tmp_path) as gateway:
        assert curl(gateway, certificates, "db.test").startswith("db.test over ")
        with socket.create_connection(("127.0.0.1", gateway.port()), PATIENCE) as sock:
            context = certificates.client_context()
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                context.wrap_socket(sock, server_hostname="web.test")
        assert gateway.metrics().reasons()["no_host"] == 1


def test_a_client_behind_a_proxy_that_says_so_is_passed_on(tmp_path: Path, certificates: Certificates) -> None:
    with secure_origin(certificates, "db.test") as origin:
        config = passing(origin, "db.test")
        config["listeners"][0]["proxy_protocol"] = {"from": ["127.0.0.1"]}
        with Gateway(config, tmp_path) as gateway:
            assert curl(gateway, certificates, "db.test", "--haproxy-protocol").startswith("db.test over ")
