"""Functions and files that a person can hold in mind: usually under 30 and 300 lines, never over 70 and 500."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.house.repository import closing_brace, files, line_of, python, rust, text

FUNCTION_LINES: Final = 70
FUNCTION_USUAL: Final = 30
FUNCTION_UNUSUAL_PERCENT: Final = 10
"""Share of functions that may be longer than usual. In the code we like nine of ten are under 22 to 39 lines."""

FILE_LINES: Final = 500
FILE_USUAL: Final = 300
FILE_UNUSUAL_PERCENT: Final = 15

GENERATED: Final = {Path("Cargo.lock"), Path("rust/fuzz/Cargo.lock"), Path("docs/configuration.md")}


@dataclass(frozen=True)
class Function:
    """One function, where it stands and how long it is, its signature included, its documentation not."""

    place: str
    name: str
    lines: int


def python_functions() -> list[Function]:
    return [
        Function(f"{path}:{node.lineno}", node.name, (node.end_lineno or node.lineno) - node.lineno + 1 - _doc(node))
        for path in files(".py")
        for node in ast.walk(python(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _doc(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as doc:
            return (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return 0


def rust_functions() -> list[Function]:
    found = []
    for path in files(".rs"):
        code = rust(path)
        for match in re.finditer(r"\bfn\s+(\w+)[^;{]*\{", code):
            first, last = line_of(code, match.start()), line_of(code, closing_brace(code, match.end() - 1))
            found.append(Function(f"{path}:{first}", match.group(1), last - first + 1))
    return found


def share(parts: int, whole: int) -> float:
    return 100 * parts / whole


def test_no_function_is_longer_than_a_screen() -> None:
    found = [
        f"{f.place} {f.name}: {f.lines} lines"
        for f in python_functions() + rust_functions()
        if f.lines > FUNCTION_LINES
    ]
    assert not found, f"over {FUNCTION_LINES} lines; give the parts names:\n" + "\n".join(found)


def test_most_functions_are_short() -> None:
    functions = python_functions() + rust_functions()
    long = sorted((f for f in functions if f.lines > FUNCTION_USUAL), key=lambda f: -f.lines)
    percent = share(len(long), len(functions))
    print(f"{len(functions)} functions, {percent:.1f} % over {FUNCTION_USUAL} lines")
    longest = "\n".join(f"{f.place} {f.name}: {f.lines}" for f in long[:20])
    assert percent <= FUNCTION_UNUSUAL_PERCENT, (
        f"{percent:.1f} % are over {FUNCTION_USUAL} lines; the longest:\n{longest}"
    )


def test_no_file_grows_past_what_can_be_read() -> None:
    long = [
        f"{path}: {count} lines"
        for path in (*files(".py"), *files(".rs"), *files(".md"))
        if path not in GENERATED and (count := text(path).count("\n")) > FILE_LINES
    ]
    assert not long, f"over {FILE_LINES} lines; a second room wants to come out of it:\n" + "\n".join(long)


def test_most_files_are_short() -> None:
    counts = {path: text(path).count("\n") for path in (*files(".py"), *files(".rs"))}
    long = sorted((path for path, count in counts.items() if count > FILE_USUAL), key=lambda path: -counts[path])
    percent = share(len(long), len(counts))
    print(f"{len(counts)} files, {percent:.1f} % over {FILE_USUAL} lines")
    longest = "\n".join(f"{path}: {counts[path]}" for path in long[:10])
    assert percent <= FILE_UNUSUAL_PERCENT, f"{percent:.1f} % are over {FILE_USUAL} lines; the longest:\n{longest}"
