"""An explanation (`rust/core/src/explain/answer.rs`) as people read it.

Theory: everything is a row of label, name, place and note, or a condition below a row. Rows are collected first and
laid out together, so that columns stand under each other however long the names are. Values come from outside: they
are made printable before anything else, and colours are added last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.cli.table import paint, printable

LABEL_WIDTH: Final = 11
NAME_WIDTH: Final = 12
PLACE_WIDTH: Final = 15
INDENT: Final = 13
ENDPOINTS_SHOWN: Final = 3

RED: Final = "31"
GREEN: Final = "32"
BOLD_GREEN: Final = "1;32"


@dataclass(frozen=True, slots=True)
class Row:
    """One line with columns."""

    label: str
    name: str = ""
    place: str = ""
    note: str = ""
    colour: str = ""
    """Of the note, or of the whole line where there is none."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the rule above it."""

    text: str
    held: bool
    seen: str
    """What the request has there."""


Line = Row | Condition


def in_words(answer: dict[str, Any]) -> list[str]:
    """The explanation, line by line."""
    answer = _harmless(answer)
    lines = [*_arrival(answer), *_passed(answer), *_taken(answer), *_others(answer), *_outcome(answer)]
    rows = [line for line in lines if isinstance(line, Row) and line.note]
    name = max([NAME_WIDTH, *(len(row.name) + 2 for row in rows)])
    place = max([PLACE_WIDTH, *(len(row.place) + 3 for row in rows)])
    texts = [len(line.text) + 1 for line in lines if isinstance(line, Condition)]
    mark = max([LABEL_WIDTH + name + place - INDENT, *texts])
    return [_row(line, name, place) if isinstance(line, Row) else _condition_line(line, mark) for line in lines]


def _row(row: Row, name: int, place: int) -> str:
    if not row.note:
        return paint(f"{row.label:<{LABEL_WIDTH}}{row.name:<{name}}{row.place}".rstrip(), row.colour)
    return f"{row.label:<{LABEL_WIDTH}}{row.name:<{name}}{row.place:<{place}}{paint(row.note, row.colour)}"


def _condition_line(condition: Condition, mark: int) -> str:
    sign = paint("✓", GREEN) if condition.held else paint("✗", RED)
    seen = "" if condition.held else f"  the request has {condition.seen}"
    return f"{'':<{INDENT}}{condition.text:<{mark}}{sign}{seen}"


def _harmless(value: Any) -> Any:
    """The same with printable text only."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    if isinstance(value, dict):
        return {key: _harmless(each) for key, each in value.items()}
    return value


def _arrival(answer: dict[str, Any]) -> Iterator[Line]:
    if listener := answer["listener"]:
        yield Row("listener", listener["name"], listener["address"])
    if grpc := answer["grpc"]:
        yield Row("protocol", grpc["kind"], note=", ".join(_grpc(grpc)))
    if (path := answer["path"]) and path["changed"]:
        yield Row("path", path["normal"], "", f"from {path['raw']}")


def _grpc(grpc: dict[str, Any]) -> Iterator[str]:
    if grpc["translated"]:
        yield "translated to gRPC and back"
    if grpc["timeout_ns"] is not None:
        yield f"deadline {grpc['timeout_ns'] / 1e9:g}s"


def _passed(answer: dict[str, Any]) -> Iterator[Line]:
    if passed := answer["passed"]:
        yield Row("sni", passed["pattern"], passed["source"], "PASSED ON", BOLD_GREEN)
        yield Row("tls", "not opened", "", "method, path and headers are for the upstream alone")


def _taken(answer: dict[str, Any]) -> Iterator[Line]:
    for each in answer["candidates"]:
        if each["state"] == "taken":
            host = answer["hosts"][each["host"]]["pattern"]
            yield Row("route", each["route"], each["route_source"], f"host {host}")
            yield Row("rule", each["rule"], each["rule_source"], "TAKEN", BOLD_GREEN)
            yield from _conditions(each)


def _conditions(candidate: dict[str, Any]) -> Iterator[Line]:
    for each in candidate["conditions"]:
        yield Condition(_condition(each), each["held"], _seen(each))


def _condition(condition: dict[str, Any]) -> str:
    subject, name, test, wanted = (condition[each] for each in ("subject", "name", "test", "wanted"))
    if subject in ("path", "method"):
        return f"{subject:<6} {wanted if test == 'any_of' else f'{test} {wanted}'}"
    subject = "client" if subject == "client_cert" else subject
    signs = {"exact": f'= "{wanted}"', "regex": f"~ {wanted}"}
    return f"{subject:<6} {name} {signs.get(test, test)}"


def _seen(condition: dict[str, Any]) -> str:
    return ", ".join(f'"{value}"' for value in condition["seen"]) or "none"


def _others(answer: dict[str, Any]) -> Iterator[Line]:
    for each in answer["candidates"]:
        if each["state"] == "fits":
            yield Row("also fits", each["rule"], each["rule_source"], f"loses: {each['loses']}")
        elif each["state"] == "fails":
            yield Row("not", each["rule"], each["rule_source"], f"route {each['route']}")
            yield from _conditions(each)
    for each in answer["passed_over"]:
        subject = f"{each['subject']} {each['name']}".strip()
        yield Row("not", f"{each['count']} more", "", f"want another {subject} than {_seen(each)}")
    if answer["omitted"]:
        yield Row("not shown", f"{answer['omitted']} more")


def _outcome(answer: dict[str, Any]) -> Iterator[Line]:
    match answer["verdict"]:
        case "forward":
            yield from _forward(answer)
        case "pass_through":
            yield from _upstream(answer)
        case "respond":
            yield Row("respond", str(answer["status"]), f"{answer['respond']['body_bytes']} bytes")
        case "redirect":
            yield Row("redirect", str(answer["status"]), answer["location"])
        case "ask":
            yield Row("handler", answer["handler"])
        case _:
            yield Row("refused", str(answer["status"]), f"{answer['reason']}: {answer['text']}", colour=RED)


def _upstream(answer: dict[str, Any]) -> Iterator[Line]:
    upstream = answer["upstream"]
    endpoints = [each["address"] for each in upstream["endpoints"]]
    count = "1 endpoint" if len(endpoints) == 1 else f"{len(endpoints)} endpoints"
    more = ", …" if len(endpoints) > ENDPOINTS_SHOWN else ""
    yield Row("upstream", upstream["name"], f"{count} → {', '.join(endpoints[:ENDPOINTS_SHOWN])}{more}")


def _forward(answer: dict[str, Any]) -> Iterator[Line]:
    yield from _upstream(answer)
    if len(answer["split"]) > 1:
        shares = ", ".join(f"{each['upstream']} {each['percent']:g} %" for each in answer["split"])
        yield Row("split", shares)
    if answer["target"].partition("?")[0] != answer["path"]["normal"]:
        yield Row("sent as", answer["target"])
    if answer["host_rewrite"]:
        yield Row("host", answer["host_rewrite"])
