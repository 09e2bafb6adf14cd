"""What the README shows is what the commands print today."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from gateway.serve.hints import hints
from tests.house.repository import ROOT, text

README: Final = text(Path("README.md"))

BROKEN: Final = """\
version: 1
listeners: [{name: web, listen: ":8080"}]
routes:
  - name: all
    rules:
      - name: all
        match: /
        to: ap
        timeout: {request: 5}
upstreams:
  app: {endpoints: ["127.0.0.1:3000"], balance: round_robbin}
"""
"""The file whose errors the README shows."""


def shown(command: str) -> tuple[str, str]:
    """The whole command line that begins so, and what the README shows below it up to an empty line or the end."""
    found = re.search(rf"(?m)^\$ ({re.escape(command)}[^\n]*)\n((?:(?!```)[^\n]+\n)+)", README)
    assert found, f"README.md shows no `{command}`"
    return found[1], found[2]


def prints(command: str, directory: Path) -> str:
    """Standard output and error of a gateway command."""
    words = shlex.split(command)
    assert words[0] == ".venv/bin/gateway"
    line = [sys.executable, "-m", "gateway", *words[1:]]
    done = subprocess.run(line, cwd=directory, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout + done.stderr


def test_explain_prints_what_the_readme_shows() -> None:
    command, expected = shown(".venv/bin/gateway explain")
    assert prints(command, ROOT) == expected


def test_validate_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(BROKEN)
    command, expected = shown(".venv/bin/gateway validate")
    assert prints(command, tmp_path) == expected


def test_the_start_says_what_the_readme_shows() -> None:
    def listener(key: int, port: int) -> Any:
        return SimpleNamespace(key=key, address=f"127.0.0.1:{port}", plan=SimpleNamespace(scheme="http"))

    every = [listener(1, 8080), listener(2, 8081), listener(3, 9901)]
    assert hints(".venv/bin/gateway", "examples/quickstart.yaml", every, admin=3) in README


def test_the_smallest_configuration_of_the_readme_is_valid(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert found
    (tmp_path / "gateway.yaml").write_text(found[1])
    assert "valid: 1 listener, 1 route, 1 rule, 1 upstream" in prints(".venv/bin/gateway validate", tmp_path)
