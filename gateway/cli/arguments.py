"""Arguments that several commands share: which configuration, which output."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from gateway.errors import UsageError

PLACES: Final = ("gateway.yaml", "/etc/gateway/gateway.yaml")
"""Where a configuration is looked for when none is named; then $GATEWAY_CONFIG."""

VARIABLE: Final = "GATEWAY_CONFIG"


def file_argument(parser: argparse.ArgumentParser) -> None:
    """`FILE`, or `-c FILE` as the other commands take it."""
    parser.add_argument("file", metavar="FILE", nargs="?", help=f"the configuration (default: {_default_places()})")
    parser.add_argument("-c", "--config", metavar="FILE", help="the same as FILE")


def config_argument(parser: argparse.ArgumentParser) -> None:
    """`-c FILE`."""
    parser.add_argument("-c", "--config", metavar="FILE", help=f"the configuration (default: {_default_places()})")


def state_argument(parser: argparse.ArgumentParser) -> None:
    """`--state DIR`."""
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="where the CA of `tls: internal` is kept (default: $STATE_DIRECTORY, or $XDG_STATE_HOME/gateway)",
    )


def state_directory(options: argparse.Namespace) -> Path:
    """Where things are kept that outlive a process. It need not be there yet."""
    if options.state is not None:
        return Path(options.state)
    service = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]  # systemd.exec(5), StateDirectory=
    if service:
        return Path(service)
    home = os.environ.get("XDG_STATE_HOME", "")
    # the specification tells to pass over relative ones
    return (Path(home) if home.startswith("/") else Path.home() / ".local" / "state") / "gateway"


def output_argument(parser: argparse.ArgumentParser) -> None:
    """`-o table|json`."""
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="for people or for programs")


def configuration(options: argparse.Namespace) -> str:
    """The file that the options name, or the first that is there. UsageError when there is none."""
    named: str | None = options.config or getattr(options, "file", None)
    if named is not None:
        return named
    for place in PLACES:
        if Path(place).is_file():
            return place
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    raise UsageError(f"no configuration: name a FILE, or have one of {_default_places()}")


def _default_places() -> str:
    return f"./{PLACES[0]}, {PLACES[1]}, ${VARIABLE}"
