"""`python -m bench`: `load` sends requests, `compare` runs the peers and this gateway side by side, `agree` holds the
load generator against h2load.

Only the standard library, and `cryptography` for one certificate; nothing of the gateway is imported, so that the bench
can be trusted to know it from outside.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import candidates, scenarios, tool
from bench.agree import agree
from bench.compare import Options, compare
from bench.peer import MissingError

USAGE = 2  # the exit code of a command line that cannot be understood
QUICK_ROUNDS = 2
QUICK_SECONDS = 1.0
ROUNDS = 6  # an even number: each half of the session has every order once
AGREE_ROUNDS = 5
AGREE_SECONDS = 2.0
SECONDS = 4.0  # CPU time is told in ticks of 10 ms: a window of 4 s makes that an error of 0.5 % at most


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["load"]:
        load(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "load",
        add_help=False,
        help="send HTTP/1.1, HTTP/2 or gRPC load to a URL, plain or over TLS (all options and examples: load --help)",
    )
    add_compare(commands.add_parser("compare", help="run peers and gateway in alternating rounds"))
    agreeing = commands.add_parser("agree", help="hold the load generator against h2load, at one nginx")
    agreeing.add_argument("--rounds", type=int, default=AGREE_ROUNDS, help="rounds of each (%(default)s)")
    agreeing.add_argument("--seconds", type=float, default=AGREE_SECONDS, help="length of each round (%(default)s)")
    found = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return agree(found.rounds, found.seconds) if found.command == "agree" else run_compare(found)
    except MissingError as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nbench: interrupted; every process that was started has been stopped",
            file=sys.stderr,
        )
        return 130


def load(arguments: list[str]) -> NoReturn:
    """Becomes the load generator."""
    try:
        binary = tool.find()
    except MissingError as missing:
        sys.exit(f"bench: {missing}")
    os.execv(binary, [str(binary), *arguments])


def add_compare(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(scenarios.ALL)
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help=f"only these, * fits anything: {names}",
    )
    parser.add_argument(
        "--candidates",
        metavar="A,B",
        help=f"only these (of {', '.join(candidates.NAMES)})",
    )
    parser.add_argument(
        "--rounds", type=int, help=f"rounds of every candidate ({ROUNDS}); more are run where others disturb them"
    )
    parser.add_argument("--seconds", type=float, help=f"length of each measured window ({SECONDS})")
    parser.add_argument("--quick", action="store_true", help="short rounds: a look, not a result")
    parser.add_argument(
        "--gateway",
        type=Path,
        metavar="PATH",
        help="the gateway's command (.venv/bin/gateway)",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="where the results go (bench/results/DATE.json)",
    )


def run_compare(found: argparse.Namespace) -> int:
    try:
        chosen = scenarios.matching(found.scenario)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return USAGE
    options = Options(
        scenarios=chosen,
        candidates=found.candidates.split(",") if found.candidates else None,
        rounds=found.rounds or (QUICK_ROUNDS if found.quick else ROUNDS),
        seconds=found.seconds or (QUICK_SECONDS if found.quick else SECONDS),
        gateway=found.gateway,
        json=found.json,
    )
    return compare(options)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
