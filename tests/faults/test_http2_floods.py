"""One client floods, and nobody else notices: each flood of HTTP/2 is ended with its reason, at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.programs import nginx
from tests.faults.siege import besiege_twice
from tests.faults.weapons import FLOODS, Hostile

SHORT, LONG = 2.0, 10.0
"""Seconds of an attack in `make test`, and in `make soak`."""

AT_ONCE = 1.0
"""Seconds in which a connection ends once it is past its budget, which a flood is in milliseconds."""

CASES = [pytest.param(hostile, id=hostile.name) for hostile in FLOODS]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("floods")
    with nginx(directory) as origin, Gateway(forward_to(origin.address, workers=1), directory) as running:
        yield running


def counted(gateway: Gateway, hostile: Hostile) -> float:
    """Connections that have ended for what this one does."""
    return gateway.metrics().sum("gateway_http2_closed_total", role="server", reason=hostile.word or "")


def stand(gateway: Gateway, hostile: Hostile, seconds: float) -> None:
    before = counted(gateway, hostile)
    siege = besiege_twice(gateway, hostile.weapon, seconds)
    siege.assert_harmless()
    assert gateway.status()["panics"] == 0
    if hostile.word is None:
        return
    ended = [each for each in siege.rounds if each.ended]
    assert ended, "the connection was not ended"
    until(lambda: counted(gateway, hostile) - before >= len(ended), "each end is counted with its reason")
    assert {each.code for each in ended} <= {hostile.code, None}, siege.rounds
    assert sum(each.code is None for each in ended) <= len(ended) / 4, "GOAWAY is lost now and then, not as a rule"
    assert sorted(each.seconds for each in ended)[len(ended) * 9 // 10] < AT_ONCE, siege.rounds


@pytest.mark.alone
@pytest.mark.parametrize("hostile", CASES)
def test_flood_is_ended_with_its_reason_and_nobody_else_notices(gateway: Gateway, hostile: Hostile) -> None:
    stand(gateway, hostile, SHORT)


@pytest.mark.soak
@pytest.mark.parametrize("hostile", CASES)
def test_long_flood_is_borne_like_a_short_one(gateway: Gateway, hostile: Hostile) -> None:
    stand(gateway, hostile, LONG)
