"""The main file and the files that it includes, read and merged into one tree of nodes.

`include:` patterns are relative to the file that has them and are taken in sorted order. An included file holds
`listeners`, `routes`, `upstreams` (and `include`, `version`, `x-*`); what concerns the whole process stays in the main
file. Names that occur twice are found later by `check`, except for upstreams, whose names are keys: they are refused
here, with both places.
"""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Final

from gateway.config.findings import Findings, did_you_mean
from gateway.config.load.parse import parse, place_of_end, split_lines
from gateway.config.nodes import Mapping, Node, Scalar, Sequence, Source, Spot
from gateway.limits import CONFIG_FILE_BYTES, CONFIG_FILES

_MERGED: Final = ("listeners", "routes", "upstreams")
_ALLOWED: Final = ("version", "include", *_MERGED)


class Reader:
    """Reads a configuration's files, each once."""

    def __init__(self, findings: Findings, environ: dict[str, str]) -> None:
        self._findings = findings
        self._environ = environ
        self._open: list[Path] = []
        self._read: dict[Path, Spot] = {}

    def main(self, name: str) -> Mapping | None:
        """The tree of the main file with everything that it includes; None when the main file is no mapping."""
        nowhere = Spot(Source(name, Path(name), ()), 0, 0)
        root = self._file(name, nowhere)
        if root is not None:
            self._include(root, root)
        return root

    def _file(self, name: str, wanted_by: Spot) -> Mapping | None:
        text = self._text(name, wanted_by)
        if text is None:
            return None
        source = Source(name, Path(name), tuple(split_lines(text)))
        root = parse(text, source, self._findings, self._environ)
        if isinstance(root, Mapping):
            return root
        if not self._findings.failed:
            at = root if root is not None else Spot(source, 1, 1)
            what = "is empty" if root is None or (isinstance(root, Scalar) and root.value is None) else "is no mapping"
            self._findings.error(at, f"the file {what}", "a configuration starts with `version: 1`")
        return None

    def _text(self, name: str, wanted_by: Spot) -> str | None:
        try:
            with Path(name).open("rb") as file:
                content = file.read(CONFIG_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._findings.error(wanted_by, f"cannot read {name}: {why}")
            return None
        if len(content) > CONFIG_FILE_BYTES:
            self._findings.error(wanted_by, f"{name} is larger than {CONFIG_FILE_BYTES >> 20}MiB")
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            place = place_of_end(content[: error.start].decode("utf-8-sig"))
            self._findings.error(Spot(Source(name, Path(name), ()), *place), "not UTF-8 text", "save it as UTF-8")
            return None

    def _include(self, root: Mapping, into: Mapping) -> None:
        """Merge what `root` includes into the main tree."""
        patterns = root.get("include")
        if not isinstance(patterns, Sequence):
            return  # absent, or an error that the conversion reports
        path = root.source.path.resolve()
        self._open.append(path)
        for pattern in patterns.items:
            if isinstance(pattern, Scalar) and isinstance(pattern.value, str):
                for name in self._names(pattern, pattern.value):
                    self._one(name, pattern, into)
        self._open.pop()

    def _names(self, at: Spot, pattern: str) -> list[str]:
        # join by text: the name stays as people wrote it, which is how errors show it
        full = str(at.source.path.parent / pattern)
        if not glob.has_magic(pattern):
            return [full]
        return sorted(glob.glob(full))  # noqa: PTH207  (Path.glob refuses absolute patterns)

    def _one(self, name: str, at: Spot, into: Mapping) -> None:
        path = Path(name).resolve()
        if path in self._open or path == into.source.path.resolve():
            self._findings.error(at, f"{name} includes itself")
            return
        if path in self._read:
            self._findings.error(at, f"{name} is included twice", f"first at {self._read[path].where}")
            return
        if len(self._read) >= CONFIG_FILES:
            self._findings.error(at, f"more than {CONFIG_FILES} included files")
            return
        self._read[path] = at
        root = self._file(name, at)
        if root is None:
            return
        self._check_keys(root)
        self._merge(root, into)
        self._include(root, into)

    def _check_keys(self, root: Mapping) -> None:
        for key, (spot, _) in root.entries.items():
            if key not in _ALLOWED and not key.startswith("x-"):
                self._findings.error(
                    spot,
                    f'"{key}" cannot be in an included file',
                    did_you_mean(key, _ALLOWED) or f"an included file has {', '.join(_MERGED)}",
                )

    def _merge(self, root: Mapping, into: Mapping) -> None:
        for key in _MERGED:
            if key not in root.entries:
                continue
            spot, node = root.entries[key]
            if key not in into.entries:
                # a copy of the container: what is merged later must not appear in an aliased node
                into.entries[key] = (spot, _emptied(node))
            target = into.entries[key][1]
            if isinstance(target, Sequence) and isinstance(node, Sequence):
                target.items.extend(node.items)
            elif isinstance(target, Mapping) and isinstance(node, Mapping):
                self._merge_names(node, target)
            else:
                expected = "a mapping" if key == "upstreams" else "a list"
                self._findings.error(node, f'"{key}" must be {expected} in every file')

    def _merge_names(self, node: Mapping, target: Mapping) -> None:
        for name, entry in node.entries.items():
            if name in target.entries:
                first = target.entries[name][0]
                self._findings.error(entry[0], f'upstream "{name}" is written twice', f"first at {first.where}")
                continue
            target.entries[name] = entry


def _emptied(node: Node) -> Node:
    if isinstance(node, Sequence):
        return Sequence(node)
    return Mapping(node) if isinstance(node, Mapping) else node
