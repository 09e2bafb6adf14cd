"""From `module:function`, as a rule names it, to the function.

The module is looked for where Python always looks and then in the directory of the configuration file, in this order,
so that a file beside the configuration can never stand in for a part of Python or of the gateway. A module is imported
once in the life of the process: a reload takes new functions, not new versions of old modules.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.errors import GatewayError
from gateway.policy.request import Request
from gateway.policy.response import Response

Handler = Callable[[Request], Awaitable[Response]]


class HandlerError(GatewayError):
    """A handler that cannot be had, and why, in words."""


def resolve(name: str, directory: Path) -> Handler:
    """The function that `name` means. Imports its module, which runs the module's code. Raises HandlerError."""
    module_name, colon, path = name.partition(":")
    if not (colon and module_name and path):
        raise HandlerError(f'handler "{name}": write it as module:function')
    found: object = _module(name, module_name, directory)
    for part in path.split("."):
        if not hasattr(found, part):
            raise HandlerError(f'handler "{name}": module "{module_name}" has no "{path}"{_near(found, part)}')
        found = getattr(found, part)
    if not inspect.iscoroutinefunction(found):
        raise HandlerError(f'handler "{name}" is not an async function: write `async def {path}(request)`')
    handler: Handler = found
    return handler


def _module(name: str, module_name: str, directory: Path) -> object:
    place = str(directory)
    if place not in sys.path:
        sys.path.append(place)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise HandlerError(f'handler "{name}": no module "{error.name}", also not in {place}') from None
        raise HandlerError(f'handler "{name}": {_words(error)}') from error
    except Exception as error:
        raise HandlerError(f'handler "{name}": its module fails when imported: {_words(error)}') from error


def _words(error: Exception) -> str:
    """`TypeError: … (rules.py:12)`, the innermost place of the failure."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({place.tb_frame.f_code.co_filename}:{place.tb_lineno})" if place else ""
    return f"{type(error).__name__}: {error}{where}"


def _near(holder: object, wanted: str) -> str:
    import difflib

    names = [name for name in dir(holder) if not name.startswith("_")]
    near = difflib.get_close_matches(wanted, names, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
