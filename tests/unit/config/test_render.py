"""What `gateway render` shows is a valid configuration that means the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.config import document as wire
from gateway.config.emit import emit
from gateway.config.findings import Findings
from gateway.config.load import load
from gateway.config.load.parse import parse
from gateway.config.nodes import Plain, Source, plain
from gateway.config.render import render
from tests.unit.config.reading import EXAMPLES, Folder, example, lowered

FILES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_rendering_twice_gives_the_same_text_and_the_same_meaning(folder: Folder, file: Path) -> None:
    first = load(str(example(file, folder.path)), {})
    shown = render(first.config)
    second = load(folder.write("examples/rendered.yaml", shown), {})
    assert render(second.config) == shown
    before = lowered(first, folder.path / "state").document
    after = lowered(second, folder.path / "state").document
    assert _places_gone(after) == _places_gone(before)


def _places_gone(document: wire.Document) -> wire.Document:
    routes = tuple(
        replace(route, source="", rules=tuple(replace(rule, source="") for rule in route.rules))
        for route in document.routes
    )
    upstreams = tuple(replace(upstream, source="") for upstream in document.upstreams)
    listeners = tuple(replace(listener, tls=_tls_without_places(listener.tls)) for listener in document.listeners)
    return replace(document, listeners=listeners, routes=routes, upstreams=upstreams)


def _tls_without_places(tls: wire.ListenerTls | None) -> wire.ListenerTls | None:
    if tls is None:
        return None
    return replace(tls, passthrough=tuple(replace(each, source="") for each in tls.passthrough))


def test_defaults_are_filled_in_where_they_apply(folder: Folder) -> None:
    shown = render(
        folder.load(
            'version: 1\nlisteners: [{name: web, listen: ":8080"}]\nupstreams: {app: {endpoints: []}}\n'
            "defaults: {timeout: {idle: 90s}}\n"
            "routes: [{name: r, timeout: {request: 2s}, rules: [{to: app}, {match: /x, respond: {}}]}]\n"
        ).config
    )
    assert "  timeout: {request: 0s, per_try: 0s, connect: 5s, idle: 1m30s}\n" in shown
    assert "        timeout: {request: 2s, per_try: 0s, connect: 5s, idle: 1m30s}\n" in shown
    assert "    limits: {connections: 10000, header_bytes: 64KiB, headers: 100}\n" in shown
    assert '  - name: "r#1"\n' in shown
    assert "    listeners: [web]\n" in shown


def test_a_secret_is_shown_as_it_was_written_and_a_dollar_survives(folder: Folder) -> None:
    folder.write("token", "hunter2")
    folder.environ = {"SITE": "a${b}"}
    loaded = folder.load(
        'version: 1\nlisteners: [{name: web, listen: ":8080"}]\n'
        'routes: [{name: r, rules: [{respond: {body: "${SITE} $$$$ $", headers: {x-t: "T ${file:token}"}}}]}]\n'
    )
    shown = render(loaded.config)
    assert "hunter2" not in shown
    assert 'headers: {x-t: "T ${file:token}"}' in shown
    assert 'body: "a$${b} $$$$ $$"' in shown
    folder.environ = {}
    again = folder.load(shown).config.routes[0].rules[0].respond
    assert again is not None
    assert (again.body, again.headers["x-t"]) == ("a${b} $$ $", "T hunter2")


scalars = (
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(st.characters(codec="utf-8"), max_size=30)
)
words = st.sampled_from(["no", "0o7", "1e3", "~", "null", "- a", "a: b", "# x", "'", '"', "", "1.5", ".5", "*a", "&a"])
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10) | words, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=10), values, max_size=5))
def test_what_is_emitted_reads_back_as_itself(value: dict[str, Plain]) -> None:
    text = emit(value)
    findings = Findings()
    node = parse(text, Source("x", Path("x"), ()), findings, {})
    if "${" in text or "$$" in text or any(key == "<<" for key in _keys(value)):
        return  # substitution is the renderer's business, and merge keys are refused
    assert findings.all == ()
    assert (plain(node) if node is not None else {}) == value


def _keys(value: Plain) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for item in value.values() for key in _keys(item))]
    return [key for item in value for key in _keys(item)] if isinstance(value, list) else []
