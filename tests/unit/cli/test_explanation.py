"""Explanations in words: what the engine says, laid out for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.cli.explain import _field
from gateway.errors import ExitCode, UsageError

SHOP = """\
version: 1
listeners: [{name: https, listen: ":8443"}]
routes:
  - name: shop
    hosts: [shop.example.com]
    rules:
      - {name: beta, match: {path: /, headers: {x-beta: "1"}}, to: catalog-v2}
      - {name: storefront, match: /, to: catalog-v1}
      - {name: old, match: /old, redirect: {to: /new, status: 301}}
upstreams:
  catalog-v1: {endpoints: ["10.0.1.11:8080", "10.0.1.12:8080"]}
  catalog-v2: {endpoints: ["10.0.2.11:8080"]}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SHOP)
    return "shop.yaml"


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["explain", "-c", "shop.yaml", *words])
    return code, capsys.readouterr().out


def test_it_looks_as_the_contract_says(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = explained(capsys, "GET", "https://shop.example.com/cart", "-H", "x-beta: 1")
    assert code == ExitCode.OK
    assert text == (
        "listener   https       :8443\n"
        "route      shop        shop.yaml:4    host shop.example.com\n"
        "rule       beta        shop.yaml:7    TAKEN\n"
        "             path   prefix /          ✓\n"
        '             header x-beta = "1"      ✓\n'
        "also fits  storefront  shop.yaml:8    loses: 0 header conditions against 1\n"
        "upstream   catalog-v2  1 endpoint → 10.0.2.11:8080\n"
    )


def test_it_says_that_a_request_is_grpc_and_what_becomes_of_it(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    call = ("POST", "https://shop.example.com/a.B/C", "-H", "grpc-timeout: 1500m", "-H")

    def said(content_type: str) -> list[str]:
        _, text = explained(capsys, *call, f"content-type: {content_type}")
        return next(line for line in text.splitlines() if line.startswith("protocol")).split(maxsplit=2)[1:]

    assert said("application/grpc+proto") == ["grpc", "deadline 1.5s"]
    assert said("application/grpc-web-text") == ["grpc-web-text", "deadline 1.5s"]
    Path("shop.yaml").write_text(SHOP.replace("to: catalog-v1}", "to: catalog-v1, grpc_web: true}"))
    assert said("application/grpc-web") == ["grpc-web", "translated to gRPC and back, deadline 1.5s"]


def test_a_deadline_that_is_none_is_refused(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    call = ("POST", "https://shop.example.com/a.B/C", "-H", "content-type: application/grpc")
    code, text = explained(capsys, *call, "-H", "grpc-timeout: soon")
    assert code != ExitCode.OK or "refused" in text
    assert "request_invalid: grpc-timeout is not" in text


def test_a_condition_that_fails_says_what_the_request_has(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = explained(capsys, "GET", "http://shop.example.com/cart", "-H", "x-beta: 2")
    assert 'header x-beta = "1"      ✗  the request has "2"' in text
    assert "rule       storefront" in text


def test_nowhere_to_go_is_a_finding_with_its_reason(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = explained(capsys, "GET", "http://other.example/")
    assert code == ExitCode.FINDINGS
    assert "refused    404" in text
    assert "no_host: " in text


def test_a_redirect_says_where_to(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = explained(capsys, "GET", "http://shop.example.com/old?a=1")
    assert "redirect   301         /new?a=1\n" in text


def test_json_is_the_engines_own_answer(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = explained(capsys, "GET", "http://shop.example.com/", "--json")
    assert code == ExitCode.OK
    assert '"verdict": "forward"' in text


def test_what_comes_from_outside_cannot_move_the_cursor(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = explained(capsys, "GET", "http://shop.example.com/", "-H", "x-beta: \x1b[2J\x9b")
    assert "\x1b" not in text
    assert "\x9b" not in text


@pytest.mark.parametrize("written", ["x-beta", ": 1", ""])
def test_a_header_without_a_name_is_a_usage_error(written: str) -> None:
    with pytest.raises(UsageError, match="name: value"):
        _field(written)


PASSED = """\
version: 1
listeners:
  - {name: web, listen: "127.0.0.1:8443", tls: {certificates: [{cert: mesh.test.pem, key: mesh.test.key}]}}
  - name: db
    listen: "127.0.0.1:8444"
    tls:
      passthrough:
        - {sni: [db.example.com], to: main}
        - {sni: ["*.db.example.com"], to: replicas}
routes: [{name: all, listeners: [web], rules: [{name: all, respond: {body: hello}}]}]
upstreams:
  main: {endpoints: ["10.0.1.11:5432"]}
  replicas: {endpoints: ["10.0.1.12:5432", "10.0.1.13:5432"]}
"""


@pytest.fixture
def db(shop: str) -> None:
    Path(shop).write_text(PASSED)
    assert main(["cert", "make", "mesh.test"]) == ExitCode.OK


@pytest.mark.parametrize(
    "question",
    [
        ["https://a.db.example.com/"],
        ["https://A.db.example.com:8444/x?y"],
        ["/x", "-H", "Host: a.db.example.com", "--listener", "db"],
    ],
)
def test_a_connection_that_is_passed_on_is_told_by_its_name(
    db: None, question: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    code, text = explained(capsys, "GET", *question)
    assert code == ExitCode.OK
    assert text == (
        "listener   db                127.0.0.1:8444\n"
        "sni        *.db.example.com  shop.yaml:9    PASSED ON\n"
        "tls        not opened                       method, path and headers are for the upstream alone\n"
        "upstream   replicas          2 endpoints → 10.0.1.12:5432, 10.0.1.13:5432\n"
    )


def test_a_name_that_nobody_has_is_a_finding_where_nothing_is_opened(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = explained(capsys, "GET", "https://example.com:8444/")
    assert code == ExitCode.FINDINGS
    assert "refused    404" in text
    assert "no_host: TLS is only passed on here, and not for this name" in text


MESH = """\
version: 1
listeners:
  - name: mesh
    listen: "127.0.0.1:8443"
    tls: {certificates: [{cert: mesh.test.pem, key: mesh.test.key}], client_auth: {mode: optional, ca: ca.pem}}
routes:
  - name: all
    rules:
      - name: billing
        match: {client_cert: {spiffe_id: "spiffe://example.org/billing"}}
        respond: {body: billing}
      - name: alice
        match: {client_cert: {subject: "CN=alice@example.org"}}
        respond: {body: alice}
      - {name: nobody, respond: {status: 403}}
"""


@pytest.mark.parametrize(
    ("client", "taken"),
    [
        ([], "nobody"),
        (["--client-san", "spiffe://example.org/billing"], "billing"),
        (["--client-san", "spiffe://example.org/other"], "nobody"),
        (["--client-subject", "CN=alice@example.org"], "alice"),
        (["--client-cert", "spiffe-example.org-billing.pem"], "billing"),
        (["--client-cert", "alice-example.org.pem"], "alice"),
    ],
)
def test_who_asks_decides(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: list[str], taken: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mesh.test", "spiffe://example.org/billing", "alice@example.org"):
        assert main(["cert", "make", name]) == ExitCode.OK
    Path("gateway.yaml").write_text(MESH)
    capsys.readouterr()
    assert main(["explain", "GET", "https://mesh.test:8443/", *client]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert re.search(rf"rule +{taken} .* TAKEN", shown), shown
    if taken == "nobody":
        assert re.search(r'client spiffe_id = "spiffe://example.org/billing" +✗  the request has', shown), shown
