"""Who may import whom, in Python: imports go down, waiting and clocks have their rooms, the border has three doors."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

from tests.house.repository import files, imports, text

LEVELS: Final = {
    "__main__": 4,
    "cli": 3,
    "serve": 2,
    "admin": 2,
    "config": 1,
    "health": 1,
    "discovery": 1,
    "policy": 1,
    "account": 1,
    "errors": 0,
    "limits": 0,
    "_engine": 0,
}
"""Room → height. A new room gets its height here, and with it what it may import."""

TRIO_ROOMS: Final = {"serve", "health", "discovery", "admin", "policy"}

CLOCKS_AND_DICE: Final = {"time", "datetime", "random", "secrets", "uuid"}

CLOCK_PLACES: Final = {
    Path("gateway/serve/app.py"): "hands the wall clock down to the reloads; Trio's clock is everybody's else",
    Path("gateway/cli/__init__.py"): "hands the wall clock down to the commands",
    Path("gateway/config/tls/dates.py"): "makes dates of numbers, which certificates want; reads no clock",
}
"""File → why it may read a clock or roll dice itself."""

ENGINE_PLACES: Final = {
    Path("gateway/serve/engine.py"),
    Path("gateway/config/compile.py"),
    Path("gateway/account/metrics.py"),
}


def room_of(path: Path) -> str:
    return path.with_suffix("").parts[1]


def room_imports() -> list[tuple[Path, int, str, str]]:
    """(file, line, its room, imported room)"""
    return [
        (path, line, room_of(path), name.split(".")[1])
        for path in files(".py", "gateway")
        for line, name in imports(path)
        if name.startswith("gateway.") and path != Path("gateway/__init__.py")
    ]


def test_every_room_of_the_package_has_a_height() -> None:
    rooms = {room_of(path) for path in files(".py", "gateway")} - {"__init__"}
    unknown = rooms - LEVELS.keys()
    assert not unknown, f"rooms without a height: {sorted(unknown)}. Say in LEVELS what they may import."


def test_imports_go_down() -> None:
    upward = [
        f"{path}:{line} {room} imports {other}"
        for path, line, room, other in room_imports()
        if LEVELS[room] < LEVELS.get(other, 0)
    ]
    assert not upward, (
        "imports go down (cli → serve, admin → config, health, discovery, policy, account → errors, limits, _engine). "
        "Move what is shared down, or hand it in as an argument:\n" + "\n".join(upward)
    )


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for _, _, room, other in room_imports():
        graph[room] |= {other} - {room}
    while leaves := [room for room in graph if not graph[room] & graph.keys()]:
        for leaf in leaves:
            del graph[leaf]
    assert not graph, (
        f"a circle of rooms: {dict(graph)}. One of them needs a protocol of its own instead of the import."
    )


def test_trio_is_imported_only_where_waiting_is_the_job() -> None:
    found = [
        f"{path}:{line}"
        for path in files(".py", "gateway")
        for line, name in imports(path)
        if name.split(".")[0] == "trio" and room_of(path) not in TRIO_ROOMS
    ]
    assert not found, f"only {sorted(TRIO_ROOMS)} wait. Return a value, and let serve/ wait for it:\n" + "\n".join(
        found
    )


def test_clocks_and_dice_are_handed_down_as_arguments() -> None:
    found = [
        f"{path}:{line} {name}"
        for path in files(".py", "gateway")
        for line, name in imports(path)
        if name.split(".")[0] in CLOCKS_AND_DICE and path not in CLOCK_PLACES
    ]
    assert not found, "take `now` or the draw as an argument, so that tests can say what they are:\n" + "\n".join(found)


def test_the_border_has_three_doors() -> None:
    found = [
        f"{path}:{line}"
        for path in files(".py", "gateway")
        for line, name in imports(path)
        if name.startswith("gateway._engine") and path not in ENGINE_PLACES
    ]
    doors = ", ".join(str(path) for path in sorted(ENGINE_PLACES))
    assert not found, f"gateway._engine is imported in {doors} alone; ask one of them:\n" + "\n".join(found)


def test_places_with_a_permission_still_exist() -> None:
    gone = [str(path) for path in CLOCK_PLACES if not any(c in text(path) for c in CLOCKS_AND_DICE)]
    assert not gone, f"these no longer read a clock; take them out of CLOCK_PLACES: {gone}"
