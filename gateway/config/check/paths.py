"""The normal form of paths, as the workers make it of every request before routing (`route/normal.rs`).

A rule whose path is not in that form could never be taken, so it is refused, and the message says the form. This is
the strictest reading that all path policies share; what a policy lets through (`//` where a listener keeps it, `%2F`
where it keeps it) is allowed by the policies of the listeners that the route is on.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from gateway.config.check.text import Problem
from gateway.config.schema import PathPolicy

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""RFC 3986 §2.3."""

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_ESCAPED_SLASH = re.compile(r"%(2F|5C)|\\", re.IGNORECASE)
_ESCAPED_CONTROL = re.compile(r"%([01][0-9A-F]|7F)", re.IGNORECASE)


def path_problem(path: str, policies: Collection[PathPolicy]) -> Problem:
    """Why no request could have this path under any of the policies, or None."""
    if not path.startswith("/"):
        return "a path starts with /", f"write /{path}" if path and "://" not in path else ""
    if "?" in path or "#" in path:
        return "a path has no query and no fragment", "use `query: {name: value}` for query parameters"
    if "\\" in path or _BAD_ESCAPE.search(path):
        sign = "\\" if "\\" in path else "%"
        return (
            f"a path cannot have a plain {sign}",
            f"write {sign.encode().hex().upper().join(['%', ''])} for the character",
        )
    if _ESCAPED_CONTROL.search(path) or any(character < " " or character == "\x7f" for character in path):
        return "a path cannot have control characters", ""
    if _ESCAPED_SLASH.search(path) and not any(policy.encoded_slash == "keep" for policy in policies):
        return "requests with %2F or %5C are refused or decoded before routing", "see `path: {encoded_slash: keep}`"
    normal = normal_form(path, keep_empty=any(policy.double_slash == "keep" for policy in policies))
    if normal is None:
        return "the path climbs above the root", ""
    return None if normal == path else ("the path is not in its normal form", f"write {normal}")


def normal_form(path: str, keep_empty: bool = False) -> str | None:
    """The normal form of a path that starts with `/` and has only whole escapes; None if it climbs above the root."""
    encoded = "".join(c if "!" <= c <= "~" else "".join(f"%{byte:02X}" for byte in c.encode()) for c in path)
    decoded = _ESCAPE.sub(_unescape, encoded)
    kept: list[str] = []
    segments = decoded.split("/")[1:]
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment not in ("", ".") or (segment == "" and keep_empty and not last):
            kept.append(segment)
        if last and segment in ("", ".", ".."):
            kept.append("")
    return "/" + "/".join(kept)


def _unescape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()
