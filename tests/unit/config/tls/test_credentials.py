"""What is wrong with certificates and keys is said where they are named; what is right reaches the document."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from gateway.config import document as wire
from gateway.config.load import load
from gateway.config.tls import Credentials, read_credentials
from gateway.config.tls.authority import Authority, Issued
from gateway.config.tls.certificate import Shown, facts_of
from gateway.config.tls.dates import DAY_S, moment
from gateway.config.tls.pem import certificates, der, pkcs8, private_key
from gateway.limits import INTERNAL_NAMES, LEAF_LIFETIME_DAYS, LEAF_RENEW_DAYS
from tests.unit.config.reading import NOW, Folder, checked

CA = Authority.create(NOW - 30 * DAY_S)
SHOP = CA.issue(["shop.example.com", "*.shop.example.com"], NOW)
OTHER = CA.issue(["other.example.com"], NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """With a CA, two pairs and an upstream's view of it."""
    folder = Folder(tmp_path)
    put(folder, "shop", SHOP)
    put(folder, "other", OTHER)
    folder.write("ca.pem", CA.as_pem().certificate.decode())
    return folder


def put(folder: Folder, name: str, made: Issued) -> None:
    folder.write(f"{name}.pem", made.certificate.decode())
    Path(folder.write(f"{name}.key", made.key.decode())).chmod(0o600)


def listener(tls: str, hosts: str = "[shop.example.com]", more: str = "") -> str:
    return (
        "version: 1\n"
        f'listeners: [{{name: web, listen: ":8443",\n  tls: {tls}}}]\n'
        f"routes: [{{name: all, hosts: {hosts}, rules: [{{respond: {{}}{more}}}]}}]\n"
    )


def upstream(tls: str, endpoints: str = '["127.0.0.1:1"]') -> str:
    return (
        'version: 1\nlisteners: [{name: web, listen: ":8080"}]\nroutes: [{name: all, rules: [{to: app}]}]\n'
        f"upstreams: {{app: {{endpoints: {endpoints}, protocol: auto,\n  tls: {tls}}}}}\n"
    )


def test_names_that_are_passed_through_are_not_shown_a_certificate(folder: Folder) -> None:
    app = 'upstreams: {app: {endpoints: ["127.0.0.1:1"]}}\n'
    pairs = "[{cert: shop.pem, key: shop.key}, {cert: ▸other.pem, key: other.key}]"
    (told,) = folder.complaints(
        listener(f"{{certificates: {pairs}, passthrough: [{{sni: ['*.example.com'], to: app}}]}}") + app
    )
    assert "this certificate is never shown: all its names are passed through" in told
    pair = "[{cert: shop.pem, key: shop.key}]"
    warned = folder.warnings(
        listener(f"{{certificates: {pair}, passthrough: [{{sni: [shop.example.com], to: app}}]}}") + app
    )
    assert any("connections for shop.example.com are passed through" in each for each in warned)


def credentials(folder: Folder, text: str) -> Credentials:
    loaded = folder.load(text)
    return read_credentials(loaded, NOW)


def found(folder: Folder, text: str) -> wire.ListenerTls:
    tls = folder.lower(text).document.listeners[0].tls
    assert tls is not None
    return tls


# ── what is right ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pair_reaches_the_document_as_der(folder: Folder) -> None:
    document = folder.lower(listener("{certificates: [{cert: shop.pem, key: shop.key}]}")).document
    (made,) = document.listeners
    leaf = certificates(SHOP.certificate)[0]
    assert made.scheme == "https"
    assert made.tls == wire.ListenerTls(
        certificates=(
            wire.Certificate(
                names=("shop.example.com", "*.shop.example.com"),
                chain=(der(leaf),),
                key=pkcs8(private_key(SHOP.key)),
                ocsp=None,
            ),
        ),
        client_auth=wire.ClientAuth(mode="off", roots=()),
        min_version="1.2",
        handshake_timeout=10_000,
        passthrough=(),
    )


def test_key_and_chain_may_stand_in_the_certificates_file(folder: Folder) -> None:
    both = folder.write("both.pem", (SHOP.key + SHOP.certificate + CA.as_pem().certificate).decode())
    Path(both).chmod(0o600)
    (made,) = found(folder, listener("{certificates: [{cert: both.pem}]}")).certificates
    assert made.chain == (der(certificates(SHOP.certificate)[0]), der(CA.certificate))
    assert made.key == pkcs8(private_key(SHOP.key))


def test_clients_and_versions(folder: Folder) -> None:
    tls = found(
        folder,
        listener(
            "{certificates: [{cert: shop.pem, key: shop.key}, {cert: other.pem, key: other.key}],\n"
            "    client_auth: {mode: optional, ca: ca.pem}, min_version: 1.3, handshake_timeout: 3s}"
        ),
    )
    assert [each.names[0] for each in tls.certificates] == ["shop.example.com", "other.example.com"]
    assert tls.client_auth == wire.ClientAuth(mode="optional", roots=(der(CA.certificate),))
    assert (tls.min_version, tls.handshake_timeout) == ("1.3", 3_000)


@pytest.mark.parametrize("written", ["1.2", '"1.2"', "1.3", '"1.3"'])
def test_a_version_needs_no_quotes(folder: Folder, written: str) -> None:
    tls = found(folder, listener(f"{{certificates: [{{cert: shop.pem, key: shop.key}}], min_version: {written}}}"))
    assert tls.min_version == written.strip('"')


def test_a_document_that_is_shown_by_accident_shows_no_key(folder: Folder) -> None:
    text = listener("{certificates: [{cert: shop.pem, key: shop.key}]}")
    text += "upstreams: {app: {endpoints: [], tls: {ca: ca.pem, server_name: a, cert: shop.pem, key: shop.key}}}\n"
    document = folder.lower(text).document
    key = document.listeners[0].tls.certificates[0].key if document.listeners[0].tls else b""
    assert key == pkcs8(private_key(SHOP.key))
    assert repr(key)[2:40] not in repr(document)
    assert "shop.example.com" in repr(document)


def test_an_upstream_is_verified_with_the_ca_that_is_named(folder: Folder) -> None:
    text = upstream("{ca: ca.pem, server_name: Orders.Internal, cert: shop.pem, key: shop.key, min_version: 1.3}")
    (made,) = folder.lower(text).document.upstreams
    assert made.protocol == "auto"
    assert made.tls == wire.UpstreamTls(
        roots=(der(CA.certificate),),
        server_name="orders.internal",
        verify=True,
        chain=(der(certificates(SHOP.certificate)[0]),),
        key=pkcs8(private_key(SHOP.key)),
        min_version="1.3",
    )


def test_an_upstream_without_ca_is_verified_with_those_of_the_system(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder.path / "ca.pem"))
    document = folder.lower(upstream("{}")).document
    made = document.upstreams[0].tls
    assert made is not None
    assert (made.roots, made.verify, made.server_name) == (None, True, None)
    assert document.system_roots == (der(CA.certificate),)


def test_the_document_has_the_cas_of_the_system_once_or_not_at_all(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder.path / "ca.pem"))
    text = upstream("{}")
    for name in ("two", "three"):
        text += f'  {name}: {{endpoints: ["127.0.0.1:2"], tls: {{}}}}\n'
    text = text.replace("upstreams: {app: {", "upstreams:\n  app: {").replace("tls: {}}}", "tls: {}}")
    assert wire.encode(folder.lower(text).document).count(der(CA.certificate)) == 1
    for tls in ("{ca: other.pem}", "{insecure_skip_verify: true}", "null"):
        assert folder.lower(upstream(tls)).document.system_roots == ()


def test_paths_are_relative_to_the_file_that_names_them(folder: Folder) -> None:
    put(folder, "sub/tls/inner", SHOP)
    folder.write(
        "sub/more.yaml",
        'listeners: [{name: two, listen: ":8444", tls: {certificates: [{cert: tls/inner.pem, key: tls/inner.key}]}}]\n',
    )
    text = listener("{certificates: [{cert: shop.pem, key: shop.key}]}") + "include: [sub/more.yaml]\n"
    assert set(credentials(folder, text).listeners) == {"web", "two"}


def test_every_file_has_a_stamp_and_every_certificate_its_facts(folder: Folder) -> None:
    text = listener("{certificates: [{cert: shop.pem, key: shop.key}], client_auth: {mode: required, ca: ca.pem}}")
    made = credentials(folder, text)
    assert {path.name for path in made.stamps} == {"shop.pem", "shop.key", "ca.pem"}
    assert None not in made.stamps.values()
    assert made.shown == (Shown("listener", "web", facts_of(certificates(SHOP.certificate)[0])),)


def test_what_speaks_no_tls_reads_nothing(folder: Folder) -> None:
    assert credentials(folder, listener("null")) == Credentials()


# ── internal ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_internal_certificates_are_for_the_hosts_of_routes_and_this_machine(folder: Folder) -> None:
    text = listener("internal", "[shop.example.com, '*.example.com', '[2001:db8::1]']")
    (made,) = found(folder, text).certificates
    local = ("localhost", "127.0.0.1", "::1")
    assert set(made.names) == {*local, "shop.example.com", "*.example.com", "2001:db8::1"}
    text = text.replace('":8443"', '"192.0.2.7:8443"').replace("hosts: [", "listeners: [], hosts: [")
    assert "192.0.2.7" in found(folder, text).certificates[0].names


def test_internal_certificates_are_kept_where_there_is_a_store(folder: Folder, tmp_path: Path) -> None:
    loaded = load(folder.write("gateway.yaml", listener("internal")), {})
    first, again = (read_credentials(loaded, NOW, tmp_path / "state") for _ in range(2))
    assert first.listeners == again.listeners
    assert first.renew_at == NOW + (LEAF_LIFETIME_DAYS - LEAF_RENEW_DAYS) * DAY_S
    assert first.ca_file == tmp_path / "state" / "ca" / "ca.pem"
    assert facts_of(certificates(first.ca_file.read_bytes())[0]).ca


def test_many_hosts_are_many_internal_certificates(folder: Folder) -> None:
    hosts = ", ".join(f"h{number}.example" for number in range(2 * INTERNAL_NAMES))
    made = found(folder, listener("internal", f"[{hosts}]")).certificates
    assert [len(each.names) for each in made] == [INTERNAL_NAMES, INTERNAL_NAMES, 3]
    assert "localhost" in made[0].names


def test_a_store_that_cannot_be_written_is_an_error_at_its_place(folder: Folder) -> None:
    folder.write("state", "a file")
    loaded = load(folder.write("gateway.yaml", listener("internal")), {})
    read_credentials(loaded, NOW, folder.path / "state")
    (error,) = loaded.findings.all
    assert (error.severity, error.line, error.message) == ("error", 3, "no internal certificate: File exists")


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────────────────────────


PAIR = "certificates: [{cert: shop.pem, key: shop.key}]"


@pytest.mark.parametrize(
    ("tls", "complaints"),
    [
        ("▸{}", ["TLS without a certificate (add certificates: [{cert: shop.pem, key: shop.key}], or write "]),
        ("▸{certificates: []}", ["TLS without a certificate"]),
        ("{certificates: [{cert: ▸shp.pem, key: shop.key}]}", ["cannot read shp.pem: No such file", '"shop.pem"?']),
        ("{certificates: [{cert: shop.pem, key: ▸zzz}]}", ["cannot read zzz: No such file or directory (looked in /"]),
        ("{certificates: [{cert: ▸nope1, key: ▸nope2}]}", ["cannot read nope1", "cannot read nope2"]),
        ("{certificates: [{cert: ▸shop.key, key: ▸shop.pem}]}", ["a private key and no cert", "no private key"]),
        ("{certificates: [{cert: shop.pem, key: ▸other.key}]}", ["does not belong to the certificate of shop.exa"]),
        ("{certificates: [{cert: ▸shop.pem}]}", ['"key" missing: shop.pem has none (add key: FILE)']),
        ("{certificates: [{cert: ▸upside.pem, key: shop.key}]}", ["the certificate of this key is number 2 in the f"]),
        ("{certificates: [{cert: ▸'${file:shop.pem}', key: shop.key}]}", ["needed here, and ${file:shop.pem} is"]),
        ("{certificates: [{cert: shop.pem, key: ▸'${file:shop.key}'}]}", ["write the path itself: shop.key"]),
        ("{certificates: [{cert: shop.pem, key: shop.key, ocsp: ▸shop.pem}]}", ["no OCSP response in DER"]),
        ("{certificates: [{cert: shop.pem, key: shop.key, ocsp: ▸other.ocsp}]}", ["is about another certificate"]),
        (f"{{{PAIR}, client_auth: ▸{{mode: required}}}}", ['"ca" missing']),
        (f"{{{PAIR}, client_auth: {{mode: required, ca: ▸shop.key}}}}", ["no certificate"]),
        (f"{{{PAIR}, client_auth: {{mode: off, ca: ▸nope}}}}", ["cannot read nope"]),
        (f"{{{PAIR}, client_auth: {{mode: ▸on, ca: ca.pem}}}}", ["expected one of"]),
        (f"{{{PAIR}, min_version: ▸1.1}}", ["expected one of 1.2, 1.3"]),
        (f"{{{PAIR}, handshake_timeout: ▸0s}}", ["must be at least 100ms"]),
        ("{▸certificate: [{cert: shop.pem, key: shop.key}]}", ['did you mean "certificates"?']),
        ("▸interal", ['expected internal, got "interal" (did you mean "internal"?)']),
    ],
)
def test_a_mistake_of_a_listener_is_told_where_it_stands(folder: Folder, tls: str, complaints: list[str]) -> None:
    folder.write("upside.pem", (CA.as_pem().certificate + SHOP.certificate).decode())
    (folder.path / "other.ocsp").write_bytes(staple(OTHER))
    told = folder.complaints(listener(tls))
    assert len(told) == tls.count("▸")
    for words in complaints:
        assert any(words in each for each in told), (words, told)


@pytest.mark.parametrize(
    ("tls", "endpoints", "words"),
    [
        ("{ca: ▸nope.pem}", '["127.0.0.1:1"]', "cannot read nope.pem"),
        ("{ca: ▸empty.pem}", '["127.0.0.1:1"]', "empty.pem: the file is empty"),
        ("{▸key: shop.key}", '["127.0.0.1:1"]', "a key without its certificate"),
        ("{cert: shop.pem, key: ▸other.key}", '["127.0.0.1:1"]', "does not belong"),
        ("{server_name: ▸'*.example.com'}", '["127.0.0.1:1"]', "a server name has no wildcard"),
        ("{server_name: ▸'https://a'}", '["127.0.0.1:1"]', "a host has no scheme"),
        ("▸{ca: ca.pem}", '["unix:/run/app.sock"]', '"server_name" missing (a Unix socket has no name'),
        ("{ca: ca.pem, ▸insecure_skip_verify: true}", '["127.0.0.1:1"]', "exclude each other"),
        (
            "{▸verify: false}",
            '["127.0.0.1:1"]',
            "upstreams are verified unless `insecure_skip_verify: true` is written",
        ),
        ("{insecure_skip_verify: ▸yes}", '["127.0.0.1:1"]', 'expected true or false, got "yes"'),
    ],
)
def test_a_mistake_of_an_upstream_is_told_where_it_stands(folder: Folder, tls: str, endpoints: str, words: str) -> None:
    folder.write("empty.pem", "")
    (told,) = folder.complaints(upstream(tls, endpoints))
    assert words in told


def test_a_system_without_cas_cannot_verify_an_upstream(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.config.tls.credentials.system_roots", lambda _files: ())
    assert folder.complaints(upstream("▸{}")) == [
        "this system has no CA certificates (install them, or write ca: FILE)"
    ]


# ── what clients will trip over ──────────────────────────────────────────────────────────────────────────────────────


def staple(made: Issued, *, good: bool = True, until: float = NOW + DAY_S) -> bytes:
    status = ocsp.OCSPCertStatus.GOOD if good else ocsp.OCSPCertStatus.REVOKED
    revoked = None if good else moment(NOW - DAY_S)
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificates(made.certificate)[0], CA.certificate, hashes.SHA256(), status, moment(NOW - DAY_S),
        moment(until), revoked, None,
    )  # fmt: skip
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, CA.certificate)
    signed = builder.sign(private_key(CA.as_pem().key), hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def warnings(folder: Folder, text: str) -> list[str]:
    loaded = load(folder.write("gateway.yaml", text), {})
    checked(loaded)
    assert all(each.severity == "warning" for each in loaded.findings.all), loaded.findings.all
    return [f"{each.line} {each.message} {each.hint}" for each in loaded.findings.all]


def test_a_staple_is_stapled_and_a_late_one_told(folder: Folder) -> None:
    text = listener("{certificates: [{cert: shop.pem, key: shop.key, ocsp: shop.ocsp}]}")
    (folder.path / "shop.ocsp").write_bytes(staple(SHOP))
    assert found(folder, text).certificates[0].ocsp == (folder.path / "shop.ocsp").read_bytes()
    assert warnings(folder, text) == []
    (folder.path / "shop.ocsp").write_bytes(staple(SHOP, until=NOW - 1))
    assert "has ended on 2027-01-1" in warnings(folder, text)[0]
    (folder.path / "shop.ocsp").write_bytes(staple(SHOP, good=False))
    assert "says that the certificate is revoked" in warnings(folder, text)[0]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (CA.issue(["shop.example.com"], NOW - 20 * DAY_S, days=10), "this certificate has ended on 2027-01-05"),
        (CA.issue(["shop.example.com"], NOW + 20 * DAY_S), "this certificate begins on 2027-02-0"),
        (CA.issue(["spiffe://a/b"], NOW), "no name that a client could ask for: it is the default only"),
        (
            Issued(SHOP.certificate + Authority.create(NOW).as_pem().certificate, SHOP.key),
            "certificate 2 of the file did not sign certificate 1",
        ),
        (
            Issued(SHOP.certificate + Authority.create(NOW - 9_000 * DAY_S).as_pem().certificate, SHOP.key),
            "certificate 2 of the chain has ended on",
        ),
    ],
    ids=["ended", "not begun", "nameless", "chain", "ended CA"],
)
def test_warnings_of_certificates(folder: Folder, made: Issued, words: str) -> None:
    put(folder, "it", made)
    told = warnings(folder, listener("{certificates: [{cert: it.pem, key: it.key}]}", hosts="[]"))
    assert any(words in each for each in told), told


def test_a_key_that_everybody_may_read_is_a_warning_without_its_text(folder: Folder) -> None:
    (folder.path / "shop.key").chmod(0o644)
    (told,) = warnings(folder, listener("{certificates: [{cert: shop.pem, key: shop.key}]}"))
    assert "everybody on this machine may read the key in shop.key" in told
    assert SHOP.key.decode().splitlines()[1] not in told


def test_hosts_that_no_certificate_is_for(folder: Folder) -> None:
    tls = "{certificates: [{cert: shop.pem, key: shop.key}]}"
    assert warnings(folder, listener(tls, "[shop.example.com, a.shop.example.com, '*.shop.example.com']")) == []
    (told,) = warnings(folder, listener(tls, "[shop.example.com, other.example.com]"))
    assert 'no certificate of the listener "web" is for other.example.com' in told
    assert "it has shop.example.com, *.shop.example.com" in told
    assert warnings(folder, listener(tls, "[]")) == []
    assert warnings(folder, listener("internal", "[any.example]")) == []


def test_the_same_name_twice_is_a_warning_unless_the_keys_differ(folder: Folder) -> None:
    put(folder, "again", CA.issue(["shop.example.com"], NOW))
    put(folder, "rsa", CA.issue(["shop.example.com"], NOW, kind="rsa"))
    tls = "{certificates: [{cert: shop.pem, key: shop.key},\n {cert: NAME.pem, key: NAME.key}]}"
    (told,) = warnings(folder, listener(tls.replace("NAME", "again")))
    assert "shop.example.com has a certificate with such a key already" in told
    assert warnings(folder, listener(tls.replace("NAME", "rsa"))) == []


def test_an_upstream_that_is_not_verified_is_a_warning_each_time(folder: Folder) -> None:
    (told,) = warnings(folder, upstream("{insecure_skip_verify: true}"))
    assert "anybody on the way can read and change what is sent" in told
    made = folder.lower(upstream("{insecure_skip_verify: true}")).document.upstreams[0].tls
    assert made is not None
    assert (made.verify, made.roots) == (False, ())


def test_a_leaf_where_a_ca_belongs_is_a_warning(folder: Folder) -> None:
    (told,) = warnings(folder, upstream("{ca: other.pem}"))
    assert "CN=other.example.com is no CA" in told


def test_a_servers_certificate_shown_to_an_upstream_is_a_warning(folder: Folder) -> None:
    """Only for what an extended key usage says."""
    key = private_key(CA.as_pem().key)
    leaf = certificates(SHOP.certificate)[0]
    usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    builder = x509.CertificateBuilder(
        CA.certificate.subject, leaf.subject, leaf.public_key(), 5, leaf.not_valid_before_utc, leaf.not_valid_after_utc
    ).add_extension(usage, critical=False)
    folder.write("server.pem", builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
    (told,) = warnings(folder, upstream("{ca: ca.pem, cert: server.pem, key: shop.key}"))
    assert "may not be a client's (extended key usage)" in told


# ── conditions on clients ────────────────────────────────────────────────────────────────────────────────────────────

ASKS = "{certificates: [{cert: shop.pem, key: shop.key}], client_auth: {mode: optional, ca: ca.pem}}"


def test_conditions_on_clients_reach_the_document(folder: Folder) -> None:
    condition = "{subject: {present: true}, san: a.example, spiffe_id: {regex: 'spiffe://a/.*'}}"
    rule = folder.lower(listener(ASKS, more=f", match: {{client_cert: {condition}}}")).document.routes[0].rules[0]
    assert rule.matches[0].client_cert == (
        wire.ClientCertMatch(part="subject", test=wire.ValuePresent(value=True)),
        wire.ClientCertMatch(part="san", test=wire.ValueExact(value="a.example")),
        wire.ClientCertMatch(part="spiffe_id", test=wire.ValueRegex(value="spiffe://a/.*")),
    )


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("▸{}", "at least one of subject, san, spiffe_id, fingerprint"),
        ("{spiffe_id: ▸billing}", '"billing" is no SPIFFE ID'),
        ("{fingerprint: ▸'AB:CD'}", "64 hex digits in lower case"),
        (f"{{fingerprint: ▸'{'AB:' * 31}AB'}}", f"write {'ab' * 32}"),
        ("{subject: {regex: ▸'('}}", "not a regular expression"),
        ("{subject: ▸{exact: a, present: true}}", "exactly one of exact, regex, present"),
        ("{▸spiffe: a}", 'did you mean "spiffe_id"?'),
    ],
)
def test_conditions_on_clients_that_are_wrong(folder: Folder, condition: str, words: str) -> None:
    (told,) = folder.complaints(listener(ASKS, more=f", match: {{client_cert: {condition}}}"))
    assert words in told


@pytest.mark.parametrize("tls", ["internal", "{certificates: [{cert: shop.pem, key: shop.key}]}", "null"])
def test_conditions_on_clients_whom_nobody_asks(folder: Folder, tls: str) -> None:
    (told,) = folder.complaints(listener(tls, more=", match: {client_cert: ▸{san: a}}"))
    assert "no listener of this route asks clients for a certificate" in told
