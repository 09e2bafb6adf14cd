"""What is written becomes the document: defaults, nearest policy, names to indexes, the admin API."""

from __future__ import annotations

import msgspec

from gateway import limits
from gateway.config import document as wire
from gateway.config.admin_routes import ADMIN_RULES
from gateway.config.first_flight import offer_to_clients, offer_to_upstream
from gateway.config.keys import ListenerKeys
from gateway.config.lower import lower
from gateway.config.tls import Credentials
from tests.unit.config.reading import Folder

SMALLEST = """\
version: 1
listeners: [{name: web, listen: "127.0.0.1:8080"}]
routes: [{name: all, rules: [{name: all, to: app}]}]
upstreams: {app: {endpoints: ["127.0.0.1:3000"]}}
"""


ANY = wire.Match(path=wire.PathPrefix(value="/"), methods=(), headers=(), query=(), cookies=(), client_cert=())


def rules(folder: Folder, text: str) -> tuple[wire.Rule, ...]:
    """The rules of one route, written in place of the smallest file's."""
    return folder.lower(SMALLEST.replace("[{name: all, to: app}]", text)).document.routes[0].rules


def test_the_smallest_file_has_every_default(folder: Folder) -> None:
    document = folder.lower(SMALLEST).document
    source = f"{folder.path}/gateway.yaml"
    assert document == wire.Document(
        format=1,
        generation=1,
        name="gateway",
        access_log=False,
        listeners=(
            wire.Listener(
                name="web",
                key=1,
                address="127.0.0.1:8080",
                scheme="http",
                max_connections=limits.LISTENER_CONNECTIONS,
                header_bytes=limits.HEADER_BYTES,
                headers=limits.HEADERS,
                header_timeout=limits.HEADER_TIMEOUT_MS,
                idle_timeout=limits.LISTENER_IDLE_TIMEOUT_MS,
                trust_forwarded=False,
                path=wire.PathPolicy(dot_segments="resolve", double_slash="merge", encoded_slash="refuse"),
                protocols=("h2", "http/1.1"),
                tls=None,
                http2=offer_to_clients(limits.HTTP2_STREAMS, limits.HEADER_BYTES),
                proxy_protocol=(),
            ),
        ),
        routes=(
            wire.Route(
                name="all",
                source=f"{source}:3",
                hosts=(),
                listeners=(0,),
                rules=(
                    wire.Rule(
                        name="all",
                        source=f"{source}:3",
                        priority=0,
                        matches=(ANY,),
                        action=wire.Forward(targets=(wire.Target(upstream=0, weight=1),)),
                        timeouts=wire.Timeouts(request=0, per_try=0, connect=5_000, idle=60_000),
                        request_headers=wire.HeaderEdits(),
                        response_headers=wire.HeaderEdits(),
                        rewrite=wire.Rewrite(),
                        grpc_web=False,
                    ),
                ),
            ),
        ),
        upstreams=(
            wire.Upstream(
                name="app",
                source=f"{source}:4",
                balance="round_robin",
                endpoints=(wire.Endpoint(address="127.0.0.1:3000", weight=1),),
                max_idle=limits.POOL_IDLE,
                idle_timeout=limits.POOL_IDLE_TIMEOUT_MS,
                protocol="http/1.1",
                tls=None,
                http2=offer_to_upstream(limits.HTTP2_STREAMS),
            ),
        ),
        system_roots=(),
        handlers=(),
    )


def test_the_document_survives_the_wire(folder: Folder) -> None:
    document = folder.lower(SMALLEST).document
    assert msgspec.msgpack.decode(wire.encode(document), type=wire.Document) == document


def test_the_nearest_of_rule_route_and_defaults_wins_for_each_deadline(folder: Folder) -> None:
    text = SMALLEST.replace("name: all, rules", "name: all, timeout: {idle: 3s, connect: 3s}, rules").replace(
        "to: app", "to: app, timeout: {connect: 1s}"
    )
    text += "defaults: {timeout: {request: 9s, idle: 9s, connect: 9s}}\n"
    rule = folder.lower(text).document.routes[0].rules[0]
    assert rule.timeouts == wire.Timeouts(request=9_000, per_try=0, connect=1_000, idle=3_000)


def test_zero_written_nearer_wins_over_a_deadline_further_away(folder: Folder) -> None:
    text = SMALLEST.replace("to: app", "to: app, timeout: {request: 0s}") + "defaults: {timeout: {request: 9s}}\n"
    assert folder.lower(text).document.routes[0].rules[0].timeouts.request == 0


def test_the_nearest_word_on_grpc_web_wins(folder: Folder) -> None:
    def lowered(rule: str, route: str, defaults: str) -> bool:
        text = SMALLEST.replace("to: app", f"to: app{rule}").replace("name: all, rules", f"name: all{route}, rules")
        return folder.lower(text + defaults).document.routes[0].rules[0].grpc_web

    assert not lowered("", "", "")
    assert lowered("", "", "defaults: {grpc_web: true}\n")
    assert not lowered("", ", grpc_web: false", "defaults: {grpc_web: true}\n")
    assert lowered(", grpc_web: true", ", grpc_web: false", "")


def test_header_edits_are_found_for_each_direction(folder: Folder) -> None:
    text = SMALLEST.replace("to: app", "to: app, headers: {request: {set: {X-A: '1'}, remove: [X-B]}}")
    text += "defaults: {headers: {request: {set: {x-z: '1'}}, response: {add: {x-c: '2'}}}}\n"
    rule = folder.lower(text).document.routes[0].rules[0]
    assert rule.request_headers == wire.HeaderEdits(set=(("x-a", "1"),), remove=("x-b",))
    assert rule.response_headers == wire.HeaderEdits(add=(("x-c", "2"),))


def test_every_way_to_write_a_match(folder: Folder) -> None:
    (rule,) = rules(
        folder,
        """[{to: app, match: [
            /a/,
            {path: {exact: /b/}, method: GET},
            {path: {regex: "/c.*"}, method: [PUT, POST]},
            {path: {prefix: /}, headers: {X-A: "1", x-b: {regex: "b+"}, x-c: {present: true}}},
            {query: {Q: q, r: {present: false}}, cookies: {C: c}}]}]""",
    )
    assert [match.path for match in rule.matches] == [
        wire.PathPrefix(value="/a"),
        wire.PathExact(value="/b/"),
        wire.PathRegex(value="/c.*"),
        wire.PathPrefix(value="/"),
        wire.PathPrefix(value="/"),
    ]
    assert [match.methods for match in rule.matches] == [(), ("GET",), ("PUT", "POST"), (), ()]
    assert rule.matches[3].headers == (
        wire.ValueMatch(name="x-a", test=wire.ValueExact(value="1")),
        wire.ValueMatch(name="x-b", test=wire.ValueRegex(value="b+")),
        wire.ValueMatch(name="x-c", test=wire.ValuePresent(value=True)),
    )
    assert rule.matches[4].query == (
        wire.ValueMatch(name="Q", test=wire.ValueExact(value="q")),
        wire.ValueMatch(name="r", test=wire.ValuePresent(value=False)),
    )
    assert rule.matches[4].cookies == (wire.ValueMatch(name="C", test=wire.ValueExact(value="c")),)


def test_every_action(folder: Folder) -> None:
    folder.write("h.py", "")
    actions = [
        rule.action
        for rule in rules(
            folder,
            """[{to: [app, {upstream: app, weight: 5}]},
                {match: /a, respond: {status: 201, body: "é", headers: {A: b}}},
                {match: /b, redirect: {to: /x}},
                {match: /c, redirect: {to: "https://x/", status: 308, keep_query: false}},
                {match: /d, handler: "h:f"}, {match: /e, handler: "h:g"}, {match: /f, handler: "h:f"}]""",
        )
    ]
    assert actions == [
        wire.Forward(targets=(wire.Target(upstream=0, weight=1), wire.Target(upstream=0, weight=5))),
        wire.Respond(status=201, headers=(("a", "b"),), body="é".encode()),
        wire.Redirect(status=302, to="/x", keep_query=True),
        wire.Redirect(status=308, to="https://x/", keep_query=False),
        wire.Ask(handler=0),
        wire.Ask(handler=1),
        wire.Ask(handler=0),
    ]


def test_rules_without_a_name_are_counted_from_one(folder: Folder) -> None:
    assert [rule.name for rule in rules(folder, "[{to: app}, {to: app, match: /a}]")] == ["all#1", "all#2"]


def test_hosts_are_lower_case_and_listeners_are_written_out(folder: Folder) -> None:
    text = SMALLEST.replace("[{name: web", '[{name: other, listen: ":1"}, {name: web').replace(
        "name: all, rules", "name: all, hosts: [A.example, a.EXAMPLE], rules"
    )
    route = folder.lower(text).document.routes[0]
    assert route.hosts == ("a.example",)
    assert route.listeners == (0, 1)
    assert folder.lower(text.replace("rules:", "listeners: [web], rules:")).document.routes[0].listeners == (1,)


def test_the_admin_api_is_a_listener_and_a_route_like_any_other(folder: Folder) -> None:
    lowered = folder.lower(SMALLEST + 'admin: {listen: "127.0.0.1:9901"}\n')
    document = lowered.document
    assert [listener.name for listener in document.listeners] == ["web", "admin"]
    user, admin = document.routes
    assert user.listeners == (0,), "routes without listeners are not on the admin API's"
    assert (admin.name, admin.listeners, admin.source) == ("admin", (1,), f"{folder.path}/gateway.yaml:5")
    asked = {}
    for rule in admin.rules:
        (match,) = rule.matches
        assert isinstance(rule.action, wire.Ask)
        assert isinstance(match.path, wire.PathExact)
        asked[match.path.value] = (match.methods, document.handlers[rule.action.handler])
    assert asked["/healthz"] == ((), "gateway.admin.health:healthz")
    assert asked["/api/v1/reload"] == ((), "gateway.admin.actions:reload")
    assert len(asked) == len(ADMIN_RULES)
    assert len(lowered.rules) == 1, "the engine's rule numbers of users' rules come first"


def test_an_address_keeps_its_key_over_reloads(folder: Folder) -> None:
    keys = ListenerKeys()
    two = SMALLEST.replace("[{name: web", '[{name: other, listen: ":1"}, {name: web')

    def found(text: str, generation: int) -> dict[str, int]:
        document = lower(folder.load(text), keys, generation, Credentials()).document
        return {listener.address: listener.key for listener in document.listeners}

    first = found(SMALLEST, 1)["127.0.0.1:8080"]
    assert found(two, 2)["127.0.0.1:8080"] == first
    assert found(two.replace("name: web", "name: renamed"), 3)["127.0.0.1:8080"] == first
    moved = found(SMALLEST.replace("8080", "8081"), 4)
    assert moved["127.0.0.1:8081"] not in (first, found(two, 5)[":1"])


def test_ports_that_the_kernel_chooses_have_keys_by_name() -> None:
    keys = ListenerKeys()
    assert keys.key("127.0.0.1:0", "a") != keys.key("127.0.0.1:0", "b")
    assert keys.key("127.0.0.1:0", "a") == keys.key("127.0.0.1:0", "a")
