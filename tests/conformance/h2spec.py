"""h2spec, which breaks the rules of HTTP/2 one by one: run against a port, and its report as one reads it.

Theory: h2spec opens a connection per case, does what the case is about, and looks whether the answer is one that RFC
7540 (in force when it was written) or RFC 7541 allows. `--strict` adds the cases of what the RFC only recommends.

Rules: a case that h2spec skips is not passed. It skips where an answer is too short to be held back by a window, so
`PATH` must be answered with at least 16 bytes.
"""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PATH: Final = "/page"

CASES: Final = 146
"""What the version that tests/conformance/peers/go.mod locks has to ask."""

PATIENCE: Final = 5
"""Seconds that a case waits for what it expects. Answers come in milliseconds; this is for a busy machine."""


class Report(NamedTuple):
    """What came of a run."""

    passed: int
    troubles: list[str]
    """For each case that did not pass: where it is from, what was done, what was expected, and what came."""


def peer(name: str) -> str:
    """A program that `.ci/peers` builds. Skips the test if it is missing."""
    path = ROOT / "build" / "peers" / name
    if not path.exists():
        pytest.skip(f"{name} is not built: .ci/peers")
    return str(path)


def h2spec(port: int, directory: Path, *options: str) -> Report:
    """Ask everything of whoever listens on this port."""
    report = directory / f"h2spec-{port}.xml"
    where = ["--host", "127.0.0.1", "--port", str(port), "--path", PATH]
    how = ["--strict", "--timeout", str(PATIENCE), "--junit-report", str(report)]
    run = subprocess.run([peer("h2spec"), *where, *how, *options], capture_output=True, text=True, timeout=300)
    if not report.exists():
        pytest.fail(f"h2spec says nothing of port {port}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return read(ElementTree.parse(report).getroot())


def read(suites: ElementTree.Element) -> Report:
    """The JUnit report: a suite per section, a case per broken rule."""
    passed, troubles = 0, []
    for case in suites.iter("testcase"):
        trouble = next(iter(case), None)
        if trouble is None:
            passed += 1
        else:
            said = "".join(case.itertext()).strip() or trouble.tag
            troubles.append(f"{case.get('package')}: {case.get('classname')}\n    " + said.replace("\n", "\n    "))
    return Report(passed, troubles)
