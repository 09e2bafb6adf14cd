"""What is read without an error, the engine takes: two readings of a certificate may not differ."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.config.compile import Compiled, compile_file
from gateway.config.keys import ListenerKeys
from gateway.config.tls.authority import Authority
from gateway.config.tls.dates import DAY_S, moment
from gateway.config.tls.pem import PrivateKey
from gateway.config.tls.roots import _BUNDLES
from gateway.errors import ConfigError
from tests.unit.config.reading import NOW, Folder

CA = Authority.create(NOW)


def compiled(folder: Folder, tls: str, upstream: str = "null") -> Compiled:
    text = (
        "version: 1\n"
        f'listeners: [{{name: web, listen: "127.0.0.1:0", tls: {tls}}}]\n'
        "routes: [{name: all, rules: [{to: app}]}]\n"
        f'upstreams: {{app: {{endpoints: ["127.0.0.1:1"], protocol: auto, tls: {upstream}}}}}\n'
    )
    return compile_file(folder.write("gateway.yaml", text), ListenerKeys(), environ={}, now=NOW)


def self_signed(folder: Folder, key: PrivateKey, name: str = "a.example", *, san: bool = True) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, moment(NOW - DAY_S), moment(NOW + DAY_S))
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    folder.write("it.pem", builder.sign(key, digest).public_bytes(Encoding.PEM).decode())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path(folder.write("it.key", pem.decode())).chmod(0o600)


IT = "{certificates: [{cert: it.pem, key: it.key}]}"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65_537, key_size=2_048),
        rsa.generate_private_key(public_exponent=65_537, key_size=3_072),
        rsa.generate_private_key(public_exponent=3, key_size=2_048),
    ],
    ids=["P-256", "P-384", "P-521", "Ed25519", "RSA 2048", "RSA 3072", "RSA e=3"],
)
def test_every_kind_of_key_that_we_take(folder: Folder, key: PrivateKey) -> None:
    self_signed(folder, key)
    assert compiled(folder, IT).warnings == ()


def test_certificates_without_san_and_without_any_name(folder: Folder) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    self_signed(folder, key, san=False)
    assert compiled(folder, IT).warnings == ()
    self_signed(folder, key, "Some Company", san=False)
    (warning,) = compiled(folder, IT).warnings
    assert "no name that a client could ask for" in warning.message


def test_a_whole_chain_and_several_certificates_for_one_name(folder: Folder) -> None:
    for name, kind in (("it", "ecdsa"), ("rsa", "rsa")):
        made = CA.issue(["a.example", "*.a.example", "127.0.0.1"], NOW, kind="rsa" if kind == "rsa" else "ecdsa")
        folder.write(f"{name}.pem", (made.certificate + CA.as_pem().certificate).decode())
        Path(folder.write(f"{name}.key", made.key.decode())).chmod(0o600)
    tls = "{certificates: [{cert: it.pem, key: it.key}, {cert: rsa.pem, key: rsa.key}], min_version: 1.3}"
    assert compiled(folder, tls).warnings == ()


@pytest.mark.parametrize("mode", ["off", "optional", "required"])
def test_cas_of_clients_and_of_upstreams(folder: Folder, mode: str) -> None:
    other = Authority.create(NOW, "another")
    folder.write("ca.pem", (CA.as_pem().certificate + other.as_pem().certificate).decode())
    self_signed(folder, ec.generate_private_key(ec.SECP256R1()))
    tls = IT.replace("}]}", f"}}], client_auth: {{mode: {mode}, ca: ca.pem}}}}")
    assert compiled(folder, tls, "{ca: ca.pem, server_name: b.example, cert: it.pem, key: it.key}").warnings == ()


@pytest.mark.skipif(not any(Path(each).is_file() for each in _BUNDLES), reason="this system has no CAs")
def test_the_cas_of_the_system(folder: Folder) -> None:
    result = compiled(folder, "internal", "{}")
    assert len(result.document.system_roots) > 50


def test_a_ca_of_the_system_that_cannot_be_read_is_told_and_nothing_more(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    damaged = unread.replace("AAAA", "A?AA")
    folder.write("system.pem", unread + CA.as_pem().certificate.decode() + damaged)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder.path / "system.pem"))
    (warning,) = compiled(folder, "internal", "{}").warnings
    assert (warning.line, warning.message) == (4, "2 of the system's 3 CAs cannot be read, and are passed over")
    folder.write("system.pem", unread)
    with pytest.raises(ConfigError, match=r"upstreams\[app\]\.tls: the system has no CA that can be read"):
        compiled(folder, "internal", "{}")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_certificates_of_the_first_version_are_good_for_cas_only(folder: Folder) -> None:
    """`openssl x509 -req` without extensions makes X.509 v1, without SAN."""
    for command in (
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout old.key -subj /CN=old -out old.csr",
        "openssl x509 -req -in old.csr -signkey old.key -days 3650 -out old.pem",
    ):
        subprocess.run(command.split(), cwd=folder.path, check=True, capture_output=True)
    self_signed(folder, ec.generate_private_key(ec.SECP256R1()))
    tls = IT.replace("}]}", "}], client_auth: {mode: required, ca: old.pem}}")
    assert compiled(folder, tls, "{ca: old.pem, server_name: old}").document.listeners[0].tls is not None
    with pytest.raises(ConfigError) as refused:
        compiled(folder, IT.replace("it.", "old."))
    assert [each.message for each in refused.value.findings if each.severity == "error"] == [
        "an X.509 v1 certificate cannot be used"
    ]
