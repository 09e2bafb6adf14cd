"""Every place of the engine that can be armed with a fault is in the list that tests go through, and no other is."""

from __future__ import annotations

import re

from tests.house.repository import ROOT

CORE = ROOT / "rust" / "core" / "src"


def test_each_armed_place_is_listed_and_each_listed_place_exists() -> None:
    placed = {
        name
        for path in CORE.rglob("*.rs")
        for name in re.findall(r'fault::point\("([a-z._]+)"\)', path.read_text(encoding="utf-8"))
    }
    points = re.search(r"POINTS: .*?\];", (CORE / "fault.rs").read_text(encoding="utf-8"), re.DOTALL)
    assert points is not None
    assert placed == set(re.findall(r'"([a-z._]+)"', points[0]))
