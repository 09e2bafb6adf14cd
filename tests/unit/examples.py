"""Programs around single parts of the core (`rust/core/examples`), built and found for tests in another language."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600
"""The first build compiles the core."""


@cache
def example(name: str) -> str:
    """Build the example and say where it is."""
    command = ["cargo", "build", "-q", "-p", "gateway-core", "--example", name, "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=SECONDS)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == name:
            return str(message["executable"])
    pytest.fail(f"cargo built no example `{name}`")
