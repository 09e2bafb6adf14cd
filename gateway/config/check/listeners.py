"""Listeners, the admin address and what concerns the whole process."""

from __future__ import annotations

from typing import Final

from gateway.config.addresses import Address, AddressError, parse_listen
from gateway.config.check.text import name_problem, token_problem
from gateway.config.findings import Findings
from gateway.config.nodes import Cursor, Spot
from gateway.config.schema import Config, Listener
from gateway.config.units import Size
from gateway.limits import HEADER_BYTES_MAX, HEADER_BYTES_MIN

ADMIN: Final = "admin"
"""Name of the admin API's listener and route; nobody else may have it."""


def check_process(config: Config, at: Cursor, findings: Findings) -> None:
    """The top level apart from routes and upstreams."""
    findings.problem(at["name"].spot, config.name, token_problem(config.name, "a pseudonym (RFC 9110 §7.6.3)"))
    if not config.listeners:
        spot = at.key("listeners")
        findings.error(spot, "there is no listener", 'add listeners: [{name: web, listen: "127.0.0.1:8080"}]')
    seen = _Seen(findings)
    for index, listener in enumerate(config.listeners):
        _listener(listener, at["listeners"][index], seen, findings)
    if config.admin is not None:
        seen.address(config.admin.listen, at["admin"]["listen"].spot)
    if config.access_log is not None and not config.access_log.path:
        findings.error(at["access_log"]["path"].spot, "the path is empty", 'write "-" for standard output')


class _Seen:
    """Names and addresses of listeners so far."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._names: dict[str, Spot] = {}
        self._addresses: dict[str, Spot] = {}

    def name(self, name: str, spot: Spot) -> None:
        if name in self._names:
            self._findings.error(spot, f'two listeners are called "{name}"', f"the first: {self._names[name].where}")
        self._names.setdefault(name, spot)

    def address(self, written: str, spot: Spot) -> None:
        try:
            address = parse_listen(written)
        except AddressError as error:
            self._findings.problem(spot, written, (str(error), error.hint))
            return
        same = _conflict_key(address)
        if same in self._addresses:
            first = self._addresses[same].where
            self._findings.error(spot, f"two listeners on the address {written}", f"the first: {first}")
        elif address.port or address.kind == "unix":
            self._addresses[same] = spot


def _conflict_key(address: Address) -> str:
    # [::] takes IPv4 too, so every way to say "every address" means the same socket
    return f"*:{address.port}" if address.any_host else str(address)


def _listener(listener: Listener, at: Cursor, seen: _Seen, findings: Findings) -> None:
    name = at["name"].spot
    problem = name_problem(listener.name)
    if problem:
        findings.problem(name, listener.name, problem)
    elif listener.name == ADMIN:
        findings.error(name, '"admin" is the name of the admin API\'s own listener', "choose another name")
    else:
        seen.name(listener.name, name)
    seen.address(listener.listen, at["listen"].spot)
    if not HEADER_BYTES_MIN <= listener.limits.header_bytes <= HEADER_BYTES_MAX:
        bounds = f"{Size(HEADER_BYTES_MIN)} and {Size(HEADER_BYTES_MAX)}"
        findings.error(at["limits"]["header_bytes"].spot, f"must be between {bounds}")
