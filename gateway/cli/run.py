"""`gateway run`: serve a configuration until a signal ends it."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from gateway.cli.arguments import config_argument, configuration, state_argument, state_directory
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway run -c gateway.yaml

signals:
  SIGHUP            read the configuration anew; a bad one changes nothing
  SIGTERM, SIGINT   finish what is in flight and exit 0; a second one exits now
  SIGUSR1           reopen the access log

exit codes: 0 drained, 1 cut short or cannot listen, 78 configuration not valid
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    config_argument(parser)
    state_argument(parser)
    parser.add_argument(
        "--hints",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="say what to try next (default: when started from a terminal)",
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Serve."""
    from gateway.serve.app import run as serve

    hints = sys.stderr.isatty() if options.hints is None else options.hints
    return serve(configuration(options), state=state_directory(options), program=_program() if hints else None)


def _program() -> str:
    """How to call this command again."""
    called = sys.argv[0]
    if Path(called).name == "__main__.py":
        return "python -m gateway"
    return "gateway" if shutil.which("gateway") == called else called
