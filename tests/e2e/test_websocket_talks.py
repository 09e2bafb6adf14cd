"""WebSocket conversations go through the gateway as they go without it: over HTTP/1.1 and HTTP/2, plain and over TLS.

Each conversation is had with the server itself, and through the gateway in six ways: after an Upgrade and on a stream
of HTTP/2, each with and without TLS, and each through two gateways that speak HTTP/2 with each other. What the client
saw and what the server saw must be the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import pytest
from websockets.frames import Frame, Opcode

from tests.e2e.certificates import Certificates
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.websocket_talk import Room, SocketWire, StreamWire, Talk, Wire

MIB = 1024 * 1024
LARGE = bytes(range(256)) * (4 * MIB // 256)


class Script(NamedTuple):
    """One conversation."""

    name: str
    play: Callable[[Talk], None]
    compressed: bool = False


def _echo(*messages: str | bytes) -> Callable[[Talk], None]:
    def play(talk: Talk) -> None:
        for message in messages:
            if isinstance(message, str):
                talk.say(lambda p, m=message: p.send_text(m.encode()))  # type: ignore[misc]
            else:
                talk.say(lambda p, m=message: p.send_binary(m))  # type: ignore[misc]
            talk.hear()
        _leave(talk)

    return play


def _leave(talk: Talk) -> None:
    talk.say(lambda p: p.send_close(1000, "done"))
    talk.end()


def _order(text: str, frames: int = 0) -> Callable[[Talk], None]:
    """Tell the server what to do; wait for so many frames, and leave, or for the end."""

    def play(talk: Talk) -> None:
        talk.say(lambda p: p.send_text(text.encode()))
        if frames:
            talk.hear(frames)
            _leave(talk)
        else:
            talk.end()

    return play


def _fragmented(talk: Talk) -> None:
    talk.say(lambda p: p.send_text(b"one, ", fin=False), lambda p: p.send_ping(b"between"))
    talk.hear()
    talk.say(lambda p: p.send_continuation(b"", fin=False), lambda p: p.send_continuation(b"two", fin=True))
    talk.hear()
    _leave(talk)


def _pings(talk: Talk) -> None:
    for payload in (b"", b"are you there", bytes(125)):
        talk.say(lambda p, m=payload: p.send_ping(m))  # type: ignore[misc]
        talk.hear()
    talk.say(lambda p: p.send_pong(b"nobody asked"), lambda p: p.send_text(b"/ping now"))
    talk.hear()
    _echo("after")(talk)


def _many(talk: Talk) -> None:
    for number in range(1000):
        talk.say(lambda p, n=number: p.send_text(b"%d" % n))  # type: ignore[misc]
    talk.hear(1000)
    _leave(talk)


def _close(code: int | None, reason: str = "") -> Callable[[Talk], None]:
    def play(talk: Talk) -> None:
        talk.say(lambda p: p.send_close(code, reason))
        talk.end()

    return play


def _wrong(frame: bytes) -> Callable[[Talk], None]:
    def play(talk: Talk) -> None:
        talk.wire.send(frame)
        talk.end()

    return play


def _vanish(talk: Talk) -> None:
    talk.say(lambda p: p.send_text(b"hello"))
    talk.hear()
    talk.wire.drop()


def _finish(talk: Talk) -> None:
    """An end without a close frame."""
    talk.say(lambda p: p.send_text(b"hello"))
    talk.hear()
    talk.wire.finish()
    talk.end()


def _raw(opcode: Opcode, payload: bytes, *, mask: bool = True) -> bytes:
    return Frame(opcode, payload).serialize(mask=mask)


SCRIPTS = [
    Script("text, long, short, empty and of other letters", _echo("hello", "x" * 70_000, "", "grüße ☃")),
    Script("binary", _echo(b"\x00\xff", b"", bytes(126), bytes(65_536))),
    Script("a large message", _echo(LARGE)),
    Script("fragments, and a ping between them", _fragmented),
    Script("fragments from the server", _order("/pieces 50", frames=51)),
    Script("pings from both sides", _pings),
    Script("a thousand messages in order", _many),
    Script("compressed", _echo("again and again " * 5000, "again and again " * 5000, b"", LARGE), compressed=True),
    Script("compressed, in fragments", _fragmented, compressed=True),
    Script("the client closes", _close(1000)),
    Script("the client closes for a reason of its own", _close(4321, "I have seen enough ☃")),
    Script("the client closes without a code", _close(None)),
    Script("the server closes", _order("/close 1000 done")),
    Script("the server goes away", _order("/close 1001 away")),
    Script("the server closes for a reason of its own", _order("/close 4999 " + "r" * 120)),
    Script("a frame that nobody knows", _wrong(b"\x83\x80\0\0\0\0")),
    Script("a frame without a mask", _wrong(_raw(Opcode.TEXT, b"bare", mask=False))),
    Script("text that is no text", _wrong(_raw(Opcode.TEXT, b"\xff\xfe"))),
    Script("a message that is too long", _wrong(b"\x82\xff" + (9 * MIB).to_bytes(8, "big") + bytes(4))),
    Script("the client ends without a word", _finish),
    Script("the client vanishes", _vanish),
    Script("the server ends without a word", _order("/drop")),
]


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with Room() as found:
        yield found


@pytest.fixture(scope="module")
def gateway(room: Room, tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Gateway]:
    secure = {"name": "secure", "listen": LISTEN, "tls": certificates.tls(certificates.leaf("test"))}
    config = forward_to(f"127.0.0.1:{room.port}", listeners=[{"name": "web", "listen": LISTEN}, secure])
    with Gateway(config, tmp_path_factory.mktemp("talks")) as running:
        yield running


@pytest.fixture(scope="module")
def front(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Its upstream is the other gateway, over HTTP/2."""
    upstream = {"protocol": "h2", "endpoints": [f"127.0.0.1:{gateway.port('web')}"]}
    with Gateway(forward_to(upstreams={"app": upstream}), tmp_path_factory.mktemp("front")) as running:
        yield running


class Way(NamedTuple):
    """From a client through the gateway."""

    wire: Callable[..., Wire]
    alpn: str | None
    """What is agreed upon over TLS; None: there is none."""
    hop: bool = False
    """Through the front gateway too."""

    def open(self, gateway: Gateway, certificates: Certificates, *, compressed: bool) -> Wire:
        """Up to where the conversation begins."""
        if self.alpn is None:
            return self.wire(gateway.port("web"), compressed=compressed)
        return self.wire(
            gateway.port("secure"), compressed=compressed, tls=certificates.client_context(alpn=(self.alpn,))
        )


WAYS = {
    "upgrade": Way(SocketWire, None),
    "stream": Way(StreamWire, None),
    "upgrade over TLS": Way(SocketWire, "http/1.1"),
    "stream over TLS": Way(StreamWire, "h2"),
    "upgrade, then stream": Way(SocketWire, None, hop=True),
    "stream, then stream": Way(StreamWire, None, hop=True),
}

Heard = tuple[list[object], list[object]]
"""By the client, and by the server."""


@pytest.fixture(scope="module")
def straight(room: Room) -> Callable[[Script], Heard]:
    """How a conversation goes without the gateway; it is had once."""

    @cache
    def found(name: str) -> Heard:
        script = next(each for each in SCRIPTS if each.name == name)
        return had(room, SocketWire(room.port, compressed=script.compressed), script)

    return lambda script: found(script.name)


def had(room: Room, wire: Wire, script: Script) -> Heard:
    """Have the conversation: what the client heard, and what the server heard."""
    before = len(room.heard)
    with Talk(wire) as talk:
        script.play(talk)
    until(lambda: len(room.heard) > before, "the server is done with it")
    return talk.heard, room.heard[before]


def names(script: Script) -> str:
    return script.name


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_conversation_is_the_same_through_the_gateway(
    room: Room,
    gateway: Gateway,
    front: Gateway,
    certificates: Certificates,
    straight: Callable[[Script], Heard],
    script: Script,
    way: Way,
) -> None:
    should = straight(script)
    wire = way.open(front if way.hop else gateway, certificates, compressed=script.compressed)
    through = had(room, wire, script)
    assert len(through[0]) == len(should[0])
    for heard, expected in zip((*through[0], *through[1]), (*should[0], *should[1]), strict=True):
        assert heard == expected


@pytest.mark.parametrize("way", [WAYS["stream"], WAYS["stream over TLS"]], ids=["plain", "TLS"])
def test_many_conversations_at_once_leave_nothing_behind(
    gateway: Gateway, certificates: Certificates, way: Way
) -> None:
    def connections() -> float:
        return sum(gateway.metrics().sum("gateway_connections_open", listener=name) for name in ("web", "secure"))

    before = connections()
    wires = [way.open(gateway, certificates, compressed=False) for _ in range(20)]
    talks = [Talk(wire) for wire in wires]
    for number, talk in enumerate(talks):
        talk.say(lambda p, n=number: p.send_text(b"talk %d" % n))  # type: ignore[misc]
    for number, talk in enumerate(talks):
        talk.hear()
        assert talk.heard[-1] == ("TEXT", b"talk %d" % number, True)
        _leave(talk)
        talk.wire.drop()
    until(lambda: connections() <= before, "all are gone")
