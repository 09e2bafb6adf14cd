"""Who is who under TLS: conditions on clients' certificates, and hosts that no certificate of ours is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.config.check.text import Problem
from gateway.config.findings import Findings
from gateway.config.nodes import Cursor
from gateway.config.schema import ClientCertCondition, Listener, Route
from gateway.config.tls import Credentials
from gateway.config.tls.names import covers

PARTS: Final = ("subject", "san", "spiffe_id", "fingerprint")
"""Of a certificate, that a condition may name."""

_FINGERPRINT_DIGITS: Final = 64
"""SHA-256 in hex."""


def asks_clients(listener: Listener) -> bool:
    """Whether clients of this listener may show a certificate."""
    tls = listener.tls
    return tls is not None and tls != "internal" and tls.client_auth is not None and tls.client_auth.mode != "off"


def check_client_cert(condition: ClientCertCondition, at: Cursor, findings: Findings, *, asked: bool) -> None:
    """`asked`: whether clients of some listener of the route may show a certificate at all."""
    if not any(getattr(condition, part) is not None for part in PARTS):
        findings.error(
            at.spot, f"at least one of {', '.join(PARTS)}", "subject: {present: true} fits every certificate"
        )
    elif not asked:
        hint = "add to its `tls`: client_auth: {mode: optional, ca: FILE}"
        findings.error(at.spot, "no listener of this route asks clients for a certificate", hint)
    for part in ("spiffe_id", "fingerprint"):
        value = getattr(condition, part)
        if isinstance(value, str):
            findings.problem(at[part].spot, value, _PROBLEMS[part](value))


def _spiffe_problem(value: str) -> Problem:
    """The SPIFFE ID standard, §2."""
    if value.startswith("spiffe://") and len(value) > len("spiffe://"):
        return None
    return f'"{value[:60]}" is no SPIFFE ID', "write spiffe://trust-domain/path"


def _fingerprint_problem(value: str) -> Problem:
    digits = value.replace(":", "").lower()
    if value == digits and len(digits) == _FINGERPRINT_DIGITS and set(digits) <= set("0123456789abcdef"):
        return None
    hint = f"write {digits}" if len(digits) == _FINGERPRINT_DIGITS else "gateway cert show -o json FILE says it"
    return "a fingerprint is the SHA-256 of the certificate: 64 hex digits in lower case", hint


_PROBLEMS: Final = {"spiffe_id": _spiffe_problem, "fingerprint": _fingerprint_problem}


Names = Mapping[str, dict[str, None]]
"""Listener → the names of its certificates, in their order."""


def names_of_listeners(listeners: Iterable[Listener], credentials: Credentials) -> Names:
    """Of those whose certificates are files; those of `tls: internal` are made for whatever is asked for."""
    return {
        each.name: dict.fromkeys(name for certificate in tls.certificates for name in certificate.names)
        for each in listeners
        if each.tls != "internal" and (tls := credentials.listeners.get(each.name)) is not None and tls.certificates
    }


def check_hosts_covered(route: Route, at: Cursor, names: Names, findings: Findings) -> None:
    """A host that clients can only meet with the wrong certificate."""
    for listener in route.listeners or names:
        known = names.get(listener)
        for index, host in enumerate(route.hosts if known is not None else ()):
            if known is not None and not covers(known, host):
                findings.warning(
                    at["hosts"][index].spot,
                    f'no certificate of the listener "{listener}" is for {host}: clients will refuse it',
                    f"it has {_shown(list(known))}",
                )


def _shown(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "no names at all"
