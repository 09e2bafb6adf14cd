"""The double has the methods of the stub, with the same arguments: what passes here must fit the real thing."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import gateway
from tests.unit.serve.double import EngineDouble


def test_the_double_has_every_method_of_the_stub() -> None:
    stub = ast.parse((Path(gateway.__file__).parent / "_engine.pyi").read_text())
    engine = next(each for each in stub.body if isinstance(each, ast.ClassDef) and each.name == "Engine")
    methods = [each for each in engine.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")]
    assert methods
    for method in methods:
        found = inspect.signature(getattr(EngineDouble, method.name))
        assert list(found.parameters) == [each.arg for each in method.args.args], method.name
