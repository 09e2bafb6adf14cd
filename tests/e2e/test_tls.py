"""TLS with clients that are not ours: Python's ssl (OpenSSL) and curl, through the real gateway."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.client import fetch
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import GATEWAY, Gateway
from tests.e2e.origin import TellingOrigin, Told

LOCAL = "127.0.0.1"


def listening(name: str, tls: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "listen": LISTEN, "tls": tls}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    pairs = [certificates.leaf("shop.test", "*.shop.test"), certificates.leaf("api.test"), certificates.leaf(LOCAL)]
    served = {"certificates": [pair.as_config() for pair in pairs]}
    clients = {"ca": str(certificates.ca)}
    listeners = [
        listening("web", served),
        listening("new", {**served, "min_version": "1.3"}),
        listening("optional", {**served, "client_auth": {"mode": "optional", **clients}}),
        listening("required", {**served, "client_auth": {"mode": "required", **clients}}),
    ]
    with TellingOrigin() as origin:
        config = {**forward_to(origin.address), "listeners": listeners}
        with Gateway(config, tmp_path_factory.mktemp("tls")) as running:
            yield running


def context(certificates: Certificates) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(certificates.ca))
    made.set_alpn_protocols(["http/1.1"])
    return made


class Asked:
    """One connection with this name."""

    def __init__(self, port: int, name: str, tls: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self.http = http.client.HTTPConnection(LOCAL, port, timeout=20)
        self.http.connect()
        try:
            self.sock = tls.wrap_socket(
                self.http.sock, server_hostname=name, session=session, suppress_ragged_eofs=False
            )
        except BaseException:
            self.http.close()
            raise
        self.http.sock = self.sock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()
        self.http.close()

    def get(self, host: str, **fields: str) -> tuple[int, Any]:
        self.http.request("GET", "/", headers={"Host": host, **fields})
        with self.http.getresponse() as answer:
            body = answer.read()
        return answer.status, Told(json.loads(body)) if answer.status == 200 else body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken_and_sessions_resumed(
    gateway: Gateway, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    tls = context(certificates)
    tls.minimum_version = tls.maximum_version = version
    with Asked(gateway.port("web"), "shop.test", tls) as first:
        status, told = first.get("shop.test")
        assert (status, told.header("x-forwarded-proto")) == (200, ["https"])
        assert not first.sock.session_reused
        session = first.sock.session
    with Asked(gateway.port("web"), "shop.test", tls, session) as second:
        assert second.sock.session_reused
        assert second.get("shop.test")[0] == 200


def test_an_old_version_is_refused_where_the_new_one_is_wanted(gateway: Gateway, certificates: Certificates) -> None:
    tls = context(certificates)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        Asked(gateway.port("new"), "shop.test", tls)


@pytest.mark.parametrize("name", ["shop.test", "a.shop.test", "api.test"])
def test_the_certificate_follows_the_name(gateway: Gateway, certificates: Certificates, name: str) -> None:
    # `ssl` verifies that the certificate is for it
    with Asked(gateway.port("web"), name, context(certificates)) as asked:
        assert asked.get(name)[0] == 200


@pytest.mark.parametrize(("host", "status"), [("b.shop.test", 200), ("api.test", 421)])
def test_a_host_that_the_certificate_is_not_for_is_misdirected(
    gateway: Gateway, certificates: Certificates, host: str, status: int
) -> None:
    with Asked(gateway.port("web"), "shop.test", context(certificates)) as asked:
        assert asked.get(host)[0] == status


@pytest.mark.parametrize("listener", ["optional", "required"])
def test_a_certificate_is_an_identity_upstream(gateway: Gateway, certificates: Certificates, listener: str) -> None:
    tls = certificates.client_context(certificates.leaf("client.test"))
    with Asked(gateway.port(listener), "shop.test", tls) as asked:
        status, told = asked.get("shop.test", **{"X-Forwarded-Client-Cert": "Hash=claimed"})
    assert status == 200
    (value,) = told.header("x-forwarded-client-cert")
    assert "DNS=client.test" in value
    assert "claimed" not in value


def test_without_a_certificate_there_is_no_identity_or_no_connection(
    gateway: Gateway, certificates: Certificates
) -> None:
    tls = context(certificates)
    with Asked(gateway.port("optional"), "shop.test", tls) as asked:
        assert asked.get("shop.test")[1].header("x-forwarded-client-cert") == []
    # under TLS 1.3 the client learns it when it reads
    with (
        Asked(gateway.port("required"), "shop.test", tls) as asked,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        asked.get("shop.test")


def test_the_end_of_a_connection_is_said(gateway: Gateway, certificates: Certificates) -> None:
    with Asked(gateway.port("web"), "shop.test", context(certificates)) as asked:
        # RFC 9112 §9.6: the gateway closes after its answer
        asked.sock.sendall(b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
        heard = b""
        # an end without close_notify would be an SSLEOFError
        while part := asked.sock.recv(65_536):
            heard += part
    assert heard.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("name", "status", "said"), [("shop.test", 200, ""), ("no.test", 502, "tls_certificate_error")]
)
def test_an_upstream_is_verified_and_shown_our_certificate(
    tmp_path: Path, certificates: Certificates, gateway: Gateway, name: str, status: int, said: str
) -> None:
    """The gateway of the other tests is the upstream."""
    ours = certificates.leaf("client.test")
    tls = {"ca": str(certificates.ca), "cert": str(ours.cert), "key": str(ours.key), "server_name": name}
    config = forward_to()
    config["upstreams"] = {"app": {"endpoints": [f"{LOCAL}:{gateway.port('required')}"], "tls": tls}}
    with Gateway(config, tmp_path) as front:
        answer = fetch(front.port(), "GET", "/", host="shop.test")
    assert answer.status == status
    assert said in (answer.header("proxy-status") or "")


@pytest.mark.parametrize(("version", "spoken"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_gets_an_answer_in_either_version(
    gateway: Gateway, certificates: Certificates, version: str, spoken: str
) -> None:
    port = gateway.port("web")
    resolve = ["--resolve", f"shop.test:{port}:{LOCAL}", "--cacert", str(certificates.ca)]
    command = ["curl", "-sS", version, *resolve, "-o", "/dev/null", "-w", "%{http_version} %{http_code}"]
    url = f"https://shop.test:{port}/"
    said = subprocess.run([*command, url], check=True, capture_output=True, text=True, timeout=20)
    assert said.stdout == f"{spoken} 200"


def test_explain_routes_by_a_certificate_as_the_gateway_does(tmp_path: Path, certificates: Certificates) -> None:
    client = certificates.leaf("client.test")
    tls = certificates.tls(certificates.leaf("shop.test"), client_auth={"mode": "optional", "ca": str(certificates.ca)})
    mine = {"name": "mine", "match": {"client_cert": {"san": "client.test"}}, "respond": {"status": 200}}
    others = {"name": "others", "respond": {"status": 403}}
    config = {
        "listeners": [listening("web", tls)],
        "routes": [{"name": "all", "rules": [mine, others]}],
        "upstreams": {},
    }
    with Gateway(config, tmp_path) as running:
        for identity, taken, status in ((client, "mine", 200), (None, "others", 403)):
            with Asked(running.port(), "shop.test", certificates.client_context(identity)) as asked:
                asked.http.request("GET", "/", headers={"Host": "shop.test"})
                with asked.http.getresponse() as answer:
                    assert answer.status == status
            shown = ["--client-san", "client.test"] if identity else []
            command = [str(GATEWAY), "explain", "-c", str(running.file), "GET", "https://shop.test/", "-o", "json"]
            said = subprocess.run([*command, *shown], check=True, capture_output=True, text=True, timeout=20)
            assert json.loads(said.stdout)["taken"]["rule"] == taken
