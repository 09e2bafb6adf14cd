"""YAML files → a `Config` with the place of everything in it, or all that is wrong.

    include         files → text → (parse) → one tree of nodes
    parse           text → nodes with positions; aliases, duplicates, limits; (substitute) and (core_schema) on scalars
    walk            nodes against the schema, when msgspec refuses them: every error, with its place

The conversion is msgspec's. Only when it refuses, the tree is walked in Python, which is slower and finds everything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingABC
from pathlib import Path

import msgspec

from gateway.config.findings import Findings
from gateway.config.load.include import Reader
from gateway.config.nodes import Cursor, Mapping, Node, plain
from gateway.config.schema import Config
from gateway.config.units import convert_scalar


class Loaded(msgspec.Struct, frozen=True):
    """A configuration that has the right shape (what it means together is for `check` to see)."""

    config: Config
    root: Mapping
    findings: Findings

    @property
    def directory(self) -> Path:
        """Where the main file lies; handlers' modules are looked for here."""
        return self.root.source.path.parent

    def cursor(self) -> Cursor:
        """Where things stand in the files."""
        return Cursor(self.root, self.root)


def load(name: str, environ: MappingABC[str, str] | None = None) -> Loaded:
    """Read the file `name` and what it includes. Raises ConfigError with every error found."""
    findings = Findings()
    root = Reader(findings, dict(os.environ if environ is None else environ)).main(name)
    config = _convert(root, findings) if root is not None else None
    findings.raise_if_failed()
    if root is None or config is None:
        raise AssertionError("a configuration that is neither read nor refused")
    return Loaded(config, root, findings)


def _convert(root: Node, findings: Findings) -> Config | None:
    try:
        return msgspec.convert(plain(root), Config, dec_hook=convert_scalar)
    except msgspec.ValidationError:
        pass
    # x-* keys or errors: only here is the slow walk worth its time
    from gateway.config.load.walk import walk

    known = walk(root, Config, findings)
    return None if findings.failed else msgspec.convert(known, Config, dec_hook=convert_scalar)
