"""HAProxy: one thread in one process."""

import subprocess
from pathlib import Path

from bench.peer import Peer, Place
from bench.peers import debian

# strict-limits off: descriptors are counted for the worst case of two per connection, which idle ones never reach.
CONFIG = """\
global
    nbthread 1
    maxconn 12000
    no strict-limits
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    option forwardfor
    http-reuse always
frontend web
    bind 127.0.0.1:{port} backlog 4096
    maxconn 12000
    default_backend app
backend app
    server one {upstream}
"""


def find() -> Path:
    return debian.find("haproxy", "haproxy")


def version(program: Path) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


def command(program: Path, place: Place) -> list[str]:
    config = place.write("haproxy.cfg", CONFIG.format(port=place.port, upstream=place.upstream))
    return [str(program), "-db", "-q", "-f", config]


PEER = Peer("haproxy", find, version, command, control=True)
