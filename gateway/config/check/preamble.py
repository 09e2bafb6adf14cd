"""What comes before HTTP on a connection: whose PROXY headers are believed, and which TLS connections are passed on."""

from __future__ import annotations

from typing import Final

from gateway.config.addresses import AddressError, parse_listen, parse_network
from gateway.config.check.text import Problem, host_problem
from gateway.config.findings import Findings, did_you_mean
from gateway.config.nodes import Cursor, Spot
from gateway.config.schema import Config, Listener, ListenerTls, Passthrough, ProxyProtocol
from gateway.config.tls.names import is_address

UNIX: Final = "unix"
"""How the clients of a Unix socket are listed: they have no address."""

_EVERYBODY: Final = ("0.0.0.0/0", "::/0")


def check_preamble(config: Config, at: Cursor, findings: Findings) -> None:
    """Every listener by itself."""
    for index, listener in enumerate(config.listeners):
        place = at["listeners"][index]
        if listener.proxy_protocol is not None:
            _senders(listener, listener.proxy_protocol, place["proxy_protocol"]["from"], findings)
        if isinstance(listener.tls, ListenerTls):
            names: dict[str, Spot] = {}
            for number, each in enumerate(listener.tls.passthrough):
                _passthrough(each, config, place["tls"]["passthrough"][number], names, findings)


def passed_to(config: Config) -> set[str]:
    """Upstreams that connections are passed through to."""
    tls = (listener.tls for listener in config.listeners)
    return {each.to for one in tls if isinstance(one, ListenerTls) for each in one.passthrough}


def _passthrough(written: Passthrough, config: Config, at: Cursor, names: dict[str, Spot], findings: Findings) -> None:
    if not written.sni:
        findings.error(at["sni"].spot, "no name is listed", "write sni: [db.example.com]")
    for index, sni in enumerate(written.sni):
        spot, name = at["sni"][index].spot, sni.lower()
        problem = _sni_problem(sni)
        if problem is None and name in names:
            problem = (f"{name} is passed through already", f"first at {names[name].where}")
        findings.problem(spot, sni, problem)
        names.setdefault(name, spot)
    if written.to not in config.upstreams:
        known = list(config.upstreams)
        hint = did_you_mean(written.to, known) or f"known: {', '.join(known[:10]) or 'none'}"
        findings.problem(at["to"].spot, written.to, (f'there is no upstream "{written.to}"', hint))


def _sni_problem(name: str) -> Problem:
    if is_address(name.strip("[]")):
        return "clients ask for no addresses (RFC 6066 §3)", "write the name that they use"
    if name == "*":
        return "`*` is not a name", "write *.example.com; what fits no name is opened here"
    return host_problem(name)


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
