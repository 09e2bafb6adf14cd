"""This gateway: `gateway run` with one worker."""

import subprocess
from pathlib import Path

from bench.peer import MissingError, Peer, Place
from bench.tool import ROOT

CONFIG = """\
version: 1
workers: 1
{admin}listeners: [{{name: web, listen: "127.0.0.1:{port}", limits: {{connections: 12000}}{tls}}}]
routes:
{routes}
upstreams: {{app: {{endpoints: ["{upstream}"]{protocol}}}}}
"""


def peer(program: Path | None) -> Peer:
    """The candidate whose command is `program`, or the checkout's own."""

    def find() -> Path:
        path = program or ROOT / ".venv" / "bin" / "gateway"
        if not path.exists():
            raise MissingError(f"{path} is missing; build it with: make build")
        return path

    return Peer("gateway", find, version, command, scrapes=True)


def version(program: Path) -> str:
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


def configuration(place: Place) -> str:
    """The YAML: routes and rules that do not fit, and the one that does."""
    routes = [
        f"  - {{name: other-{n}, rules: [{{name: one, match: /other/{n}, to: app}}]}}" for n in range(1, place.routes)
    ]
    rules = [f"      - {{name: rule-{n}, match: /rule/{n}, to: app}}" for n in range(1, place.rules)]
    lines = [*routes, "  - name: all", "    rules:", *rules, "      - {name: all, to: app}"]
    admin = f'admin: {{listen: "127.0.0.1:{place.admin_port}"}}\n' if place.admin_port else ""
    return CONFIG.format(
        admin=admin,
        port=place.port,
        tls=tls(place),
        routes="\n".join(lines),
        upstream=place.upstream,
        protocol=", protocol: h2" if place.upstream_http2 else "",
    )


def tls(place: Place) -> str:
    """TLS of the listener. Without it, it takes HTTP/2 by prior knowledge beside HTTP/1.1 as it is."""
    if place.certificate is None:
        return ""
    files = f'cert: "{place.certificate.chain}", key: "{place.certificate.key}"'
    return f', tls: {{certificates: [{{{files}}}], min_version: "1.3"}}'


def command(program: Path, place: Place) -> list[str]:
    return [
        str(program),
        "run",
        "-c",
        place.write("gateway.yaml", configuration(place)),
    ]
