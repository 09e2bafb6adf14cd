"""The Rust HPACK codec beside Python's `hpack`, in both directions.

Whole connections are compared, not blocks: what `hpack` encodes, with its table and its Huffman codes, changes of the
table's size and fields that are never to be indexed, decodes here to the same fields and leaves a table of the same
size; what is encoded here decodes there. Blocks that were damaged on the way are refused by both, or by neither, and
mean the same.

Where the codec is stricter: more than two size updates in a block (RFC 7541 §4.2) are refused, and what RFC 9113 §8.2
forbids in fields is malformed, of which `hpack` knows nothing.
"""

from __future__ import annotations

import json
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.examples import example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Ask = Callable[[bytes, bytes], dict[str, Any]]

EXAMPLES = 600
ROOMY = 1 << 24

pytestmark = pytest.mark.timeout(600)  # the first run compiles the codec

Fields = list[tuple[bytes, bytes, bool]]


@pytest.fixture(scope="module")
def codec() -> Iterator[Ask]:
    """Ask the codec: `codec(operation, bytes)`."""
    with subprocess.Popen([example("hpack")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(operation: bytes, data: bytes) -> dict[str, Any]:
            stdin.write(operation + struct.pack(">I", len(data)) + data)
            stdin.flush()
            answer: dict[str, Any] = json.loads(stdout.readline())
            return answer

        yield ask
        stdin.close()


def latin(text: str) -> bytes:
    return text.encode("latin-1")


pseudo = st.sampled_from(
    [
        *[(b":method", b"GET"), (b":method", b"PUT"), (b":scheme", b"https"), (b":scheme", b"http"), (b":path", b"/")],
        *[(b":path", b"/catalog?page=2"), (b":authority", b"shop.example.com"), (b":status", b"200")],
        *[(b":status", b"418"), (b":protocol", b"websocket")],
    ]
)
NAMES = [
    b"accept",
    b"accept-encoding",
    b"cookie",
    b"date",
    b"set-cookie",
    b"user-agent",
    b"x-a",
    b"x-b",
    b"authorization",
]
VALUES = [b"", b"a", b"gzip, deflate", b"Sat, 21 Nov 2026 05:20:30 GMT", b"text/html;q=0.9,*/*;q=0.8", b"x" * 200]
token = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~", min_size=1, max_size=40).map(latin)
visible = st.binary(max_size=80).map(
    lambda raw: bytes(b for b in raw if b == 9 or (b >= 32 and b != 127)).strip(b" \t")
)
regular = st.tuples(
    st.one_of(st.sampled_from(NAMES), token), st.one_of(st.sampled_from(VALUES), visible, st.just(b"y" * 4100))
)


def unique(pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return list(dict(pairs).items())


def flagged(pairs: tuple[list[tuple[bytes, bytes]], list[tuple[tuple[bytes, bytes], bool]]]) -> Fields:
    first, rest = pairs
    return [(*pair, False) for pair in first] + [(*pair, never) for pair, never in rest]


# Pseudo-header fields come first and once each, in the order of the codec's answer.
ORDER = [b":method", b":scheme", b":authority", b":path", b":status", b":protocol"]
heads = st.tuples(
    st.lists(pseudo, max_size=4).map(unique).map(lambda pairs: sorted(pairs, key=lambda pair: ORDER.index(pair[0]))),
    st.lists(st.tuples(regular, st.sampled_from([False, False, False, True])), max_size=8),
).map(flagged)
# A block after at most two changes of the table's size, with or without Huffman codes.
blocks = st.tuples(st.lists(st.integers(0, 4096), max_size=2), heads, st.booleans())
stories = st.lists(blocks, min_size=1, max_size=8)


def tuples(fields: Fields) -> list[hpack.HeaderTuple]:
    kinds = {False: hpack.HeaderTuple, True: hpack.NeverIndexedHeaderTuple}
    return [kinds[never](name, value) for name, value, never in fields]


def decoded(answer: dict[str, Any]) -> list[tuple[bytes, bytes, bool | None]]:
    return [(latin(name), latin(value), never) for name, value, never in answer["fields"]]


def expected(fields: Fields, theirs: Iterable[object]) -> list[tuple[bytes, bytes, bool | None]]:
    """The fields with the flags that `hpack` reads from the block: it forgets them where the table has the field."""
    never = [isinstance(their, hpack.NeverIndexedHeaderTuple) for their in theirs]
    flags = zip(fields, never, strict=True)
    return [(name, value, None if name.startswith(b":") else flag) for (name, value, _), flag in flags]


def reader() -> hpack.Decoder:
    return hpack.Decoder(max_header_list_size=ROOMY)


@settings(max_examples=EXAMPLES, deadline=None)
@given(story=stories)
def test_what_hpack_encodes_is_decoded_and_the_tables_stay_in_step(codec: Ask, story: list[Any]) -> None:
    codec(b"n", b"")
    encoder, decoder = hpack.Encoder(), reader()
    for sizes, fields, huffman in story:
        for size in sizes:
            if size != encoder.header_table_size:  # setting the same size again makes it forget that one is to be sent
                encoder.header_table_size = size
        block = encoder.encode(tuples(fields), huffman=huffman)
        ours = codec(b"d", block)
        assert ours["verdict"] == "ok", ours
        assert decoded(ours) == expected(fields, decoder.decode(block, raw=True))
        assert ours["table"] == encoder.header_table._current_size


@settings(max_examples=EXAMPLES, deadline=None)
@given(story=st.lists(heads, min_size=1, max_size=6))
def test_what_is_encoded_here_is_decoded_by_hpack(codec: Ask, story: list[Fields]) -> None:
    codec(b"n", b"")
    decoder = reader()
    for fields in story:
        lines = [(b"!" if never else b"-") + name + b"\t" + value + b"\n" for name, value, never in fields]
        block = latin(codec(b"e", b"".join(lines))["block"])
        theirs = decoder.decode(block, raw=True)
        assert [(name, value) for name, value in theirs] == [(name, value) for name, value, _ in fields]
        for (name, _, never), their in zip(fields, theirs, strict=True):
            secret = never or name in {b"authorization", b"cookie", b"set-cookie"}
            assert isinstance(their, hpack.NeverIndexedHeaderTuple) is secret
        assert decoder.header_table_size == 0


def damaged(block: bytes, place: int, change: int, cut: int) -> bytes:
    """The block with one byte changed, and perhaps cut."""
    if not block:
        return block
    at = place % len(block)
    block = block[:at] + bytes([block[at] ^ change]) + block[at + 1 :]
    return block[: cut % (len(block) + 1)] if cut else block


bits = st.one_of(st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]), st.integers(1, 255))


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    before=st.lists(heads, max_size=2),
    last=st.tuples(heads, st.booleans()),
    damage=st.tuples(st.integers(0, 300), bits, st.sampled_from([0, 0, 1, 2, 5, 11, 29])),
)
def test_damaged_blocks_are_refused_by_both_or_mean_the_same(
    codec: Ask, before: list[Fields], last: tuple[Fields, bool], damage: tuple[int, int, int]
) -> None:
    codec(b"n", b"")
    encoder, decoder = hpack.Encoder(), reader()
    for fields in before:
        block = encoder.encode(tuples(fields))
        codec(b"d", block)
        decoder.decode(block, raw=True)
    block = damaged(encoder.encode(tuples(last[0]), huffman=last[1]), *damage)
    ours = codec(b"d", block)
    try:
        theirs = decoder.decode(block, raw=True)
    except hpack.HPACKError:
        assert ours["verdict"] == "corrupt", ours
        return
    if ours["verdict"] == "corrupt":
        # What `hpack` lets pass: integers of any length.
        assert ours["cause"] == "IntegerTooLarge", ours
        return
    assert ours["table"] == decoder.header_table._current_size
    if ours["verdict"] == "ok":
        key = dict.fromkeys(ORDER)
        pairs = [(name, value) for name, value, _ in decoded(ours)]
        want = [(name, value) for name, value in theirs]
        assert sorted(pair for pair in pairs if pair[0] in key) == sorted(pair for pair in want if pair[0] in key)
        assert [pair for pair in pairs if pair[0] not in key] == [pair for pair in want if pair[0] not in key]


def test_a_smaller_limit_is_kept_by_both(codec: Ask) -> None:
    codec(b"n", b"")
    codec(b"l", b"100")
    encoder = hpack.Encoder()
    assert codec(b"d", encoder.encode([("a", "b")]))["cause"] == "SizeMissing"
    codec(b"n", b"")
    codec(b"l", b"100")
    encoder = hpack.Encoder()
    encoder.header_table_size = 100
    for _ in range(5):
        ours = codec(b"d", encoder.encode([("a", "b" * 20), ("c", "d" * 40)]))
        assert (ours["verdict"], ours["table"]) == ("ok", encoder.header_table._current_size)


def test_the_comparison_sees_both_sides(codec: Ask) -> None:
    """A codec that refuses everything, or nothing, would pass too much of the above."""
    codec(b"n", b"")
    assert codec(b"d", b"\x82\x87")["fields"] == [[":method", "GET", None], [":scheme", "https", None]]
    assert codec(b"d", b"\x82\xbe")["cause"] == "IndexUnknown"
    assert codec(b"d", b"\x00\x01A\x01b")["cause"] == "NameUppercase"
