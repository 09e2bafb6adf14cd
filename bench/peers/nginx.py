"""nginx as a proxy: one worker under its master process.

Towards an HTTP/2 upstream it has only `grpc_pass`, which asks one at a time on a connection.
"""

import getpass
import subprocess
from pathlib import Path

from bench.peer import Peer, Place
from bench.peers import debian

# Temporary files are off: the disk is no part of the comparison. keepalive_requests: the others have no such limit.
CONFIG = """\
user {user};
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 12000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream app {{
        server {upstream};
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096{flags};
{tls}        location / {{
{forward}
        }}
    }}
}}
"""
TO_HTTP1 = """\
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_max_temp_file_size 0;"""
TO_HTTP2 = """\
            grpc_pass grpc://app;
            grpc_set_header Host $http_host;
            grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"""
TLS = """\
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets {tickets};
"""


def find() -> Path:
    return debian.find("nginx", "nginx-light")


def version(program: Path) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    return said.strip().rpartition("/")[2]


def start_line(program: Path, directory: Path, config: str) -> list[str]:
    """The command for a configuration; also the upstream's."""
    return [
        str(program),
        "-p",
        str(directory),
        "-e",
        str(directory / "error.log"),
        "-c",
        config,
    ]


def flags(place: Place) -> str:
    """Words of the listening address."""
    return (" ssl" if place.certificate else "") + (" http2" if place.http2 else "")


def tls(place: Place) -> str:
    if place.certificate is None:
        return ""
    tickets = "on" if place.tickets else "off"
    return TLS.format(chain=place.certificate.chain, key=place.certificate.key, tickets=tickets)


def command(program: Path, place: Place) -> list[str]:
    text = CONFIG.format(
        user=getpass.getuser(),
        directory=place.directory,
        port=place.port,
        upstream=place.upstream,
        flags=flags(place),
        tls=tls(place),
        forward=TO_HTTP2 if place.upstream_http2 else TO_HTTP1,
    )
    return start_line(program, place.directory, place.write("nginx.conf", text))


PEER = Peer("nginx", find, version, command, control=True)
