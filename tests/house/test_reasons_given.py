"""What must be explained where it stands: dependencies, limits, files."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.house.repository import files, is_rust_test, line_of, python, rust, text

SECTIONS: Final = re.compile(r"^\[(?:.*\.)?(?:dependencies|dev-dependencies|build-dependencies)\]$")

AT_COMPILE_TIME: Final = {("known.rs", "assert!"), ("encode.rs", "assert!")}
"""Panics that only the compiler can meet: the tables of known names are made by a `const fn`."""

PANIC_FREE: Final = ("exchange", "grpc", "hpack", "http1", "http2", "preamble", "route", "session", "tls")
"""Rooms of the core that bytes from outside reach first."""

RUST_LIMITS: Final = [path for path in files(".rs", "rust") if path.stem == "limits"]


def unexplained_crates(path: Path) -> list[str]:
    found, inside = [], False
    for number, line in enumerate(text(path).splitlines(), 1):
        if line.startswith("["):
            inside = bool(SECTIONS.match(line))
        elif inside and "=" in line and "#" not in line and "path =" not in line:
            found.append(f"{path}:{number} {line.split('=')[0].strip()}")
    return found


@pytest.mark.parametrize("path", [p for p in files(".toml") if p.name == "Cargo.toml"], ids=str)
def test_every_crate_we_depend_on_has_its_reason_beside_it(path: Path) -> None:
    found = unexplained_crates(path)
    assert not found, "write after it, as a comment, what it is for:\n" + "\n".join(found)


def test_every_package_we_depend_on_has_its_reason_beside_it() -> None:
    source = text(Path("pyproject.toml"))
    project = tomllib.loads(source)
    wanted = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *(each for group in project["dependency-groups"].values() for each in group),
    ]
    lines = source.splitlines()
    silent = [each for each in wanted if not any(f'"{each}"' in line and "#" in line for line in lines)]
    assert not silent, f"write after it, as a comment, what it is for: {silent}"


def test_every_package_we_depend_on_is_locked() -> None:
    locked = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in text(Path("requirements.lock")).splitlines()
    }
    project = tomllib.loads(text(Path("pyproject.toml")))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[<>=!~]", each)[0]).lower() for each in wanted}
    assert names <= locked, f"add to requirements.lock (its head says how): {sorted(names - locked)}"


def test_the_lock_of_the_fuzz_targets_knows_what_the_core_depends_on() -> None:
    wanted = tomllib.loads(text(Path("rust/core/Cargo.toml")))["dependencies"].keys()
    lock = tomllib.loads(text(Path("rust/fuzz/Cargo.lock")))
    core = next(package for package in lock["package"] if package["name"] == "gateway-core")
    locked = {each.split()[0] for each in core["dependencies"]}
    assert wanted == locked, "cargo update --workspace --manifest-path rust/fuzz/Cargo.toml"


@pytest.mark.parametrize("path", RUST_LIMITS, ids=str)
def test_every_limit_of_the_core_says_unit_and_reason(path: Path) -> None:
    lines = text(path).splitlines()
    silent = [
        f"{path}:{number}"
        for number, line in enumerate(lines, 1)
        if re.match(r"\s*pub const ", line) and not lines[number - 2].lstrip().startswith("///")
    ]
    assert not silent, "a limit says its unit, why it is there, and what others chose:\n" + "\n".join(silent)


def test_every_limit_of_the_python_side_says_unit_and_reason() -> None:
    path = Path("gateway/limits.py")
    body = python(path).body
    silent = [
        f"{path}:{node.lineno}"
        for node, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(node, ast.AnnAssign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
        and not (isinstance(node.target, ast.Name) and node.target.id == "SECOND_MS")
    ]
    assert not silent, "a limit says its unit, why it is there, and what others chose:\n" + "\n".join(silent)


def test_every_file_opens_with_what_it_is() -> None:
    silent = [str(path) for path in files(".py") if text(path).strip() and ast.get_docstring(python(path)) is None]
    silent += [str(path) for path in files(".rs") if not text(path).lstrip().startswith(("//!", "#!", "/*!"))]
    assert not silent, f"the first lines say what the file is, its theory and its rules: {silent}"


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|\b(?:todo|unimplemented)!\s*\(")
    here = Path("tests/house/test_reasons_given.py")
    found = [
        f"{path}:{line_of(text(path), match.start())} {match.group()}"
        for path in (*files(".py"), *files(".rs"), *files(".md"), *files(".yaml"))
        if path != here
        for match in marks.finditer(text(path))
    ]
    assert not found, "do it now, or write an issue; the code says what is:\n" + "\n".join(found)


def test_the_data_plane_does_not_panic_on_purpose() -> None:
    panics = re.compile(r"\.unwrap\(\)|\.expect\(|\bpanic!|\bunreachable!|\bassert(?:_eq|_ne)?!")
    found = [
        f"{path}:{line_of(code, match.start())} {match.group()}"
        for path in files(".rs", *(f"rust/core/src/{room}" for room in PANIC_FREE))
        if not is_rust_test(path)
        for code in [re.sub(r"#\[cfg\(test\)\]\s*mod\s+\w+\s*\{.*", "", rust(path), flags=re.DOTALL)]
        for match in panics.finditer(code)
        if (path.name, match.group()) not in AT_COMPILE_TIME
    ]
    assert not found, "bytes from outside must not reach a panic; return a reason or an option:\n" + "\n".join(found)
