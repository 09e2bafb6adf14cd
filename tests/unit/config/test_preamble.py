"""What comes before HTTP: what may be written, and what becomes of it."""

from __future__ import annotations

import pytest

from gateway.config import document as wire
from gateway.config.render import render
from tests.unit.config.reading import Folder

PASSED = """\
version: 1
defaults: {timeout: {connect: 2s}}
listeners:
  - {name: web, listen: ":8443", tls: {passthrough: PASSTHROUGH}}
routes: []
upstreams: {db: {endpoints: ["127.0.0.1:3000"]}, mail: {endpoints: ["127.0.0.1:3001"]}}
"""

PLAIN = """\
version: 1
listeners: [{name: web, listen: "LISTEN", proxy_protocol: {from: FROM}}]
routes: [{name: all, rules: [{to: app}]}]
upstreams: {app: {endpoints: ["127.0.0.1:3000"]}}
"""


def senders(listed: str, listen: str = ":8080") -> str:
    return PLAIN.replace("LISTEN", listen).replace("FROM", listed)


def test_networks_are_lowered_in_their_normal_form(folder: Folder) -> None:
    text = senders('[10.0.0.0/8, "2001:DB8:0::/32", 192.0.2.1, "::1"]')
    (listener,) = folder.lower(text).document.listeners
    assert listener.proxy_protocol == ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32", "::1/128")
    (listener,) = folder.lower(senders("[unix]", "unix:/run/gw.sock")).document.listeners
    assert listener.proxy_protocol == ("unix",)


def test_nobody_is_believed_unless_somebody_is_listed(folder: Folder) -> None:
    text = senders("[]").replace(", proxy_protocol: {from: []}", "")
    assert folder.lower(text).document.listeners[0].proxy_protocol == ()


def test_it_is_rendered_as_it_is_written(folder: Folder) -> None:
    text = render(folder.load(senders("[10.0.0.0/8]")).config)
    assert "    proxy_protocol:\n      from: [10.0.0.0/8]\n" in text
    assert render(folder.load(text).config) == text


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("▸[]", "nobody is listed"),
        ("[▸10.0.0.1/8]", "10.0.0.1 is inside the network 10.0.0.0/8 (write 10.0.0.0/8, or 10.0.0.1 alone)"),
        ("[10.0.0.0/8, ▸10.0.0.0/33]", '"10.0.0.0/33" is not a network'),
        ("[▸10.0.0.0/255.0.0.0]", "is not a network"),
        ("[▸proxy.example.com]", "is not a network (write 10.0.0.0/8, 2001:db8::/32 or one IP address)"),
        ('[▸"fe80::%eth0/64"]', "is not a network"),
        ('[▸"::ffff:10.0.0.0/104"]', "IPv4 clients of an IPv6 socket have IPv4 addresses (write 10.0.0.0/8)"),
        ("[10.0.0.0/8, ▸10.0.0.0/8]", "10.0.0.0/8 is written twice"),
        ("[▸unix]", "this listener is no Unix socket"),
        ("▸10.0.0.0/8", "expected a list"),
    ],
)
def test_who_cannot_be_listed(folder: Folder, listed: str, words: str) -> None:
    (told,) = folder.complaints(senders(listed))
    assert words in told


def test_a_unix_socket_knows_no_addresses(folder: Folder) -> None:
    (told,) = folder.complaints(senders("[▸10.0.0.0/8]", "unix:/run/gw.sock"))
    assert "clients of a Unix socket have no address (write from: [unix])" in told


def test_a_list_of_everybody_is_a_warning(folder: Folder) -> None:
    (told,) = folder.warnings(senders("[0.0.0.0/0]"))
    assert "everybody may say who he is" in told


def passed(written: str) -> str:
    return PASSED.replace("PASSTHROUGH", written)


def test_connections_are_passed_to_an_upstream_by_name(folder: Folder) -> None:
    one = '{sni: [DB.example.com, "*.db.example.com"], to: db, timeout: {idle: 1h}}'
    text = passed(f"[{one}, {{sni: [mail.example.com], to: mail}}]")
    (listener,) = folder.lower(text).document.listeners
    place = f"{folder.path / 'gateway.yaml'}:4"
    assert listener.scheme == "https" and listener.tls is not None
    assert (listener.tls.certificates, listener.tls.passthrough) == (
        (),
        (
            wire.Passthrough(place, ("db.example.com", "*.db.example.com"), 0, 2_000, 3_600_000),
            wire.Passthrough(place, ("mail.example.com",), 1, 2_000, 60_000),
        ),
    )


def test_an_upstream_that_only_gets_what_is_passed_through_is_used(folder: Folder) -> None:
    assert folder.warnings(passed("[{sni: [a.example], to: db}, {sni: [b.example], to: mail}]")) == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[{sni: ▸[], to: db}]", "no name is listed"),
        ("[{sni: [a.example], to: ▸dbs}]", 'there is no upstream "dbs" (did you mean "db"?)'),
        ("[{sni: [a.example, ▸A.example], to: db}]", "a.example is passed through already"),
        ("[{sni: [a.example], to: db}, {sni: [▸a.example], to: mail}]", "a.example is passed through already"),
        ('[{sni: [▸"*"], to: db}]', "what fits no name is opened here"),
        ("[{sni: [▸192.0.2.1], to: db}]", "clients ask for no addresses"),
        ('[{sni: [▸"[::1]"], to: db}]', "clients ask for no addresses"),
        ('[{sni: [▸"a.example:443"], to: db}]', "a host is written without a port (write a.example)"),
        ("[{sni: [▸a.*.example], to: db}]", "is not a host"),
        ("[▸{to: db}]", '"sni" missing'),
    ],
)
def test_what_cannot_be_passed_through(folder: Folder, written: str, words: str) -> None:
    assert any(words in told for told in folder.complaints(passed(written)))
