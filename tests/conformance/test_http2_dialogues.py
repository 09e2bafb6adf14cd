"""Dialogues over HTTP/2, byte for byte: what is said, and what is heard, however the network cuts it.

Each dialogue is had three times: what is said comes whole, byte by byte, and cut at random. What is heard must be the
same each time: frames in their order, written as a line each; fields that differ from run to run are left out.
"""

# ruff: noqa: E501  (a table reads best with one case per line)

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

import pytest

from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import Gateway
from tests.e2e.http2 import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    Code,
    Frame,
    Kind,
    RawClient,
    Setting,
    block,
    data,
    frame,
    goaway,
    head,
    ping,
    pseudo,
    request,
    reset,
    settings,
    settings_ack,
    window,
)

BEGIN: Final = PREFACE + settings()

FLIGHT: Final = 3
"""Frames that come first: SETTINGS, a larger window of the connection, and our SETTINGS acknowledged."""

LAST: Final = ping(b"the last")
"""Said at the end of a dialogue that does not end the connection: its echo says that all was heard."""

OK: Final = "200 text/plain 5"
"""Status, type and length of what `/hello` is answered with."""


class Dialogue(NamedTuple):
    """What is said after the preface, and what is heard after the first flight."""

    name: str
    said: bytes
    heard: list[str]
    begin: bytes = BEGIN


def hello(stream: int) -> list[str]:
    """The answer to `/hello`."""
    return [f"HEADERS {stream} {OK}", f"DATA {stream} hello END"]


def ask(stream: int) -> bytes:
    """The question."""
    return request(stream, path="/hello")


def pieces(stream: int, fields: bytes, size: int) -> bytes:
    """A head in frames of this size."""
    parts = [fields[at : at + size] for at in range(0, len(fields), size)]
    first = frame(Kind.HEADERS, END_STREAM, stream, parts[0])
    rest = [frame(Kind.CONTINUATION, END_HEADERS if part is parts[-1] else 0, stream, part) for part in parts[1:]]
    return first + b"".join(rest)


INDEXED: Final = b"\x82\x86\x41\x04test\x44\x06/hello"
"""The question in the words of RFC 7541: static entries, and two that the table is to remember."""

SHUT: Final = PREFACE + settings({Setting.INITIAL_WINDOW_SIZE: 0})

DIALOGUES: Final = [
    Dialogue("one question", ask(1), hello(1)),
    Dialogue("three questions at once", ask(1) + ask(3) + ask(5), hello(1) + hello(3) + hello(5)),
    Dialogue("numbers that are passed over", ask(7) + ask(9), hello(7) + hello(9)),
    Dialogue("a head in many frames", pieces(1, block(pseudo(path="/hello")), 20), hello(1)),
    Dialogue("a head with padding and priority", frame(Kind.HEADERS, END_STREAM | END_HEADERS | PADDED | 0x20, 1, b"\x04" + struct.pack(">IB", 0, 15) + block(pseudo(path="/hello")) + bytes(4)), hello(1)),
    Dialogue("the table is used", frame(Kind.HEADERS, 5, 1, INDEXED) + frame(Kind.HEADERS, 5, 3, b"\x82\x86\xbf\xbe"), hello(1) + hello(3)),
    Dialogue("HEAD", request(1, method="HEAD", path="/hello"), [f"HEADERS 1 {OK} END"]),
    Dialogue("nothing there", request(1, path="/nothing"), ["HEADERS 1 204 - - END"]),
    Dialogue("a window that opens late", ask(1) + window(1, 2) + window(1, 100), hello(1), SHUT),
    Dialogue("a window that opens for all", ask(1) + settings({Setting.INITIAL_WINDOW_SIZE: 5}), [f"HEADERS 1 {OK}", "SETTINGS ACK", "DATA 1 hello END"], SHUT),
    Dialogue("a question that is taken back while its answer waits", ask(1) + reset(1) + ask(3) + window(3, 5), [f"HEADERS 1 {OK}", *hello(3)], SHUT),
    Dialogue("PING", ping(b"12345678") + ask(1), ["PING ACK 12345678", *hello(1)]),
    Dialogue("SETTINGS again", settings({Setting.MAX_FRAME_SIZE: 20_000}) + ask(1), ["SETTINGS ACK", *hello(1)]),
    Dialogue("frames that nobody knows", frame(0xEE, 0xFF, 1, b"what") + ask(1) + frame(0x16, 0, 0), hello(1)),
    Dialogue("a goodbye, and what is still open", ask(1) + goaway(0), hello(1)),
    Dialogue("a body that nobody wants", head(1, pseudo("POST", "/hello"), end=False) + data(1, b"x", end=True), [*hello(1), "RST_STREAM 1 NO_ERROR"]),
    Dialogue("a malformed question beside a good one", request(1, ("connection", "close")) + ask(3), ["RST_STREAM 1 PROTOCOL_ERROR", *hello(3)]),
    Dialogue("a capital letter", request(1, ("X-A", "b")) + ask(3), ["RST_STREAM 1 PROTOCOL_ERROR", *hello(3)]),
    Dialogue("CONNECT", head(1, [(":method", "CONNECT"), (":authority", "a:1")]) + ask(3), ["HEADERS 1 501 text/plain; charset=utf-8 46", "DATA 1 501 request_invalid: CONNECT is not supported\n END", *hello(3)]),
    Dialogue("no preface", b"", ["GOAWAY 0 PROTOCOL_ERROR"], PREFACE[:-2] + b"!!" + settings()),
    Dialogue("no SETTINGS", b"", ["GOAWAY 0 PROTOCOL_ERROR"], PREFACE + ping()),
    Dialogue("DATA on no stream", data(0, b"x"), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("DATA before a question", data(1, b"x"), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("an even number", ask(2), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("a number twice", ask(3) + ask(1), [*hello(3), "GOAWAY 3 PROTOCOL_ERROR"]),
    Dialogue("a question about a question that is over", ask(1) + ask(1), [*hello(1), "GOAWAY 1 STREAM_CLOSED"]),
    Dialogue("a frame inside a head", frame(Kind.HEADERS, END_STREAM, 1, INDEXED) + ping(), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("CONTINUATION of nothing", frame(Kind.CONTINUATION, END_HEADERS, 1, INDEXED), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("a frame that is too long", frame(Kind.DATA, 0, 1, bytes(16_385)), ["GOAWAY 0 FRAME_SIZE_ERROR"]),
    Dialogue("a PING that is too short", ping(b"short"), ["GOAWAY 0 FRAME_SIZE_ERROR"]),
    Dialogue("padding that is longer than its frame", frame(Kind.DATA, PADDED, 1, b"\x05ab"), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("an index that does not exist", frame(Kind.HEADERS, 5, 1, b"\xff\x7f"), ["GOAWAY 1 COMPRESSION_ERROR"]),
    Dialogue("a window that overflows", window(0, 2**31 - 1), ["GOAWAY 0 FLOW_CONTROL_ERROR"]),
    Dialogue("the connection's window grows by nothing", window(0, 0), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("an impossible setting", settings({Setting.ENABLE_PUSH: 2}), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("a push from a client", frame(Kind.PUSH_PROMISE, END_HEADERS, 1, bytes(4)), ["GOAWAY 0 PROTOCOL_ERROR"]),
    Dialogue("SETTINGS without end", settings() * 25, ["SETTINGS ACK"] * 18 + ["GOAWAY 0 ENHANCE_YOUR_CALM"]),
]  # fmt: skip


def line(found: Frame, client: RawClient) -> str:
    """One frame in words."""
    words = [Kind(found.kind).name]
    if found.stream:
        words.append(str(found.stream))
    match found.kind:
        case Kind.HEADERS:
            fields = client.messages[found.stream].heads[-1]
            words += [fields[":status"], fields.get("content-type", "-"), fields.get("content-length", "-")]
        case Kind.DATA:
            words.append(found.payload.decode())
        case Kind.PING:
            words += ["ACK"] * bool(found.flags & ACK) + [found.payload.decode("latin-1")]
        case Kind.SETTINGS:
            words += ["ACK"] * bool(found.flags & ACK)
        case Kind.RST_STREAM:
            words.append(Code(found.number).name)
        case Kind.GOAWAY:
            last, code = struct.unpack(">II", found.payload[:8])
            words += [str(last), Code(code).name]
    return " ".join(words + ["END"] * found.ended)


def whole(said: bytes) -> list[bytes]:
    return [said]


def byte_by_byte(said: bytes) -> list[bytes]:
    return [said[at : at + 1] for at in range(len(said))]


def at_random(said: bytes) -> list[bytes]:
    dice, parts = random.Random(said), []
    while said:
        count = dice.randint(1, 40)
        parts.append(said[:count])
        said = said[count:]
    return parts


Cut = Callable[[bytes], list[bytes]]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    plain = {"content-type": "text/plain"}
    rules = [
        {"name": "hello", "match": "/hello", "respond": {"status": 200, "body": "hello", "headers": plain}},
        {"name": "nothing", "match": "/nothing", "respond": {"status": 204}},
    ]
    config = {
        "listeners": [{"name": "web", "listen": LISTEN, "protocols": ["h2"]}],
        "routes": [{"name": "all", "rules": rules}],
    }
    with Gateway(config, tmp_path_factory.mktemp("dialogues")) as running:
        yield running


def had(gateway: Gateway, dialogue: Dialogue, cut: Cut) -> list[str]:
    """What is heard, after the first flight and its acknowledgement."""
    ends = any("GOAWAY" in each for each in dialogue.heard)
    said = dialogue.begin + settings_ack() + dialogue.said + (b"" if ends else LAST)
    heard: list[str] = []
    with RawClient(gateway.port(), first=b"") as client:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may be over before all is said
            for part in cut(said):
                client.send(part)
        echoed = False
        while not (echoed and len(joined(heard)) >= len(dialogue.heard) + FLIGHT):
            found = client.receive()
            if found is None:
                break
            if found.kind == Kind.PING and found.payload == LAST[9:]:
                echoed = True
            else:
                heard.append(line(found, client))
    return joined(heard)


def joined(heard: list[str]) -> list[str]:
    """Data that comes in pieces is still the same: windows may open between them, or before both."""
    lines: list[str] = []
    for each in heard:
        words = each.split(" ", 2)
        if lines and words[0] == "DATA" and lines[-1].startswith(f"DATA {words[1]} "):
            lines[-1] += words[2]
        else:
            lines.append(each)
    return lines


def names(dialogue: Dialogue) -> str:
    return dialogue.name


@pytest.mark.parametrize("cut", [whole, byte_by_byte, at_random])
@pytest.mark.parametrize("dialogue", DIALOGUES, ids=names)
def test_dialogue_is_heard_the_same_however_it_is_cut(gateway: Gateway, dialogue: Dialogue, cut: Cut) -> None:
    heard = had(gateway, dialogue, cut)
    if dialogue.begin in (BEGIN, SHUT):
        assert heard[:FLIGHT] == ["SETTINGS", "WINDOW_UPDATE", "SETTINGS ACK"]
        heard = heard[FLIGHT:]
    else:
        heard = [each for each in heard if each.startswith("GOAWAY")]
    assert heard == dialogue.heard
