"""The checkout as the house rules see it: tracked files, parsed Python, Rust without comments and strings.

Rust is not parsed but blanked: comments and literals become spaces of equal length, so that line numbers stay and a
brace or a word in a text is not taken for code. `#[cfg(test)] mod … { }` is blanked too where a rule speaks of what
runs.
"""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_NOT_OURS: Final = {".git", ".venv", "target", "build", "node_modules", "artifacts", "corpus"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project, relative to its root; without git (an unpacked archive) what lies there."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode == 0:
        names = (Path(name) for name in listing.stdout.decode().split("\0") if name)
    else:
        names = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(sorted(name for name in names if not _NOT_OURS & set(name.parts) and (ROOT / name).is_file()))


def files(suffix: str, *rooms: str) -> list[Path]:
    """Tracked files with this suffix in these folders (all folders when none is named)."""
    inside = [Path(room).parts for room in rooms]
    return [
        path
        for path in tracked()
        if path.suffix == suffix and (not inside or any(path.parts[: len(room)] == room for room in inside))
    ]


def text(path: Path) -> str:
    """A tracked file as text."""
    return (ROOT / path).read_text()


@cache
def python(path: Path) -> ast.Module:
    """A tracked Python file as a tree."""
    return ast.parse(text(path), filename=str(path))


@cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """(line, dotted name) of what a Python file imports when it runs; imports for types only are left out."""
    found: list[tuple[int, str]] = []
    _collect_imports(python(path), path, found)
    return tuple(found)


def _collect_imports(node: ast.AST, path: Path, found: list[tuple[int, str]]) -> None:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                found += [(child.lineno, alias.name) for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                package = list(path.with_suffix("").parts)[: -level or None] if level else []
                base = ".".join([*package, *([module] if module else [])])
                found += [(child.lineno, f"{base}.{alias.name}") for alias in names]
            case _:
                _collect_imports(child, path, found)


_COMMENT_OR_LITERAL: Final = re.compile(
    r"""//[^\n]*                                  # line comment
      | /\*.*?\*/                                 # block comment
      | b?r(\#*)".*?"\1                           # raw string
      | b?c?"(?:\\.|[^"\\])*"                     # string
      | b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\\n])'   # character, not a lifetime
    """,
    re.VERBOSE | re.DOTALL,
)


@cache
def rust(path: Path) -> str:
    """A Rust file with comments and literals blanked; same length, same lines."""
    return _COMMENT_OR_LITERAL.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text(path))


@cache
def rust_that_runs(path: Path) -> str:
    """The same without test modules."""
    code = rust(path)
    for found in re.finditer(r"#\[cfg\(test\)\]\s*mod\s+\w+\s*\{", code):
        end = closing_brace(code, found.end() - 1)
        code = code[: found.start()] + re.sub(r"[^\n]", " ", code[found.start() : end]) + code[end:]
    return code


def closing_brace(code: str, opening: int) -> int:
    """Index after the brace that closes the one at `opening`."""
    depth = 0
    for found in re.finditer(r"[{}]", code[opening:]):
        depth += 1 if found.group() == "{" else -1
        if depth == 0:
            return opening + found.end()
    return len(code)


def line_of(code: str, index: int) -> int:
    """Line number, from 1."""
    return code.count("\n", 0, index) + 1


def is_rust_test(path: Path) -> bool:
    """Whether a Rust file holds tests only."""
    return "tests" in path.parts or path.stem == "tests" or path.stem.endswith("_tests")
