"""Bodies larger than any buffer: streamed, whole, in flat memory, with back-pressure both ways."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import PART, Client, fetch
from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.origin import Connection, ScriptedOrigin, TellingOrigin, answer
from tests.e2e.programs import nginx, run

MIB = 1024 * 1024

GROWTH = 8 * MIB
"""What the gateway's memory may grow by while a body of any size goes through: a few buffers."""

BLOCK = bytes(range(256)) * 256


def swallow(connection: Connection) -> None:
    """An origin that counts a request body of any framing and answers with the count."""
    while head := connection.read_head():
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        count = 0
        if b"content-length" in fields:
            left = int(fields[b"content-length"])
            while left:
                part = connection.read_some()
                if not part:
                    return
                left -= len(part)
                count += len(part)
        else:
            while size := int(connection.read_until(b"\r\n").split(b";")[0], 16):
                count += len(connection.read_exactly(size))
                connection.read_exactly(2)
            connection.read_until(b"\r\n")
        connection.send(answer(str(count).encode()))


def pour(connection: Connection) -> None:
    """An origin that answers `GET /N` with N bytes, by content-length, or in chunks for `/N?chunked`."""
    while head := connection.read_head():
        target = head.split(b" ")[1].decode()
        size, _, how = target[1:].partition("?")
        left = int(size)
        if how == "chunked":
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while left:
                part = BLOCK[: min(left, len(BLOCK))]
                connection.send(b"%x\r\n%s\r\n" % (len(part), part))
                left -= len(part)
            connection.send(b"0\r\n\r\n")
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
            while left:
                part = BLOCK[: min(left, len(BLOCK))]
                connection.send(part)
                left -= len(part)


def upload(port: int, size: int, chunked: bool) -> int:
    """POST so many bytes: what the origin says it got."""
    with Client(port) as client:
        if chunked:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while left:
            part = BLOCK[: min(left, len(BLOCK))]
            client.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            left -= len(part)
        if chunked:
            client.send(b"0\r\n\r\n")
        return int(client.read("POST").body)


def download(port: int, target: str) -> int:
    """GET and count the bytes, keeping none (a chunked answer is counted with its framing)."""
    with Client(port) as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        buffer, count, head = memoryview(bytearray(MIB)), 0, b""
        while b"\r\n\r\n" not in head:
            head += client.sock.recv(PART)
        count = len(head) - head.index(b"\r\n\r\n") - 4
        while got := client.sock.recv_into(buffer):
            count += got
        return count


def flat(gateway: Gateway, work: threading.Thread) -> None:
    """Run `work` and check that memory stays flat."""
    before, growth = gateway.pss(), 0
    work.start()
    while work.is_alive():
        growth = max(growth, gateway.pss() - before)
        work.join(0.05)
    assert growth < GROWTH, f"memory grew by {growth / MIB:.1f} MiB"


SIZES = [
    pytest.param(1024 * MIB, id="1 GiB"),
    pytest.param(10_000_000_000, id="10 GB", marks=[pytest.mark.soak, pytest.mark.timeout(600)]),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [False, True])
def test_upload_is_streamed_in_flat_memory(tmp_path: Path, size: int, chunked: bool) -> None:
    got: list[int] = []
    with ScriptedOrigin(swallow) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        upload(gateway.port(), MIB, chunked)  # buffers that are kept exist before memory is looked at
        flat(gateway, threading.Thread(target=lambda: got.append(upload(gateway.port(), size, chunked))))
    assert got == [size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [False, True])
def test_download_is_streamed_in_flat_memory(tmp_path: Path, size: int, chunked: bool) -> None:
    got: list[int] = []
    how = "?chunked" if chunked else ""
    with ScriptedOrigin(pour) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        download(gateway.port(), f"/{MIB}{how}")
        flat(gateway, threading.Thread(target=lambda: got.append(download(gateway.port(), f"/{size}{how}"))))
    assert got[0] >= size
    assert got[0] == size or chunked


def test_nginx_file_arrives_byte_for_byte(tmp_path: Path) -> None:
    with nginx(tmp_path) as server, Gateway(forward_to(server.address), tmp_path) as gateway:
        content = b"".join(number.to_bytes(4, "big") for number in range(2_000_000))
        (server.files / "data").write_bytes(content)
        fetched = tmp_path / "fetched"
        run("curl", "-sS", "-o", str(fetched), f"http://127.0.0.1:{gateway.port()}/data")
        assert fetched.read_bytes() == content
        run("curl", "-sS", "-o", str(fetched), "-r", "1000-1999", f"http://127.0.0.1:{gateway.port()}/data")
        assert fetched.read_bytes() == content[1000:2000]
        found = fetch(gateway.port(), "HEAD", "/data")
        assert (found.header("content-length"), found.body) == (str(len(content)), b"")
        etag = found.header("etag")
        assert fetch(gateway.port(), "GET", "/data", f"If-None-Match: {etag}").status == 304


def stalled_at(sock: socket.socket, block: bytes) -> int:
    """Send until nothing fits any more for half a second: the bytes that were taken."""
    sock.settimeout(0.5)
    sent = 0
    try:
        while True:
            sent += sock.send(block)
    except TimeoutError:
        return sent


@pytest.fixture
def held() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


ENOUGH = 64 * MIB
"""More than all kernel buffers on the way hold together; what is taken beyond them would be in the gateway's memory."""


def test_upload_stops_when_the_upstream_does_not_read(tmp_path: Path, held: threading.Event) -> None:
    def slow(connection: Connection) -> None:
        connection.read_head()
        held.wait(20)

    with ScriptedOrigin(slow) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        before = gateway.pss()
        with Client(gateway.port()) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n")
            assert stalled_at(client.sock, BLOCK * 16) < ENOUGH
            assert gateway.pss() - before < GROWTH
        held.set()


def test_download_stops_when_the_client_does_not_read(tmp_path: Path, held: threading.Event) -> None:
    taken: list[int] = []

    def fast(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        taken.append(stalled_at(connection.sock, BLOCK * 16))
        held.wait(20)

    with ScriptedOrigin(fast) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        before = gateway.pss()
        with Client(gateway.port()) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: bool(taken), "the origin's sending comes to a halt")
            assert taken[0] < ENOUGH
            assert gateway.pss() - before < GROWTH
        held.set()


def test_pipelined_requests_against_a_client_that_does_not_read_are_bounded(tmp_path: Path) -> None:
    """Bounded depth, then stop reading: the client's sending comes to a halt, memory stays."""
    with TellingOrigin() as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        before = gateway.pss()
        request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Answer-Bytes: 100000\r\n\r\n"
        with Client(gateway.port()) as client:
            assert stalled_at(client.sock, request * 1000) < ENOUGH
            assert gateway.pss() - before < GROWTH
            assert len(origin.requests) < 2000


def test_answer_before_the_request_has_ended_reaches_the_client(tmp_path: Path) -> None:
    def early(connection: Connection) -> None:
        connection.read_head()
        connection.send(answer(b"too large", status="413 Content Too Large", fields=b"Connection: close\r\n"))

    with ScriptedOrigin(early) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst")
            found = client.read("POST")
            assert (found.status, found.body, found.header("connection")) == (413, b"too large", "close")
            assert client.closed()  # the rest of the request is nobody's: what follows it cannot be told from it


def test_every_part_is_passed_on_at_once(tmp_path: Path) -> None:
    """Server-sent events: a part that the server sent is not kept until more comes."""
    go = threading.Event()

    def events(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            connection.send(b"3\r\n%d\n\n\r\n" % number)
            go.wait(20)
            go.clear()
        connection.send(b"0\r\n\r\n")

    with ScriptedOrigin(events) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            seen, began = b"", time.monotonic()
            for number in range(3):
                while b"%d\n\n" % number not in seen:
                    seen += client.sock.recv(PART)
                go.set()
            assert time.monotonic() - began < 5
