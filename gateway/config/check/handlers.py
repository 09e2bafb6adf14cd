"""Whether a handler's module exists, without running any of it.

A handler is written `module:function`. Modules are looked for where Python looks, then beside the main configuration
file; `gateway.policy` imports them in the same order.
"""

from __future__ import annotations

import re
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from gateway.config.check.text import Problem

_HANDLER = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)


def handler_problem(handler: str, directory: Path) -> Problem:
    """What is wrong with `handler`, or None."""
    parsed = _HANDLER.fullmatch(handler)
    if parsed is None:
        return "a handler is written module:function", "write handlers:hello for the function hello in handlers.py"
    module = parsed[1]
    if not _exists(module, directory):
        return f'there is no Python module "{module}"', f"looked for it on Python's path and in {directory.resolve()}"
    return None


def _exists(module: str, directory: Path) -> bool:
    places: list[str] | None = [*sys.path, str(directory)]
    parent = ""
    for name in module.split("."):
        spec: ModuleSpec | None = PathFinder.find_spec(f"{parent}{name}", places)
        if spec is None:
            return False
        places = list(spec.submodule_search_locations or [])
        parent += f"{name}."
    return True
