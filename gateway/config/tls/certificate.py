"""What a certificate says: for whom it is, from whom, how long.

    names_of    the names that a client may ask for: the SAN, or the CN if there is no SAN (RFC 6125 §6.4.4)
    facts_of    what people look at: `gateway cert show`, status, metrics

Names are compared whole, with their lengths: a NUL or any other byte that is no host's makes a name unusable and it is
left out (CVE-2025-66220).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from gateway.config.check.text import host_problem
from gateway.config.tls.names import is_address
from gateway.config.tls.pem import key_kind


class CertificateFacts(msgspec.Struct, frozen=True):
    """One certificate for people."""

    names: tuple[str, ...]
    """What a client may ask for."""
    identities: tuple[str, ...]
    """Names of the SAN that are nobody's host: URIs (SPIFFE IDs) and e-mail addresses."""
    subject: str
    """RFC 4514."""
    issuer: str
    """RFC 4514."""
    not_before: float
    """Unix time."""
    not_after: float
    """Unix time."""
    key: str
    """`ECDSA P-256`, `RSA 2048`, …"""
    sha256: str
    """Of the DER form: what browsers show as the fingerprint."""
    ca: bool

    @property
    def name(self) -> str:
        """The one word for it."""
        return next(iter((*self.names, *self.identities)), self.subject)


class Shown(msgspec.Struct, frozen=True):
    """A certificate that we show somebody."""

    side: Literal["listener", "upstream"]
    to: str
    """Which listener's clients, or which upstream."""
    facts: CertificateFacts


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """Everything that people ask about a certificate."""
    return CertificateFacts(
        names=names_of(certificate),
        identities=tuple(_alternative_names(certificate, x509.UniformResourceIdentifier, x509.RFC822Name)),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        key=key_kind(certificate),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        ca=is_ca(certificate),
    )


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Host names in lower case (`*.example.com` for a wildcard) and IP addresses, each once."""
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return tuple(dict.fromkeys(_usable(_common_names(certificate))))
    hosts = _usable(san.get_values_for_type(x509.DNSName))
    addresses = (str(address) for address in san.get_values_for_type(x509.IPAddress))
    return tuple(dict.fromkeys((*hosts, *addresses)))


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """Every name of the SAN that a condition can compare with: hosts, URIs, e-mail and IP addresses."""
    return _alternative_names(
        certificate, x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.IPAddress
    )


def _alternative_names(certificate: x509.Certificate, *kinds: type[x509.GeneralName]) -> list[str]:
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in san if isinstance(name, kinds)]


def _common_names(certificate: x509.Certificate) -> list[str]:
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _usable(names: Iterable[str]) -> list[str]:
    return [name.lower() for name in names if is_address(name) or host_problem(name) is None]


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether it may sign others."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return certificate.version == x509.Version.v1  # before there were extensions


def may_be(certificate: x509.Certificate, purpose: str) -> bool:
    """Whether the certificate may be a `server`'s or a `client`'s: no extended key usage allows everything."""
    wanted = ExtendedKeyUsageOID.SERVER_AUTH if purpose == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    try:
        usages = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    except x509.ExtensionNotFound:
        return True
    assert isinstance(usages, x509.ExtendedKeyUsage)  # noqa: S101  (what the OID says)
    return wanted in usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages


def issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether `issuer` signed `certificate`."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # each kind of key has its own way to say no
        return False
    return True
