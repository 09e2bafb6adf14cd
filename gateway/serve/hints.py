"""What a person who has just started a gateway may try next, as commands to copy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.serve.listener import Listener


def hints(
    program: str, file: str, listeners: Iterable[Listener], admin: int | None, ca_file: Path | None = None
) -> str:
    """A few lines of words.

    `program`: how this command was called; `admin`: the key of the admin API's listener; `ca_file`: the CA of
    `tls: internal`.
    """
    every = list(listeners)
    web = next((each for each in every if each.key != admin and _is_tcp(each)), None)
    api = next((each for each in every if each.key == admin and _is_tcp(each)), None)
    lines = ["try, in another terminal:"]
    if web is not None:
        lines += [
            f"  curl -i {_trust(web, ca_file)}{_url(web)}/",
            f"  {program} explain -c {file} GET {_url(web)}/       # where a request goes, and why",
        ]
    if api is not None:
        lines += [
            f"  {program} status -c {file}",
            f"  curl {_url(api)}/metrics",
        ]
    lines.append("kill -HUP reads the file anew; Ctrl-C finishes what is under way and ends")
    return "\n".join(lines)


def _trust(listener: Listener, ca_file: Path | None) -> str:
    """What curl needs to take a certificate that no public CA has signed, or that is for another name."""
    if listener.plan.scheme != "https":
        return ""
    return "--insecure " if ca_file is None else f"--cacert {ca_file} "


def _is_tcp(listener: Listener) -> bool:
    return not listener.address.startswith("unix:")


def _url(listener: Listener) -> str:
    """With an address that can be called, where the listener takes any."""
    host, _, port = listener.address.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "localhost"}.get(host, host)  # noqa: S104  (recognised, not bound)
    return f"{listener.plan.scheme}://{host}:{port}"
