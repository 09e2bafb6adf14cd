"""What the tool says of the machine it measures on."""

from pathlib import Path

import pytest

from bench import machine


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tcp_congestion_control"
    monkeypatch.setattr(machine, "CONGESTION_CONTROL", path)
    return path


def test_a_kernel_that_paces_is_warned_of(setting: Path) -> None:
    setting.write_text("bbr\n")
    words = machine.caution()
    assert words is not None
    assert "TCP is bbr here" in words
    assert machine.describe()["congestion_control"] == "bbr"


@pytest.mark.parametrize("name", ["cubic\n", "reno\n", None])
def test_other_kernels_are_not(setting: Path, name: str | None) -> None:
    if name is not None:
        setting.write_text(name)
    assert machine.caution() is None
