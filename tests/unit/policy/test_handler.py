"""From `module:function` to the function."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.policy import HandlerError, resolve

MODULE = """
async def hello(request):
    return None

def plain(request):
    return None

class Inner:
    @staticmethod
    async def deep(request):
        return None
"""


@pytest.fixture(autouse=True)
def own_path() -> Iterator[None]:
    before, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name.startswith("handlers_"):
            del sys.modules[name]


def refusal(name: str, directory: Path) -> str:
    with pytest.raises(HandlerError) as caught:
        resolve(name, directory)
    return str(caught.value)


def test_a_module_beside_the_configuration_is_found(tmp_path: Path) -> None:
    (tmp_path / "handlers_a.py").write_text(MODULE)
    assert resolve("handlers_a:hello", tmp_path).__name__ == "hello"
    assert resolve("handlers_a:Inner.deep", tmp_path).__name__ == "deep"


def test_a_file_beside_the_configuration_cannot_stand_in_for_python(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(MODULE)
    assert 'has no "hello"' in refusal("json:hello", tmp_path)


def test_every_mistake_is_named(tmp_path: Path) -> None:
    (tmp_path / "handlers_b.py").write_text(MODULE)
    (tmp_path / "handlers_c.py").write_text("import os\n\nraise RuntimeError('not today')\n")
    (tmp_path / "handlers_d.py").write_text("import no_such_module_anywhere\n")
    assert "write it as module:function" in refusal("handlers_b", tmp_path)
    assert "write it as module:function" in refusal("handlers_b:", tmp_path)
    assert 'no module "no_such_handlers"' in refusal("no_such_handlers:x", tmp_path)
    assert 'did you mean "hello"?' in refusal("handlers_b:helo", tmp_path)
    assert "not an async function" in refusal("handlers_b:plain", tmp_path)
    failing = refusal("handlers_c:x", tmp_path)
    assert "RuntimeError: not today" in failing
    assert "handlers_c.py:3" in failing
    assert "no_such_module_anywhere" in refusal("handlers_d:x", tmp_path)
