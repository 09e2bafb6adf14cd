"""What a configuration means together: every semantic error and warning, with its place."""

from __future__ import annotations

import pytest

from gateway.config.addresses import Address, AddressError, parse_endpoint, parse_listen
from gateway.config.check.handlers import handler_problem
from gateway.config.check.paths import normal_form, path_problem
from gateway.config.schema import PathPolicy
from tests.unit.config.reading import Folder

LISTENERS = 'version: 1\nlisteners: [{name: web, listen: ":8080"}]\nupstreams: {app: {endpoints: []}}\n'


def rule(text: str) -> str:
    """A configuration with one rule."""
    return LISTENERS + f"routes: [{{name: r, rules: [{{{text}}}]}}]\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("to: app, ▸respond: {}", "a rule does one thing: to and respond exclude each other (remove one)"),
        ("to: ▸ap", 'there is no upstream "ap" (did you mean "app"?)'),
        ("to: ▸other", 'there is no upstream "other" (known: app)'),
        ("to: ▸[]", "an empty list of upstreams"),
        ("to: ▸[{upstream: app, weight: 0}]", "all weights are 0: nothing would be forwarded"),
        ("to: app, name: ▸a b", '"a b" is not a name'),
        ("to: app, match: ▸[]", "an empty list of matches fits nothing"),
        ("to: app, match: ▸a", "a path starts with / (write /a)"),
        ("to: app, match: [/, ▸/a//b]", "the path is not in its normal form (write /a/b)"),
        ("to: app, match: {path: ▸{}}", "exactly one of exact, prefix, regex: none is here"),
        ("to: app, match: {path: ▸{exact: /, prefix: /}}", "exactly one of exact, prefix, regex: not exact and"),
        ("to: app, match: {path: {regex: ▸'('}}", "not a regular expression: missing )"),
        ("to: app, match: {method: ▸get}", 'methods are written in capitals: "get" (did you mean "GET"?)'),
        ("to: app, match: {method: [GET, ▸'A B']}", '"A B" is not a method'),
        ("to: app, match: {headers: {▸'a b': x}}", '"a b" is not a header name'),
        ("to: app, match: {cookies: {▸'a=b': x}}", '"a=b" is not a cookie name'),
        ("to: app, match: {query: {a: ▸{exact: x, present: true}}}", "exactly one of exact, regex, present"),
        ("respond: {status: 204, body: ▸x}", "an answer with status 204 has no body"),
        ("respond: {headers: {▸Content-Length: '5'}}", '"Content-Length" cannot be edited'),
        ('respond: {headers: {a: ▸"b\\r\\nc: d"}}', "a header value cannot have control characters"),
        ("respond: {headers: {a: ▸' b'}}", "a header value cannot start or end with a space"),
        ("redirect: {to: ▸foo}", '"foo" is not a location (write https://example.com/new or /new)'),
        ("redirect: {to: ▸//evil.example}", '"//evil.example" is not a location'),
        ("respond: {}, rewrite: ▸{path: /}", "rewrite changes what is forwarded"),
        ("respond: {}, ▸grpc_web: true", "grpc_web changes what is forwarded"),
        ("to: app, rewrite: {▸path: /, path_prefix: /}", "path and path_prefix exclude each other"),
        ("to: app, rewrite: {path: ▸x}", "a path starts with /"),
        ("to: app, rewrite: {host: ▸'*.x'}", "a wildcard cannot be sent as Host"),
        ("to: app, headers: {request: {set: {▸Host: x}}}", '"Host" cannot be edited (use `rewrite: {host: …}`)'),
        ("to: app, headers: {response: {remove: [▸TE]}}", '"TE" cannot be edited'),
        ("handler: ▸nope", "a handler is written module:function"),
        ("handler: ▸'no_such_module:f'", 'there is no Python module "no_such_module"'),
    ],
)
def test_one_wrong_rule_is_one_error_at_its_place(folder: Folder, text: str, complaint: str) -> None:
    (said,) = folder.complaints(rule(text))
    assert said.startswith(complaint)


def test_a_rule_that_does_nothing(folder: Folder) -> None:
    (said,) = folder.complaints(LISTENERS + "routes: [{name: r, rules: [▸{name: x}]}]\n")
    assert said == "this rule does nothing (add one of to, respond, redirect, handler)"


@pytest.mark.parametrize(
    ("listeners", "complaint"),
    [
        ('[{name: a, listen: ":80"}, {name: ▸a, listen: ":81"}]', 'two listeners are called "a"'),
        ('[{name: a, listen: ":80"}, {name: b, listen: ▸"0.0.0.0:80"}]', "two listeners on the address 0.0.0.0:80"),
        ('[{name: a, listen: "[::1]:80"}, {name: b, listen: ▸"[0:0::1]:80"}]', "two listeners on the address"),
        ('[{name: ▸admin, listen: ":80"}]', '"admin" is the name of the admin API'),
        ('[{name: a, listen: ":80", limits: {header_bytes: ▸10B}}]', "must be between 1KiB and 1MiB"),
        ('[{name: a, listen: ▸"8080"}]', 'the port is missing (write ":8080" for every address'),
    ],
)
def test_wrong_listeners(folder: Folder, listeners: str, complaint: str) -> None:
    text = f"version: 1\nlisteners: {listeners}\nroutes: [{{name: r, rules: [{{respond: {{}}}}]}}]\n"
    (said,) = folder.complaints(text)
    assert said.startswith(complaint)


def test_without_a_listener_there_is_nothing_to_do(folder: Folder) -> None:
    (said,) = folder.complaints("version: 1\n▸listeners: []\n")
    assert said.startswith("there is no listener")


def test_ports_that_the_kernel_chooses_are_different_addresses(folder: Folder) -> None:
    folder.load(
        'version: 1\nlisteners: [{name: a, listen: "127.0.0.1:0"}, {name: b, listen: "127.0.0.1:0"}]\n'
        "routes: [{name: r, rules: [{respond: {}}]}]\n"
    )


def test_the_admin_address_must_be_its_own(folder: Folder) -> None:
    (said,) = folder.complaints(rule("to: app") + 'admin: {listen: ▸"[::]:8080"}\n')
    assert said == f"two listeners on the address [::]:8080 (the first: {folder.path}/gateway.yaml:2)"


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("http://x.com/a", "a host has no scheme and no path (write x.com)"),
        ("x.com:80", "a host is written without a port (write x.com)"),
        ("*", "`*` is not a host (leave `hosts` out for every host)"),
        ("a.*.com", '"a.*.com" is not a host (`*` stands only for the first labels: *.example.com)'),
        ("bücher.de", '"bücher.de" is not ASCII (write xn--bcher-kva.de)'),
        ("x.com.", "a host is written without the last dot (write x.com)"),
        ("a..b", '"a..b" is not a host (write shop.example.com)'),
        ("::1", "a host is written without a port (write an IPv6 address in brackets)"),
        ("[::x]", '"[::x]" is not an IPv6 address in brackets (write [::1])'),
        ("", '"" is not a host (write shop.example.com)'),
    ],
)
def test_wrong_hosts(folder: Folder, host: str, complaint: str) -> None:
    text = LISTENERS + f'routes: [{{name: r, hosts: [▸"{host}"], rules: [{{to: app}}]}}]\n'
    assert folder.complaints(text) == [complaint]


@pytest.mark.parametrize("host", ["x.com", "X.Com", "*.x.com", "localhost", "127.0.0.1", "[::1]", "a_b.c", "xn--a.de"])
def test_hosts_that_are_fine(folder: Folder, host: str) -> None:
    folder.load(LISTENERS + f'routes: [{{name: r, hosts: ["{host}"], rules: [{{to: app}}]}}]\n')


def test_names_that_lead_nowhere_or_occur_twice(folder: Folder) -> None:
    text = LISTENERS + (
        "routes:\n"
        "  - {name: a, listeners: [▸wep], rules: [{to: app}]}\n"
        "  - {name: ▸a, rules: [{name: x, to: app}, {name: ▸x, to: app, match: /x}]}\n"
        "  - {name: b, rules: ▸[]}\n"
        "  - {name: ▸admin, listeners: [▸admin], rules: [{to: app}]}\n"
    )
    where = f"{folder.path}/gateway.yaml"
    assert folder.complaints(text) == [
        'there is no listener "wep" (did you mean "web"?)',
        f'two routes are called "a" (the first: {where}:5)',
        f'two rules of this route are called "x" (the first: {where}:6)',
        'the route "b" has no rules',
        '"admin" is the name of the admin API\'s own route (choose another name)',
        "the admin API's listener takes no other routes (add a listener of your own)",
    ]


def test_what_nobody_uses_is_a_warning(folder: Folder) -> None:
    text = (
        'version: 1\nlisteners: [{name: a, listen: ":80"}, {name: b, listen: ":81"}]\n'
        "upstreams: {used: {endpoints: []}, idle: {endpoints: []}}\n"
        "routes: [{name: r, listeners: [a], rules: [{to: used}]}]\n"
    )
    assert folder.warnings(text) == [
        '2:39 no route is on the listener "b": it answers 404 to all',
        '3:36 no rule forwards to the upstream "idle"',
    ]


def test_endpoints(folder: Folder) -> None:
    endpoints = '[▸"a.b:80", {address: ▸"127.0.0.1:0"}, "localhost:1", ▸"127.0.0.1:1"]'
    text = LISTENERS.replace("[]", endpoints) + "routes: [{name: r, rules: [{to: app}]}]\n"
    name, port, twice = folder.complaints(text)
    assert name.startswith('"a.b" is a name; an IP address (or localhost) is needed here')
    assert port.startswith('"0" is not a port')
    assert twice.startswith("the endpoint 127.0.0.1:1 is written twice")


@pytest.mark.parametrize(
    ("written", "address", "shown"),
    [
        ("127.0.0.1:80", Address("ip4", "127.0.0.1", 80), "127.0.0.1:80"),
        ("localhost:80", Address("ip4", "127.0.0.1", 80), "127.0.0.1:80"),
        ("[0:0::1]:80", Address("ip6", "::1", 80), "[::1]:80"),
        (":80", Address("ip6", "::", 80), "[::]:80"),
        ("unix:/run/gw.sock", Address("unix", "/run/gw.sock"), "unix:/run/gw.sock"),
        ("127.0.0.1:0", Address("ip4", "127.0.0.1", 0), "127.0.0.1:0"),
    ],
)
def test_listening_addresses(written: str, address: Address, shown: str) -> None:
    assert parse_listen(written) == address
    assert str(address) == shown


@pytest.mark.parametrize(
    "written",
    ["", ":", "a", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "127.1:80", "256.0.0.1:80", "::1:80",
     "[::1]", "[::1:80", "::1]:80", "[127.0.0.1]:80", "[fe80::1%eth0]:80", "unix:", "unix:a", "unix:/" + "a" * 107,
     "http://127.0.0.1:80", "127.0.0.1:٣", "a\0b:80", "127.0.0.1:0", ":80"],
)  # fmt: skip
def test_addresses_that_are_no_endpoint(written: str) -> None:
    with pytest.raises(AddressError):
        parse_endpoint(written)


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a//b", "/a/b"), ("//", "/"), ("/a/./b", "/a/b"), ("/a/.", "/a/"),
        ("/a/../b", "/b"), ("/a/..", "/"), ("/a/b/..", "/a/"), ("/..", None), ("/a/../..", None), ("/%41", "/A"),
        ("/%2e%2e/a", None), ("/a/%2E%2e/b", "/b"), ("/%c3%a4", "/%C3%A4"), ("/ä b", "/%C3%A4%20b"), ("/.a", "/.a"),
        ("/a/...", "/a/..."),
    ],
)  # fmt: skip
def test_the_normal_form_of_paths(path: str, normal: str | None) -> None:
    assert normal_form(path) == normal


def test_a_path_that_a_policy_lets_through_is_allowed() -> None:
    kept = PathPolicy(double_slash="keep", encoded_slash="keep")
    assert path_problem("/a//b/%2F", [PathPolicy(), kept]) is None
    assert path_problem("/a//b", [PathPolicy()]) is not None
    assert path_problem("/a/%2Fb", [PathPolicy()]) is not None
    assert path_problem("/a/../b", [kept]) is not None


# ── handlers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_handler_beside_the_configuration_is_found_and_not_run(folder: Folder) -> None:
    folder.write("my_handlers.py", "raise SystemExit('this module must not run')\n")
    folder.write("package/inner.py", "raise SystemExit\n")
    folder.write("package/__init__.py", "raise SystemExit\n")
    assert handler_problem("my_handlers:hello", folder.path) is None
    assert handler_problem("package.inner:Class.method", folder.path) is None
    assert handler_problem("gateway.config.lower:lower", folder.path) is None
    assert handler_problem("package.other:f", folder.path) is not None


@pytest.mark.parametrize("handler", ["", ":", "a:", ":f", "a:b:c", "a-b:f", ".a:f", "a.:f", "a/b:f", "a:f()", "os:a;b"])
def test_what_is_no_handler(folder: Folder, handler: str) -> None:
    assert handler_problem(handler, folder.path) is not None
