"""Names say what a thing is for; a drawer for odds and ends is not a room."""

from __future__ import annotations

import ast
import re
from typing import Final

from tests.house.repository import files, line_of, python, rust, tracked

DRAWERS: Final = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "stuff"}

DRAWER_TYPE: Final = re.compile(r"(?:Util|Utils|Helper|Helpers|Manager)$")


def test_no_file_or_folder_is_a_drawer() -> None:
    found = [str(path) for path in tracked() if DRAWERS & {part.split(".")[0] for part in path.parts}]
    assert not found, f"a function without a room is a room without a name; name it by what it does: {found}"


def test_no_type_is_a_drawer() -> None:
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path in files(".py")
        for node in ast.walk(python(path))
        if isinstance(node, ast.ClassDef) and DRAWER_TYPE.search(node.name)
    ]
    found += [
        f"{path}:{line_of(rust(path), match.start())} {match.group(1)}"
        for path in files(".rs")
        for match in re.finditer(r"\b(?:struct|enum|trait|mod)\s+(\w+)", rust(path))
        if DRAWER_TYPE.search(match.group(1)) or match.group(1) in DRAWERS
    ]
    assert not found, "name the type after what it holds or decides:\n" + "\n".join(found)
