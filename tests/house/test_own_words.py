"""The project speaks of itself alone, and calls things by their names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.house.repository import line_of, text, tracked

BINARY: Final = {".so", ".png", ".ico", ".hdr"}

FOREIGN: Final = re.compile(
    r"""(?<![\w./])/work/ | (?<![\w./])/home/\w | (?<![\w./])/root/\. | \.cargo/registry
      | \b(?:pypi|files\.pythonhosted|crates|index\.crates|static\.crates)\.(?:org|io)/(?!crates/|project/)
      | \b(?:as\ an\ AI|language\ model|chatbot)\b | \bChatGPT\b | \bClaude\b | \bCopilot\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Paths of the machine it was written on, hosts of registries, and who typed it: none of the reader's business."""

HERE: Final = Path("tests/house/test_own_words.py")


def readable() -> list[Path]:
    """Tracked files that people read; lock files name registries by nature, fuzz seeds are bytes."""
    return [
        path
        for path in tracked()
        if path.suffix not in BINARY and path.suffix != ".lock" and "seeds" not in path.parts and path != HERE
    ]


def test_no_path_of_somebodys_machine_and_no_registry_is_named() -> None:
    found = [
        f"{path}:{line_of(content, match.start())} {match.group().strip()}"
        for path in readable()
        for content in [(Path(__file__).resolve().parents[2] / path).read_text(errors="replace")]
        for match in FOREIGN.finditer(content)
    ]
    assert not found, "say it in terms of the project:\n" + "\n".join(found)


def test_pages_use_the_words_of_the_house() -> None:
    # "backend" and "cluster" are what others call an upstream, "vhost" a route's host, "filter" a rule's edits
    strange = re.compile(r"\b(?:backends?|vhosts?|virtual hosts?)\b", re.IGNORECASE)
    found = [
        f"{path}:{line_of(text(path), match.start())} {match.group()}"
        for path in tracked()
        if path.suffix == ".md" and path.parts[0] in ("docs", "README.md", "ARCHITECTURE.md")
        for match in strange.finditer(text(path))
    ]
    assert not found, "one word for one thing: upstream, endpoint, host (docs/index.md lists them):\n" + "\n".join(
        found
    )
