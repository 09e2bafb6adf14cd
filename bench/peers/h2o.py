"""h2o: one thread. The version that Debian has speaks HTTP/2 with clients only."""

import getpass
import subprocess
from pathlib import Path

from bench.peer import Peer, Place
from bench.peers import debian

CONFIG = """\
user: {user}
num-threads: 1
max-connections: 12000
error-log: {directory}/error.log
ssl-session-resumption: {{mode: {resumption}}}
http1-request-timeout: 600
http2-idle-timeout: 600
listen:
  host: 127.0.0.1
  port: {port}
{tls}hosts:
  default:
    paths:
      /:
        proxy.reverse.url: "http://{upstream}/"
        proxy.preserve-host: ON
        proxy.timeout.keepalive: 60000
"""
TLS = """\
  ssl:
    certificate-file: {chain}
    key-file: {key}
    minimum-version: TLSv1.3
    ocsp-update-interval: 0
"""


def find() -> Path:
    return debian.find("h2o", "h2o")


def version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


def command(program: Path, place: Place) -> list[str]:
    found = place.certificate
    text = CONFIG.format(
        user=getpass.getuser(),
        directory=place.directory,
        resumption="ticket" if place.tickets else "off",
        port=place.port,
        tls=TLS.format(chain=found.chain, key=found.key) if found else "",
        upstream=place.upstream,
    )
    return [str(program), "-c", place.write("h2o.yaml", text)]


PEER = Peer("h2o", find, version, command)
