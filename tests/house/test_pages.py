"""What the pages promise is there: links resolve, commands exist, examples are listed, generated parts are fresh."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from docs import tables
from gateway.cli import COMMANDS
from gateway.config import reference
from tests.house.repository import ROOT, files, text, tracked

PAGES: Final = [path for path in files(".md") if "node_modules" not in path.parts]

TARGETS: Final = set(re.findall(r"(?m)^([a-z]+):(?!=)", (ROOT / "Makefile").read_text()))


def headings(page: Path) -> set[str]:
    """Anchors that a page has, as they are made from its headings."""
    titles = re.findall(r"(?m)^#+ +(.+?) *$", text(page))
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "")).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (ROOT / page.parent / name).resolve() if name else ROOT / page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in headings(there.relative_to(ROOT))):
            broken.append(target)
    assert not broken, f"{page} links to nothing: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:gateway|rust|tests|bench|docs|examples)/[\w./-]+\.(?:rs|py|pyi|md|yaml|sh|toml))`", text(page)
    )
    gone = [name for name in named if not (ROOT / name).exists()]
    assert not gone, f"{page} speaks of files that are not there: {gone}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"(?m)(?:`|^\$? *)make ([a-z]+)\b", text(page)))
    assert named <= TARGETS, f"{page} names targets that the Makefile lacks: {sorted(named - TARGETS)}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_gateway_commands_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"(?m)(?:`|^\$? *|\.venv/bin/)gateway ([a-z]+)\b", text(page)))
    unknown = named - COMMANDS.keys()
    assert not unknown, f"{page} names commands that the gateway lacks: {sorted(unknown)}"


def test_readme_starts_with_the_two_commands() -> None:
    first = re.search(r"```\w*\n(.*?)```", text(Path("README.md")), re.DOTALL)
    assert first
    assert re.findall(r"(?m)^\$? ?make (\w+)", first.group(1))[:2] == ["run", "test"]


def test_every_target_of_the_makefile_says_what_it_does() -> None:
    said = set(re.findall(r"(?m)^([a-z]+):[^#\n]*##", text(Path("Makefile"))))
    assert said >= TARGETS, f"write `## …` after {sorted(TARGETS - said)}"
    listing = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"make {target} " in listing for target in TARGETS)


def test_every_example_is_listed_with_what_it_shows() -> None:
    page = text(Path("docs/index.md"))
    missing = [path.name for path in files(".yaml", "examples") if f"examples/{path.name}" not in page]
    assert not missing, f"docs/index.md lists the examples; add {missing}"


def test_every_page_can_be_found_from_the_index() -> None:
    index = text(Path("docs/index.md"))
    pages = [path for path in tracked() if path.suffix == ".md" and path.parts[0] == "docs" and path.name != "index.md"]
    missing = [str(path) for path in pages if str(path.relative_to("docs")) not in index]
    assert not missing, f"docs/index.md leads to every page; add {missing}"


def test_changelog_has_a_place_for_what_is_not_released() -> None:
    assert re.search(r"(?m)^## \[?Unreleased\]?", text(Path("CHANGELOG.md"))), "CHANGELOG.md needs `## Unreleased`"


def test_the_configuration_reference_is_what_the_schema_says() -> None:
    assert text(Path("docs/configuration.md")) == reference.reference(), "make docs"


def test_the_tables_of_the_pages_are_what_the_code_says() -> None:
    stale = [str(path) for path, fresh in tables.pages().items() if text(path) != fresh]
    assert not stale, f"make docs ({', '.join(stale)})"
