"""What the tests of this room share: configurations from text, and the errors that they give."""

from __future__ import annotations

import re
import shlex
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

from gateway.cli import main
from gateway.config.check import check
from gateway.config.keys import ListenerKeys
from gateway.config.load import Loaded, load
from gateway.config.lower import Lowered, lower
from gateway.config.tls import Credentials, read_credentials
from gateway.errors import ConfigError, Finding

NOW = 1_800_000_000.0
"""Unix time in these tests: January 2027."""

EXAMPLES = Path(__file__).parents[3] / "examples"


def python_regex_problem(pattern: str) -> str | None:
    """Python's opinion of an expression, where the engine's is not what a test is about."""
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


_MAKE = re.compile(r"(?m)^#   gateway (cert make .*)$")


def example(file: Path, directory: Path) -> Path:
    """An example in a directory of its own, with what it needs beside it, made by the commands that it names."""
    copy = directory / "examples" / file.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(file.read_text())
    (copy.parent / "handlers.py").write_text((EXAMPLES / "handlers.py").read_text())
    make_certificates(copy.read_text(), directory)
    return copy


def make_certificates(text: str, directory: Path) -> None:
    """Run every `gateway cert make` of a file's head, as from the directory above the examples."""
    for command in _MAKE.findall(text):
        words = shlex.split(command)
        with chdir(directory), redirect_stdout(StringIO()):
            assert main([*words, "--force"]) == 0, command


def checked(loaded: Loaded) -> Credentials:
    """Everything wrong is in the findings afterwards."""
    credentials = read_credentials(loaded, NOW)
    check(loaded, python_regex_problem, credentials)
    return credentials


def lowered(loaded: Loaded, state: Path | None = None) -> Lowered:
    """The document of a configuration, checked or not."""
    return lower(loaded, ListenerKeys(), 1, read_credentials(loaded, NOW, state))


class Folder:
    """A directory with configuration files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ: dict[str, str] = {}

    def write(self, name: str, text: str) -> str:
        """Write a file; gives its path."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def load(self, text: str) -> Loaded:
        """`gateway.yaml` with this text, loaded and checked."""
        loaded = load(self.write("gateway.yaml", text), self.environ)
        checked(loaded)
        loaded.findings.raise_if_failed()
        return loaded

    def lower(self, text: str) -> Lowered:
        """The document of this text."""
        return lowered(self.load(text))

    def refused(self, text: str) -> tuple[Finding, ...]:
        """Everything found in a text that must be refused."""
        try:
            self.load(text)
        except ConfigError as error:
            return error.findings
        raise AssertionError("the configuration was accepted")

    def lines(self, text: str) -> list[str]:
        """The same as `line:col message (hint)`, short to compare."""
        return [
            f"{f.line}:{f.column} {f.message}" + (f" ({f.hint})" if f.hint else "")
            for f in self.refused(text)
            if f.severity == "error"
        ]

    def complaints(self, marked: str) -> list[str]:
        """`message (hint)` of each error. ▸ stands before each place where one must be."""
        lines = marked.splitlines()
        places = [
            f"{number}:{column + 1}" for number, line in enumerate(lines, start=1) for column in _marked_columns(line)
        ]
        found = [line.split(" ", 1) for line in self.lines(marked.replace(MARK, ""))]
        assert [place for place, _ in found] == places, found
        return [message for _, message in found]

    def warnings(self, text: str) -> list[str]:
        """`line:col message` of each warning in a text that is accepted."""
        return [f"{f.line}:{f.column} {f.message}" for f in self.load(text).findings.all]


MARK = "▸"


def _marked_columns(line: str) -> list[int]:
    """Where the marks of a line stand once they are taken out, counted from 0."""
    parts = line.split(MARK)
    return [sum(map(len, parts[: index + 1])) for index in range(len(parts) - 1)]
