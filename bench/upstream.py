"""The upstreams of all candidates, on the load generator's core, each the cheapest there is for its protocol.

HTTP/1.1: nginx, 1 KiB from memory, 1 MiB by sendfile. HTTP/2 without TLS: h2o (1.3 µs per answer, where nghttpd takes 2
and nginx 7). gRPC: nghttpd, a file server that can be told to end with trailers.
"""

import getpass
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench import process
from bench.peers import debian, h2o, nginx

SMALL = "/1k"
LARGE = "/1m"
GRPC = "/bench/unary.grpc"  # nghttpd takes the type from the name
SMALL_BYTES = 1024
LARGE_BYTES = 1024 * 1024
GRPC_PREFIX_BYTES = 5

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

HTTP2 = """\
user: {user}
num-threads: 1
max-connections: 12000
http2-max-concurrent-requests-per-connection: 256
http2-idle-timeout: 3600
error-log: {directory}/error.log
listen: {{host: 127.0.0.1, port: {port}}}
hosts: {{default: {{paths: {{/: {{file.dir: {directory}}}}}}}}}
"""


@contextmanager
def http1(directory: Path, core: int) -> Iterator[str]:
    """Runs the one of HTTP/1.1 and gives its host:port."""
    directory.mkdir()
    port = process.free_port()
    (directory / "1m").write_bytes(b"x" * LARGE_BYTES)
    config = directory / "nginx.conf"
    text = CONFIG.format(user=getpass.getuser(), directory=directory, port=port, small="x" * SMALL_BYTES)
    config.write_text(text)
    command = nginx.start_line(nginx.find(), directory, str(config))
    with process.running(command, port, core, directory) as server:
        process.await_answer(server, directory, lambda: process.answers(port, SMALL))
        yield f"127.0.0.1:{port}"


@contextmanager
def http2(directory: Path, core: int) -> Iterator[str]:
    """Runs the one of HTTP/2 and gives its host:port."""
    directory.mkdir()
    port = process.free_port()
    (directory / "1k").write_bytes(b"x" * SMALL_BYTES)
    config = directory / "h2o.yaml"
    config.write_text(HTTP2.format(user=getpass.getuser(), directory=directory, port=port))
    command = [str(h2o.find()), "-c", str(config)]
    with process.running(command, port, core, directory) as server:
        process.await_answer(server, directory, lambda: process.answers(port, SMALL))
        yield f"127.0.0.1:{port}"


@contextmanager
def grpc(directory: Path, core: int) -> Iterator[str]:
    """Runs the one of gRPC and gives its host:port."""
    port = process.free_port()
    message = SMALL_BYTES - GRPC_PREFIX_BYTES
    file = directory / GRPC[1:]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\0" + message.to_bytes(4, "big") + b"x" * message)
    (directory / "types").write_text("application/grpc grpc\n")
    command = [
        str(debian.find("nghttpd", "nghttp2-server")),
        "--no-tls",
        "--address=127.0.0.1",
        "--max-concurrent-streams=1000",
        f"--htdocs={directory}",
        f"--mime-types-file={directory / 'types'}",
        "--trailer=grpc-status: 0",
        str(port),
    ]
    with process.running(command, port, core, directory) as server:
        process.await_answer(server, directory, lambda: process.listens(port))
        yield f"127.0.0.1:{port}"


EVERY: dict[str, Callable[[Path, int], AbstractContextManager[str]]] = {"h1": http1, "h2": http2, "grpc": grpc}
