"""Files that change bring a reload; what goes on changing, what is broken and what is the same bring no storm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from gateway.config.tls import Credentials
from gateway.config.tls.files import Stamp, stamp
from gateway.serve.plan import Plan
from gateway.serve.watch import RENEW_RETRY, SETTLE, SETTLE_LOOKS, WATCH_INTERVAL, Stamps, Watch, look_in_thread
from tests.unit.serve.plans import make_plan

pytestmark = pytest.mark.trio

CERT, KEY = Path("/tls/shop.pem"), Path("/tls/shop.key")
UNIX = 1_800_000_000.0


def version(number: int) -> Stamp:
    return Stamp(1, number, 100, number)


class House:
    """A watch over files that the test moves, on a clock that jumps when nobody has anything to do."""

    def __init__(self) -> None:
        self.disk: dict[Path, Stamp | None] = {CERT: version(1), KEY: version(1)}
        self.plan: Plan = make_plan(1, credentials=Credentials(stamps=dict(self.disk)))
        self.broken = False
        self.reloads: list[float] = []
        self.said: list[str] = []
        self.looks = 0
        self.at: list[tuple[float, Callable[[], None]]] = []
        """What happens at which second, in order."""
        self._began = trio.current_time()
        self.watch = Watch(self, wall_clock=lambda: UNIX + self.now(), say=self.said.append, look=self.look)

    def now(self) -> float:
        return round(trio.current_time() - self._began, 3)

    async def look(self, files: Stamps) -> Stamps:
        self.looks += 1
        return {path: self.disk[path] for path in files}

    async def reload_soon(self) -> None:
        self.reloads.append(self.now())
        if not self.broken:
            self.plan = make_plan(2, credentials=Credentials(stamps=dict(self.disk)))

    async def until(self, second: float) -> None:
        """Let time pass, with everything that `at` says."""
        for when, what in self.at:
            await trio.sleep_until(self._began + when)
            what()
        self.at = []
        await trio.sleep_until(self._began + second)

    def change(self, number: int, *paths: Path) -> Callable[[], None]:
        return lambda: self.disk.update({path: version(number) for path in paths or (CERT, KEY)})


@pytest.fixture
async def house(nursery: trio.Nursery) -> AsyncIterator[House]:
    house = House()
    nursery.start_soon(house.watch.run)
    yield house


async def test_nothing_changes_and_nothing_happens(house: House, autojump_clock: MockClock) -> None:
    await house.until(1_000)
    assert house.reloads == []
    assert house.said == []
    assert house.looks == pytest.approx(1_000 / WATCH_INTERVAL, abs=1)


async def test_a_change_is_read_within_an_interval_once(house: House, autojump_clock: MockClock) -> None:
    house.at = [(25, house.change(2))]
    await house.until(1_000)
    assert house.reloads == [30 + SETTLE]
    assert house.said == [f"{CERT}, {KEY} changed: reading the configuration anew"]


async def test_certificate_and_key_one_after_the_other_are_one_change(house: House, autojump_clock: MockClock) -> None:
    house.at = [(29.9, house.change(2, CERT)), (30.5, house.change(2, KEY))]
    await house.until(1_000)
    assert house.reloads == [30 + 2 * SETTLE]
    assert house.plan.credentials.stamps == {CERT: version(2), KEY: version(2)}


async def test_a_broken_file_is_tried_once_and_again_when_it_changes(house: House, autojump_clock: MockClock) -> None:
    house.broken = True
    house.at = [(5, house.change(2)), (200, house.change(3)), (400, lambda: setattr(house, "broken", False))]
    house.at.append((500, house.change(4)))
    await house.until(1_000)
    assert house.reloads == [10 + SETTLE, 201 + SETTLE, 502 + SETTLE]  # an interval begins when a look is over


async def test_a_file_that_comes_and_goes_is_tried_each_time_it_goes(house: House, autojump_clock: MockClock) -> None:
    def gone() -> None:
        house.disk[CERT] = None

    house.broken = True
    house.at = [(5, gone), (100, house.change(1, CERT)), (200, gone)]
    await house.until(500)
    assert house.reloads == [10 + SETTLE, 201 + SETTLE]


async def test_what_is_put_back_while_it_settles_is_no_change(house: House, autojump_clock: MockClock) -> None:
    house.at = [(29.9, house.change(2, CERT)), (30.5, house.change(1, CERT))]
    await house.until(500)
    assert house.reloads == []
    assert house.said == []


async def test_files_that_never_rest_are_read_as_they_are(house: House, autojump_clock: MockClock) -> None:
    async def restless(files: Stamps) -> Stamps:
        house.looks += 1
        return dict.fromkeys(files, version(100 + house.looks))

    house.watch._look = restless
    await house.until(2 * WATCH_INTERVAL + SETTLE_LOOKS * SETTLE - 0.5)
    assert house.reloads == [WATCH_INTERVAL + SETTLE_LOOKS * SETTLE]


async def test_internal_certificates_are_made_again_in_time_and_a_failure_is_not_repeated_at_once(
    house: House,
    autojump_clock: MockClock,
) -> None:
    house.broken = True
    house.plan = make_plan(1, credentials=Credentials(renew_at=UNIX + 95))
    house.at = [(5_000, lambda: setattr(house, "broken", False))]
    await house.until(20_000)
    assert house.reloads == [100, 100 + RENEW_RETRY, 100 + 2 * RENEW_RETRY]
    assert house.said[0] == "a certificate of `tls: internal` is close to its end: making a new one"


async def test_the_files_of_the_configuration_in_force_count(house: House, autojump_clock: MockClock) -> None:
    house.plan = make_plan(2, credentials=Credentials())
    house.at = [(5, house.change(2))]
    await house.until(100)
    assert (house.reloads, house.looks) == ([], 0)


async def test_real_files_are_looked_at_in_a_thread(tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    file.write_text("one")
    before = await look_in_thread({file: None, tmp_path / "none": None})
    assert before == {file: stamp(file), tmp_path / "none": None}
    new = tmp_path / "new"
    new.write_text("two")
    new.replace(file)
    assert await look_in_thread(before) != before
