"""`gateway status`: what the running gateway says of itself."""

from __future__ import annotations

import argparse
from typing import Any, Final

from gateway.cli.arguments import output_argument
from gateway.cli.client import admin_arguments, read
from gateway.cli.table import paint, show, table
from gateway.errors import ExitCode

EXAMPLE: Final = """\
  gateway status -c gateway.yaml
  gateway status --admin 127.0.0.1:9901 -o json | jq .generation
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    admin_arguments(parser)
    output_argument(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Ask and print."""
    status = read(options, "/api/v1/status")
    if options.output == "json":
        show(status, "json", (), ())
        return ExitCode.OK
    colour = "32" if status["state"] == "ready" else "33"
    print(f"gateway {status['version']}  {paint(status['state'], colour)}  pid {status['pid']}")
    print(f"up {duration(status['uptime_seconds'])}, {status['workers']} workers")
    print(f"configuration {status['config_file']}, generation {status['generation']}")
    _last_reload(status["last_reload"])
    print()
    rows = [
        [each["name"], each["address"], each["state"], str(each["connections"]), _certificates(each)]
        for each in status["listeners"]
    ]
    print(table(rows, ("listener", "address", "state", "connections", "certificates")))
    return ExitCode.OK


def _certificates(listener: dict[str, Any]) -> str:
    """The default, and which ends first: `shop.example.com and 2 more, the first ends 2027-02-19`."""
    shown = listener.get("certificates")
    if not shown:
        return "-"
    from gateway.config.tls.dates import day

    name = (shown[0]["names"] or ["(no name)"])[0]
    more = f" and {len(shown) - 1} more, the first" if len(shown) > 1 else ","
    return f"{name}{more} ends {day(min(each['not_after'] for each in shown))}"


def _last_reload(last: dict[str, Any] | None) -> None:
    if last is None:
        return
    if last["ok"]:
        print(f"last reload applied in {last['seconds'] * 1000:.0f} ms")
        return
    print(paint("last reload refused:", "31"))
    for error in last["errors"]:
        print(error)


def duration(seconds: float) -> str:
    """`3d 4h`, `2h 5m`, `12s`: the two largest units."""
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    left, parts = int(seconds), []
    for unit, size in units:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
