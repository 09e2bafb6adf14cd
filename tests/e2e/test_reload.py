"""A new configuration under way: what did not change does not notice, what is wrong changes nothing."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import PART, Client, fetch, head, refuses
from tests.e2e.configuration import LISTEN, forward_to, rules
from tests.e2e.gateway_process import GATEWAY, Gateway, free_port, until
from tests.e2e.load import Load
from tests.e2e.origin import Connection, ScriptedOrigin, TellingOrigin
from tests.e2e.programs import nginx
from tests.unit.config.broken import broken_configurations

MIB = 1024 * 1024


def generation(gateway: Gateway) -> int:
    """In force now."""
    found: int = gateway.status()["generation"]
    return found


def test_a_kept_connection_sees_the_new_configuration(tmp_path: Path) -> None:
    with TellingOrigin("one") as one, TellingOrigin("two") as two:
        with Gateway(forward_to(one.address), tmp_path) as gateway, Client(gateway.port()) as client:
            assert client.ask("GET", "/").header("x-origin") == "one"
            status, outcome = gateway.reload(forward_to(two.address))
            assert (status, outcome["generation"]) == (200, 2)
            assert client.ask("GET", "/").header("x-origin") == "two"  # the same TCP connection
            until(lambda: one.open_connections() == 0, "pooled connections to a removed endpoint are closed")


def test_a_request_in_flight_finishes_on_the_configuration_it_began_with(tmp_path: Path) -> None:
    go, asked = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.read_head()
        asked.set()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nold")
        go.wait(20)
        connection.send(b"old")

    with ScriptedOrigin(slow) as origin:
        config = forward_to(origin.address, rule={"headers": {"response": {"set": {"x-generation": "1"}}}})
        with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
            client.send(head("GET", "/"))
            asked.wait(20)
            new = rules({"respond": {"body": "new"}}, upstreams={})
            assert gateway.reload(new)[0] == 200
            go.set()
            found = client.read()
            assert (found.body, found.header("x-generation")) == (b"oldold", "1")
            assert client.ask("GET", "/").body == b"new"


def test_long_streams_survive_a_reload(tmp_path: Path) -> None:
    lines, done = 0, threading.Event()

    def stream(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        while part := connection.read_some():
            connection.send(part)
        done.set()

    with ScriptedOrigin(stream) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        with Client(gateway.port()) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
            seen = b""
            while b"\r\n\r\n" not in seen:
                seen += client.sock.recv(PART)
            for lines in range(5):
                assert gateway.reload(rules({"respond": {"body": str(lines)}}, upstreams={}))[0] == 200
                client.send(b"line %d" % lines)
                assert client.sock.recv(PART) == b"line %d" % lines
            client.half_close()
            assert client.rest() == b""
        assert done.wait(20)


def test_listener_is_added_and_removed(tmp_path: Path) -> None:
    def config(*names: str) -> dict[str, Any]:
        listeners = [{"name": name, "listen": LISTEN} for name in names]
        return rules({"respond": {"body": "here"}}, upstreams={}, listeners=listeners)

    with Gateway(config("web"), tmp_path) as gateway, Client(gateway.port()) as client:
        assert client.ask("GET", "/").status == 200
        gateway.metrics()
        before = gateway.descriptors()
        assert gateway.reload(config("web", "extra"))[0] == 200
        port = gateway.port("extra")
        with Client(port) as other:
            assert other.ask("GET", "/").body == b"here"
            assert gateway.reload(config("web"))[0] == 200
            assert refuses(port), "answered when it was done"
            assert other.closed()  # idle: it had its second
        assert client.ask("GET", "/").status == 200  # the listener that stayed did not notice
        until(lambda: gateway.descriptors() <= before, "sockets of the removed listener are closed")
        until(lambda: [each["name"] for each in gateway.status()["listeners"]] == ["web", "admin"], "it is gone")


def test_sighup_reloads(tmp_path: Path) -> None:
    with Gateway(rules({"respond": {"body": "one"}}, upstreams={}), tmp_path) as gateway:
        gateway.write(rules({"respond": {"body": "two"}}, upstreams={}))
        gateway.signal(signal.SIGHUP)
        gateway.wait_said("reloaded: generation 2")
        assert fetch(gateway.port(), "GET", "/").body == b"two"
        assert gateway.metrics().sum("gateway_config_generation") == 2


def test_a_bad_file_changes_nothing_and_says_why_everywhere(tmp_path: Path) -> None:
    admin, web = free_port(), free_port()
    base: dict[str, Any] = {
        "admin": {"listen": f"127.0.0.1:{admin}"},
        "listeners": [{"name": "web", "listen": f"127.0.0.1:{web}"}],
    }
    with (
        Gateway(rules({"respond": {"body": "good"}}, upstreams={}, **base), tmp_path) as gateway,
        Client(web) as client,
    ):
        assert client.ask("GET", "/").body == b"good"
        gateway.write(rules({"to": "nowhere"}, upstreams={}, **base))
        done = subprocess.run(
            [GATEWAY, "reload", "--admin", f"127.0.0.1:{admin}"], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 78
        assert 'unknown upstream "nowhere"' in done.stderr or "nowhere" in done.stderr
        assert f"{gateway.file}:" in done.stderr
        assert "generation 1 stays in force" in done.stderr
        gateway.wait_said("reload refused, generation 1 stays in force")
        status = gateway.status()
        assert status["generation"] == 1
        assert status["last_reload"]["ok"] is False
        assert "nowhere" in status["last_reload"]["errors"][0]
        assert gateway.metrics().sum("gateway_config_last_reload_successful") == 0
        assert client.ask("GET", "/").body == b"good"
        gateway.write(rules({"respond": {"body": "better"}}, upstreams={}, **base))
        done = subprocess.run([GATEWAY, "reload", "-c", gateway.file], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout) == (0, "reloaded: generation 2\n")
        assert client.ask("GET", "/").body == b"better"


def test_a_listener_that_cannot_be_opened_refuses_the_whole_reload(tmp_path: Path) -> None:
    with Gateway(rules({"respond": {"body": "old"}}, upstreams={}), tmp_path) as gateway:
        with ScriptedOrigin(lambda _connection: None) as other:
            before = gateway.descriptors()
            listeners = [{"name": "web", "listen": LISTEN}, {"name": "taken", "listen": other.address}]
            status, outcome = gateway.reload(rules({"respond": {"body": "new"}}, upstreams={}, listeners=listeners))
            assert status == 422
            assert "somebody else listens there" in outcome["errors"][0]
            assert fetch(gateway.port(), "GET", "/").body == b"old"
            until(lambda: gateway.descriptors() <= before, "nothing stays open")


@pytest.mark.timeout(240)
def test_500_broken_configurations_are_each_refused_with_file_line_and_reason(tmp_path: Path) -> None:
    with Gateway(rules({"respond": {"body": "good"}}, upstreams={}), tmp_path) as gateway:
        before, count = gateway.descriptors(), 0
        for broken in broken_configurations(500):
            broken.write(tmp_path)
            status, outcome = gateway.reload()
            assert status == 422, broken.name
            assert outcome["generation"] == 1, broken.name
            errors = outcome["errors"]
            assert any(each.startswith(f"{gateway.file}:{broken.line}:") for each in errors), (broken, errors)
            assert any(broken.reason in each for each in errors), (broken, errors)
            count += 1
        assert count == 500
        assert fetch(gateway.port(), "GET", "/").body == b"good"
        assert gateway.descriptors() <= before + 1
        assert gateway.status()["generation"] == 1


COUNTS = [
    pytest.param(100, id="100"),
    pytest.param(1000, id="1000", marks=[pytest.mark.soak, pytest.mark.timeout(300)]),
]


@pytest.mark.parametrize("count", COUNTS)
def test_reloads_under_load_fail_no_request_and_close_no_connection(tmp_path: Path, count: int) -> None:
    """1,000 in a minute. They differ in rules, in an upstream and in a second listener that comes and goes."""

    def config(number: int, address: str) -> dict[str, Any]:
        names = ["web"] if number % 3 else ["web", "second"]
        return rules(
            {"to": "app", "headers": {"response": {"set": {"x-number": str(number)}}}},
            {"match": f"/path-{number}", "respond": {"body": str(number)}},
            upstreams={"app": address, f"other-{number % 7}": "127.0.0.1:1"},
            listeners=[{"name": name, "listen": LISTEN} for name in names],
        )

    with nginx(tmp_path) as server, Gateway(config(1, server.address), tmp_path) as gateway:
        (server.files / "load").write_bytes(b"x" * 1024)
        for number in range(30):  # whatever grows once has grown before anything is measured
            assert gateway.reload(config(number, server.address))[0] == 200
        gateway.reload(config(1, server.address))
        gateway.metrics()
        with Load(gateway.port(), 16) as load:
            until(lambda: load.answered > 100, "the load runs")
            memory, descriptors, timers = gateway.pss(), gateway.descriptors(), timers_of(gateway)
            began = time.monotonic()
            for number in range(count):
                status, outcome = gateway.reload(config(number, server.address))
                assert status == 200, outcome
            took = time.monotonic() - began
            assert gateway.reload(config(1, server.address))[0] == 200
        assert load.failed == []
        assert (load.closed_between, load.said_close, load.refused, load.never_taken) == (0, 0, 0, 0)
        assert load.answered > count
        assert took < 60 * count / 1000 * 2, f"{count} reloads took {took:.1f} s"
        until(lambda: gateway.descriptors() <= descriptors, "descriptors are back")
        until(lambda: timers_of(gateway) <= timers, "timers are back")
        grown = gateway.pss() - memory
        assert grown < 4 * MIB, f"memory grew by {grown / MIB:.1f} MiB over {count} reloads"


def timers_of(gateway: Gateway) -> float:
    """Timers of all workers; an idle or busy connection has one."""
    return gateway.metrics().sum("gateway_worker_timers")
