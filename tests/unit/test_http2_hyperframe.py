"""The Rust codec's frames beside hyperframe, which shares neither code nor language with it.

Both ways: what hyperframe writes, the codec reads with the same meaning and writes anew, and hyperframe reads that with
the same meaning again; and of arbitrary bytes in the shape of a frame, what the codec accepts hyperframe accepts.

Where hyperframe and the codec differ on purpose:

- Some of the codec's refusals are the connection's business in hyperframe's eyes (settings out of range, a zero
  increment, a stream that depends on itself, every PUSH_PROMISE); each is tested in `rust/core/tests`.
- hyperframe takes the reserved bit of WINDOW_UPDATE and GOAWAY for part of the number; RFC 9113 §6.9 and §6.8 say to
  ignore it. It is cleared before hyperframe is asked.
- hyperframe refuses HEADERS that are all padding, since it does not count the byte that says how long it is; RFC 9113
  §6.2 allows them.
- hyperframe has no name for SETTINGS_NO_RFC7540_PRIORITIES and no PRIORITY_UPDATE.
"""

from __future__ import annotations

import json
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import hyperframe.exceptions
import hypothesis
import pytest
from hyperframe import frame as frames
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.examples import example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Codec = Callable[[bytes], dict[str, Any]]

EXAMPLES = 1500

pytestmark = pytest.mark.timeout(600)  # the first run compiles the codec


@pytest.fixture(scope="module")
def codec() -> Iterator[Codec]:
    """Ask the codec about one frame."""
    with subprocess.Popen([example("frames")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(frame: bytes) -> dict[str, Any]:
            stdin.write(struct.pack(">I", len(frame)) + frame)
            stdin.flush()
            answer: dict[str, Any] = json.loads(stdout.readline())
            return answer

        yield ask
        stdin.close()


streams = st.integers(1, 2**31 - 1)
words = st.integers(0, 2**32 - 1)
payloads = st.binary(max_size=300)
paddings = st.integers(0, 255)


@st.composite
def data(draw: st.DrawFn) -> frames.Frame:
    padded = draw(st.booleans())
    frame = frames.DataFrame(draw(streams), data=draw(payloads), pad_length=draw(paddings) if padded else 0)
    frame.flags |= {"PADDED"} if padded else set()
    frame.flags |= {"END_STREAM"} if draw(st.booleans()) else set()
    return frame


@st.composite
def headers(draw: st.DrawFn) -> frames.Frame:
    stream = draw(streams)
    frame = frames.HeadersFrame(stream, data=draw(payloads))
    for flag in ("END_STREAM", "END_HEADERS", "PADDED", "PRIORITY"):
        if draw(st.booleans()):
            frame.flags.add(flag)
    if "PADDED" in frame.flags:
        frame.pad_length = draw(paddings)
    if "PRIORITY" in frame.flags:
        frame.depends_on = draw(st.integers(0, 2**31 - 1).filter(lambda parent: parent != stream))
        frame.exclusive, frame.stream_weight = draw(st.booleans()), draw(st.integers(0, 255))
    return frame


@st.composite
def priority(draw: st.DrawFn) -> frames.Frame:
    stream = draw(streams)
    parent = draw(st.integers(0, 2**31 - 1).filter(lambda parent: parent != stream))
    weight, exclusive = draw(st.integers(0, 255)), draw(st.booleans())
    return frames.PriorityFrame(stream, depends_on=parent, stream_weight=weight, exclusive=exclusive)


RANGES = {
    1: words,
    2: st.integers(0, 1),
    3: words,
    4: st.integers(0, 2**31 - 1),
    5: st.integers(2**14, 2**24 - 1),
    6: words,
    8: st.integers(0, 1),
}
NAMES = {
    1: "TableSize({})",
    2: "EnablePush({})",
    3: "MaxConcurrentStreams({})",
    4: "InitialWindow({})",
    5: "MaxFrameSize({})",
    6: "MaxHeaderList({})",
    8: "EnableConnect({})",
}


@st.composite
def offered(draw: st.DrawFn) -> frames.Frame:
    if draw(st.booleans()):
        return frames.SettingsFrame(0, flags=["ACK"])
    chosen = draw(st.lists(st.sampled_from(sorted(RANGES)), unique=True))
    return frames.SettingsFrame(0, settings={key: draw(RANGES[key]) for key in chosen})


@st.composite
def pings(draw: st.DrawFn) -> frames.Frame:
    flags = ["ACK"] if draw(st.booleans()) else []
    return frames.PingFrame(0, opaque_data=draw(st.binary(min_size=8, max_size=8)), flags=flags)


@st.composite
def continuations(draw: st.DrawFn) -> frames.Frame:
    flags = ["END_HEADERS"] if draw(st.booleans()) else []
    return frames.ContinuationFrame(draw(streams), data=draw(payloads), flags=flags)


resets = st.builds(frames.RstStreamFrame, streams, error_code=words)
updates = st.builds(frames.WindowUpdateFrame, st.integers(0, 2**31 - 1), window_increment=st.integers(1, 2**31 - 1))
goaways = st.builds(
    frames.GoAwayFrame,
    st.just(0),
    last_stream_id=st.integers(0, 2**31 - 1),
    error_code=words,
    additional_data=payloads,
)
every = st.one_of(data(), headers(), priority(), resets, offered(), pings(), goaways, updates, continuations())


def parsed(raw: bytes) -> frames.Frame:
    frame, length = frames.Frame.parse_frame_header(memoryview(raw[:9]))
    assert length == len(raw) - 9
    frame.parse_body(memoryview(raw[9:]))
    return frame


def entry(key: int, value: int) -> str:
    return NAMES[key].format(str(bool(value)).lower() if key in (2, 8) else value)


def settings_meaning(frame: frames.SettingsFrame) -> dict[str, Any]:
    known = [entry(key, value) for key, value in frame.settings.items() if key in NAMES]
    return {"ack": "ACK" in frame.flags, "entries": known}


def headers_meaning(frame: frames.HeadersFrame) -> dict[str, Any]:
    said = {
        "fragment": frame.data.hex(),
        "end_stream": "END_STREAM" in frame.flags,
        "end_headers": "END_HEADERS" in frame.flags,
    }
    return said | (priority_meaning(frame) if "PRIORITY" in frame.flags else {})


def priority_meaning(frame: frames.HeadersFrame | frames.PriorityFrame) -> dict[str, Any]:
    return {"depends_on": frame.depends_on, "exclusive": frame.exclusive, "weight": frame.stream_weight}


# In the order of the types' numbers.
MEANINGS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Data": lambda f: {"data": f.data.hex(), "padding": f.pad_length, "end_stream": "END_STREAM" in f.flags},
    "Headers": headers_meaning,
    "Priority": priority_meaning,
    "Reset": lambda f: {"code": f.error_code},
    "Settings": settings_meaning,
    "PushPromise": lambda f: {},  # the codec refuses every one
    "Ping": lambda f: {"ack": "ACK" in f.flags, "payload": f.opaque_data.hex()},
    "GoAway": lambda f: {"last": f.last_stream_id, "code": f.error_code, "debug": f.additional_data.hex()},
    "WindowUpdate": lambda f: {"increment": f.window_increment},
    "Continuation": lambda f: {"fragment": f.data.hex(), "end_headers": "END_HEADERS" in f.flags},
}
KINDS = list(MEANINGS)


def meaning(frame: frames.Frame) -> dict[str, Any]:
    """What a frame says in hyperframe's eyes, in the words of the codec's answer."""
    kind = KINDS[int(frame.type or 0)]
    return {"verdict": "whole", "kind": kind, "stream": frame.stream_id, **MEANINGS[kind](frame)}


def unpadded(said: dict[str, Any]) -> dict[str, Any]:
    """What is left when the codec writes a frame anew."""
    gone = {"depends_on", "exclusive", "weight"} if said["kind"] == "Headers" else set()
    kept = {key: value for key, value in said.items() if key not in gone}
    return kept | ({"padding": 0} if "padding" in kept else {})


@settings(max_examples=EXAMPLES, deadline=None)
@given(frame=every)
def test_frames_that_hyperframe_writes_mean_the_same_to_the_codec_and_back(codec: Codec, frame: frames.Frame) -> None:
    ours = codec(frame.serialize())
    again = ours.pop("again")
    assert ours == meaning(frame)
    assert meaning(parsed(bytes.fromhex(again))) == unpadded(ours)


@st.composite
def shaped(draw: st.DrawFn) -> bytes:
    """Any bytes with the length that they have, for the types that both sides know."""
    payload = draw(st.one_of(st.binary(max_size=24), st.sampled_from([b"", bytes(4), bytes(5), bytes(8), bytes(6)])))
    kind, flags = draw(st.integers(0, 9)), draw(st.sampled_from([0, 1, 4, 5, 8, 9, 0x20, 0x28, 0x2D, 0xFF]))
    stream = draw(st.sampled_from([0, 1, 3, 2**31 - 1]))
    if kind in (7, 8) and payload:
        payload = bytes([payload[0] & 0x7F]) + payload[1:]
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


@settings(max_examples=EXAMPLES, deadline=None)
@given(raw=shaped())
def test_bytes_that_the_codec_accepts_mean_the_same_to_hyperframe(codec: Codec, raw: bytes) -> None:
    ours = codec(raw)
    if ours["verdict"] != "whole":
        return
    ours.pop("again")
    theirs = meaning(parsed(raw))
    if ours["kind"] == "Settings":  # hyperframe keeps the last of several entries for one setting
        assert set(theirs.pop("entries")) <= set(ours.pop("entries"))
    assert ours == theirs


PRIORITY = 0x20
"""Flag of HEADERS."""
ALL_PADDING = bytes([0, 0, 8, 1, 8, 0, 0, 0, 1, 7]) + bytes(7)
"""HEADERS of a fragment without bytes."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(raw=shaped())
@hypothesis.example(raw=ALL_PADDING)
def test_bytes_that_hyperframe_refuses_the_codec_refuses(codec: Codec, raw: bytes) -> None:
    try:
        parsed(raw)
    except hyperframe.exceptions.InvalidPaddingError:
        kind, flags, payload = raw[3], raw[4], raw[9:]
        all_padding = kind == 1 and not flags & PRIORITY and payload[0] == len(payload) - 1
        assert codec(raw)["verdict"] == ("whole" if all_padding else "refused")
    except (hyperframe.exceptions.HyperframeError, struct.error):
        assert codec(raw)["verdict"] == "refused"


def test_the_comparison_sees_both_sides(codec: Codec) -> None:
    """A codec that refuses everything would agree with hyperframe about everything."""
    assert codec(frames.PingFrame(0, opaque_data=b"12345678").serialize())["payload"] == b"12345678".hex()
    assert codec(bytes([0, 0, 7, 6, 0, 0, 0, 0, 0]) + bytes(7)) == {"verdict": "refused", "cause": "FrameSize"}
    assert codec(bytes([0, 0, 8, 6, 0, 0, 0, 0, 1]) + bytes(8)) == {"verdict": "refused", "cause": "StreamNamed"}
    assert codec(bytes([0, 0, 4, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2])) == {"verdict": "refused", "cause": "Push"}
    assert codec(b"\0\0\1")["verdict"] == "partial"
