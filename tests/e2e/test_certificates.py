"""Certificates as clients see them: by name, renewed under load, of a CA of our own; never a broken one."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gateway.config.tls.certificate import facts_of
from gateway.config.tls.pem import certificates as certificates_in
from tests.e2e.certificates import Certificates, Pair
from tests.e2e.configuration import LISTEN, rules
from tests.e2e.gateway_process import PATIENCE, Gateway, free_port, until

CLIENTS = 4


def config(tls: Any, **more: Any) -> dict[str, Any]:
    listener = {"name": "web", "listen": LISTEN, "tls": tls, **more}
    return rules({"respond": {"body": "here"}}, upstreams={}, listeners=[listener])


def connect(port: int, context: ssl.SSLContext, name: str = "localhost") -> ssl.SSLSocket:
    """A connection whose handshake is over."""
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def serial_shown(port: int, context: ssl.SSLContext, name: str = "localhost") -> str:
    """The serial number of the certificate that a new connection meets; the client verifies it."""
    with closing(connect(port, context, name)) as connection:
        shown = connection.getpeercert()
        assert shown is not None
        return str(shown["serialNumber"])


def serial_of(pair: Pair) -> str:
    """Of the certificate in a file, as `ssl` writes it."""
    found = f"{certificates_in(pair.cert.read_bytes())[0].serial_number:X}"
    return found if len(found) % 2 == 0 else f"0{found}"


def ask(client: http.client.HTTPConnection) -> bytes:
    client.request("GET", "/")
    answer = client.getresponse()
    assert answer.status == 200
    return answer.read()


def test_the_name_that_a_client_asks_for_chooses_the_certificate(tmp_path: Path, certificates: Certificates) -> None:
    shop = certificates.leaf("shop.example.com")
    star = certificates.leaf("*.example.com", kind="rsa")
    context = certificates.client_context()
    blind = certificates.client_context()
    blind.check_hostname = False
    with Gateway(config(certificates.tls(shop, star)), tmp_path) as gateway:
        port = gateway.port()
        assert serial_shown(port, context, "shop.example.com") == serial_of(shop)
        assert serial_shown(port, context, "SHOP.example.com") == serial_of(shop)
        assert serial_shown(port, context, "other.example.com") == serial_of(star)
        assert serial_shown(port, blind, "nobody.test") == serial_of(shop), "the first is the default"


def test_what_is_shown_is_said_everywhere(tmp_path: Path, certificates: Certificates) -> None:
    pair = certificates.leaf("localhost", "127.0.0.1")
    facts = facts_of(certificates_in(pair.cert.read_bytes())[0])
    with Gateway(config(certificates.tls(pair)), tmp_path) as gateway:
        (shown,) = next(each for each in gateway.status()["listeners"] if each["name"] == "web")["certificates"]
        assert (shown["names"], shown["sha256"]) == (["localhost", "127.0.0.1"], facts.sha256)
        assert gateway.addresses["web"].startswith("https://")
        ends = gateway.metrics().sum("gateway_certificate_expiry_timestamp_seconds", listener="web", name="localhost")
        assert ends == facts.not_after
        secret = pair.key.read_text().splitlines()[1]
        for path in ("/api/v1/config", "/api/v1/listeners", "/api/v1/status", "/debug/tasks"):
            status, body = gateway.get(path)
            assert status == 200
            assert secret not in body.decode()


@contextmanager
def knocking(port: int, context: ssl.SSLContext) -> Iterator[tuple[list[str], list[str]]]:
    """Clients that connect anew all the time: the serial numbers that they met, and what went wrong."""
    met: list[str] = []
    failed: list[str] = []
    over = threading.Event()

    def knock() -> None:
        while not over.is_set():
            try:
                with closing(connect(port, context)) as connection:
                    shown = connection.getpeercert()
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    answer = b"".join(iter(lambda: connection.recv(65_536), b""))
                    assert answer.startswith(b"HTTP/1.1 200"), answer
                    assert shown is not None
                    met.append(str(shown["serialNumber"]))
            except (OSError, AssertionError) as error:
                failed.append(repr(error))

    threads = [threading.Thread(target=knock) for _ in range(CLIENTS)]
    for each in threads:
        each.start()
    try:
        yield met, failed
    finally:
        over.set()
        for each in threads:
            each.join(PATIENCE)


def test_certificates_renewed_under_load_fail_nobody(tmp_path: Path, certificates: Certificates) -> None:
    """Kept connections go on, new ones meet the new certificate, and no handshake fails in between."""
    place = tmp_path / "tls"
    place.mkdir()
    pair = certificates.renew("localhost", into=place)
    context = certificates.client_context()
    with Gateway(config(certificates.tls(pair)), tmp_path) as gateway:
        port = gateway.port()
        kept = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
        with closing(kept), knocking(port, context) as (met, failed):
            assert ask(kept) == b"here"
            socket_of_kept = kept.sock
            serials = [serial_of(pair)]
            for _ in range(20):
                until(lambda: serials[-1] in met, "the certificate in force is shown")
                certificates.renew("localhost", into=place)
                serials.append(serial_of(pair))
                status, outcome = gateway.reload()
                assert status == 200, outcome
                assert serial_shown(port, context) == serials[-1]
                assert ask(kept) == b"here"
            assert kept.sock is socket_of_kept
        assert failed == []
        assert set(met) <= set(serials)


def test_files_that_change_are_seen_and_broken_ones_change_nothing(tmp_path: Path, certificates: Certificates) -> None:
    place = tmp_path / "tls"
    place.mkdir()
    pair = certificates.renew("localhost", into=place)
    first = serial_of(pair)
    context = certificates.client_context()
    with Gateway(config(certificates.tls(pair)), tmp_path) as gateway:
        assert serial_shown(gateway.port(), context) == first
        good = pair.key.read_bytes()
        pair.key.write_bytes(certificates.leaf("other.test").key.read_bytes())
        gateway.wait_said("reload refused, generation 1 stays in force")
        gateway.wait_said("this key does not belong to the certificate of localhost")
        assert serial_shown(gateway.port(), context) == first
        assert gateway.status()["last_reload"]["ok"] is False
        pair.key.write_bytes(good)
        certificates.renew("localhost", into=place)
        gateway.wait_said("reloaded: generation 2")
        assert serial_shown(gateway.port(), context) == serial_of(pair) != first


def test_internal_certificates_need_nothing_and_stay_the_same(tmp_path: Path) -> None:
    ca = tmp_path / "state" / "ca" / "ca.pem"
    serials = set()
    for _ in range(2):
        with Gateway(config("internal"), tmp_path) as gateway:
            gateway.wait_said(f"tls: internal is signed by {ca}")
            context = ssl.create_default_context(cafile=str(ca))
            serials.add(serial_shown(gateway.port(), context))
            with closing(http.client.HTTPSConnection("localhost", gateway.port(), context=context)) as client:
                assert ask(client) == b"here"
    assert len(serials) == 1


def test_rules_go_by_who_the_client_is(tmp_path: Path, certificates: Certificates) -> None:
    server = certificates.leaf("localhost", "127.0.0.1")
    billing, ours = (certificates.leaf(f"spiffe://example.org/{name}") for name in ("billing", "gateway"))
    listeners = [
        {"name": "web", "listen": LISTEN, "tls": certificates.tls(server, client_auth=asks("optional", certificates))},
    ]
    known = {"client_cert": {"spiffe_id": "spiffe://example.org/billing"}}
    with Gateway(
        rules(
            {"match": known, "respond": {"body": "billing"}},
            {"match": {"client_cert": {"subject": {"present": True}}}, "respond": {"body": "known"}},
            {"respond": {"body": "nobody"}},
            upstreams={},
            listeners=listeners,
        ),
        tmp_path,
    ) as gateway:
        for identity, expected in ((billing, b"billing"), (ours, b"known"), (None, b"nobody")):
            context = certificates.client_context(identity)
            with closing(http.client.HTTPSConnection("localhost", gateway.port(), context=context)) as client:
                assert ask(client) == expected


def asks(mode: str, certificates: Certificates) -> dict[str, str]:
    return {"mode": mode, "ca": str(certificates.ca)}


def test_an_upstream_is_verified_and_told_who_we_are(tmp_path: Path, certificates: Certificates) -> None:
    """Two gateways in one: a listener that wants the gateway's own certificate is the upstream of the other."""
    ours = certificates.leaf("spiffe://example.org/gateway")
    origin = certificates.leaf("orders.internal")

    def document(port: int, **tls: Any) -> str:
        return json.dumps(
            {
                "version": 1,
                "admin": {"listen": LISTEN},
                "listeners": [
                    {"name": "web", "listen": LISTEN},
                    {
                        "name": "origin",
                        "listen": f"127.0.0.1:{port}",
                        "tls": certificates.tls(origin, client_auth=asks("required", certificates)),
                    },
                ],
                "routes": [
                    {"name": "in", "listeners": ["web"], "rules": [{"to": "orders", "rewrite": rewrite}]},
                    {"name": "out", "listeners": ["origin"], "rules": [{"respond": {"body": "orders"}}]},
                ],
                "upstreams": {"orders": {"endpoints": [f"127.0.0.1:{port}"], "tls": tls}},
            }
        )

    port = free_port()
    rewrite = {"host": "orders.internal"}  # what is asked for in another name than the server's is misdirected: 421
    good: dict[str, Any] = {
        "ca": str(certificates.ca), "server_name": "orders.internal", "cert": str(ours.cert), "key": str(ours.key),
    }  # fmt: skip
    with Gateway(document(port, **good), tmp_path, may_say="insecure") as gateway:

        def answer() -> tuple[int, str]:
            with closing(http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=PATIENCE)) as client:
                client.request("GET", "/")
                found = client.getresponse()
                return found.status, found.read().decode() + (found.getheader("proxy-status") or "")

        assert answer() == (200, "orders")
        for wrong, reason in (
            ({"server_name": "other.internal"}, "upstream_certificate"),
            ({"ca": str(Certificates(tmp_path).ca)}, "upstream_certificate"),
        ):
            assert gateway.reload(document(port, **{**good, **wrong}))[0] == 200
            status, text = answer()
            assert status == 502
            assert reason in text
        anonymous = {"ca": good["ca"], "server_name": "orders.internal"}
        assert gateway.reload(document(port, **anonymous))[0] == 200
        assert answer()[0] == 502
        assert gateway.reload(document(port, **good))[0] == 200
        assert answer() == (200, "orders")
