"""What to try next, as commands that work when they are copied."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.serve.hints import hints


def listener(key: int, address: str, scheme: str = "http") -> Any:
    return SimpleNamespace(key=key, address=address, plan=SimpleNamespace(scheme=scheme))


def test_names_the_first_listener_and_the_admin_api() -> None:
    shown = hints("gateway", "my.yaml", [listener(1, "127.0.0.1:8080"), listener(2, "127.0.0.1:9901")], admin=2)
    assert "curl -i http://127.0.0.1:8080/" in shown
    assert "gateway explain -c my.yaml GET http://127.0.0.1:8080/" in shown
    assert "gateway status -c my.yaml" in shown
    assert "curl http://127.0.0.1:9901/metrics" in shown


@pytest.mark.parametrize(("bound", "called"), [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "localhost:80")])
def test_an_address_that_means_any_is_shown_as_one_that_can_be_called(bound: str, called: str) -> None:
    assert f"curl -i http://{called}/" in hints("gateway", "a.yaml", [listener(1, bound)], admin=None)


def test_curl_is_told_whom_to_trust() -> None:
    web = [listener(1, "127.0.0.1:8443", "https")]
    assert "curl -i --insecure https://127.0.0.1:8443/" in hints("gateway", "a.yaml", web, admin=None)
    shown = hints("gateway", "a.yaml", web, admin=None, ca_file=Path("/state/ca/ca.pem"))
    assert "curl -i --cacert /state/ca/ca.pem https://127.0.0.1:8443/" in shown


def test_what_is_not_there_is_not_offered() -> None:
    shown = hints("gateway", "a.yaml", [listener(1, "unix:/run/gw.sock")], admin=None)
    assert "curl" not in shown
    assert "status" not in shown
    assert "Ctrl-C" in shown
