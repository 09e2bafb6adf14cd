"""The admin API's handlers."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from gateway.account.http2 import GroupCount, Http2Counts
from gateway.admin import actions, health, metrics, state, tasks
from gateway.config.admin_routes import ADMIN_RULES
from gateway.config.tls.certificate import CertificateFacts, Shown
from gateway.policy import Handler, Response, resolve
from gateway.serve.reload import Outcome
from tests.unit.admin.conftest import GatewayDouble, call

pytestmark = pytest.mark.trio


def parsed(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def text(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


@pytest.mark.parametrize("rule", ADMIN_RULES, ids=lambda rule: rule.name)
async def test_every_admin_rule_has_its_handler(rule: Any, tmp_path: Any) -> None:
    resolve(rule.handler, tmp_path)


@pytest.mark.parametrize(
    ("handler", "allowed"),
    [
        (health.healthz, "GET, HEAD"), (health.readyz, "GET, HEAD"), (metrics.metrics, "GET, HEAD"),
        (state.status, "GET, HEAD"), (state.config, "GET, HEAD"), (tasks.tasks, "GET, HEAD"),
        (actions.reload, "POST"), (actions.explain, "POST"),
    ],
)  # fmt: skip
async def test_a_wrong_method_is_405_and_says_which_is_right(
    gateway: GatewayDouble, handler: Handler, allowed: str
) -> None:
    response = await call(handler, "DELETE")
    assert response.status == 405
    assert (b"allow", allowed.encode()) in response.fields


async def test_a_get_never_reloads(gateway: GatewayDouble) -> None:
    assert (await call(actions.reload, "GET")).status == 405


async def test_healthz_lives_whatever_the_state(gateway: GatewayDouble) -> None:
    gateway.state = "draining"
    assert (await call(health.healthz)).status == 200


@pytest.mark.parametrize(("now", "status"), [("starting", 503), ("ready", 200), ("draining", 503)])
async def test_readyz_says_whether_to_send_requests(gateway: GatewayDouble, now: str, status: int) -> None:
    gateway.state = now
    response = await call(health.readyz)
    assert (response.status, text(response)) == (status, f"{now}\n")


async def test_status_has_the_last_reload_with_its_errors(gateway: GatewayDouble) -> None:
    gateway.last_reload = Outcome(False, 3, 1.0, 0.5, ("gw.yaml:1:1: error: no",))
    found = parsed(await call(state.status))
    assert found["generation"] == 3
    assert found["uptime_seconds"] == 12.346
    assert found["last_reload"]["errors"] == ["gw.yaml:1:1: error: no"]
    assert found["listeners"] == [
        {
            "name": "web", "address": "127.0.0.1:8080", "scheme": "http", "state": "open",
            "connections": 4, "accepted": 9, "refused": 0, "certificates": [],
        }
    ]  # fmt: skip


FACTS = CertificateFacts(
    names=("shop.example.com", "*.shop.example.com"), identities=(), subject="CN=shop", issuer="CN=a CA",
    not_before=1.0, not_after=2_000_000_000.5, key="ECDSA P-256", sha256="ab" * 32, ca=False,
)  # fmt: skip


async def test_listeners_have_their_certificates_and_metrics_their_ends(gateway: GatewayDouble) -> None:
    gateway.certificates = [Shown("listener", "web", FACTS), Shown("listener", "other", FACTS)]
    (found,) = parsed(await call(state.listeners))
    assert found["certificates"] == [
        {
            "names": ["shop.example.com", "*.shop.example.com"], "identities": [], "issuer": "CN=a CA",
            "not_before": 1.0, "not_after": 2_000_000_000.5, "key": "ECDSA P-256", "sha256": "ab" * 32,
        }
    ]  # fmt: skip
    scraped = text(await call(metrics.metrics))
    line = 'gateway_certificate_expiry_timestamp_seconds{listener="web",name="shop.example.com"} 2.0000000005e+09'
    assert line in scraped


async def test_status_has_http2_connections(gateway: GatewayDouble) -> None:
    gateway.http2 = Http2Counts(
        groups=(GroupCount("server", "web", 3), GroupCount("server", "other", 4), GroupCount("client", "app", 2)),
        keepalive_failures={"server": 1, "client": 1},
        abusers=5,
    )
    found = parsed(await call(state.status))
    assert found["http2"] == {"clients": 7, "upstreams": 2, "keepalive_failures": 2, "abusers": 5}


async def test_routes_say_what_rules_do_and_where_they_stand(gateway: GatewayDouble) -> None:
    (route,) = parsed(await call(state.routes))
    assert (route["source"], route["hosts"], route["listeners"]) == ("gw.yaml:4", ["a.example"], ["web"])
    assert route["rules"][0] == {
        "name": "one", "source": "gw.yaml:7",
        "matches": ["GET prefix /cart, header x-beta = 1, query dry absent"], "action": "to app",
    }  # fmt: skip
    actions_in_words = [rule["action"] for rule in route["rules"][1:]]
    assert actions_in_words == ["to app 95, next 5", "respond 200", "redirect 301 /new", "handler rules:hello"]


async def test_upstreams_say_what_endpoints_do_and_what_they_are_shown(gateway: GatewayDouble) -> None:
    gateway.certificates = [Shown("listener", "app", FACTS), Shown("upstream", "app", FACTS)]
    app, other = parsed(await call(state.upstreams))
    assert [each["sha256"] for each in app["certificates"]] == ["ab" * 32]
    assert other["certificates"] == []
    assert app["endpoints"] == [
        {
            "address": "127.0.0.1:3000", "weight": 1, "in_flight": 2, "connections": 5, "idle": 3,
            "requests": 13, "connect_failures": 1,
        }
    ]  # fmt: skip
    assert other["endpoints"][0]["requests"] == 0


async def test_the_configuration_is_yaml(gateway: GatewayDouble) -> None:
    response = await call(state.config)
    assert text(response) == "version: 1\n"


async def test_a_reload_gives_the_generation_or_every_error(gateway: GatewayDouble) -> None:
    gateway.next_outcome = Outcome(True, 4, 1.0, 0.1, (), ("a warning",))
    response = await call(actions.reload, "POST")
    assert (response.status, parsed(response)) == (200, {"generation": 4, "warnings": ["a warning"]})
    gateway.next_outcome = Outcome(False, 3, 1.0, 0.1, ("one", "two"))
    response = await call(actions.reload, "POST")
    assert (response.status, parsed(response)["errors"]) == (422, ["one", "two"])


async def test_explain_passes_the_question_on_and_the_answer_back(gateway: GatewayDouble) -> None:
    gateway.answer = msgspec.msgpack.encode({"verdict": "forward"})
    question = b'{"method": "GET", "url": "http://a/", "headers": [["x-a", "1"]]}'
    response = await call(actions.explain, "POST", question)
    assert parsed(response) == {"verdict": "forward"}
    assert msgspec.msgpack.decode(gateway.questions[0]) == {
        "method": "GET", "url": "http://a/", "headers": [["x-a", "1"]], "listener": None, "client_cert": None,
    }  # fmt: skip


@pytest.mark.parametrize("question", [b"", b"{", b"[]", b'{"method": 1, "url": ""}', b'{"method": "G", "u": "x"}'])
async def test_what_is_no_question_is_400(gateway: GatewayDouble, question: bytes) -> None:
    response = await call(actions.explain, "POST", question)
    assert response.status == 400
    assert parsed(response)["error"]


async def test_a_question_that_the_engine_refuses_is_400(gateway: GatewayDouble) -> None:
    gateway.answer = ValueError("no host")
    response = await call(actions.explain, "POST", b'{"method": "GET", "url": "http:///"}')
    assert (response.status, parsed(response)) == (400, {"error": "no host"})


async def test_tasks_are_text_or_json(gateway: GatewayDouble) -> None:
    assert text(await call(tasks.tasks)).startswith("root\n\nlistener web 127.0.0.1:8080 owns 4 connections")
    found = parsed(await call(tasks.tasks, accept="application/json"))
    assert found == {"tasks": {"name": "root"}, "connections": {"web 127.0.0.1:8080": 4}}


async def test_metrics_are_prometheus_or_openmetrics(gateway: GatewayDouble) -> None:
    plain = await call(metrics.metrics)
    assert b'gateway_connections_open{listener="web"} 4.0' in text(plain).encode()
    opened = await call(metrics.metrics, accept="application/openmetrics-text; version=1.0.0")
    assert text(opened).endswith("# EOF\n")
    assert any(b"openmetrics" in value for _, value in opened.fields)
