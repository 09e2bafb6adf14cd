"""What comes before HTTP on a connection: whose PROXY headers are believed."""

from __future__ import annotations

from typing import Final

from gateway.config.addresses import AddressError, parse_listen, parse_network
from gateway.config.findings import Findings
from gateway.config.nodes import Cursor
from gateway.config.schema import Config, Listener, ProxyProtocol

UNIX: Final = "unix"
"""How the clients of a Unix socket are listed: they have no address."""

_EVERYBODY: Final = ("0.0.0.0/0", "::/0")


def check_preamble(config: Config, at: Cursor, findings: Findings) -> None:
    """Every listener by itself."""
    for index, listener in enumerate(config.listeners):
        place = at["listeners"][index]
        if listener.proxy_protocol is not None:
            _senders(listener, listener.proxy_protocol, place["proxy_protocol"]["from"], findings)


def _senders(listener: Listener, written: ProxyProtocol, at: Cursor, findings: Findings) -> None:
    if not written.senders:
        findings.error(at.spot, "nobody is listed", "name the addresses of the proxies in front: from: [10.0.0.0/8]")
    try:
        on_unix = parse_listen(listener.listen).kind == "unix"
    except AddressError:  # said elsewhere
        return
    seen: list[str] = []
    for index, each in enumerate(written.senders):
        spot = at[index].spot
        if (each == UNIX) != on_unix:
            what = "clients of a Unix socket have no address" if on_unix else "this listener is no Unix socket"
            hint = "write from: [unix]" if on_unix else "write the addresses of the proxies in front"
            findings.problem(spot, each, (what, hint))
            continue
        try:
            network = each if on_unix else parse_network(each)
        except AddressError as error:
            findings.problem(spot, each, (str(error), error.hint))
            continue
        if network in _EVERYBODY:
            findings.warning(spot, "everybody may say who he is: clients choose their own address")
        if network in seen:
            findings.error(spot, f"{network} is written twice", "remove one")
        seen.append(network)
