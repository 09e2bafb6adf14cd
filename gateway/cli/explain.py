"""`gateway explain`: where a request would go and why, by the code that routes. No gateway need run."""

from __future__ import annotations

import argparse
from typing import Any, Final

import msgspec

from gateway.cli.arguments import config_argument, configuration
from gateway.cli.table import paint, printable
from gateway.errors import ExitCode, UsageError

EXAMPLE: Final = """\
  gateway explain -c shop.yaml GET https://shop.example.com/cart -H 'x-beta: 1'
  gateway explain -c shop.yaml POST http://api.example.com/v1/orders -o json | jq .taken

exit codes: 0 it goes somewhere, 10 it is refused or no rule fits
"""

NOWHERE: Final = frozenset({"no_host", "no_rule", "no_target", "refused"})
"""Verdicts that a person should look at."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    config_argument(parser)
    parser.add_argument("method", metavar="METHOD", help="as it would be sent, such as GET")
    parser.add_argument("url", metavar="URL", help="scheme://host[:port]/path?query")
    parser.add_argument(
        "-H", "--header", metavar="'NAME: VALUE'", action="append", default=[], help="a header field; may be repeated"
    )
    parser.add_argument("--listener", metavar="NAME", help="where it would arrive (default: the URL says)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="for people or for programs")
    parser.add_argument("--json", dest="output", action="store_const", const="json", help="the same as -o json")


def run(options: argparse.Namespace) -> ExitCode:
    """Compile, ask the engine, print."""
    from gateway.config.compile import compile_file
    from gateway.config.keys import ListenerKeys

    question = {
        "listener": options.listener,
        "method": options.method,
        "url": options.url,
        "headers": [_field(each) for each in options.header],
    }
    compiled = compile_file(configuration(options), ListenerKeys())
    answer = msgspec.msgpack.decode(_explain(compiled.snapshot, msgspec.msgpack.encode(question)))
    if options.output == "json":
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    else:
        print("\n".join(in_words(answer)))
    return ExitCode.FINDINGS if answer["verdict"] in NOWHERE else ExitCode.OK


def _explain(snapshot: bytes, question: bytes) -> bytes:
    from gateway.serve.engine import explain

    try:
        return explain(snapshot, question)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _field(written: str) -> tuple[str, str]:
    name, colon, value = written.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"-H {written!r}: write it as 'name: value'")
    return name.strip(), value.strip()


# ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_words(answer: dict[str, Any]) -> list[str]:
    """The explanation as people read it, line by line."""
    answer = _harmless(answer)
    return [*_arrival(answer), *_taken(answer), *_others(answer), *_outcome(answer)]


def _harmless(value: Any) -> Any:
    """The same with printable text only: much of it comes from outside."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    if isinstance(value, dict):
        return {key: _harmless(each) for key, each in value.items()}
    return value


def _row(label: str, name: str = "", place: str = "", note: str = "") -> str:
    return f"{label:<10} {name:<11} {place:<14} {note}".rstrip()


def _arrival(answer: dict[str, Any]) -> list[str]:
    lines = []
    if listener := answer["listener"]:
        lines.append(_row("listener", listener["name"], listener["address"]))
    if (path := answer["path"]) and path["changed"]:
        lines.append(_row("path", path["normal"], "", f"from {path['raw']}"))
    return lines


def _taken(answer: dict[str, Any]) -> list[str]:
    taken = next((each for each in answer["candidates"] if each["state"] == "taken"), None)
    if taken is None:
        return []
    host = next((each["pattern"] for each in answer["hosts"] if each["taken"]), "any")
    rule = _row("rule", taken["rule"], taken["rule_source"], paint("TAKEN", "1;32"))
    return [_row("route", taken["route"], taken["route_source"], f"host {host}"), rule, *_conditions(taken)]


def _conditions(candidate: dict[str, Any]) -> list[str]:
    texts = [(_condition(each), each) for each in candidate["conditions"]]
    width = max((len(text) for text, _ in texts), default=0)
    lines = []
    for text, each in texts:
        seen = "" if each["held"] else f"  the request has {_seen(each)}"
        mark = paint("✓", "32") if each["held"] else paint("✗", "31")
        lines.append(f"             {text:<{max(width, 22)}} {mark}{seen}")
    return lines


def _condition(condition: dict[str, Any]) -> str:
    subject, name, test, wanted = (condition[each] for each in ("subject", "name", "test", "wanted"))
    if subject in ("path", "method"):
        return f"{subject:<6} {wanted if test == 'any_of' else f'{test} {wanted}'}"
    signs = {"exact": f'= "{wanted}"', "regex": f"~ {wanted}"}
    return f"{subject:<6} {name} {signs.get(test, test)}"


def _seen(condition: dict[str, Any]) -> str:
    return ", ".join(f'"{value}"' for value in condition["seen"]) or "none"


def _others(answer: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for each in answer["candidates"]:
        if each["state"] == "fits":
            lines.append(_row("also fits", each["rule"], each["rule_source"], f"loses: {each['loses']}"))
        elif each["state"] == "fails":
            lines.append(_row("not", each["rule"], each["rule_source"]))
            lines += _conditions(each)
    for each in answer["passed_over"]:
        subject = f"{each['subject']} {each['name']}".strip()
        lines.append(_row("not", f"{each['count']} matches", "", f"want another {subject} than {_seen(each)}"))
    if answer["omitted"]:
        lines.append(_row("not shown", f"{answer['omitted']} more"))
    return lines


def _outcome(answer: dict[str, Any]) -> list[str]:
    match answer["verdict"]:
        case "forward":
            return _forward(answer)
        case "respond":
            return [_row("respond", str(answer["status"]), "", f"{answer['respond']['body_bytes']} bytes")]
        case "redirect":
            return [_row("redirect", str(answer["status"]), answer["location"])]
        case "ask":
            return [_row("handler", answer["handler"])]
    return [paint(_row("refused", str(answer["status"] or ""), answer["reason"] or answer["verdict"]), "31")]


def _forward(answer: dict[str, Any]) -> list[str]:
    upstream = answer["upstream"]
    endpoints = upstream["endpoints"]
    count = "1 endpoint" if len(endpoints) == 1 else f"{len(endpoints)} endpoints"
    places = ", ".join(each["address"] for each in endpoints[:3]) + (", …" if len(endpoints) > 3 else "")
    lines = [_row("upstream", upstream["name"], f"{count} → {places}")]
    if len(answer["split"]) > 1:
        shares = ", ".join(f"{each['upstream']} {each['percent']:g} %" for each in answer["split"])
        lines.append(_row("split", shares))
    sent = answer["target"]
    if sent is not None and answer["path"] and sent.partition("?")[0] != answer["path"]["normal"]:
        lines.append(_row("sent as", sent))
    if answer["host_rewrite"]:
        lines.append(_row("host", answer["host_rewrite"]))
    return lines
