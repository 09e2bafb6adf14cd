"""`gateway reload`: have the running gateway read its configuration anew, and say what came of it."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from gateway.cli.client import admin_arguments, ask
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway reload -c gateway.yaml
  gateway reload --admin 127.0.0.1:9901

exit codes: 0 applied, 69 no gateway answers, 78 refused (nothing has changed)
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    admin_arguments(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Ask for a reload and wait for its end."""
    status, outcome = ask(options, "POST", "/api/v1/reload")
    for warning in outcome.get("warnings", ()):
        print(warning, file=sys.stderr)
    if status == 200:
        print(f"reloaded: generation {outcome['generation']}")
        return ExitCode.OK
    for error in outcome.get("errors", (f"the admin API answers with {status}",)):
        print(error, file=sys.stderr)
    print(f"refused: generation {outcome.get('generation')} stays in force", file=sys.stderr)
    return ExitCode.CONFIG
