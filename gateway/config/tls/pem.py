"""PEM text → certificates and keys, or what is wrong with it in words (RFC 7468).

The blocks are taken apart here rather than by a library, because people put the wrong file in the right place far more
often than they have a damaged one: a key where a certificate belongs, DER, PKCS #12, a key with a passphrase. Each of
these is told by its own name, with the command that mends it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.limits import RSA_BITS_MAX, RSA_BITS_MIN

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
"""The kinds that a TLS 1.2 or 1.3 server can sign with here."""

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)

_CERTIFICATES: Final = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_KEYS: Final = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")

_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
"""Curves that TLS 1.3 has signatures for (RFC 8446 §4.2.3), by the names that people use."""


class PemError(ValueError):
    """What is wrong, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Block:
    """One `-----BEGIN …-----` part."""

    label: str
    text: bytes
    """Whole, with its first and last line."""
    der: bytes


def blocks(content: bytes, *, lenient: bool = False) -> list[Block]:
    """Every part of a PEM file, in its order. One that is damaged is a PemError, or empty for who is `lenient`."""
    found: list[Block] = []
    for match in _BLOCK.finditer(content):
        label = match[1].decode()
        body = match[2].rpartition(b"\n\n")[2] if b":" in match[2] else match[2]  # RFC 1421 headers of old keys
        try:
            der = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            if not lenient:
                raise PemError(f"the {label} block number {len(found) + 1} is damaged: no base64") from None
            der = b""
        found.append(Block(label, match[0], der))
    return found


def certificates(content: bytes) -> list[x509.Certificate]:
    """The certificates of a file, at least one. PemError if it has none or has one that cannot be read."""
    every = blocks(content)
    ders = [block.der for block in every if block.label in _CERTIFICATES]
    if not ders:
        raise _no_certificate(content, every)
    return [_certificate(der, number) for number, der in enumerate(ders, 1)]


def _certificate(der: bytes, number: int) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = (certificate.extensions, certificate.subject, certificate.issuer)  # read them now, or never
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise PemError(f"certificate {number} of the file cannot be read: {_first_line(error)}") from None
    return certificate


def _no_certificate(content: bytes, every: list[Block]) -> PemError:
    if any(block.label.endswith("PRIVATE KEY") for block in every):
        return PemError("this file has a private key and no certificate", "write the certificate's file here")
    if any("CERTIFICATE REQUEST" in block.label for block in every):
        return PemError("this is a certificate request", "write what the CA has made of it here")
    return _not_pem(content, "certificate", "x509 -inform DER")


def _not_pem(content: bytes, what: str, convert: str) -> PemError:
    if not content.strip():
        return PemError("the file is empty")
    if content[:1] == b"0":  # an ASN.1 SEQUENCE
        return PemError(
            f"the file is binary: a {what} in DER, or PKCS #12",
            f"make PEM of it: openssl {convert} -in FILE (of PKCS #12: openssl pkcs12 -nodes -in FILE)",
        )
    if b"-----BEGIN" in content:
        return PemError(f"there is no {what} in this file", "a block that is begun may lack its -----END line")
    return PemError(f"there is no {what} in this file: no PEM", f"a {what} file begins with -----BEGIN")


def has_private_key(content: bytes) -> bool:
    """Whether somebody put a key into this file, readable or not."""
    return b"PRIVATE KEY-----" in content


def private_key(content: bytes) -> PrivateKey:
    """The one private key of a file. PemError if it has none, several or one that cannot be used."""
    every = blocks(content)
    if any(block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.text for block in every):
        raise PemError(
            "the key has a passphrase, and nobody is there to type it",
            "take it off: openssl pkey -in FILE -out NEW (and keep NEW readable by the gateway alone)",
        )
    keys = [block for block in every if block.label in _KEYS]
    if len(keys) > 1:
        raise PemError(f"there are {len(keys)} private keys in this file", "keep the one of the certificate")
    if not keys:
        if any(block.label in _CERTIFICATES for block in every):
            raise PemError("this file has a certificate and no private key", "write the key's file here")
        raise _not_pem(content, "private key", "pkey -inform DER")
    try:
        key = serialization.load_pem_private_key(keys[0].text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PemError(f"the private key cannot be read: {_first_line(error)}") from None
    if not isinstance(key, PrivateKey):
        raise PemError(f"a key of this kind cannot be used: {type(key).__name__.removesuffix('PrivateKey')}", _KINDS)
    _check_strength(key.public_key())
    return key


_KINDS: Final = f"ECDSA on P-256, P-384 or P-521, RSA with {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, Ed25519"


def _check_strength(key: PublicKey) -> None:
    if isinstance(key, rsa.RSAPublicKey) and not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
        raise PemError(f"an RSA key with {key.key_size} bits cannot be used", _KINDS)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        raise PemError(f"a key on the curve {key.curve.name} cannot be used", _KINDS)


def key_kind(certificate: x509.Certificate) -> str:
    """`ECDSA P-256`, `RSA 2048`, …"""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey")


def belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    """Whether the certificate is about this key."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def der(certificate: x509.Certificate) -> bytes:
    """A certificate as the engine takes it."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pkcs8(key: PrivateKey) -> bytes:
    """A key as the engine takes it: PKCS #8, DER."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
