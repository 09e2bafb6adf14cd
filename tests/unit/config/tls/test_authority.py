"""What our CA signs is taken by TLS stacks that nobody here wrote: OpenSSL by way of `ssl`, cryptography's verifier."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import verification

from gateway.config.tls.authority import Authority
from gateway.config.tls.certificate import facts_of, is_ca, issued, names_of
from gateway.config.tls.dates import DAY_S, moment
from gateway.config.tls.pem import PemError, belongs, certificates, key_kind, private_key
from tests.e2e.certificates import Certificates

NOW = 1_800_000_000.0
NAMES = ("shop.example.com", "*.shop.example.com", "127.0.0.1", "::1")


def leaf(names: tuple[str, ...] = NAMES, days: int = 90) -> tuple[Authority, x509.Certificate]:
    authority = Authority.create(NOW)
    return authority, certificates(authority.issue(names, NOW, days=days).certificate)[0]


def test_the_names_are_those_asked_for() -> None:
    _, made = leaf()
    assert names_of(made) == NAMES
    assert not is_ca(made)


def test_a_leaf_is_signed_by_its_ca_and_by_no_other() -> None:
    authority, made = leaf()
    assert issued(authority.certificate, made)
    assert is_ca(authority.certificate)
    assert not issued(Authority.create(NOW).certificate, made)


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_strict_verifier_takes_it_for_a_server(kind: str) -> None:
    authority = Authority.create(NOW)
    made = certificates(authority.issue(NAMES, NOW, kind="rsa" if kind == "rsa" else "ecdsa").certificate)[0]
    store = verification.Store([authority.certificate])
    builder = verification.PolicyBuilder().store(store).time(moment(NOW))
    for host in ("shop.example.com", "a.shop.example.com"):
        assert builder.build_server_verifier(x509.DNSName(host)).verify(made, [])
    with pytest.raises(verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("example.com")).verify(made, [])
    assert builder.build_client_verifier().verify(made, []).chain == [made, authority.certificate]


def test_it_ends_when_it_should_and_never_after_its_ca() -> None:
    authority, made = leaf(days=7)
    assert facts_of(made).not_after == NOW + 7 * DAY_S
    assert facts_of(made).not_before < NOW
    late = facts_of(authority.certificate).not_after - DAY_S
    assert facts_of(certificates(authority.issue(["a"], late).certificate)[0]).not_after == late + DAY_S


def test_identities_of_clients_are_uris_and_addresses() -> None:
    _, made = leaf(("spiffe://example.org/billing", "alice@example.org"))
    san = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.org/billing"]
    assert san.get_values_for_type(x509.RFC822Name) == ["alice@example.org"]
    assert names_of(made) == ()


def test_a_name_that_is_too_long_for_a_common_name_is_in_the_san_alone() -> None:
    _, made = leaf((f"{'a' * 60}.example.com",))
    assert made.subject.rfc4514_string() == ""
    assert made.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical  # RFC 5280 §4.2.1.6


@pytest.mark.parametrize("name", ["", "two words", "ü.example", "a..b", "a:80", "*", "a.*.b"])
def test_what_is_no_name_gets_no_certificate(name: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Authority.create(NOW).issue([name], NOW)


def test_it_survives_being_written_and_read() -> None:
    authority = Authority.create(NOW)
    parts = authority.as_pem()
    again = Authority.from_pem(parts.certificate, parts.key)
    made = again.issue(["a.example"], NOW)
    assert issued(authority.certificate, certificates(made.certificate)[0])
    assert belongs(private_key(made.key), certificates(made.certificate)[0])
    with pytest.raises(PemError, match="does not belong"):
        Authority.from_pem(parts.certificate, Authority.create(NOW).as_pem().key)


def test_a_foreign_ca_without_key_identifier_signs_too() -> None:
    authority = Authority.create(NOW)
    bare = x509.CertificateBuilder(
        authority.certificate.issuer,
        authority.certificate.subject,
        authority.certificate.public_key(),
        7,
        authority.certificate.not_valid_before_utc,
        authority.certificate.not_valid_after_utc,
    )
    key = private_key(authority.as_pem().key)
    from cryptography.hazmat.primitives import hashes

    signed = Authority(bare.sign(key, hashes.SHA256()), key)
    assert issued(signed.certificate, certificates(signed.issue(["a.example"], NOW).certificate)[0])


def test_openssl_takes_it_both_ways(certificates: Certificates) -> None:
    """A handshake in memory, with a client certificate."""
    server_in, server_out, client_in, client_out = (ssl.MemoryBIO() for _ in range(4))
    server_context = certificates.server_context("shop.example.com", wants_clients=True)
    client_context = certificates.client_context(certificates.leaf("spiffe://example.org/a"))
    server = server_context.wrap_bio(server_in, server_out, server_side=True)
    client = client_context.wrap_bio(client_in, client_out, server_hostname="shop.example.com")
    for _ in range(4):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    shown = server.getpeercert()
    assert shown is not None
    assert shown["subjectAltName"] == (("URI", "spiffe://example.org/a"),)


def test_the_kinds_of_keys_have_names(tmp_path: Path) -> None:
    _, made = leaf()
    assert key_kind(made) == "ECDSA P-256"
    assert facts_of(made).key == "ECDSA P-256"
    assert len(facts_of(made).sha256) == 64
