"""Whether the load generator and h2load, an independent one, see the same server alike.

nghttpd runs alone on one core and is the bottleneck; the two generators take turns on another, with the same
connections, streams and answers.
"""

import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import certificate, machine, process, report, tool
from bench.peers import debian
from bench.upstream import SMALL, SMALL_BYTES

CONNECTIONS, STREAMS = 8, 32
TOLERANCE = 0.05
WELL, FINDINGS = 0, 10


def agree(rounds: int, seconds: float) -> int:
    """Compares the two and prints what they saw; the exit code says whether they agree."""
    load, h2load = tool.find(), debian.find("h2load", "nghttp2-client")
    server_core, other_core = machine.cores()
    os.sched_setaffinity(0, {other_core})
    rows = [["", "h2load", "gateway-load", "difference"]]
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        directory = Path(name)
        for scheme in ("http", "https"):
            theirs, ours = [], []
            with serving(directory / scheme, server_core, tls=scheme == "https") as port:
                url = f"{scheme}://127.0.0.1:{port}{SMALL}"
                for _ in range(rounds):
                    theirs.append(of_h2load(h2load, url, seconds))
                    ours.append(of_ours(load, url, seconds))
            one, other = statistics.median(theirs), statistics.median(ours)
            difference = other / one - 1
            worst = max(worst, abs(difference))
            words = "h2c" if scheme == "http" else "h2 over TLS"
            rows.append([f"{words}, requests/s", f"{one:,.0f}", f"{other:,.0f}", f"{difference:+.1%}"])
    print(report.aligned(rows))
    return WELL if worst <= TOLERANCE else FINDINGS


@contextmanager
def serving(directory: Path, core: int, *, tls: bool) -> Iterator[int]:
    """nghttpd with an answer of 1 KiB."""
    directory.mkdir()
    (directory / SMALL[1:]).write_bytes(b"x" * SMALL_BYTES)
    port = process.free_port()
    shown = certificate.make(directory) if tls else None
    files = [str(port), str(shown.key), str(shown.chain)] if shown else ["--no-tls", str(port)]
    command = [str(debian.find("nghttpd", "nghttp2-server")), "--address=127.0.0.1", f"--htdocs={directory}", *files]
    with process.running(command, port, core, directory) as server:
        process.await_answer(server, directory, lambda: process.listens(port))
        yield port


def of_h2load(program: Path, url: str, seconds: float) -> float:
    """Requests per second, all of them good."""
    shape = ["--clients", str(CONNECTIONS), "--max-concurrent-streams", str(STREAMS), "--threads", "1"]
    line = [str(program), *shape, f"--duration={round(seconds * 1000)}ms", "--warm-up-time=500ms", url]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    found = re.search(r"([\d.]+) req/s", said)
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", said)
    if found is None or failed is None or any(int(count) for count in failed.groups()):
        raise process.FailedError(f"h2load: {said[-600:]}")
    return float(found[1])


def of_ours(load: Path, url: str, seconds: float) -> float:
    """The same, by the load generator."""
    shape = ["--connections", str(CONNECTIONS), "--protocol", "h2", "--streams", str(STREAMS)]
    length = ["--expect", str(SMALL_BYTES), "--duration", f"{seconds}s", "--warmup", "500ms"]
    found = tool.run(load, url, *shape, *length)
    if found["errors"]["total"]:
        raise process.FailedError(f"gateway-load: {found['errors']}")
    return float(found["requests_per_second"])
