"""Where things are kept that outlive a process."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gateway.cli.arguments import state_directory


@pytest.mark.parametrize(
    ("written", "environment", "directory"),
    [
        ("/here", {"STATE_DIRECTORY": "/service"}, "/here"),
        (None, {"STATE_DIRECTORY": "/service", "XDG_STATE_HOME": "/xdg"}, "/service"),
        (None, {"STATE_DIRECTORY": "/first:/second"}, "/first"),
        (None, {"XDG_STATE_HOME": "/xdg"}, "/xdg/gateway"),
        (None, {"XDG_STATE_HOME": "relative"}, "/people/a/.local/state/gateway"),
        (None, {}, "/people/a/.local/state/gateway"),
    ],
)
def test_the_state_directory(
    monkeypatch: pytest.MonkeyPatch, written: str | None, environment: dict[str, str], directory: str
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/people/a", **environment}.items():
        monkeypatch.setenv(name, value)
    assert state_directory(argparse.Namespace(state=written)) == Path(directory)
