"""Files are read once, told apart by what they are, and never wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config.tls.files import FileError, Files, stamp
from gateway.limits import CERTIFICATE_FILE_BYTES


def complaint(written: str, directory: Path) -> tuple[str, str]:
    with pytest.raises(FileError) as refused:
        Files().read(written, directory)
    return str(refused.value), refused.value.hint


def test_a_file_is_read_once_and_its_stamp_is_that_of_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("one")
    files = Files()
    first = files.read("a.pem", tmp_path)
    assert files.stamps == {tmp_path / "a.pem": stamp(tmp_path / "a.pem")}
    (tmp_path / "a.pem").write_text("other")
    assert files.read("a.pem", tmp_path) is first
    assert files.stamps != {tmp_path / "a.pem": stamp(tmp_path / "a.pem")}


def test_a_swapped_link_is_another_file(tmp_path: Path) -> None:
    """As Kubernetes does it: `tls.crt` → `..data/tls.crt`, and `..data` is renamed over."""
    for number in ("one", "two"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "tls.crt").write_text("same")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "tls.crt").symlink_to("..data/tls.crt")
    before = stamp(tmp_path / "tls.crt")
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(tmp_path / "..data")
    assert before is not None
    assert stamp(tmp_path / "tls.crt") not in (None, before)


def test_a_missing_file_says_where_it_was_looked_for_or_what_was_meant(tmp_path: Path) -> None:
    assert complaint("shop.pem", tmp_path) == (
        "cannot read shop.pem: No such file or directory", f"looked in {tmp_path}",
    )  # fmt: skip
    (tmp_path / "shop.crt").write_text("")
    assert complaint("shop.cert", tmp_path)[1] == 'did you mean "shop.crt"?'
    assert "no directory that can be read" in complaint("no/where.pem", tmp_path)[1]


def test_a_missing_file_is_remembered_as_missing(tmp_path: Path) -> None:
    files = Files()
    with pytest.raises(FileError):
        files.read("a.pem", tmp_path)
    assert files.stamps == {tmp_path / "a.pem": None}
    assert stamp(tmp_path / "a.pem") is None


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert complaint("pipe", tmp_path)[0] == "pipe is no regular file"
    assert complaint(".", tmp_path)[0] in (". is no regular file", "cannot read .: Is a directory")
    assert "PEM itself" in complaint("-----BEGIN CERTIFICATE-----\n", tmp_path)[0]
    assert "null" in complaint("a\0b", tmp_path)[0]
    (tmp_path / "large").write_bytes(b"x" * (CERTIFICATE_FILE_BYTES + 1))
    assert "larger than 4MiB" in complaint("large", tmp_path)[0]


def test_who_may_read_it_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("")
    (tmp_path / "key").chmod(0o640)
    assert not Files().read("key", tmp_path).world_readable
    (tmp_path / "key").chmod(0o644)
    assert Files().read("key", tmp_path).world_readable
