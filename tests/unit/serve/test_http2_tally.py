"""What became of connections; whose memory is bounded."""

from __future__ import annotations

import pytest

from gateway.account.http2 import Http2Counts
from gateway.serve.http2_tally import ABUSERS, LINES_PER_MINUTE, Tally
from tests.unit.serve.double import ABUSES


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def tally(said: list[str], clock: Clock) -> Tally:
    return Tally(ABUSES, said.append, clock)


def test_counts_are_by_role_and_reason(tally: Tally, said: list[str]) -> None:
    tally.settings("server")
    tally.settings("server")
    tally.keepalive_failed("client")
    tally.closed("server", "web", "192.0.2.1", "client_gone")
    assert tally.counts(()) == Http2Counts((), {"server": 2}, {"client": 1}, {("server", "client_gone"): 1}, 0)
    assert said == []


def test_an_abuser_is_said_with_its_address_and_how_often(tally: Tally, said: list[str]) -> None:
    for _ in range(2):
        tally.closed("server", "web", "192.0.2.1", "reset_flood")
    tally.closed("client", "app", "192.0.2.2:80", "settings_flood")
    assert said == [
        "listener web: an HTTP/2 connection with 192.0.2.1 was ended: reset_flood",
        "listener web: an HTTP/2 connection with 192.0.2.1 was ended: reset_flood, 2 times by now",
        "upstream app: an HTTP/2 connection with 192.0.2.2:80 was ended: settings_flood",
    ]
    assert tally.abusers == {"192.0.2.1": 2, "192.0.2.2:80": 1}


def test_lines_about_abusers_are_few(tally: Tally, said: list[str], clock: Clock) -> None:
    for number in range(1000):
        tally.closed("server", "web", f"192.0.2.{number}", "ping_flood")
    assert len(said) == LINES_PER_MINUTE + 1
    clock.now = 60.0
    tally.closed("server", "web", "192.0.2.1", "ping_flood")
    assert len(said) == LINES_PER_MINUTE + 2
    assert tally.counts(()).closed == {("server", "ping_flood"): 1001}


def test_addresses_remembered_are_bounded_and_the_quietest_goes_first(tally: Tally) -> None:
    for number in range(ABUSERS):
        tally.closed("server", "web", str(number), "ping_flood")
    tally.closed("server", "web", "0", "ping_flood")
    tally.closed("server", "web", "new", "ping_flood")
    assert len(tally.abusers) == ABUSERS
    assert (tally.abusers["0"], "1" in tally.abusers) == (2, False)
