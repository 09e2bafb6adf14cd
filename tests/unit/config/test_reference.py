"""docs/configuration.md is what the schema says today."""

from __future__ import annotations

from pathlib import Path

from gateway.config.reference import reference

PAGE = Path(__file__).parents[3] / "docs/configuration.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "run: python -m gateway.config.reference > docs/configuration.md"
