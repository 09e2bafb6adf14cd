"""The JSON Schema, read by an implementation that nobody here wrote."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from gateway.config.findings import Findings
from gateway.config.json_schema import json_schema
from gateway.config.load.parse import parse
from gateway.config.nodes import Plain, Source, plain
from tests.unit.config.reading import EXAMPLES

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def values(text: str) -> Plain:
    """YAML as an editor sees it: without substitution."""
    node = parse(text.replace("$", "$$"), Source("x", Path("x"), ()), Findings(), {})
    assert node is not None
    return plain(node)


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_every_example_fits(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(values(file.read_text()))] == []


@pytest.mark.parametrize(
    "text",
    [
        "version: 2",
        "version: 1\nlistners: []",
        "version: 1\ndrain: {timeout: 5}",
        "version: 1\ndrain: {timeout: 5d}",
        "version: 1\nlisteners: [{name: a, listen: ':80', limits: {header_bytes: 64}}]",
        "version: 1\nlisteners: [{name: a, listen: ':80', limits: {connections: 0}}]",
        "version: 1\nroutes: [{name: a}]",
        "version: 1\nupstreams: {a: {endpoints: [], balance: roundrobin}}",
    ],
)
def test_what_does_not_fit(text: str) -> None:
    assert not VALIDATOR.is_valid(values(text))


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nx-any: [thing]",
        'version: 1\nworkers: "${N}"',
        'version: 1\nworkers: "${N:-auto}"',
        'version: 1\ndrain: {timeout: "${T:-5s}", x-why: because}',
        'version: 1\nupstreams: {a: {endpoints: [{address: "127.0.0.1:1", weight: "${W}"}], balance: "${B}"}}',
    ],
)
def test_free_keys_and_substitution_fit_everywhere(text: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(values(text))] == []


def test_defaults_are_written_as_people_write_them() -> None:
    listener = json_schema()["$defs"]["Listener"]["properties"]
    assert listener["timeout"]["default"] == {"header": "10s", "idle": "1m"}
    assert listener["limits"]["default"]["header_bytes"] == "64KiB"


def test_every_field_says_what_it_means() -> None:
    for name, definition in json_schema()["$defs"].items():
        for field, schema in definition["properties"].items():
            assert schema.get("description"), f"{name}.{field}"
