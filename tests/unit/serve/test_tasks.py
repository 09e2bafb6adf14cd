"""The live task tree."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.serve.tasks import CHILDREN_MAX, SpawnTimes, TaskView, as_text, tree


async def snapshot(times: SpawnTimes, clock: MockClock) -> TaskView:
    async def owner() -> None:
        async with trio.open_nursery() as own:
            own.start_soon(trio.sleep_forever, name="child")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(owner, name="listener web")
        await wait_all_tasks_blocked()
        clock.jump(2.5)
        nursery.start_soon(trio.sleep_forever, name="young")
        await wait_all_tasks_blocked()
        view = tree(trio.lowlevel.current_task(), times)
        nursery.cancel_scope.cancel()
    return view


def view() -> TaskView:
    times, clock = SpawnTimes(), MockClock()
    return trio.run(snapshot, times, clock, clock=clock, instruments=[times])


def test_the_tree_says_who_owns_what_and_for_how_long() -> None:
    top = view()
    by_name = {each.name: each for each in top.children}
    assert sorted(by_name) == ["listener web", "young"]
    assert by_name["listener web"].seconds == 2.5
    assert by_name["young"].seconds == 0
    assert [each.name for each in by_name["listener web"].children] == ["child"]


def test_the_tree_says_where_a_task_waits() -> None:
    owner = next(each for each in view().children if each.name == "listener web")
    assert "test_tasks.py" in owner.waits_at
    assert owner.waits_at.endswith(" owner")


async def crowd(count: int) -> TaskView:
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(trio.sleep_forever, name=f"connection {number}")
        view = tree(trio.lowlevel.current_task(), SpawnTimes())
        nursery.cancel_scope.cancel()
    return view


def test_of_a_crowd_a_part_is_shown_and_the_rest_is_said() -> None:
    assert len(trio.run(crowd, CHILDREN_MAX).children) == CHILDREN_MAX
    view = trio.run(crowd, CHILDREN_MAX + 7)
    assert len(view.children) == CHILDREN_MAX + 1
    assert "(and 7 more)" in as_text(view)


def test_the_text_has_one_line_per_task_indented_by_ownership() -> None:
    lines = as_text(view()).splitlines()
    assert len(lines) == 4
    assert any(line.startswith("  listener web") and "2.5s" in line for line in lines)
    assert any(line.startswith("    child") for line in lines)
