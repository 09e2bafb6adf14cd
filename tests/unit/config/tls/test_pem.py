"""The wrong file in the right place is told by its own name."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.tls.authority import Authority
from gateway.config.tls.pem import PemError, blocks, certificates, private_key

NOW = 1_800_000_000.0
MADE = Authority.create(NOW).issue(["a.example"], NOW)
P256 = ec.generate_private_key(ec.SECP256R1())


def complaint(content: bytes, *, key: bool = False) -> str:
    with pytest.raises(PemError) as refused:
        (private_key if key else certificates)(content)
    return str(refused.value)


def test_several_certificates_keep_their_order_and_text_between_them_is_passed_over() -> None:
    other = Authority.create(NOW).as_pem().certificate
    found = certificates(b"# the shop\n" + MADE.certificate + b"\nsubject: whatever\n" + other)
    assert [each.public_bytes(Encoding.PEM) for each in found] == [MADE.certificate, other]


def test_lines_may_end_as_on_windows() -> None:
    assert len(certificates(MADE.certificate.replace(b"\n", b"\r\n"))) == 1
    assert private_key(MADE.key.replace(b"\n", b"\r\n")).public_key() == private_key(MADE.key).public_key()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello", "no PEM"),
        (MADE.key, "a private key and no certificate"),
        (x509.load_pem_x509_certificate(MADE.certificate).public_bytes(Encoding.DER), "the file is binary"),
        (MADE.certificate[:-10], "no certificate in this file"),
        (MADE.certificate.replace(b"\nMII", b"\n!!!"), "damaged"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 of the file cannot be read"),
    ],
)
def test_what_is_no_certificate(content: bytes, words: str) -> None:
    assert words in complaint(content)


def test_a_request_is_no_certificate() -> None:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(P256, hashes.SHA256())
    assert "certificate request" in complaint(request.public_bytes(Encoding.PEM))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (MADE.certificate, "a certificate and no private key"),
        (MADE.key + MADE.key, "2 private keys"),
        (P256.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "binary"),
        (P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")), "passphrase"),
        (P256.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")), "passph"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the private key cannot be read"),
    ],
)
def test_what_is_no_key(content: bytes, words: str) -> None:
    assert words in complaint(content, key=True)


@pytest.mark.parametrize(
    "key",
    [
        P256,
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65_537, key_size=2_048),
    ],
    ids=["P-256", "P-384", "Ed25519", "RSA"],
)
def test_the_kinds_that_can_be_used(key: ec.EllipticCurvePrivateKey) -> None:
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert private_key(content).public_key() == key.public_key()


def test_a_key_in_its_old_form_with_its_curve_before_it() -> None:
    old = P256.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert private_key(parameters + old).public_key() == P256.public_key()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(public_exponent=65_537, key_size=1_024), "an RSA key with 1024 bits"),
        (ec.generate_private_key(ec.SECP256K1()), "the curve secp256k1"),
        (ed448.Ed448PrivateKey.generate(), "a key of this kind cannot be used: Ed448"),
        (dsa.generate_private_key(2_048), "a key of this kind"),
    ],
    ids=["RSA 1024", "secp256k1", "Ed448", "DSA"],
)
def test_the_kinds_that_cannot(key: ec.EllipticCurvePrivateKey, words: str) -> None:
    assert words in complaint(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption()), key=True
    )


@given(st.binary(max_size=300) | st.builds(lambda a, b: MADE.certificate[:a] + b, st.integers(0, 700), st.binary()))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    for read in (certificates, private_key, blocks):
        try:
            read(content)
        except PemError as error:
            assert str(error)
