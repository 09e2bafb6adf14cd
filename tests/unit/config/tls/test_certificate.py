"""Names are compared whole; what is no host's name is left out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.config.tls.certificate import names_of
from gateway.config.tls.names import covers

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(common_name: str | None, *san: x509.GeneralName) -> x509.Certificate:
    parts = [] if common_name is None else [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    builder = x509.CertificateBuilder(
        x509.Name([]), x509.Name(parts), KEY.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
    return builder.sign(KEY, hashes.SHA256())


def test_the_common_name_counts_only_without_a_san() -> None:
    assert names_of(certificate("Shop.Example.com")) == ("shop.example.com",)
    assert names_of(certificate("192.0.2.1")) == ("192.0.2.1",)
    assert names_of(certificate("My Company Ltd")) == ()
    assert names_of(certificate("other.example", x509.DNSName("shop.example.com"))) == ("shop.example.com",)
    assert names_of(certificate("other.example", x509.UniformResourceIdentifier("spiffe://a/b"))) == ()


@pytest.mark.parametrize("name", ["good.example\0.evil.example", "a b", "*", "a.*.example", "a..b", "-a", "a/b", ""])
def test_names_that_nobody_can_ask_for_are_left_out(name: str) -> None:
    """A NUL inside a name was taken for its end elsewhere (CVE-2025-66220)."""
    assert names_of(certificate("x.example", x509.DNSName(name), x509.DNSName("ok.example"))) == ("ok.example",)


@pytest.mark.parametrize(
    ("names", "host", "covered"),
    [
        (["shop.example.com"], "shop.example.com", True),
        (["shop.example.com"], "SHOP.example.com", True),
        (["shop.example.com"], "example.com", False),
        (["*.example.com"], "shop.example.com", True),
        (["*.example.com"], "a.shop.example.com", False),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "*.example.com", True),
        (["shop.example.com"], "*.example.com", True),
        (["*.shop.example.com"], "*.example.com", True),
        (["*.example.com"], "*.shop.example.com", False),
        (["badexample.com"], "*.example.com", False),
        (["192.0.2.1", "::1"], "192.0.2.1", True),
        (["192.0.2.1", "::1"], "[::1]", True),
        ([], "a.example", False),
    ],
)
def test_which_hosts_are_covered(names: list[str], host: str, covered: bool) -> None:
    assert covers(names, host) is covered
