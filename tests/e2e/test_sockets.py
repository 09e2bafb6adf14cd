"""Addresses other than IPv4: unix sockets on either side, IPv6."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.client import Client
from tests.e2e.configuration import LISTEN, forward_to
from tests.e2e.gateway_process import Gateway
from tests.e2e.origin import TellingOrigin
from tests.e2e.programs import run


def has_ipv6() -> bool:
    """Whether this machine has [::1]."""
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_unix_sockets_as_listener_and_upstream(tmp_path: Path) -> None:
    listen = tmp_path / "web.sock"
    with TellingOrigin(unix=tmp_path / "up.sock") as origin:
        config = forward_to(origin.address, listeners=[{"name": "web", "listen": f"unix:{listen}"}])
        with Gateway(config, tmp_path) as gateway:
            with Client(unix=str(listen)) as client:
                for number in range(10):
                    told = client.ask("GET", f"/{number}").told
                assert told["target"] == "/9"
                assert told["connection"] == 0
            done = run("curl", "-sS", "--unix-socket", str(listen), "http://shop.test/by-curl")
            assert '"target": "/by-curl"' in done.stdout
            assert gateway.status()["state"] == "ready"
        assert not listen.exists()  # its file goes with it


def test_admin_api_on_a_unix_socket(tmp_path: Path) -> None:
    admin = tmp_path / "admin.sock"
    with TellingOrigin() as origin:
        config = forward_to(origin.address, admin={"listen": f"unix:{admin}"})
        with Gateway(config, tmp_path):
            done = run("curl", "-sS", "--unix-socket", str(admin), "http://admin/readyz")
            assert done.stdout == "ready\n"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6_listener_and_upstream(tmp_path: Path) -> None:
    with TellingOrigin(ipv6=True) as origin:
        config = forward_to(origin.address, listeners=[{"name": "web", "listen": "[::1]:0"}])
        with Gateway(config, tmp_path) as gateway:
            with Client(gateway.port(), host="::1") as client:
                told = client.ask("GET", "/six", host="[::1]:80").told
    assert told["target"] == "/six"
    assert told.header("x-forwarded-for") == ["::1"]
    assert told.header("host") == ["[::1]:80"]


def test_listener_on_every_address(tmp_path: Path) -> None:
    with TellingOrigin() as origin:
        config = forward_to(origin.address, listeners=[{"name": "web", "listen": ":0"}])
        with Gateway(config, tmp_path) as gateway:
            hosts = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
            for host in hosts:
                with Client(gateway.port(), host=host) as client:
                    assert client.ask("GET", "/").told.header("x-forwarded-for") == [host]


def test_address_that_is_taken_is_said_and_nothing_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = forward_to("127.0.0.1:1", listeners=[{"name": "web", "listen": f"127.0.0.1:{port}"}])
        gateway = Gateway(config, tmp_path)
        gateway.spawn()
        assert gateway.wait() == 1
        assert f"cannot listen on 127.0.0.1:{port}: somebody else listens there" in "\n".join(gateway.stderr())


def test_two_listeners_of_the_same_kernel_chosen_port_differ(tmp_path: Path) -> None:
    listeners = [{"name": "web", "listen": LISTEN}, {"name": "other", "listen": LISTEN}]
    with TellingOrigin() as origin, Gateway(forward_to(origin.address, listeners=listeners), tmp_path) as gateway:
        assert gateway.port("web") != gateway.port("other")
        for name in ("web", "other"):
            with Client(gateway.port(name)) as client:
                assert client.ask("GET", "/").status == 200
