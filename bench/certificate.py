"""The certificate that every candidate shows: P-256, self-signed, made anew for each session."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from bench.peer import MissingError

LOOPBACK = ipaddress.IPv4Address("127.0.0.1")  # the load generator names no host; Caddy then goes by the address
VALID = datetime.timedelta(days=2)


@dataclass(frozen=True)
class Certificate:
    """Where it lies."""

    chain: Path
    key: Path
    both: Path  # in one file, as HAProxy wants it


def make(directory: Path) -> Certificate:
    """Makes certificate and key in `directory`."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise MissingError("the scenarios with TLS need `cryptography`; run with .venv/bin/python") from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain = signed.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    found = Certificate(directory / "chain.pem", directory / "key.pem", directory / "both.pem")
    for path, text in ((found.chain, chain), (found.key, secret), (found.both, chain + secret)):
        path.touch(mode=0o600)
        path.write_bytes(text)
    return found
