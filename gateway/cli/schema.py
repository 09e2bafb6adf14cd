"""`gateway schema`: the JSON Schema of the configuration."""

from __future__ import annotations

import argparse
from typing import Final

import msgspec

from gateway.config.json_schema import json_schema
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway schema > gateway.schema.json
  # then, as the first line of gateway.yaml:
  # yaml-language-server: $schema=./gateway.schema.json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""
    del parser


def run(options: argparse.Namespace) -> ExitCode:
    """Print it."""
    del options
    print(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())
    return ExitCode.OK
