"""From a file to a snapshot, with the engine's own verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import document as wire
from gateway.config.compile import ENGINE, Compiled, Verdict, compile_file, regex_problem
from gateway.config.keys import ListenerKeys
from gateway.config.schema import AccessLog
from gateway.errors import ConfigError
from tests.unit.config.reading import EXAMPLES, NOW, Folder, example

VALID = """\
version: 1
listeners: [{name: web, listen: "127.0.0.1:8080"}]
routes: [{name: r, rules: [{name: a, to: app}, {name: b, match: /b, to: app}]}]
upstreams: {app: {endpoints: ["127.0.0.1:3000"]}}
"""


class Says:
    """An engine with a fixed opinion."""

    def __init__(self, error: str = "", pairs: tuple[tuple[int, int], ...] = ()) -> None:
        self._error = error
        self._pairs = list(pairs)

    def check(self, snapshot: bytes, /) -> int:
        if self._error:
            raise ValueError(self._error)
        return 0

    def shadowed(self, snapshot: bytes, /) -> list[tuple[int, int]]:
        return self._pairs


def compiled(folder: Folder, text: str, verdict: Verdict | None = None) -> Compiled:
    file = folder.write("gateway.yaml", text)
    if verdict is None:
        return compile_file(file, ListenerKeys(), environ={}, now=NOW)
    return compile_file(file, ListenerKeys(), environ={}, now=NOW, verdict=verdict)


def test_what_serving_needs_is_there(folder: Folder) -> None:
    result = compiled(folder, VALID + 'workers: 3\naccess_log: {}\nadmin: {listen: "[::1]:9901"}\n', Says())
    assert wire.encode(result.document) == result.snapshot
    assert [(it.name, str(it.address)) for it in result.listening] == [
        ("web", "127.0.0.1:8080"),
        ("admin", "[::1]:9901"),
    ]
    assert (result.workers, result.access_log, result.drain.timeout) == (3, AccessLog(), 30_000)
    assert result.handlers[0] == "gateway.admin.health:healthz"
    assert result.directory == folder.path
    assert compiled(folder, VALID, Says()).workers is None


def test_a_rule_that_is_never_taken_is_a_warning_that_names_the_winner(folder: Folder) -> None:
    (warning,) = compiled(folder, VALID, Says(pairs=((1, 0),))).warnings
    where = f"{folder.path}/gateway.yaml:3"
    assert warning.headline() == f'{where}:48: warning: the rule "b" is never taken: "a" at {where} always wins'


def test_shadowed_rules_of_the_admin_api_are_nobodys_business(folder: Folder) -> None:
    assert compiled(folder, VALID, Says(pairs=((2, 0), (5, 3)))).warnings == ()


def test_what_only_the_engine_refuses_is_an_error_with_the_file(folder: Folder) -> None:
    with pytest.raises(ConfigError) as refused:
        compiled(folder, VALID, Says(error="routes[r]: no"))
    assert (
        str(refused.value) == f"{folder.path}/gateway.yaml: error: the engine refuses this configuration: routes[r]: no"
    )


def test_a_refused_file_leaves_no_key_behind_that_matters(folder: Folder) -> None:
    keys = ListenerKeys()
    file = folder.write("gateway.yaml", VALID)
    first = compile_file(file, keys, environ={}, now=NOW, verdict=Says()).listening[0].key
    folder.write("gateway.yaml", VALID + "oops: 1\n")
    with pytest.raises(ConfigError):
        compile_file(file, keys, environ={}, now=NOW, verdict=Says())
    folder.write("gateway.yaml", VALID)
    assert compile_file(file, keys, environ={}, now=NOW, verdict=Says()).listening[0].key == first


# ── with the real engine ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_the_engine_takes_every_example_and_shadows_none_of_its_rules(file: Path, tmp_path: Path) -> None:
    assert compile_file(str(example(file, tmp_path)), ListenerKeys(), environ={}, now=NOW).warnings == ()


def test_the_engine_finds_the_rule_that_is_never_taken(folder: Folder) -> None:
    text = VALID.replace("match: /b", "match: /").replace("name: b", "name: z")
    (warning,) = compiled(folder, text).warnings
    assert 'the rule "z" is never taken: "a" at ' in warning.message


@pytest.mark.parametrize("pattern", ["/v[0-9]+", "(?i)websocket", "a|b", "", r"\d{1,3}", r"\p{L}+"])
def test_expressions_that_the_engine_takes(pattern: str) -> None:
    assert regex_problem(pattern, ENGINE) is None


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(", "unclosed group"),
        ("[a", "unclosed character class"),
        ("a**b{", ""),
        (r"(?=a)", "look-around"),
        (r"(a)\1", "backreferences"),
    ],
)
def test_expressions_that_the_engine_refuses_in_its_own_words(folder: Folder, pattern: str, complaint: str) -> None:
    text = VALID.replace("match: /b", f"match: {{path: {{regex: '{pattern}'}}}}")
    with pytest.raises(ConfigError) as refused:
        compiled(folder, text)
    (finding,) = refused.value.findings
    assert finding.message.startswith("not a regular expression: ")
    assert complaint in finding.message
    assert "\n" not in finding.message
    assert ("linear time" in finding.hint) == (complaint in ("look-around", "backreferences"))
