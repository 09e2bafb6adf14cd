"""`${…}` in scalars: values from the environment and from secret files.

    ${NAME}            the variable; an error when it is not set
    ${NAME:-default}   the variable, or the default when it is not set or empty
    ${NAME:?message}   the variable, or an error with this message
    ${file:/path}      the content of a file without its last line end: a secret, never shown
    $$                 a dollar sign

It works on parsed scalars, never on the text of the file: a value cannot break out of its place. A dollar sign before
anything else stands for itself, so that a regular expression may end in one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.config.nodes import Secret
from gateway.limits import SECRET_BYTES

_DOLLAR = re.compile(r"\$\$|\$\{([^}]*)(\})?")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?", re.DOTALL | re.ASCII)


class SubstitutionError(ValueError):
    """What is wrong, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def substitute(text: str, environ: Mapping[str, str], directory: Path) -> str:
    """`text` with every `${…}` replaced; a `Secret` when a file took part.

    Relative files are looked for in `directory`.
    """
    secret = False

    def replacement(found: re.Match[str]) -> str:
        nonlocal secret
        if found[0] == "$$":
            return "$"
        if found[2] is None:
            raise SubstitutionError("`${` without its `}`", "write $$ for a dollar sign")
        if found[1].startswith("file:"):
            secret = True
            return _read_secret(found[1].removeprefix("file:"), directory)
        return _variable(found[1], environ)

    result = _DOLLAR.sub(replacement, text)
    return Secret(result, text) if secret else result


def escape(text: str) -> str:
    """`text` written so that `substitute` gives it back."""
    return text.replace("$", "$$") if "$$" in text or "${" in text else text


def _variable(inside: str, environ: Mapping[str, str]) -> str:
    parsed = _VARIABLE.fullmatch(inside)
    if parsed is None:
        raise SubstitutionError(
            f"cannot read ${{{inside[:40]}}}",
            "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:/path}; $$ is a dollar sign",
        )
    name, how, word = parsed.groups()
    value = environ.get(name)
    if value is not None and (value or how is None):
        return value
    if how == "-":
        return str(word)
    if how == "?":
        raise SubstitutionError(f"environment variable {name}: {word or 'must be set'}")
    raise SubstitutionError(
        f"environment variable {name} is not set", f"set it, or give a default: ${{{name}:-default}}"
    )


def _read_secret(name: str, directory: Path) -> str:
    try:
        with (directory / name).open("rb") as file:
            content = file.read(SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SubstitutionError(f"cannot read the secret file {name}: {why}") from None
    if len(content) > SECRET_BYTES:
        raise SubstitutionError(f"the secret file {name} is larger than {SECRET_BYTES // 1024}KiB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SubstitutionError(f"the secret file {name} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
