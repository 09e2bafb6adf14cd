"""Whether the load generator and h2load, an independent one, see the same server alike.

nginx runs alone on one core and is the bottleneck (h2load is one for nghttpd and h2o); the two generators take turns on
another, with the same connections, streams and answers.
"""

import getpass
import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import certificate, machine, process, report, tool
from bench.peer import Place
from bench.peers import debian, nginx
from bench.upstream import SMALL, SMALL_BYTES

CONNECTIONS, STREAMS = 8, 32
TOLERANCE = 0.05
CONFIG = """\
user {user};
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port}{flags};
{tls}        location = {path} {{ return 200 "{small}"; }}
    }}
}}
"""
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
    """nginx with an answer of 1 KiB."""
    directory.mkdir()
    port = process.free_port()
    shown = certificate.make(directory) if tls else None
    place = Place(directory, port, "", http2=True, certificate=shown)
    text = CONFIG.format(
        user=getpass.getuser(),
        directory=directory,
        port=port,
        flags=nginx.flags(place),
        tls=nginx.tls(place),
        path=SMALL,
        small="x" * SMALL_BYTES,
    )
    command = nginx.start_line(nginx.find(), directory, place.write("nginx.conf", text))
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
