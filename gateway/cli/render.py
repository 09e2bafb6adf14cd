"""`gateway render`: a configuration as the gateway understands it."""

from __future__ import annotations

import argparse
import sys
from typing import Final

import msgspec

from gateway.cli.arguments import configuration, file_argument
from gateway.config.compile import compile_loaded
from gateway.config.keys import ListenerKeys
from gateway.config.load import load
from gateway.config.render import render, render_plain
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway render gateway.yaml
  gateway render -o json gateway.yaml | jq .defaults

Included files are merged, defaults filled in, ${NAME} replaced; a secret stays ${file:…}. What is printed is a valid
configuration again.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    file_argument(parser)
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="for people or for programs")


def run(options: argparse.Namespace) -> ExitCode:
    """Load, check, print."""
    loaded = load(configuration(options))
    compile_loaded(loaded, ListenerKeys(), now=options.now)
    if options.output == "json":
        print(msgspec.json.format(msgspec.json.encode(render_plain(loaded.config)), indent=2).decode())
    else:
        sys.stdout.write(render(loaded.config))
    return ExitCode.OK
