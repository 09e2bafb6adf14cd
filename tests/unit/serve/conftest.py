"""The engine double for every test of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.serve.double import EngineDouble


@pytest.fixture
def native() -> Iterator[EngineDouble]:
    double = EngineDouble()
    yield double
    double.stop()
