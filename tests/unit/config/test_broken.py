"""Five hundred broken configurations: each is refused, with file, line and reason, and with one error only."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.errors import ConfigError, Finding
from tests.unit.config.broken import Broken, broken_configurations
from tests.unit.config.reading import checked

COUNT = 500


def errors_of(broken: Broken, directory: Path) -> list[Finding]:
    file = broken.write(directory)
    with pytest.raises(ConfigError) as refused:
        loaded = load(str(file), {})
        checked(loaded)
        loaded.findings.raise_if_failed()
    return [finding for finding in refused.value.findings if finding.severity == "error"]


def test_each_of_500_broken_configurations_is_refused_with_file_line_and_reason(tmp_path: Path) -> None:
    seen = set()
    for broken in broken_configurations(COUNT):
        errors = errors_of(broken, tmp_path)
        at_the_place = [error for error in errors if error.line == broken.line]
        assert any(broken.reason in error.message for error in at_the_place), (broken.name, broken.reason, errors)
        assert all(error.file == str(tmp_path / "gateway.yaml") and error.column > 0 for error in errors)
        seen.add(broken.text)
    assert len(seen) == COUNT


def test_one_mistake_does_not_cascade(tmp_path: Path) -> None:
    """At most two more: where a name that was broken is referred to, or what then is missing."""
    assert [broken.name for broken in broken_configurations(COUNT) if len(errors_of(broken, tmp_path)) > 3] == []


def test_the_broken_configurations_are_the_same_every_time() -> None:
    assert broken_configurations(COUNT) == broken_configurations(COUNT)
