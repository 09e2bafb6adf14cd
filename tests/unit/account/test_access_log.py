"""The access log's file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.account.access_log import LOG_MODE, LogError, open_log


def test_a_relative_path_is_meant_from_the_configuration_and_lines_are_appended(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("before\n")
    log = open_log("a.log", tmp_path)
    os.write(log, b"after\n")
    assert (tmp_path / "a.log").read_text() == "before\nafter\n"
    assert not os.get_inheritable(log)
    assert os.get_blocking(log)
    os.close(log)


def test_a_new_file_is_not_for_everybody(tmp_path: Path) -> None:
    os.close(open_log("a.log", tmp_path))
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) & ~LOG_MODE == 0


def test_reopening_after_a_rename_makes_a_new_file(tmp_path: Path) -> None:
    os.close(open_log("a.log", tmp_path))
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    os.close(open_log("a.log", tmp_path))
    assert (tmp_path / "a.log").exists()


def test_standard_output_is_duplicated() -> None:
    log = open_log("-", Path())
    assert log != 1
    assert os.fstat(log).st_ino == os.fstat(1).st_ino
    os.close(log)


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"access log no/a\.log: no such file or directory"):
        open_log("no/a.log", tmp_path)


def test_a_pipe_that_nobody_reads_is_an_error_not_a_standstill(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LogError):
        open_log("pipe", tmp_path)
