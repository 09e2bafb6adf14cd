"""The load generator's binary: built when it is missing or old, run as asked."""

import os
from pathlib import Path

import pytest

from bench import tool
from bench.peer import MissingError


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one source file of the load generator."""
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.delenv("CARGO_TARGET_DIR", raising=False)
    for name in ("load/src/main.rs", "load/Cargo.toml", "core/src/http2/mod.rs", "core/Cargo.toml"):
        (tmp_path / "rust" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "rust" / name).touch()
    (tmp_path / "target/release").mkdir(parents=True)
    return tmp_path


def test_a_binary_newer_than_its_sources_is_used(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = room / "target/release/gateway-load"
    binary.touch()
    monkeypatch.setenv("PATH", "")
    assert tool.find() == binary


def test_an_old_or_missing_binary_needs_cargo_and_says_so(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingError, match="install Rust"):
        tool.find()
    binary = room / "target/release/gateway-load"
    binary.touch()
    for old in (binary, *(path for path in room.glob("rust/load/**/*"))):
        os.utime(old, (1, 1))
    with pytest.raises(MissingError, match="install Rust"):
        tool.find()  # the core is newer


def test_the_report_is_what_the_binary_says(tmp_path: Path) -> None:
    script = tmp_path / "load"
    script.write_text('#!/bin/sh\necho "{\\"said\\": \\"$*\\"}"\n')
    script.chmod(0o755)
    assert tool.run(script, "http://x/", "-c", "1") == {"said": "http://x/ --json -c 1"}


def test_a_binary_that_says_nothing_is_an_error_with_its_reason(tmp_path: Path) -> None:
    script = tmp_path / "load"
    script.write_text("#!/bin/sh\necho no such option >&2\nexit 2\n")
    script.chmod(0o755)
    with pytest.raises(RuntimeError, match="no such option"):
        tool.run(script, "http://x/")


def test_the_yardstick_is_told_in_milliseconds(tmp_path: Path) -> None:
    script = tmp_path / "load"
    script.write_text('#!/bin/sh\n[ "$*" = yardstick ] && echo 91500\n')
    script.chmod(0o755)
    assert tool.yardstick(script) == 91.5
