"""What the gateway needs runs out or stands still: descriptors, the disk of the log, the interpreter."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.client import Client, fetch, head
from tests.e2e.configuration import LISTEN, forward_to, rules
from tests.e2e.gateway_process import ROOT, Gateway, until
from tests.e2e.load import Load
from tests.e2e.origin import ScriptedOrigin, TellingOrigin, answer
from tests.e2e.programs import nginx

pytestmark = pytest.mark.alone

MIB = 1024 * 1024


@contextmanager
def crowd(port: int, count: int) -> Iterator[list[Client]]:
    """So many connections that ask nothing. The kernel accepts for the gateway, as far as its backlog goes."""
    clients: list[Client] = []
    try:
        for _ in range(count):
            clients.append(Client(port))  # noqa: PERF401  (those that were made are closed if the next one fails)
        yield clients
    finally:
        for each in clients:
            each.close()


def test_a_thousand_clients_on_256_descriptors(tmp_path: Path) -> None:
    """No crash, under 5 % of a core while full, who has a connection is served, normal within a second after."""
    with TellingOrigin() as origin:
        listeners = [{"name": "web", "listen": LISTEN, "timeout": {"header": "60s"}}]
        config = forward_to(origin.address, listeners=listeners, workers=1)
        with Gateway(config, tmp_path, descriptors=256) as gateway:
            with Client(gateway.port()) as first:
                assert first.ask("GET", "/").status == 200
                with crowd(gateway.port(), 1000):
                    until(lambda: gateway.descriptors() > 150, "it is as full as it gets")
                    began, used = time.monotonic(), gateway.cpu()
                    until(lambda: time.monotonic() - began > 2, "two seconds of being full")
                    share = (gateway.cpu() - used) / (time.monotonic() - began)
                    assert share < 0.05, f"{share:.1%} of a core while nothing can be done"
                    assert gateway.process.poll() is None
                    assert first.ask("GET", "/").status == 200
                began = time.monotonic()
                until(lambda: answers(gateway.port()), "it answers new clients again", seconds=1)
                assert gateway.status()["panics"] == 0
            assert gateway.metrics().sum("gateway_worker_accept_pauses_total") >= 1


def answers(port: int) -> bool:
    """Whether a new client is served within a second."""
    try:
        with Client(port) as client:
            client.sock.settimeout(1)
            return client.ask("GET", "/").status == 200
    except (OSError, TimeoutError):
        return False


def test_listener_that_is_full_closes_the_next_connection_and_counts_it(tmp_path: Path) -> None:
    listeners = [{"name": "web", "listen": LISTEN, "limits": {"connections": 10}}]
    config = rules({"respond": {"body": "ok"}}, upstreams={}, listeners=listeners)
    with Gateway(config, tmp_path) as gateway:
        with crowd(gateway.port(), 10) as clients:
            assert all(each.ask("GET", "/").status == 200 for each in clients)
            with Client(gateway.port()) as late:
                assert late.closed()
            metrics = gateway.metrics()
            assert metrics.sum("gateway_connections_open", listener="web") == 10
            assert metrics.sum("gateway_connections_refused_total", listener="web") >= 1
        until(lambda: answers(gateway.port()), "there is room again")


def test_full_disk_of_the_log_drops_lines_counts_them_and_delays_nothing(tmp_path: Path) -> None:
    config = rules({"respond": {"body": "ok"}}, upstreams={}, access_log={"path": "/dev/full"})
    with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
        for _ in range(200):
            assert client.ask("GET", "/").status == 200
        until(lambda: gateway.metrics().sum("gateway_access_log_failed_total") >= 200, "the loss is counted")


def test_log_whose_reader_stands_still_drops_lines_counts_them_and_delays_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # it is there, and never reads
    try:
        config = rules({"respond": {"body": "ok"}}, upstreams={}, access_log={"path": str(pipe)})
        with Gateway(config, tmp_path) as gateway:
            before = gateway.pss()
            with Load(gateway.port(), 4) as load:
                until(lambda: gateway.metrics().sum("gateway_access_log_dropped_total") > 0, "lines are dropped")
                asked = load.answered
                until(lambda: load.answered > asked + 500, "requests go on")
            assert load.failed == []
            assert load.percentile(0.99) < 0.1
            assert gateway.pss() - before < 16 * MIB
    finally:
        os.close(reader)


def test_log_of_a_quiet_gateway_loses_no_line(tmp_path: Path) -> None:
    """One request at a time is a batch of one line each, some hundreds between two writes."""
    log = tmp_path / "access.log"
    config = rules({"respond": {"body": "ok"}}, upstreams={}, access_log={"path": str(log)})
    with Gateway(config, tmp_path) as gateway, Client(gateway.port()) as client:
        for _ in range(10):
            client.send(head("GET", "/") * 100)
            for _ in range(100):
                assert client.read().status == 200
        for _ in range(1000):
            assert client.ask("GET", "/").status == 200
        until(lambda: log.read_text().count('"listener":"web"') == 2000, "every line is there")
        assert gateway.metrics().sum("gateway_access_log_dropped_total") == 0


def test_log_is_reopened_by_sigusr1(tmp_path: Path) -> None:
    import signal

    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    config = rules({"respond": {"body": "ok"}}, upstreams={}, access_log={"path": "access.log"})
    with Gateway(config, tmp_path) as gateway:
        assert fetch(gateway.port(), "GET", "/before").status == 200
        until(lambda: log.exists() and "/before" in log.read_text(), "the first line is written")
        log.rename(moved)
        assert fetch(gateway.port(), "GET", "/between").status == 200
        until(lambda: "/between" in moved.read_text(), "the renamed file is still written")
        gateway.signal(signal.SIGUSR1)
        gateway.wait_said("access log access.log reopened")
        assert fetch(gateway.port(), "GET", "/after").status == 200
        until(lambda: log.exists() and "/after" in log.read_text(), "the new file is written")
        assert "/after" not in moved.read_text()


QUIET = 0.05
"""Seconds that the slowest in a hundred may take while Python stands still. Undisturbed it takes one or two
milliseconds; if anything waited for Python it would take the whole blockade. Two cores carry everything here."""


@pytest.fixture
def blockable(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that forwards `/load` to nginx, and whose `/block` holds the interpreter."""
    shutil.copy(ROOT / "tests" / "e2e" / "handlers_of_the_tests.py", tmp_path)
    with nginx(tmp_path) as server:
        (server.files / "load").write_bytes(b"x" * 1024)
        config = rules(
            {"to": "app"}, {"match": "/block", "handler": "handlers_of_the_tests:block"},
            upstreams={"app": server.address},
        )  # fmt: skip
        with Gateway(config, tmp_path) as gateway:
            yield gateway


def test_handler_that_blocks_the_interpreter_delays_no_forwarded_request(blockable: Gateway) -> None:
    with Load(blockable.port(), 4, pause=0.002) as load:
        until(lambda: load.answered > 100, "the load runs")
        blocked = threading.Thread(target=fetch, args=(blockable.port(), "GET", "/block?seconds=2"))
        load.durations.clear()
        blocked.start()
        blocked.join()
    assert load.failed == []
    assert len(load.durations) > 400
    assert load.percentile(0.99) < QUIET
    assert load.slowest < 1


def test_slow_scraper_and_many_scrapes_delay_no_forwarded_request(blockable: Gateway) -> None:
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            blockable.metrics()

    slow = Client(blockable.ports["admin"])
    slow.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")  # and never reads
    scraper = threading.Thread(target=scrape)
    with Load(blockable.port(), 4, pause=0.002) as load:
        until(lambda: load.answered > 100, "the load runs")
        load.durations.clear()
        scraper.start()
        until(lambda: len(load.durations) > 500, "requests go on")
        stop.set()
        scraper.join()
    slow.close()
    assert load.failed == []
    assert load.percentile(0.99) < QUIET


def test_workers_go_on_when_python_is_stopped_by_a_burst_of_connections(tmp_path: Path) -> None:
    """A cheap thing never buys a wake-up of Python: 2,000 connections come and go, and Trio's thread does not turn."""
    with ScriptedOrigin(lambda connection: connection.send(answer(b"ok"))) as origin:
        with Gateway(forward_to(origin.address), tmp_path) as gateway:
            main = Path(f"/proc/{gateway.pid}/task/{gateway.pid}/status")
            before = switches(main)
            for _ in range(2000):
                with suppress(OSError):
                    Client(gateway.port()).close()
            until(
                lambda: gateway.metrics().sum("gateway_connections_accepted_total", listener="web") >= 2000, "counted"
            )
            assert switches(main) - before < 400  # the scrapes of this test wake it some ten times each


def switches(status: Path) -> int:
    """Voluntary context switches of a thread: how often it went to sleep."""
    for line in status.read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    raise AssertionError("no such line")
