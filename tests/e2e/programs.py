"""Programs of other people that the tests use: found, or the test is skipped with the command that installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.gateway_process import free_port, until

PACKAGES: Final = {
    "curl": "curl",
    "h2load": "nghttp2-client",
    "haproxy": "haproxy",
    "nghttp": "nghttp2-client",
    "nghttpd": "nghttp2-server",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "slowhttptest": "slowhttptest",
    "strace": "strace",
    "wrk": "wrk",
}
"""Program → Debian package."""


def program(name: str) -> str:
    """Its path. Skips the test if it is missing."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is missing: apt-get install {PACKAGES[name]}")
    return path


def run(name: str, *arguments: str, seconds: float = 50, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, both outputs captured."""
    done = subprocess.run(
        [program(name), *arguments], capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{name} {' '.join(arguments)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


NGINX: Final = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/error.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; default_type application/octet-stream;
  client_body_temp_path {directory}/client; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi; client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port} backlog=4096 reuseport;
    location / {{ root {directory}/files; etag on; dav_methods PUT; create_full_put_path on; }}
    location = /sink {{ proxy_pass http://127.0.0.1:{port}/hello; }}
    location = /hello {{ return 200 "hello from nginx\\n"; }}
  }}
}}
"""


class Nginx:
    """A running nginx: it serves `files`, says hello on `/hello`, and reads a whole body first on `/sink`."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.files = directory / "files"
        self.port = port
        self.address = f"127.0.0.1:{port}"


@contextmanager
def nginx(directory: Path) -> Iterator[Nginx]:
    """Start nginx on a directory; end it afterwards."""
    binary = program("nginx")
    place = directory / "nginx"
    (place / "files").mkdir(parents=True)
    directory.chmod(0o755)
    server = Nginx(place, free_port())
    text = NGINX.format(directory=place, port=server.port)
    if "http_dav_module" not in subprocess.run([binary, "-V"], capture_output=True, text=True).stderr:
        text = text.replace("dav_methods PUT; create_full_put_path on;", "")
    if os.geteuid() == 0:
        text = "user root;\n" + text
    (place / "nginx.conf").write_text(text)
    process = subprocess.Popen(
        [binary, "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "error.log")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(server.port) or process.poll() is not None, "nginx answers")
        assert process.poll() is None, (place / "error.log").read_text()
        yield server
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    """Whether somebody accepts connections there."""
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def nghttpd(directory: Path) -> Iterator[Nginx]:
    """Start nghttp2's server, which speaks HTTP/2 alone, on a directory; end it afterwards."""
    binary = program("nghttpd")
    server = Nginx(directory / "nghttpd", free_port())
    server.files.mkdir(parents=True)
    process = subprocess.Popen(
        [binary, "--no-tls", "--echo-upload", "--address=127.0.0.1", "-d", str(server.files), str(server.port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(server.port), "nghttpd listens")
        yield server
    finally:
        process.terminate()
        process.wait(10)
