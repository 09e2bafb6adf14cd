"""The one upstream of all candidates: nginx on the load generator's core, 1 KiB from memory, 1 MiB by sendfile."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import process
from bench.peers import nginx

SMALL = "/1k"
LARGE = "/1m"
SMALL_BYTES = 1024
LARGE_BYTES = 1024 * 1024

CONFIG = """\
user {user};
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 12000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=10;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {directory};
        location = /1k {{ return 200 "{small}"; }}
    }}
}}
"""


@contextmanager
def upstream(directory: Path, core: int) -> Iterator[str]:
    """Runs the upstream and gives its host:port."""
    directory.mkdir()
    port = process.free_port()
    (directory / "1m").write_bytes(b"x" * LARGE_BYTES)
    config = directory / "nginx.conf"
    text = CONFIG.format(user=getpass.getuser(), directory=directory, port=port, small="x" * SMALL_BYTES)
    config.write_text(text)
    command = nginx.start_line(nginx.find(), directory, str(config))
    with process.running(command, port, core, directory) as server:
        process.await_answer(server, SMALL, directory)
        yield f"127.0.0.1:{port}"
