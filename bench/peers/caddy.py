"""Caddy: Go with one processor."""

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.peer import Peer, Place
from bench.peers import debian

IDLE_UPSTREAM = 1024  # connections that are kept; Go keeps 32 by default


def find() -> Path:
    return debian.find("caddy", "caddy")


def version(program: Path) -> str:
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    return said.split()[0].removeprefix("v")


def configuration(place: Place) -> dict[str, Any]:
    transport: dict[str, Any] = {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": IDLE_UPSTREAM}}
    if place.upstream_http2:
        transport["versions"] = ["h2c", "2"]
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": place.upstream}], "transport": transport}
    server: dict[str, Any] = {
        "listen": [f"127.0.0.1:{place.port}"],
        "protocols": ["h1", "h2", "h2c"],
        "automatic_https": {"disable": True},
        "routes": [{"handle": [proxy]}],
    }
    apps: dict[str, Any] = {"http": {"servers": {"web": server}}}
    if place.certificate:
        server["tls_connection_policies"] = [{"protocol_min": "tls1.3", "alpn": ["h2" if place.http2 else "http/1.1"]}]
        files = {"certificate": str(place.certificate.chain), "key": str(place.certificate.key)}
        apps["tls"] = {"certificates": {"load_files": [files]}, "session_tickets": {"disabled": not place.tickets}}
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": str(place.directory)},
        "apps": apps,
    }


def command(program: Path, place: Place) -> list[str]:
    config = place.write("caddy.json", json.dumps(configuration(place), indent=1))
    return ["env", "GOMAXPROCS=1", f"HOME={place.directory}", str(program), "run", "--config", config]


PEER = Peer("caddy", find, version, command)
