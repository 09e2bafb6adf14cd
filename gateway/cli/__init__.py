"""The `gateway` command: finds the subcommand, runs it, turns errors into words and an exit code.

A command is one module with `EXAMPLE` (text), `arguments(parser)` and `run(options) -> ExitCode`, and one line in
`COMMANDS`. Only the module of the command that was asked for is imported: `gateway run` must answer its first request
within 400 ms of exec, and `gateway validate` has no use for Trio. What time it is (Unix) is handed down to it as
`options.now`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn

from gateway.errors import ConfigError, ExitCode, GatewayError

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("gateway.cli.run", "serve a configuration until a signal ends it"),
    "validate": ("gateway.cli.validate", "check a configuration and say everything that is wrong"),
    "render": ("gateway.cli.render", "show a configuration with its defaults filled in"),
    "schema": ("gateway.cli.schema", "print the JSON Schema of the configuration, for editors"),
    "explain": ("gateway.cli.explain", "say where a request would go, and why"),
    "reload": ("gateway.cli.reload", "have the running gateway read its configuration anew"),
    "status": ("gateway.cli.status", "show what the running gateway says of itself"),
    "routes": ("gateway.cli.routes", "show every rule of the running gateway"),
    "upstreams": ("gateway.cli.upstreams", "show every endpoint of the running gateway"),
    "cert": ("gateway.cli.cert", "show certificates, or make some for a first try"),
    "version": ("gateway.cli.version", "print the version"),
}
"""Name → module and what it does in a line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (without the program's name); gives the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(_run(words))
    except ConfigError as error:
        _show(error)
        return int(error.exit_code)
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return int(error.exit_code)
    except BrokenPipeError:
        # whoever read our output has seen enough; Python would complain again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED)
    except KeyboardInterrupt:
        return int(ExitCode.FAILED)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview(), end="")
        return ExitCode.OK if words else ExitCode.USAGE
    if words[0] in ("-V", "--version"):
        words = ["version"]
    name = words[0]
    if name not in COMMANDS:
        _unknown(name)
    module, summary = COMMANDS[name]
    command = import_module(module)
    parser = argparse.ArgumentParser(
        prog=f"gateway {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n{command.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.arguments(parser)
    try:
        options = parser.parse_args(words[1:])
    except SystemExit as stop:  # argparse has printed the help or what is wrong with the usage
        return int(stop.code or 0)
    options.now = time.time()
    return int(command.run(options))


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "usage: gateway COMMAND …\n\n" + "\n".join(lines) + "\n\n`gateway COMMAND --help` says more.\n"


def _unknown(name: str) -> NoReturn:
    from difflib import get_close_matches

    from gateway.errors import UsageError

    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `gateway {near[0]}`?" if near else "`gateway --help` lists the commands"
    raise UsageError(f"there is no command `{name}`; {hint}")


def _show(error: ConfigError) -> None:
    from gateway.config.report import report, wants_colour

    sys.stderr.write(report(error.findings, colour=wants_colour(sys.stderr)))
