"""`gateway upstreams`: every endpoint of the running gateway, and what it does now."""

from __future__ import annotations

import argparse
from typing import Final

from gateway.cli.arguments import output_argument
from gateway.cli.client import admin_arguments, read
from gateway.cli.table import show
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway upstreams -c gateway.yaml
  gateway upstreams -c gateway.yaml -o json | jq '.[].endpoints[].in_flight'
"""

_NUMBERS: Final = ("weight", "in_flight", "connections", "idle", "requests", "connect_failures")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    admin_arguments(parser)
    output_argument(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Ask and print."""
    upstreams = read(options, "/api/v1/upstreams")
    rows = [
        [upstream["name"], upstream["balance"], endpoint["address"], *[str(endpoint[name]) for name in _NUMBERS]]
        for upstream in upstreams
        for endpoint in upstream["endpoints"]
    ]
    head = ("upstream", "balance", "endpoint", *[name.replace("_", " ") for name in _NUMBERS])
    show(upstreams, options.output, rows, head)
    return ExitCode.OK
