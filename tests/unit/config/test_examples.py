"""Every file in examples/ loads, means something, and gives no warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.check import check
from gateway.config.keys import ListenerKeys
from gateway.config.load import load
from gateway.config.lower import lower
from tests.unit.config.reading import EXAMPLES, python_regex_problem

FILES = sorted(EXAMPLES.glob("*.yaml"))


def test_there_are_examples() -> None:
    assert {file.name for file in FILES} >= {"quickstart.yaml", "shop.yaml"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_example_is_valid_and_gives_no_warning(file: Path) -> None:
    loaded = load(str(file), {})
    check(loaded, python_regex_problem)
    assert loaded.findings.all == ()
    assert lower(loaded, ListenerKeys(), 1).document.routes
