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
    tune.ssl.cachesize 0
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    option forwardfor
    http-reuse always
frontend web
    bind 127.0.0.1:{port} backlog 4096{bind}
    maxconn 12000
    default_backend app
backend app
    server one {upstream}{server}
"""


def find() -> Path:
    return debian.find("haproxy", "haproxy")


def version(program: Path) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


def bind(place: Place) -> str:
    """What the listening address speaks."""
    if place.certificate is None:
        return " proto h2" if place.http2 else ""
    alpn = "h2" if place.http2 else "http/1.1"
    tickets = "" if place.tickets else " no-tls-tickets"
    return f" ssl crt {place.certificate.both} alpn {alpn} ssl-min-ver TLSv1.3{tickets}"


def command(program: Path, place: Place) -> list[str]:
    server = " proto h2" if place.upstream_http2 else ""
    text = CONFIG.format(port=place.port, upstream=place.upstream, bind=bind(place), server=server)
    config = place.write("haproxy.cfg", text)
    return [str(program), "-db", "-q", "-f", config]


PEER = Peer("haproxy", find, version, command, control=True)
