"""YAML text → nodes.

libyaml reads the text and gives events with positions; this file makes nodes of them. It is the only one that knows
libyaml, and it takes only what a configuration needs: one document, mappings with plain keys, aliases, no tags.

Everything is bounded before it is built: bytes (by the caller), depth, and the number of values after aliases are
copied out, which is where "billion laughs" files explode.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gateway.config.findings import Findings
from gateway.config.load.core_schema import resolve
from gateway.config.load.substitute import SubstitutionError, substitute
from gateway.config.nodes import Mapping, Node, Scalar, Sequence, Source, Spot
from gateway.limits import CONFIG_DEPTH, CONFIG_NODES

_REFUSED = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2.2 §5.1 does not allow in a file; and U+0085, U+2028 and U+2029, which end a line for libyaml (as in
YAML 1.1) and not for an editor (nor in YAML 1.2)."""

_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")

_IN_OTHER_WORDS: Final = {
    "mapping values are not allowed in this context": (
        "a second `:` or a wrong indent here",
        "quote a value that contains `: `, and indent the keys of one mapping alike",
    ),
    "found character that cannot start any token": (
        "this character cannot start a value",
        "quote a value that starts with @, ` or %",
    ),
    "found a tab character that violates indentation": ("a tab in the indentation", "indent with spaces"),
    "did not find expected key": ("expected a key here", "indent the keys of one mapping alike"),
    "did not find expected '-' indicator": ("expected `- ` here", "the items of one list are indented alike"),
    "did not find expected node content": ("expected a value here", ""),
    "did not find expected ',' or ']'": ("a list that was opened with `[` is not closed", "put `,` or `]` before this"),
    "did not find expected ',' or '}'": (
        "a mapping that was opened with `{` is not closed",
        "put `,` or `}` before this",
    ),
    "found unexpected end of stream": ("the file ends inside a quoted text", "close the quote"),
    "found unknown escape character": ("unknown escape in a double-quoted text", "single quotes take \\ literally"),
}
"""libyaml's complaints that people stumble over, in words that say what to do."""


class ParseStoppedError(Exception):
    """The text cannot be read further; the reason is among the findings."""


def parse(text: str, source: Source, findings: Findings, environ: dict[str, str]) -> Node | None:
    """The one document in `text`. None when it has none or cannot be read (then there is an error in `findings`)."""
    bad = _REFUSED.search(text)
    if bad is not None:
        line, column = place_of_end(text[: bad.start()])
        what = f"a control character (U+{ord(bad[0]):04X}) in the file"
        findings.error(Spot(source, line, column), what, 'write it as an escape: "\\u…"')
        return None
    try:
        return _Composer(text, source, findings, environ).document()
    except ParseStoppedError:
        return None
    except YAMLError as error:
        _report(error, source, findings)
        return None


def split_lines(text: str) -> list[str]:
    """The lines of a file as YAML and editors count them (str.splitlines knows more line ends)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def place_of_end(text: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows `text`."""
    lines = split_lines(text)
    return len(lines), len(lines[-1]) + 1


def _report(error: YAMLError, source: Source, findings: Findings) -> None:
    mark: Any = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    last = max((number for number, text in enumerate(source.lines, start=1) if text.strip()), default=1)
    if line > last:  # the end of the file: show the last line instead of nothing
        line, column = last, len(source.line(last)) + 1
    problem = str(getattr(error, "problem", None) or error)
    if source.line(line)[column - 1 : column] == "\t":
        problem = "found a tab character that violates indentation"
    message, hint = _IN_OTHER_WORDS.get(problem, (f"not valid YAML: {problem}", ""))
    if "${" in source.line(line):
        hint = 'inside { } or [ ], quote a value that has ${…}: "${NAME}"'
    findings.error(Spot(source, line, column), message, hint)


class _Composer:
    """Makes nodes of the events of one file."""

    def __init__(self, text: str, source: Source, findings: Findings, environ: dict[str, str]) -> None:
        # never None: nobody asks past the end of the stream
        self._next_event: Callable[[], Event] = CParser(text).get_event  # type: ignore[assignment]
        self._source = source
        self._findings = findings
        self._environ = environ
        self._anchors: dict[str, Node | None] = {}
        self._depth = 0

    def document(self) -> Node | None:
        """The only document of the stream."""
        root: Node | None = None
        event = self._next_event()
        while not isinstance(event, StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    self._stop(self._spot(event), "a second document", "one file holds one configuration: remove `---`")
                root = self._node(self._next_event())
            event = self._next_event()
        return root

    def _where(self, event: Event) -> tuple[Source, int, int, int]:
        """What every node begins with: file, line, column, width."""
        start: Any = event.start_mark
        end: Any = event.end_mark
        line, column = start.line, start.column
        width = end.column - column if end.line == line and end.column > column else 1
        return self._source, line + 1, column + 1, width

    def _spot(self, event: Event) -> Spot:
        return Spot(*self._where(event))

    def _stop(self, at: Spot, message: str, hint: str = "") -> NoReturn:
        self._findings.error(at, message, hint)
        raise ParseStoppedError

    def _node(self, event: Event) -> Node:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if isinstance(event, ScalarEvent):
            node: Node = self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
            return node
        return self._collection(event)

    def _alias(self, event: AliasEvent) -> Node:
        spot = self._spot(event)
        name = event.anchor or ""
        if name not in self._anchors:
            self._stop(spot, f"unknown alias *{name}", f"an anchor &{name} must come before it")
        node = self._anchors[name]
        if node is None:
            self._stop(spot, f"the alias *{name} stands inside its own anchor")
        return node

    def _collection(self, event: Event) -> Node:
        spot = self._spot(event)
        anchor: str | None = getattr(event, "anchor", None)
        if getattr(event, "tag", None) not in (None, "!"):
            self._findings.error(spot, f"tags are not supported: {event.tag}", "remove it")  # type: ignore[attr-defined]
        if anchor is not None:
            self._anchors[anchor] = None  # until it is whole: an alias to it now would have no end
        self._depth += 1
        if self._depth > CONFIG_DEPTH:
            self._stop(spot, f"nested more than {CONFIG_DEPTH} deep")
        node: Node = self._sequence(spot) if isinstance(event, SequenceStartEvent) else self._mapping(spot)
        self._depth -= 1
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _sequence(self, spot: Spot) -> Sequence:
        node = Sequence(spot)
        while not isinstance(event := self._next_event(), SequenceEndEvent):
            item = self._node(event)
            node.items.append(item)
            self._grow(node, item)
        return node

    def _mapping(self, spot: Spot) -> Mapping:
        node = Mapping(spot)
        while not isinstance(event := self._next_event(), MappingEndEvent):
            key = self._key(event)
            value = self._node(self._next_event())
            self._grow(node, value)
            if key.text not in node.entries:
                node.entries[key.text] = (key, value)
                continue
            first = node.entries[key.text][0]
            self._findings.error(key, f'"{key.text}" is written twice', f"first at {first.where}")
        return node

    def _grow(self, node: Sequence | Mapping, child: Node) -> None:
        node.size += child.size
        node.height = max(node.height, child.height + 1)
        if node.size > CONFIG_NODES:
            self._stop(child, f"more than {CONFIG_NODES:,} values after aliases are copied out")
        if node.height > CONFIG_DEPTH:
            self._stop(child, f"nested more than {CONFIG_DEPTH} deep after aliases are copied out")

    def _key(self, event: Event) -> Scalar:
        if not isinstance(event, ScalarEvent):
            self._stop(self._spot(event), "a key must be plain text", "quote a value that starts with {, [ or *")
        if event.value == "<<" and event.implicit[0]:
            self._stop(
                self._spot(event), "merge keys (`<<`) are not part of YAML 1.2", "write the fields out, or use an alias"
            )
        return Scalar(*self._where(event), event.value, event.value)

    def _scalar(self, event: ScalarEvent) -> Scalar:
        text = event.value
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            hint = "remove it, or quote the value"
            self._findings.error(self._spot(event), f"tags are not supported: {event.tag}", hint)
        if "$" in text:
            text = self._substituted(text, event)
        is_plain = event.tag is None and event.implicit[0] and type(text) is str
        return Scalar(*self._where(event), event.value, resolve(text) if is_plain else text)

    def _substituted(self, text: str, event: ScalarEvent) -> str:
        try:
            return substitute(text, self._environ, self._source.path.parent)
        except SubstitutionError as error:
            self._findings.error(self._spot(event), str(error), error.hint)
            return text
