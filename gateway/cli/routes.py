"""`gateway routes`: every rule of the running gateway, and where it is written."""

from __future__ import annotations

import argparse
from typing import Final

from gateway.cli.arguments import output_argument
from gateway.cli.client import admin_arguments, read
from gateway.cli.table import show
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway routes -c gateway.yaml
  gateway routes --admin unix:/run/gateway.sock -o json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    admin_arguments(parser)
    output_argument(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Ask and print."""
    routes = read(options, "/api/v1/routes")
    rows = [
        [route["name"], rule["name"], ", ".join(route["hosts"]) or "*", match, rule["action"], rule["source"]]
        for route in routes
        for rule in route["rules"]
        for match in rule["matches"]
    ]
    show(routes, options.output, rows, ("route", "rule", "hosts", "match", "action", "source"))
    return ExitCode.OK
