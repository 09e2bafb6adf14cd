"""nghttpx of nghttp2: one worker thread in one process.

It cannot be kept from issuing session tickets.
"""

import subprocess
from pathlib import Path

from bench.peer import Peer, Place
from bench.peers import debian


def find() -> Path:
    return debian.find("nghttpx", "nghttp2-proxy")


def version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.strip().rpartition("/")[2]


def command(program: Path, place: Place) -> list[str]:
    plain = "" if place.certificate else ";no-tls"
    http2 = ";;proto=h2" if place.upstream_http2 else ""
    line = [
        str(program),
        f"--conf={place.write('nghttpx.conf', '')}",  # not the one of the machine
        f"--frontend=127.0.0.1,{place.port}{plain}",
        f"--backend={place.upstream_host},{place.upstream_port}{http2}",
        "--backlog=4096",
        "--workers=1",
        "--single-process",
        "--add-x-forwarded-for",
        "--no-ocsp",
        "--log-level=ERROR",
    ]
    if place.certificate is None:
        return line
    alpn = "h2" if place.http2 else "http/1.1"
    options = ["--tls-min-proto-version=TLSv1.3", f"--npn-list={alpn}"]
    return [*line, *options, str(place.certificate.key), str(place.certificate.chain)]


PEER = Peer("nghttpx", find, version, command)
