"""Every file in examples/ loads, means something, and gives no warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from tests.unit.config.reading import EXAMPLES, checked, example, lowered

FILES = sorted(EXAMPLES.glob("*.yaml"))


def test_there_are_examples() -> None:
    assert {file.name for file in FILES} >= {"quickstart.yaml", "shop.yaml"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_example_is_valid_and_gives_no_warning(file: Path, tmp_path: Path) -> None:
    loaded = load(str(example(file, tmp_path)), {})
    checked(loaded)
    assert loaded.findings.all == ()
    assert lowered(loaded).document.routes
