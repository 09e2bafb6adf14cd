"""A certificate authority of one's own: for `tls: internal`, `gateway cert make` and tests.

One ECDSA P-256 key that signs leaves, nothing in between (RFC 5280). It is for a first try and for machines of one's
own; who trusts it trusts whoever can read its key, which is why that is kept 0600 (`gateway.config.tls.store`).
Time is an argument: nothing here reads a clock.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.config.check.text import host_problem
from gateway.config.tls import pem
from gateway.config.tls.dates import DAY_S, moment
from gateway.config.tls.names import is_address
from gateway.limits import CA_LIFETIME_DAYS, CLOCK_SKEW_ALLOWED_S, LEAF_LIFETIME_DAYS

CA_NAME: Final = "gateway local CA"
"""What trust stores list it as."""

KeyKind = Literal["ecdsa", "rsa"]

_COMMON_NAME_MAX: Final = 64
"""Characters (X.520 ub-common-name); a longer name is in the SAN alone."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A CA: its certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: pem.PrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def create(cls, now: float, name: str = CA_NAME, days: int = CA_LIFETIME_DAYS) -> Authority:
        """A new one, valid from `now`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _begun(subject, subject, key.public_key(), now, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(sign=False, ca=True), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def from_pem(cls, certificate: bytes, key: bytes) -> Authority:
        """One that was made before. PemError if it cannot be read, or its parts do not belong together."""
        found, signer = pem.certificates(certificate)[0], pem.private_key(key)
        if not pem.belongs(signer, found):
            raise pem.PemError("the key of the CA does not belong to its certificate")
        return cls(found, signer)

    def as_pem(self) -> Issued:
        """Its own certificate and key."""
        return Issued(self.certificate.public_bytes(serialization.Encoding.PEM), _key_pem(self._key))

    def issue(
        self, names: Iterable[str], now: float, *, days: int = LEAF_LIFETIME_DAYS, kind: KeyKind = "ecdsa"
    ) -> Issued:
        """A leaf for these names: hosts, `*.hosts`, IP addresses, e-mail addresses, URIs (`spiffe://…`).

        It serves as a server's and as a client's. It does not outlive the CA.
        """
        names = list(dict.fromkeys(names))
        key = _new_key(kind)
        common = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names[:1] if len(name) <= _COMMON_NAME_MAX]
        builder = _begun(x509.Name(common), self.certificate.subject, key.public_key(), now, days, self.certificate)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in names]), critical=not common
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(sign=True, ca=False), critical=True)
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(both, critical=False)
        leaf = builder.sign(self._key, _digest(self._key))
        return Issued(leaf.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def _digest(key: pem.PrivateKey) -> hashes.SHA256 | None:
    return hashes.SHA256() if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None


def _new_key(kind: KeyKind) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: pem.PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    now: float,
    days: int,
    signer: x509.Certificate | None = None,
) -> x509.CertificateBuilder:
    """What a CA and a leaf have in common. `signer`: None for one that signs itself."""
    last = now + days * DAY_S
    if signer is not None:
        last = min(last, signer.not_valid_after_utc.timestamp())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment(now - CLOCK_SKEW_ALLOWED_S))
        .not_valid_after(moment(last))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_key_above(key, signer), critical=False)
    )


def _key_above(
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signer: x509.Certificate | None
) -> x509.AuthorityKeyIdentifier:
    """Which key signed, in the signer's own words if it has said so (RFC 5280 §4.2.1.1)."""
    if signer is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
    try:
        known = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _usage(*, sign: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_encipherment=False,  # for RSA key exchange, which TLS 1.3 and we do not have
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def general_name(name: str) -> x509.GeneralName:
    """A name as the SAN has it. ValueError if it is none."""
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    if is_address(name):
        return x509.IPAddress(ipaddress.ip_address(name))
    if "@" in name:
        return x509.RFC822Name(name)
    problem = host_problem(name)
    if problem is not None:
        raise ValueError(". ".join(filter(None, problem)))
    return x509.DNSName(name.lower())
