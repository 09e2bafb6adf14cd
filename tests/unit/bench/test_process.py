"""Programs under measurement: pinned, known with their descendants, always ended."""

import os
import sys
from pathlib import Path

import pytest

from bench import process

# Forks a child; both answer for themselves by writing their core to a file, then wait for ever.
FAMILY = """
import os, pathlib, signal
pid = os.fork()
pathlib.Path(f"{'parent' if pid else 'child'}").write_text(f"{os.getpid()} {sorted(os.sched_getaffinity(0))}")
total = sum(range(3_000_000))
pathlib.Path(f"{'parent' if pid else 'child'}-done").touch()
signal.pause()
"""
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"abc")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def core() -> int:
    return min(os.sched_getaffinity(0))


def appears(path: Path) -> str:
    """Waits for a file with something in it; the test's own timeout ends a wait in vain."""
    while not path.exists():
        os.sched_yield()
    return path.read_text()


def test_the_whole_tree_is_pinned_counted_and_ended(tmp_path: Path) -> None:
    with process.running([sys.executable, "-c", FAMILY], 0, core(), tmp_path) as running:
        for name in ("parent-done", "child-done"):
            appears(tmp_path / name)
        told = [(tmp_path / name).read_text().split(maxsplit=1) for name in ("parent", "child")]
        pids = [int(pid) for pid, _ in told]
        assert [cores for _, cores in told] == [f"[{core()}]"] * 2
        assert running.tree() == pids
        assert running.cpu().user > 0
        assert running.memory() > 2**20
    assert not any(process.stat(pid) and process.stat(pid)[0] != "Z" for pid in pids)


def test_our_own_cores_are_ours_again(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    with process.running(["sleep", "100"], 0, core(), tmp_path):
        assert os.sched_getaffinity(0) == before


def test_a_program_that_ends_by_itself_is_a_failure_with_its_last_words(
    tmp_path: Path,
) -> None:
    command = ["sh", "-c", "echo the disk is on fire >&2; exit 3"]
    with (
        pytest.raises(process.FailedError, match="the disk is on fire"),
        process.running(command, process.free_port(), core(), tmp_path) as running,
    ):
        process.await_answer(running, tmp_path, lambda: False)


def test_a_program_is_ended_when_the_measurement_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        process.running(["sleep", "100"], 0, core(), tmp_path) as running,
    ):
        raise ZeroDivisionError
    assert process.stat(running.pid) == []


def test_the_first_answer_is_awaited(tmp_path: Path) -> None:
    port = process.free_port()
    assert not process.listens(port)
    with process.running([sys.executable, "-c", SERVER, str(port)], port, core(), tmp_path) as running:
        took = process.await_answer(running, tmp_path, lambda: process.answers(port, "/"))
        assert 0 < took < process.READY_SECONDS
        assert process.listens(port)
