"""`gateway run`: serve a configuration until a signal ends it."""

from __future__ import annotations

import argparse
from typing import Final

from gateway.cli.arguments import config_argument, configuration
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


def run(options: argparse.Namespace) -> ExitCode:
    """Serve."""
    from gateway.serve.app import run as serve

    return serve(configuration(options))
