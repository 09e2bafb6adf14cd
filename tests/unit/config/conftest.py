"""Fixtures of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.reading import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty directory for configuration files."""
    return Folder(tmp_path)
