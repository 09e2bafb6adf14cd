"""`gateway cert`: what it makes works, and it says so."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.tls.authority import Authority
from gateway.config.tls.certificate import facts_of, issued
from gateway.config.tls.pem import belongs, certificates, private_key
from gateway.errors import ExitCode

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(*words: str) -> int:
    return main(["cert", "make", *words])


def test_it_makes_a_ca_and_a_certificate_and_says_how_to_use_them(capsys: Output) -> None:
    assert make("localhost", "127.0.0.1") == ExitCode.OK
    shown = capsys.readouterr().out
    assert "tls: {certificates: [{cert: localhost.pem, key: localhost.key}]}" in shown
    assert "curl --cacert ca.pem https://localhost:8443/" in shown
    made, ca = (certificates(Path(name).read_bytes())[0] for name in ("localhost.pem", "ca.pem"))
    assert facts_of(made).names == ("localhost", "127.0.0.1")
    assert issued(ca, made)
    assert belongs(private_key(Path("localhost.key").read_bytes()), made)
    modes = {name: stat.S_IMODE(Path(name).stat().st_mode) for name in ("ca.key", "localhost.key", "ca.pem")}
    assert modes == {"ca.key": 0o600, "localhost.key": 0o600, "ca.pem": 0o644}


def test_the_ca_is_used_again_and_nothing_is_replaced_unasked(capsys: Output) -> None:
    assert make("a.example") == ExitCode.OK
    ca = Path("ca.pem").read_bytes()
    first = Path("a.example.pem").read_bytes()
    assert make("a.example") == ExitCode.FAILED
    assert "a.example.pem and a.example.key there already; --force replaces them" in capsys.readouterr().err
    assert make("a.example", "--force", "--key", "rsa", "--days", "3") == ExitCode.OK
    assert Path("ca.pem").read_bytes() == ca
    made = certificates(Path("a.example.pem").read_bytes())[0]
    assert facts_of(made).key == "RSA 2048"
    assert Path("a.example.pem").read_bytes() != first
    assert make("spiffe://example.org/billing", "--ca", "ca.pem", "--out", "clients") == ExitCode.OK
    client = certificates(Path("clients/spiffe-example.org-billing.pem").read_bytes())[0]
    assert issued(certificates(ca)[0], client)


def test_what_cannot_be_done_is_said(capsys: Output) -> None:
    assert make("two words") == ExitCode.USAGE
    assert "is not a host" in capsys.readouterr().err
    assert make("a.example", "--ca", "nowhere.pem") == ExitCode.FAILED
    assert "nowhere.pem: no such file" in capsys.readouterr().err
    ended = Authority.create(1_000_000_000).as_pem()
    Path("ca.pem").write_bytes(ended.certificate)
    Path("ca.key").write_bytes(ended.key)
    assert make("a.example") == ExitCode.FAILED
    assert "the CA has ended" in capsys.readouterr().err
    assert list(Path().glob("a.example*")) == []


def test_files_are_shown_for_people_and_for_programs(capsys: Output) -> None:
    make("*.example.com", "a.example", "b.example", "c.example", "d.example")
    capsys.readouterr()
    assert main(["cert", "show", "_.example.com.pem", "ca.pem"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "*.example.com, a.example, b.example and 2 more" in shown
    assert "89 days" in shown
    assert "ECDSA P-256" in shown
    assert "\x1b" not in shown, "colour only on a terminal"
    assert main(["cert", "show", "_.example.com.pem", "-o", "json"]) == ExitCode.OK
    (found,) = json.loads(capsys.readouterr().out)
    assert found["names"] == ["*.example.com", "a.example", "b.example", "c.example", "d.example"]
    assert found["issuer"] == "CN=gateway local CA"
    assert len(found["sha256"]) == 64


def test_one_that_has_ended_or_not_begun_is_a_finding(capsys: Output) -> None:
    authority = Authority.create(1_000_000_000)
    Path("old.pem").write_bytes(authority.issue(["a.example"], 1_000_000_000).certificate)
    Path("new.pem").write_bytes(Authority.create(4_000_000_000).as_pem().certificate)
    assert main(["cert", "show", "old.pem"]) == ExitCode.FINDINGS
    assert "ENDED" in capsys.readouterr().out
    assert main(["cert", "show", "new.pem"]) == ExitCode.FINDINGS
    assert "BEGINS 2096-10-02" in capsys.readouterr().out


def test_what_is_no_certificate_is_said_and_no_key_is_shown(capsys: Output) -> None:
    make("a.example")
    capsys.readouterr()
    assert main(["cert", "show", "a.example.key"]) == ExitCode.FAILED
    shown = capsys.readouterr()
    assert "a private key and no certificate" in shown.err
    secret = Path("a.example.key").read_text().splitlines()[1]
    assert secret not in shown.out + shown.err
    assert main(["cert", "show", "nowhere.pem"]) == ExitCode.FAILED
    assert "cannot read nowhere.pem" in capsys.readouterr().err


CONFIG = """\
version: 1
listeners:
  - {name: web, listen: ":8443", tls: {certificates: [{cert: a.example.pem, key: a.example.key}]}}
  - {name: try, listen: ":8444", tls: internal}
routes: [{name: all, rules: [{respond: {}}]}]
"""


def test_a_configuration_is_shown_by_listener(capsys: Output) -> None:
    make("a.example")
    Path("gateway.yaml").write_text(CONFIG)
    capsys.readouterr()
    assert main(["cert", "show"]) == ExitCode.OK
    shown = capsys.readouterr()
    (head, line) = shown.out.splitlines()
    assert head.split() == ["FROM", "NAMES", "ISSUER", "KEY", "UNTIL", "LEFT", "SHA256"]
    assert line.startswith("listener web  a.example  CN=gateway local CA")
    assert shown.err == "listener try: internal, see `gateway status`\n"
    Path("gateway.yaml").write_text(CONFIG.replace("a.example.key", "nowhere.key"))
    assert main(["cert", "show", "-c", "gateway.yaml"]) == ExitCode.CONFIG
    assert "gateway.yaml:3:82: error: cannot read nowhere.key" in capsys.readouterr().err


UPSTREAM = """\
upstreams:
  orders:
    endpoints: ["127.0.0.1:3000"]
    tls: {ca: ca.pem, cert: spiffe-example.org-gw.pem, key: spiffe-example.org-gw.key, server_name: orders}
"""


def test_what_upstreams_are_shown_is_there_too(capsys: Output) -> None:
    make("a.example")
    make("spiffe://example.org/gw")
    Path("gateway.yaml").write_text(CONFIG.replace("{respond: {}}", "{to: orders}") + UPSTREAM)
    capsys.readouterr()
    assert main(["cert", "show"]) == ExitCode.OK
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[1:]]
    assert lines == [["listener", "web", "a.example"], ["upstream", "orders", "spiffe://example.org/gw"]]


def test_what_a_configuration_has_that_ended_is_told_at_its_place(capsys: Output) -> None:
    old = Authority.create(1_000_000_000).issue(["a.example"], 1_000_000_000)
    Path("a.example.pem").write_bytes(old.certificate)
    Path("a.example.key").write_bytes(old.key)
    Path("gateway.yaml").write_text(CONFIG)
    assert main(["cert", "show"]) == ExitCode.FINDINGS
    shown = capsys.readouterr()
    assert "ENDED" in shown.out
    assert "warning: this certificate has ended on 2001-12-08" in shown.err
