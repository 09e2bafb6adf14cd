"""The live task tree, for /debug/tasks: who owns what, for how long, and where it waits.

Trio already keeps the tree; what it does not keep is when a task began. An instrument notes that. It has only the
hook for spawning, and Trio calls no others, so a step of a task costs nothing more.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import trio

DEPTH_MAX: Final = 64
"""Nesting that is shown. Our own tree is 5 deep; a handler's nurseries come on top."""

CHILDREN_MAX: Final = 1_000
"""Tasks of one nursery that are shown; of others the number is said. A listener may have ten thousand connections, and
to look at a task takes 20 µs."""

_TRIO: Final = str(Path(trio.__file__).parent)


class TaskView(msgspec.Struct):
    """A task and what it owns."""

    name: str
    seconds: float | None
    """Since it was spawned; None for what was there before we looked."""
    waits_at: str
    """`file:line function` of the innermost frame that is not Trio's."""
    children: list[TaskView]
    """Tasks in the nurseries that it has open."""


class SpawnTimes(trio.abc.Instrument):
    """Notes when each task is spawned."""

    def __init__(self) -> None:
        self._times: WeakKeyDictionary[trio.lowlevel.Task, float] = WeakKeyDictionary()

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self._times[task] = trio.current_time()

    def age(self, task: trio.lowlevel.Task) -> float | None:
        """Seconds since the task was spawned."""
        began = self._times.get(task)
        return None if began is None else trio.current_time() - began


def tree(top: trio.lowlevel.Task, times: SpawnTimes, depth: int = 0) -> TaskView:
    """The task and everything below it. Bounded work: each task is looked at once."""
    children: list[TaskView] = []
    if depth < DEPTH_MAX:
        for nursery in top.child_nurseries:
            children += (tree(child, times, depth + 1) for child in islice(nursery.child_tasks, CHILDREN_MAX))
            if (more := len(nursery.child_tasks) - CHILDREN_MAX) > 0:
                children.append(TaskView(f"(and {more} more)", None, "", []))
    age = times.age(top)
    return TaskView(top.name, None if age is None else round(age, 3), _waits_at(top), children)


def _waits_at(task: trio.lowlevel.Task) -> str:
    found = ""
    for frame, line in task.iter_await_frames():
        place = _place(frame, line)
        if place:
            found = place
    return found


def _place(frame: FrameType, line: int) -> str:
    path = frame.f_code.co_filename
    if path.startswith(_TRIO):
        return ""
    return f"{'/'.join(Path(path).parts[-3:])}:{line} {frame.f_code.co_name}"


def as_text(view: TaskView, indent: str = "") -> str:
    """The tree as people read it, one task per line."""
    age = "" if view.seconds is None else f"{view.seconds:.1f}s"
    lines = [f"{indent}{view.name:<{max(1, 60 - len(indent))}} {age:>10}  {view.waits_at}".rstrip() + "\n"]
    lines += [as_text(child, indent + "  ") for child in view.children]
    return "".join(lines)
