"""Where a request goes, what is changed on the way, and what the gateway answers by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Client, fetch
from tests.e2e.configuration import LISTEN, rules
from tests.e2e.gateway_process import Gateway
from tests.e2e.origin import TellingOrigin

ROUTES: list[dict[str, Any]] = [
    {
        "name": "shop",
        "hosts": ["shop.test", "*.shop.test"],
        "rules": [
            {"name": "exact", "match": {"path": {"exact": "/cart"}}, "to": "a"},
            {"name": "long", "match": "/cart/items", "to": "b"},
            {"name": "short", "match": "/cart", "to": "c"},
            {"name": "regex", "match": {"path": {"regex": "/v[0-9]+/.*"}}, "to": "d"},
            {"name": "post", "match": {"path": "/m", "method": "POST"}, "to": "a"},
            {"name": "any-method", "match": "/m", "to": "b"},
            {"name": "one-header", "match": {"path": "/h", "headers": {"x-beta": "1"}}, "to": "a"},
            {
                "name": "two-headers",
                "match": {"path": "/h", "headers": {"x-beta": "1", "x-user": {"present": True}}},
                "to": "b",
            },
            {"name": "no-header", "match": "/h", "to": "c"},
            {"name": "query", "match": {"path": "/q", "query": {"dry": "1"}}, "to": "a"},
            {"name": "no-query", "match": "/q", "to": "b"},
            {"name": "cookie", "match": {"path": "/k", "cookies": {"group": {"regex": "canary-.*"}}}, "to": "a"},
            {"name": "no-cookie", "match": "/k", "to": "b"},
            {"name": "either", "match": ["/one", {"path": "/two", "method": "PUT"}], "to": "a"},
            {"name": "loud", "match": "/loud", "to": "b"},
            {"name": "louder", "match": {"path": {"regex": "/lou.*"}}, "priority": 1, "to": "a"},
        ],
    },
    {"name": "exact-host", "hosts": ["www.shop.test"], "rules": [{"name": "www", "to": "d"}]},
    {"name": "second-listener", "listeners": ["other"], "rules": [{"name": "other", "to": "e"}]},
]

GOES = [
    ("GET", "shop.test", "/cart", (), "a"),
    ("GET", "shop.test", "/cart/", (), "c"),
    ("GET", "shop.test", "/cart/items", (), "b"),
    ("GET", "shop.test", "/cart/items/7", (), "b"),
    ("GET", "shop.test", "/cart/itemsx", (), "c"),
    ("GET", "shop.test", "/v2/x", (), "d"),
    ("GET", "x.shop.test", "/cart", (), "a"),
    ("GET", "x.y.shop.test", "/cart", (), "a"),
    ("GET", "SHOP.test:8080", "/cart", (), "a"),
    ("GET", "www.shop.test", "/cart", (), "d"),
    ("POST", "shop.test", "/m", (), "a"),
    ("PUT", "shop.test", "/m", (), "b"),
    ("GET", "shop.test", "/h", ("X-Beta: 1",), "a"),
    ("GET", "shop.test", "/h", ("x-BETA: 1", "X-User: me"), "b"),
    ("GET", "shop.test", "/h", ("X-Beta: 2",), "c"),
    ("GET", "shop.test", "/q?dry=1", (), "a"),
    ("GET", "shop.test", "/q?x=y&dry=%31", (), "a"),
    ("GET", "shop.test", "/q?dry=2", (), "b"),
    ("GET", "shop.test", "/q?DRY=1", (), "b"),
    ("GET", "shop.test", "/k", ("Cookie: a=b; group=canary-7",), "a"),
    ("GET", "shop.test", "/k", ("Cookie: group=stable",), "b"),
    ("GET", "shop.test", "/one", (), "a"),
    ("PUT", "shop.test", "/two", (), "a"),
    ("GET", "shop.test", "/loud", (), "a"),
]


class House:
    """A gateway in front of five origins, a to e."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        origins = {name: stack.enter_context(TellingOrigin(name)) for name in "abcde"}
        config = {
            "listeners": [{"name": "web", "listen": LISTEN}, {"name": "other", "listen": LISTEN}],
            "routes": [*ROUTES[:2], ROUTES[2]],
            "upstreams": {name: {"endpoints": [origin.address]} for name, origin in origins.items()},
        }
        yield House(stack.enter_context(Gateway(config, tmp_path_factory.mktemp("house"))))


@pytest.mark.parametrize(("method", "host", "target", "fields", "to"), GOES)
def test_request_goes_where_the_most_exact_rule_says(
    house: House, method: str, host: str, target: str, fields: tuple[str, ...], to: str
) -> None:
    found = fetch(house.gateway.port(), method, target, *fields, host=host)
    assert (found.status, found.header("x-origin")) == (200, to)


def test_listener_decides_which_routes_there_are(house: House) -> None:
    assert fetch(house.gateway.port("other"), "GET", "/", host="nobody.test").header("x-origin") == "e"
    assert fetch(house.gateway.port("other"), "GET", "/cart", host="shop.test").header("x-origin") == "a"


def test_unknown_host_and_unknown_path_say_why(house: House) -> None:
    for host, target, reason in (("nobody.test", "/", "no_host"), ("shop.test", "/nothing", "no_rule")):
        found = fetch(house.gateway.port(), "GET", target, host=host)
        assert found.status == 404
        assert (
            (found.header("proxy-status") or "")
            .replace(" ", "")
            .startswith(f'gateway;error=destination_not_found;details="{reason}:')
        )
        assert reason in found.body.decode()
        assert found.header("connection") is None  # a valid request does not cost its connection


def test_weighted_split_follows_the_weights(tmp_path: Path) -> None:
    with TellingOrigin("old") as old, TellingOrigin("new") as new, TellingOrigin("none") as none:
        shares = [{"upstream": "old", "weight": 8}, {"upstream": "new", "weight": 2}, {"upstream": "none", "weight": 0}]
        config = rules({"to": shares}, upstreams={"old": old.address, "new": new.address, "none": none.address})
        with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
            seen = Counter(client.ask("GET", "/").header("x-origin") for _ in range(2000))
    assert seen["none"] == 0
    assert 300 <= seen["new"] <= 500  # 400 expected, standard deviation 18: more than five of them off is a fault


def test_upstream_without_endpoints_is_503(tmp_path: Path) -> None:
    config = rules({"to": "x"}, upstreams={"x": ""})
    config["upstreams"]["x"] = {"endpoints": []}
    with Gateway(config, tmp_path) as gateway:
        found = fetch(gateway.port(), "GET", "/")
        assert (found.status, "no_endpoint" in found.body.decode()) == (503, True)


def test_round_robin_by_weight_is_smooth(tmp_path: Path) -> None:
    with TellingOrigin("one") as one, TellingOrigin("three") as three:
        config = rules({"to": "app"}, upstreams={"app": ""}, workers=1)
        endpoints = [one.address, {"address": three.address, "weight": 3}]
        config["upstreams"]["app"] = {"endpoints": endpoints, "balance": "round_robin"}
        with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
            seen = [client.ask("GET", "/").header("x-origin") for _ in range(40)]
    for start in range(0, 40, 4):
        assert Counter(seen[start : start + 4]) == {"one": 1, "three": 3}


@pytest.mark.parametrize("balance", ["round_robin", "least_request", "random"])
def test_every_endpoint_is_used(tmp_path: Path, balance: str) -> None:
    with TellingOrigin("one") as one, TellingOrigin("two") as two:
        config = rules({"to": "app"}, upstreams={"app": ""})
        config["upstreams"]["app"] = {"endpoints": [one.address, two.address], "balance": balance}
        with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
            seen = Counter(client.ask("GET", "/").header("x-origin") for _ in range(100))
    assert min(seen["one"], seen["two"]) >= 20


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with TellingOrigin() as origin:
        given: list[dict[str, Any]] = [
            {
                "match": {"path": {"exact": "/ping"}},
                "respond": {"body": "pong\n", "headers": {"content-type": "text/x"}},
            },
            {"match": "/gone", "respond": {"status": 410}},
            {"match": "/old", "redirect": {"status": 301, "to": "https://example.test/new"}},
            {"match": "/bare", "redirect": {"to": "/there", "keep_query": False}},
            {"match": "/shop", "to": "app", "rewrite": {"path_prefix": "/store", "host": "store.internal"}},
            {"match": "/all", "to": "app", "rewrite": {"path": "/one"}},
            {"match": "/root", "to": "app", "rewrite": {"path_prefix": "/"}},
            {
                "match": "/edit",
                "to": "app",
                "headers": {
                    "request": {"set": {"x-env": "prod"}, "add": {"x-more": "2"}, "remove": ["x-debug"]},
                    "response": {"set": {"x-served": "us"}, "remove": ["x-origin"]},
                },
            },
        ]
        config = rules(*given, upstreams={"app": origin.address})
        with Gateway(config, tmp_path_factory.mktemp("changing")) as gateway:
            yield gateway


def test_direct_response(changing: Gateway) -> None:
    with Client(changing.port()) as client:
        for _ in range(3):
            found = client.ask("GET", "/ping")
            assert (found.status, found.body, found.header("content-type")) == (200, b"pong\n", "text/x")
        found = client.ask("HEAD", "/ping")
        assert (found.header("content-length"), found.body) == ("5", b"")
        assert client.ask("POST", "/gone", body=b"x" * 100_000).status == 410


def test_redirect_carries_the_query_unless_told_not_to(changing: Gateway) -> None:
    found = fetch(changing.port(), "GET", "/old/x?a=b&c")
    assert (found.status, found.header("location")) == (301, "https://example.test/new?a=b&c")
    found = fetch(changing.port(), "GET", "/bare?a=b")
    assert (found.status, found.header("location")) == (302, "/there")


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/shop", "/store"),
        ("/shop/", "/store/"),
        ("/shop/cart?x=1", "/store/cart?x=1"),
        ("/all/of/it?x", "/one?x"),
        ("/root/a", "/a"),
        ("/root", "/"),
    ],
)
def test_rewrite_changes_the_target(changing: Gateway, sent: str, arrives: str) -> None:
    assert fetch(changing.port(), "GET", sent).told["target"] == arrives


def test_rewrite_changes_the_host_and_keeps_the_old_one_in_x_forwarded_host(changing: Gateway) -> None:
    told = fetch(changing.port(), "GET", "/shop", host="public.test").told
    assert told.header("host") == ["store.internal"]
    assert told.header("x-forwarded-host") == ["public.test"]


def test_header_edits_in_both_directions(changing: Gateway) -> None:
    found = fetch(changing.port(), "GET", "/edit", "X-Env: mine", "X-More: 1", "X-Debug: yes")
    assert found.told.header("x-env") == ["prod"]
    assert found.told.header("x-more") == ["1", "2"]
    assert found.told.header("x-debug") == []
    assert found.header("x-served") == "us"
    assert found.header("x-origin") is None
