"""`workers: auto`: affinity and the cgroup's quota."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.serve.cores import usable


def machine(place: Path, group: str, quotas: dict[str, str]) -> tuple[Path, Path]:
    own = place / "own"
    own.write_text(f"12:cpu:/old\n0::/{group}\n")
    (place / "fs" / group).mkdir(parents=True)
    for name, quota in quotas.items():
        (place / "fs" / name / "cpu.max").write_text(quota)
    return place / "fs", own


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


def test_without_a_quota_it_is_the_affinity(tmp_path: Path) -> None:
    assert usable(*machine(tmp_path, "a/b", {"a/b": "max 100000\n"})) == 8


def test_a_part_of_a_core_counts_as_one(tmp_path: Path) -> None:
    assert usable(*machine(tmp_path, "a", {"a": "150000 100000"})) == 2


def test_there_is_always_one(tmp_path: Path) -> None:
    assert usable(*machine(tmp_path, "a", {"a": "1000 100000"})) == 1


def test_the_tightest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    quotas = {"a/b": "400000 100000", "a": "300000 100000"}
    assert usable(*machine(tmp_path, "a/b", quotas)) == 3


@pytest.mark.parametrize("text", ["", "nonsense", "1 0", "-"])
def test_what_cannot_be_read_is_no_quota(tmp_path: Path, text: str) -> None:
    assert usable(*machine(tmp_path, "a", {"a": text})) == 8


def test_a_machine_without_cgroups_is_no_trouble(tmp_path: Path) -> None:
    assert usable(tmp_path / "no", tmp_path / "nothing") == 8
