"""`gateway validate`: everything that is wrong in a configuration, or that nothing is."""

from __future__ import annotations

import argparse
import sys
from typing import Final

import msgspec

from gateway.cli.arguments import configuration, file_argument, output_argument
from gateway.config.compile import Compiled, compile_file
from gateway.config.keys import ListenerKeys
from gateway.config.report import report, wants_colour
from gateway.errors import ConfigError, ExitCode, Finding

EXAMPLE: Final = """\
  gateway validate gateway.yaml
  gateway validate --strict gateway.yaml    # warnings fail too: for a pipeline

exit codes: 0 valid, 10 warnings (with --strict), 78 not valid
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    file_argument(parser)
    output_argument(parser)
    parser.add_argument("--strict", action="store_true", help="exit 10 when there are warnings")


def run(options: argparse.Namespace) -> ExitCode:
    """Check, and say what was found."""
    name = configuration(options)
    if options.output == "json":
        return _json(name, options)
    compiled = compile_file(name, ListenerKeys(), now=options.now)
    sys.stderr.write(report(compiled.warnings, colour=wants_colour(sys.stderr)))
    print(f"{name}: valid: {_summary(compiled)}")
    return _verdict(compiled.warnings, options.strict)


def _json(name: str, options: argparse.Namespace) -> ExitCode:
    try:
        found, code = compile_file(name, ListenerKeys(), now=options.now).warnings, None
    except ConfigError as error:
        found, code = error.findings, error.exit_code
    findings = [
        {
            "severity": f.severity,
            "file": f.file,
            "line": f.line,
            "column": f.column,
            "message": f.message,
            "hint": f.hint,
        }
        for f in found
    ]
    print(msgspec.json.encode({"file": name, "valid": code is None, "findings": findings}).decode())
    return _verdict(found, options.strict) if code is None else code


def _verdict(warnings: tuple[Finding, ...], strict: bool) -> ExitCode:
    return ExitCode.FINDINGS if warnings and strict else ExitCode.OK


def _summary(compiled: Compiled) -> str:
    config = compiled.config
    rules = sum(len(route.rules) for route in config.routes)
    counts = [
        _count(len(config.listeners), "listener"),
        _count(len(config.routes), "route"),
        _count(rules, "rule"),
        _count(len(config.upstreams), "upstream"),
    ]
    if compiled.warnings:
        counts.append(_count(len(compiled.warnings), "warning"))
    return ", ".join(counts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
