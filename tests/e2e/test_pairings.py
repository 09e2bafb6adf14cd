"""Every pairing forwards the same: HTTP/1.1, h2c and HTTP/2 over TLS downstream, HTTP/1.1 and HTTP/2 upstream.

The clients are h11 and h2, and so are the origins; both raise at whatever breaks a rule of theirs. So each test says
one thing about a request or an answer, and holds for all pairings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import h11
import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.client import Answer, Client
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.http2_client import Fields, Http2Client
from tests.e2e.http2_origin import TellingHttp2Origin
from tests.e2e.origin import TellingOrigin

DOWNSTREAM = ("h1", "h2c", "tls")
UPSTREAM = ("h1", "h2")

MIB = 1024 * 1024


class Http1Asker:
    """An HTTP/1.1 client with the face of `Http2Client`."""

    def __init__(self, port: int) -> None:
        self.client = Client(port)

    def ask(
        self,
        method: str,
        path: str,
        *fields: tuple[str, str],
        body: bytes | None = None,
        trailers: Fields | None = None,
    ) -> Answer:
        """A request and its answer."""
        conn = h11.Connection(h11.CLIENT)
        length = [("transfer-encoding", "chunked")] if trailers else [("content-length", str(len(body or b"")))]
        framing = length if body is not None or trailers else []
        head = h11.Request(method=method, target=path, headers=[("host", "test"), *fields, *framing])
        sent = [conn.send(head) or b"", conn.send(h11.Data(data=body)) or b"" if body else b""]
        self.client.send(b"".join([*sent, conn.send(h11.EndOfMessage(headers=trailers or [])) or b""]))
        return self.client.read(method)

    def close(self) -> None:
        """End it."""
        self.client.close()


@dataclass
class Pairing:
    """A gateway between one kind of client and one kind of origin."""

    gateway: Gateway
    origin: TellingOrigin | TellingHttp2Origin
    downstream: str
    upstream: str
    certificates: Certificates

    def client(self) -> Http1Asker | Http2Client:
        """A new connection."""
        if self.downstream == "h1":
            return Http1Asker(self.gateway.port("plain"))
        if self.downstream == "h2c":
            return Http2Client(self.gateway.port("plain"))
        context = self.certificates.client_context()
        context.set_alpn_protocols(["h2"])
        return Http2Client(self.gateway.port("tls"), tls=context)


@pytest.fixture(scope="module", params=UPSTREAM, ids=lambda name: f"to-{name}")
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[tuple[Gateway, TellingOrigin | TellingHttp2Origin, str]]:
    with TellingOrigin() if request.param == "h1" else TellingHttp2Origin() as origin:
        listeners = [
            {"name": "plain", "listen": LISTEN},
            {"name": "tls", "listen": LISTEN, "tls": certificates.tls(certificates.leaf("test"))},
        ]
        protocol = {"protocol": "h2"} if request.param == "h2" else {}
        config = {
            "listeners": listeners,
            "routes": [{"name": "all", "rules": [{"name": "all", "to": "app", "timeout": {"idle": "5s"}}]}],
            "upstreams": {"app": {"endpoints": [origin.address], **protocol}},
        }
        with Gateway(config, tmp_path_factory.mktemp("pairings")) as gateway:
            yield gateway, origin, request.param


@pytest.fixture(params=DOWNSTREAM, ids=lambda name: f"from-{name}")
def pairing(
    request: pytest.FixtureRequest,
    behind: tuple[Gateway, TellingOrigin | TellingHttp2Origin, str],
    certificates: Certificates,
) -> Pairing:
    gateway, origin, upstream = behind
    return Pairing(gateway, origin, request.param, upstream, certificates)


@pytest.fixture
def client(pairing: Pairing) -> Iterator[Http1Asker | Http2Client]:
    opened = pairing.client()
    yield opened
    opened.close()


Either = Http1Asker | Http2Client


def test_target_fields_and_host_arrive(pairing: Pairing, client: Either) -> None:
    told = client.ask("GET", "/a/b?x=1&y=%20", ("x-one", "1"), ("x-two", "zwei"), ("x-one", "again")).told
    assert (told["method"], told["target"]) == ("GET", "/a/b?x=1&y=%20")
    assert told["version"] == ("1.1" if pairing.upstream == "h1" else "2")
    assert (told.header("x-one"), told.header("x-two")) == (["1", "again"], ["zwei"])
    assert told.get("authority") or told.header("host") == ["test"]
    assert told.header("x-forwarded-proto") == ["https" if pairing.downstream == "tls" else "http"]


@pytest.mark.parametrize("size", [0, 1, 16_384, 65_536, 3 * MIB])
def test_bodies_arrive_whole_in_both_directions(client: Either, size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    told = client.ask("POST", "/", body=body).told
    assert (told["body_bytes"], told["body_sha256"]) == (size, hashlib.sha256(body).hexdigest())
    assert len(client.ask("GET", "/", ("x-answer-bytes", str(size))).body) == size


def test_trailers_pass_in_both_directions(client: Either) -> None:
    found = client.ask("POST", "/", ("x-answer-trailer", "9"), ("te", "trailers"), body=b"x", trailers=[("x-sum", "1")])
    assert found.trailers == [("x-trailer", "9")]
    assert found.told["trailers"] == [["x-sum", "1"]]


def test_early_hints_come_before_the_answer(client: Either) -> None:
    found = client.ask("GET", "/", ("x-answer-early", "1"))
    assert found.status == 200
    assert [(early.status, early.header("link")) for early in found.informational] == [(103, "</style.css>")]


@pytest.mark.parametrize("status", [204, 304, 404, 503])
def test_statuses_pass(pairing: Pairing, client: Either, status: int) -> None:
    found = client.ask("GET", "/", ("x-answer-status", str(status)))
    assert found.status == status
    if isinstance(client, Http1Asker) and pairing.upstream == "h2":
        assert found.reason, "some clients take a status without a phrase for none"
    assert bool(found.body) == (status not in (204, 304))
    assert client.ask("GET", "/").status == 200


def test_head_has_no_body(client: Either) -> None:
    assert client.ask("HEAD", "/").body == b""
    assert client.ask("GET", "/").status == 200


def test_answer_that_the_upstream_cuts_never_looks_complete(pairing: Pairing, client: Either) -> None:
    if pairing.upstream == "h1":
        pytest.skip("tests/faults/test_upstream.py")
    found = client.ask("GET", "/", ("x-answer-reset", "2"))
    assert found.status == 502
    assert "upstream" in (found.header("proxy-status") or "")
    assert client.ask("GET", "/").status == 200


def test_upstream_that_goes_away_in_order_loses_nothing(pairing: Pairing, client: Either) -> None:
    for _ in range(5):
        assert client.ask("GET", "/", ("x-answer-close", "1")).status == 200
        assert client.ask("POST", "/", body=b"x").status == 200


def test_streams_of_one_connection_share_an_upstream_connection(pairing: Pairing) -> None:
    opened = pairing.client()
    if not isinstance(opened, Http2Client):
        opened.close()
        pytest.skip("HTTP/1.1 has one request at a time")
    with opened as client:
        before = pairing.origin.accepted
        asked = [client.start("GET", f"/{number}", [("x-answer-bytes", str(number * 1000))]) for number in range(100)]
        assert [len(client.finish(each).body) for each in asked] == [number * 1000 for number in range(100)]
        if pairing.upstream == "h2":
            assert pairing.origin.accepted - before <= 1


def test_client_that_cancels_cancels_upstream(pairing: Pairing) -> None:
    if not isinstance(pairing.origin, TellingHttp2Origin):
        pytest.skip("over HTTP/1.1 the upstream connection is closed: tests/faults/test_clients.py")
    resets = pairing.origin.resets
    before = len(resets)
    opened = pairing.client()
    if isinstance(opened, Http2Client):
        half = opened.start("POST", "/", body=None, end=False)
        opened.ask("GET", "/")
        opened.conn.reset_stream(half.stream, 8)
        opened.exchanges.clear()
        assert opened.ask("GET", "/").status == 200
    else:
        opened.client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        until(lambda: pairing.gateway.metrics().sum("gateway_upstream_requests_in_flight") > 0, "it is on its way")
    opened.close()
    until(lambda: len(resets) > before, "the origin hears of it")
    assert resets[-1] == 8


def test_answer_past_a_client_that_does_not_read_is_held_back(pairing: Pairing) -> None:
    opened = pairing.client()
    if not isinstance(opened, Http2Client):
        opened.close()
        pytest.skip("tests/e2e/test_bodies.py")
    before = pairing.gateway.pss()
    with opened as client:
        for _ in range(20):
            client.start("GET", "/", [("x-answer-bytes", str(64 * MIB))])
        until(lambda: pairing.gateway.metrics().sum("gateway_upstream_requests_in_flight") >= 20, "all are under way")
        assert client.conn.open_outbound_streams == 20
        assert pairing.gateway.pss() - before < 16 * MIB
