"""Files that a configuration names, each read once, with a stamp by which a change is seen later.

The stamp is taken from the open file, so it belongs to the bytes that were read. Links are followed: what counts is
what the name leads to, as where Kubernetes swaps a directory by renaming a link.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gateway.config.findings import did_you_mean
from gateway.limits import CERTIFICATE_FILE_BYTES


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file was when it was looked at."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Of what `stat` or `fstat` says."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def stamp(path: Path) -> Stamp | None:
    """What lies there now; None if nothing can be seen there."""
    try:
        return Stamp.of(path.stat())
    except OSError:
        return None


class FileError(ValueError):
    """What is wrong, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Content:
    """One file."""

    path: Path
    data: bytes
    world_readable: bool


class Files:
    """Reads files for one configuration."""

    def __init__(self) -> None:
        self.stamps: dict[Path, Stamp | None] = {}
        """Of every file that was asked for; None where there was none."""
        self._read: dict[Path, Content] = {}

    def read(self, written: str, directory: Path) -> Content:
        """The file that was `written` in a configuration of `directory`. FileError says why it cannot be read."""
        path = directory / written
        if path not in self._read:
            self.stamps[path] = None
            self._read[path] = self._open(path, written)
        return self._read[path]

    def _open(self, path: Path, written: str) -> Content:
        if written.lstrip().startswith("-----BEGIN"):
            raise FileError("this is PEM itself, and a path is needed here", "write it into a file of its own")
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hold us up
            with os.fdopen(handle, "rb") as file:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode):
                    raise FileError(f"{written} is no regular file")
                data = file.read(CERTIFICATE_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, FileError):
                raise
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise FileError(f"cannot read {written}: {why}", _near(path)) from None
        if len(data) > CERTIFICATE_FILE_BYTES:
            raise FileError(f"{written} is larger than {CERTIFICATE_FILE_BYTES >> 20}MiB")
        self.stamps[path] = Stamp.of(status)
        return Content(path, data, bool(status.st_mode & stat.S_IROTH))


def _near(path: Path) -> str:
    """Where it was looked for, and what lies there that was maybe meant."""
    try:
        there = [each.name for each in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"looked in {path.parent.absolute()}, which is no directory that can be read"
    return did_you_mean(path.name, there) or f"looked in {path.parent.absolute()}"
