"""WebSocket conversations go through the gateway as they go without it, over HTTP/1.1 and over HTTP/2.

Each conversation is had three times: with the server itself, through the gateway after an Upgrade, and through it on a
stream of HTTP/2. What the client saw and what the server saw must be the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from websockets.frames import Frame, Opcode

from tests.e2e.configuration import forward_to
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
def gateway(room: Room, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(forward_to(f"127.0.0.1:{room.port}"), tmp_path_factory.mktemp("talks")) as running:
        yield running


def had(room: Room, wire: Wire, script: Script) -> tuple[list[object], list[object]]:
    """Have the conversation: what the client heard, and what the server heard."""
    before = len(room.heard)
    with Talk(wire) as talk:
        script.play(talk)
    until(lambda: len(room.heard) > before, "the server is done with it")
    return talk.heard, room.heard[before]


def names(script: Script) -> str:
    return script.name


@pytest.mark.parametrize("way", ["upgrade", "stream"])
@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_conversation_is_the_same_through_the_gateway(room: Room, gateway: Gateway, script: Script, way: str) -> None:
    straight = had(room, SocketWire(room.port, compressed=script.compressed), script)
    wire = (SocketWire if way == "upgrade" else StreamWire)(gateway.port(), compressed=script.compressed)
    through = had(room, wire, script)
    assert len(through[0]) == len(straight[0])
    for heard, should in zip((*through[0], *through[1]), (*straight[0], *straight[1]), strict=True):
        assert heard == should


def test_many_conversations_at_once_leave_nothing_behind(room: Room, gateway: Gateway) -> None:
    before = gateway.metrics().sum("gateway_connections_open", listener="web")
    wires = [StreamWire(gateway.port(), compressed=False) for _ in range(20)]
    talks = [Talk(wire) for wire in wires]
    for number, talk in enumerate(talks):
        talk.say(lambda p, n=number: p.send_text(b"talk %d" % n))  # type: ignore[misc]
    for number, talk in enumerate(talks):
        talk.hear()
        assert talk.heard[-1] == ("TEXT", b"talk %d" % number, True)
        _leave(talk)
        talk.wire.drop()
    until(lambda: gateway.metrics().sum("gateway_connections_open", listener="web") <= before, "all are gone")
