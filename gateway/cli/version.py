"""`gateway version`."""

from __future__ import annotations

import argparse
import platform
from typing import Final

import msgspec

from gateway.cli.arguments import output_argument
from gateway.config.compile import VERSION
from gateway.config.document import FORMAT
from gateway.errors import ExitCode

EXAMPLE: Final = "  gateway version -o json\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    output_argument(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Print it."""
    if options.output == "json":
        shown = {"version": VERSION, "snapshot_format": FORMAT, "python": platform.python_version()}
        print(msgspec.json.encode(shown).decode())
    else:
        print(f"gateway {VERSION} (snapshot format {FORMAT}, Python {platform.python_version()})")
    return ExitCode.OK
