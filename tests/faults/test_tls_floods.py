"""One client floods a listener over TLS, and nobody else notices: what `test_http2_floods.py` shows without it.

Theory: the honest are here without TLS and with it, since one worker carries both; and one comes anew for every
request, which is what a flood of handshakes is aimed at. Bounds and measure are those of `siege.py`.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.http2 import END_HEADERS, Code, Kind, block, frame, reset
from tests.e2e.load import Load
from tests.e2e.programs import nginx
from tests.faults.attacker import Attack, Weapon
from tests.faults.siege import HONEST, PAUSE, Siege, honest, survey
from tests.faults.tls_attacker import RECORDS, Order, TlsAttack
from tests.faults.tls_records import ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, client_hello, in_pieces, record
from tests.faults.weapons import BEGIN, FLOODS, streams

pytestmark = pytest.mark.alone

SECONDS = 2.0
"""Of an attack."""

AT_ONCE = 1.0
"""Seconds in which a connection ends once it is past its budget."""

WELCOME = 0.5
"""Seconds in which nine of ten newcomers have their answer, handshake included. A flood has 16 handshakes in line, of
half a millisecond each, and shares two cores with everybody."""

HELLO = b"GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"
ONCE = b"GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("tls-floods")
    tls = certificates.tls(certificates.leaf("test"))
    listeners = [{"name": "web", "listen": LISTEN}, {"name": "secure", "listen": LISTEN, "tls": tls}]
    with nginx(directory) as origin:
        config = forward_to(origin.address, listeners=listeners, workers=1)
        with Gateway(config, directory) as running:
            yield running


class SecureLoad(Load):
    """Load over TLS. `visits`: seconds from the handshake to the end of a connection's last answer."""

    def __init__(self, port: int, clients: int, context: ssl.SSLContext, request: bytes) -> None:
        super().__init__(port, clients, pause=PAUSE, request=request)
        self.visits: list[float] = []
        self._context = context

    def _ask_until_it_ends(self, sock: socket.socket) -> None:
        began = time.monotonic()
        try:
            with self._context.wrap_socket(sock, server_hostname="test") as secure:
                super()._ask_until_it_ends(secure)
        except OSError as error:
            self.failed.append(repr(error))
        self.visits.append(time.monotonic() - began)


def everybody(gateway: Gateway, certificates: Certificates, seconds: float) -> tuple[list[Load], SecureLoad]:
    """Honest clients for so long: those who stay, and those who come anew each time."""
    context, port = certificates.client_context(), gateway.port("secure")
    staying, coming = SecureLoad(port, HONEST, context, HELLO), SecureLoad(port, 1, context, ONCE)
    with staying, coming:
        others = honest(gateway, seconds)
    return [*others, staying], coming


def besiege(gateway: Gateway, certificates: Certificates, attack: Order | Weapon) -> Siege:
    """Let one attacker loose, and measure the others."""
    newcomers: list[SecureLoad] = []

    def others(seconds: float) -> list[Load]:
        loads, coming = everybody(gateway, certificates, seconds)
        newcomers.append(coming)
        return loads

    siege = survey(gateway, lambda: begun(gateway, attack), others, SECONDS)
    until(lambda: gateway.metrics().sum("gateway_connections_open") <= 3, "nothing of it stays")
    coming = newcomers[-1]
    assert coming.answered > 10
    assert not coming.failed, coming.failed[:5]
    assert sorted(coming.visits)[len(coming.visits) * 9 // 10] < WELCOME
    return siege


def begun(gateway: Gateway, attack: Order | Weapon) -> Attack:
    port = gateway.port("secure")
    return Attack(attack, port, SECONDS) if isinstance(attack, Weapon) else TlsAttack(attack, port, SECONDS)


def stand(gateway: Gateway, certificates: Certificates, attack: Order | Weapon) -> Siege:
    """What made the others wait once may have been the machine's; what does so twice is the attacker's."""
    siege = besiege(gateway, certificates, attack)
    if not siege.is_quick():
        siege = besiege(gateway, certificates, attack)
    print(f"p99 {siege.quiet * 1000:.1f} → {siege.loud * 1000:.1f} ms, admin {siege.admin * 1000:.1f} ms,", end=" ")
    print(f"memory {siege.growth / 1024**2:.1f} MiB, {len(siege.rounds)} rounds, first {siege.rounds[:2]}")
    siege.assert_harmless()
    assert gateway.status()["panics"] == 0
    return siege


HANDSHAKES = {
    "dropped at once": Order("flood"),
    "dropped when the gateway has signed": Order("flood", "signed"),
    "held with half a message": Order("hold", count=1000),
    "held when the gateway has signed": Order("hold", "signed", count=1000),
}


@pytest.mark.parametrize("attack", HANDSHAKES.values(), ids=HANDSHAKES)
def test_handshakes_that_are_never_finished_cost_nobody_else(
    gateway: Gateway, certificates: Certificates, attack: Order
) -> None:
    siege = stand(gateway, certificates, attack)
    if attack.attack == "flood":
        assert siege.rounds[0].sent > 500, "the flood was one"
    else:
        assert len(siege.rounds) == attack.count


OPENINGS = {
    "a message of 60,000 bytes in records of one": Weapon(in_pieces(b"\x01\x00\xea\x60" + bytes(60_000), 1)),
    "change_cipher_spec for ever": Weapon(client_hello(), record(CHANGE_CIPHER_SPEC, b"\x01") * 10_000),
    "empty records for ever": Weapon(b"", record(HANDSHAKE, b"") * 10_000),
    "warnings for ever": Weapon(b"", record(ALERT, b"\x01\x5a") * 10_000),
    "hello after hello": Weapon(b"", client_hello() * 100),
}


@pytest.mark.parametrize("weapon", OPENINGS.values(), ids=OPENINGS)
def test_what_no_handshake_has_is_ended_at_once(gateway: Gateway, certificates: Certificates, weapon: Weapon) -> None:
    before = failed(gateway)
    siege = stand(gateway, certificates, weapon)
    ended = [each.seconds for each in siege.rounds if each.ended]
    assert ended, "the connection was not ended"
    assert sorted(ended)[len(ended) * 9 // 10] < AT_ONCE, siege.rounds
    assert failed(gateway) - before >= len(ended)


def failed(gateway: Gateway) -> float:
    """Handshakes with clients who spoke no valid TLS."""
    return gateway.metrics().sum("gateway_tls_handshakes_total", side="downstream", result="malformed")


ENDED = {"key updates", "key updates that want one", "warnings", "tickets"}
"""What rustls counts: so many of them in a row are no honest client's."""


@pytest.mark.parametrize("what", RECORDS)
def test_records_that_bring_nothing_cost_nobody_else(gateway: Gateway, certificates: Certificates, what: str) -> None:
    siege = stand(gateway, certificates, Order("records", what, ca=str(certificates.ca)))
    if what in ENDED:
        ended = [each.seconds for each in siege.rounds if each.ended]
        assert ended and len(ended) >= len(siege.rounds) - 1, siege.rounds
        assert sorted(ended)[len(ended) * 9 // 10] < AT_ONCE, siege.rounds


def opened_and_reset(stream: int) -> bytes:
    """A WebSocket over HTTP/2 that is given up as soon as it was asked for."""
    head = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/talk")]
    fields = block([*head, (":authority", "test"), ("sec-websocket-version", "13")])
    return frame(Kind.HEADERS, END_HEADERS, stream, fields) + reset(stream)


FRAMES = {"rapid reset": FLOODS[0].weapon, "WebSockets that are given up": Weapon(BEGIN + streams(opened_and_reset))}


@pytest.mark.parametrize("weapon", FRAMES.values(), ids=FRAMES)
def test_budgets_of_http2_hold_over_tls(gateway: Gateway, certificates: Certificates, weapon: Weapon) -> None:
    order = Order("frames", ca=str(certificates.ca), opening=weapon.opening.hex(), again=weapon.again.hex())
    before = gateway.metrics().sum("gateway_http2_closed_total", reason="reset_flood")
    siege = stand(gateway, certificates, order)
    ended = [each for each in siege.rounds if each.ended]
    assert ended, "the connection was not ended"
    assert {each.code for each in ended} <= {Code.ENHANCE_YOUR_CALM, None}
    assert sum(each.code is None for each in ended) <= len(ended) / 4, "GOAWAY is lost now and then, not as a rule"
    assert sorted(each.seconds for each in ended)[len(ended) * 9 // 10] < AT_ONCE, siege.rounds
    assert gateway.metrics().sum("gateway_http2_closed_total", reason="reset_flood") - before >= len(ended)
