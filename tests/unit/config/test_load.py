"""From text to structs: YAML, substitution, includes, and the errors of shape."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway import limits
from gateway.config.load import load
from gateway.config.load.core_schema import resolve
from gateway.config.load.substitute import escape, substitute
from gateway.config.nodes import Secret
from gateway.config.report import report
from gateway.errors import ConfigError, ExitCode
from tests.unit.config.reading import Folder

START = 'version: 1\nlisteners: [{name: web, listen: ":8080"}]\n'
ROUTE = "routes: [{name: r, rules: [{name: x, respond: {}}]}]\n"
VALID = START + ROUTE


# ── YAML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("off", "off"), ("y", "y"),
        ("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"),
        ("", None), ("~", None), ("null", None), ("Null", None), ("nul", "nul"),
        ("010", 10), ("0o10", 8), ("0x1F", 31), ("-3", -3), ("+3", 3), ("0b1", "0b1"), ("1_000", "1_000"),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), (".inf", float("inf")), ("-.INF", float("-inf")),
        ("12:30", "12:30"), ("2026-11-21", "2026-11-21"), ("1" * 60, "1" * 60), ("-", "-"), (".", "."),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_no_is_text_and_not_false(folder: Folder) -> None:
    route = "routes: [{name: no, hosts: [on], rules: [{name: yes, respond: {body: off}}]}]\n"
    config = folder.load(START + route).config
    assert (config.routes[0].name, config.routes[0].hosts) == ("no", ["on"])
    assert config.routes[0].rules[0].name == "yes"


def test_a_key_that_is_written_twice_is_refused_with_the_first_place(folder: Folder) -> None:
    assert folder.lines(VALID + "version: 1\n") == [
        f'4:1 "version" is written twice (first at {folder.path}/gateway.yaml:1)'
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a:\n\tb: 1\n", "2:1 a tab in the indentation (indent with spaces)"),
        ("a: b: c\n", "1:5 a second `:` or a wrong indent here"),
        ("a: [1, 2\nb: 1\n", "2:2 a list that was opened with `[` is not closed (put `,` or `]` before this)"),
        ("a: {b: 1\n", "1:9 a mapping that was opened with `{` is not closed"),
        ("a: @home\n", "1:4 this character cannot start a value"),
        ('a: "text\n', "1:9 the file ends inside a quoted text (close the quote)"),
        ("a: {b: ${X}}\n", "1:9 a mapping that was opened with `{` is not closed (inside { } or [ ], quote"),
        ("a: *nowhere\n", "1:4 unknown alias *nowhere (an anchor &nowhere must come before it)"),
        ("a: &a [*a]\n", "1:8 the alias *a stands inside its own anchor"),
        ("version: !!python/name:os.system x\n", "1:10 tags are not supported"),
        ("<<: {a: 1}\n", "1:1 merge keys (`<<`) are not part of YAML 1.2"),
        ("? [a]\n: 1\n", "1:3 a key must be plain text"),
        ("version: 1\n---\nversion: 1\n", "2:1 a second document (one file holds one configuration: remove `---`)"),
        ("a: x\x07y\n", "1:5 a control character (U+0007) in the file (write it as an escape"),
        ("", "1:1 the file is empty (a configuration starts with `version: 1`)"),
        ("# only a comment\n", "1:1 the file is empty"),
        ("- a\n", "1:1 the file is no mapping"),
        ('a: "\\q"\n', "1:5 unknown escape in a double-quoted text"),
    ],
)
def test_what_is_wrong_with_the_text_is_said_in_our_words(folder: Folder, text: str, complaint: str) -> None:
    lines = folder.lines(text)
    assert lines[0].startswith(complaint), lines


def test_anchors_and_aliases_work(folder: Folder) -> None:
    text = START + "x-body: &body {respond: {body: hello}}\nroutes: [{name: r, rules: [*body]}]\n"
    respond = folder.load(text).config.routes[0].rules[0].respond
    assert respond is not None
    assert respond.body == "hello"


def test_billion_laughs_cost_nothing(folder: Folder) -> None:
    levels = "".join(f"x-{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert "more than 500,000 values" in folder.lines("x-0: &l0 [lol]\n" + levels)[0]


def test_aliases_cannot_hide_depth(folder: Folder) -> None:
    levels = "".join(f"x-{n}: &l{n} [*l{n - 1}]\n" for n in range(1, 2_000))
    assert f"nested more than {limits.CONFIG_DEPTH} deep" in folder.lines("x-0: &l0 [a]\n" + levels)[0]


@pytest.mark.parametrize("bracket", ["[", "{a: "])
def test_depth_is_bounded(folder: Folder, bracket: str) -> None:
    assert f"nested more than {limits.CONFIG_DEPTH} deep" in folder.lines("a: " + bracket * 100_000)[0]


def test_a_file_has_a_largest_size(folder: Folder) -> None:
    file = folder.write("gateway.yaml", "")
    os.truncate(file, limits.CONFIG_FILE_BYTES + 1)
    with pytest.raises(ConfigError, match="larger than 16MiB"):
        load(file)


def test_a_file_that_is_not_text_is_refused_with_its_place(folder: Folder) -> None:
    (folder.path / "gateway.yaml").write_bytes(b"version: 1\nname: \xff\xfe\n")
    with pytest.raises(ConfigError, match=r"gateway\.yaml:2:7: error: not UTF-8 text"):
        load(str(folder.path / "gateway.yaml"))


def test_a_byte_order_mark_is_no_part_of_the_text(folder: Folder) -> None:
    (folder.path / "gateway.yaml").write_bytes(b"\xef\xbb\xbf" + VALID.encode())
    assert load(str(folder.path / "gateway.yaml")).config.version == 1


@pytest.mark.parametrize("name", ["nowhere.yaml", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_an_error_with_its_name(folder: Folder, name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(str(folder.path / name))
    assert "cannot read" in str(refused.value)
    assert refused.value.exit_code == ExitCode.CONFIG


# ── shape ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("added", "complaint"),
    [
        ("listners: []\n", '4:1 unknown field "listners" in this file (did you mean "listeners"?)'),
        ("zzz: 1\n", '4:1 unknown field "zzz" in this file (known here: version, include, name'),
        ("retry: {}\n", '4:1 unknown field "retry" in this file (this version of the gateway does not have `retry`)'),
        ("tls: {}\n", '4:1 unknown field "tls" in this file (`tls` goes into a listener, or into an upstream)'),
        ("workers: fast\n", '4:10 expected auto or a whole number, got "fast"'),
        ("workers: 0\n", "4:10 must be between 1 and 1,024, got 0"),
        ("workers: true\n", "4:10 expected auto or a whole number, got true"),
        ("drain: 5s\n", '4:8 expected a mapping, got "5s"'),
        ("drain:\n", "4:7 expected a mapping, got nothing (remove the key, or give it a value)"),
        ("drain: {timeout: 5}\n", "4:18 a duration needs a unit: write 5s or 5ms"),
        ("drain: {timeout: [5s]}\n", "4:18 expected a duration such as 1.5s, got a list"),
        ("include: a.yaml\n", '4:10 expected a list, got "a.yaml" (a list is written'),
        ("name: 5\n", '4:7 expected text, got the number 5 (quote it: "5")'),
        ("access_log: {format: jsno}\n", '4:22 expected json, got "jsno" (did you mean "json"?)'),
        ("upstreams: {a: {}}\n", '4:16 "endpoints" missing in this upstream'),
        (
            "upstreams: {a: {endpoint: []}}\n",
            '4:17 unknown field "endpoint" in this upstream (did you mean "endpoints"?)',
        ),
    ],
)
def test_errors_of_shape_say_what_was_expected(folder: Folder, added: str, complaint: str) -> None:
    lines = folder.lines(VALID + added)
    assert len(lines) == 1
    assert lines[0].startswith(complaint), lines


HABITS = (
    START
    + """\
routes:
  - name: all
    ▸host: example.com
    rules:
      - ▸path: /api
        to: app
      - match: {path: /x, ▸methods: [GET]}
        ▸upstream: app
      - match: {headers: {x-a: ▸1}}
        respond: ▸200
      - match: /y
        redirect: ▸https://example.com
      - to: ▸{app: 1}
        timeout: ▸15s
      - respond: {status: ▸"200", headers: ▸[a: b]}
upstreams:
  ▸- name: app
admin: ▸"127.0.0.1:9901"
access_log: ▸true
"""
)
ANSWERS = """\
unknown field "host" in this route (did you mean "hosts"?)
unknown field "path" in this rule (conditions go into `match`: match: {path: …})
unknown field "methods" in this match (did you mean "method"?)
unknown field "upstream" in this rule (did you mean "to"?)
expected text or a mapping, got the number 1 (quote it: "1")
expected a mapping, got the number 200 (write a mapping with: status, body, headers)
expected a mapping, got "https://example.com" (write a mapping with: to, status, keep_query)
expected text or a list, got a mapping (write it as a list: `- ` before each item, or [ ] around them)
expected a mapping, got "15s" (write a mapping with: request, per_try, connect, idle)
expected a whole number, got "200" (write it without quotes)
expected a mapping, got a list (a mapping is written `name: value`, without `- `)
expected a mapping, got a list (a mapping is written `name: value`, without `- `)
expected a mapping, got "127.0.0.1:9901" (write a mapping with: listen)
expected a mapping, got true (write a mapping with: path, format)
"""


def test_habits_from_elsewhere_are_answered(folder: Folder) -> None:
    assert folder.complaints(HABITS) == ANSWERS.splitlines()


def test_all_errors_are_said_at_once_from_top_to_bottom(folder: Folder) -> None:
    text = "version: 2\nlisteners: [{name: web, listen: 80, limits: {headers: 0}}]\nname: [a]\ndrain: {timeout: 5}\n"
    assert [line.split()[0] for line in folder.lines(text)] == ["1:10", "2:33", "2:55", "3:7", "4:18"]


def test_no_more_errors_are_shown_than_a_person_reads(folder: Folder) -> None:
    found = folder.refused("version: 1\n" + "".join(f"bad{n}: 1\n" for n in range(500)))
    assert len(found) == limits.CONFIG_ERRORS + 1
    assert found[-1].message == "400 more errors are not shown"


def test_x_keys_are_free_everywhere(folder: Folder) -> None:
    text = """
version: 1
x-top: {any: [thing]}
listeners: [{name: web, listen: ":8080", x-a: 1, limits: {x-b: 2}}]
routes: [{name: r, x-c: 3, rules: [{name: x, x-d: 4, respond: {x-e: 5}, match: {path: {exact: /, x-f: 6}}}]}]
"""
    folder.load(text)


def test_x_names_of_headers_are_not_taken_for_free_keys(folder: Folder) -> None:
    text = START + 'x-a: 1\nroutes: [{name: r, rules: [{match: {headers: {x-beta: "1"}}, respond: {}}]}]\n'
    match = folder.load(text).config.routes[0].rules[0].match
    assert not isinstance(match, (str, list))
    assert match.headers == {"x-beta": "1"}


def test_the_report_shows_the_line_with_a_caret_and_a_hint(folder: Folder) -> None:
    shown = report(folder.refused(START + "routes: [{name: r, rulez: []}]\n")).replace(str(folder.path), "")
    assert shown == (
        '/gateway.yaml:3:20: error: unknown field "rulez" in this route\n'
        "    3 | routes: [{name: r, rulez: []}]\n"
        "      |                    ^^^^^\n"
        '      = did you mean "rules"?\n'
    )


def test_the_report_of_a_very_long_line_shows_the_part_that_matters(folder: Folder) -> None:
    shown = report(folder.refused(VALID + f"x-long: {{a: {'y' * 500}}}\nname: {{a: {'z' * 500}, b: 1}}\n"))
    assert max(map(len, shown.splitlines()[1:])) < 140
    shown = report(folder.refused(START + f"routes: [{{name: {'z' * 500}, rulez: 1}}]\n"))
    line, caret = shown.splitlines()[1:3]
    assert line[caret.index("^") :].startswith("rulez")


def test_colour_only_adds_escapes(folder: Folder) -> None:
    import re

    found = folder.refused("version: 2\n")
    assert re.sub(r"\x1b\[[0-9;]*m", "", report(found, colour=True)) == report(found)


# ── substitution ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"), ("x${A}y${A}", "x1y1"), ("${NOPE:-d}", "d"), ("${EMPTY:-d}", "d"), ("${EMPTY}", ""),
        ("${A:-d}", "1"), ("${A:?m}", "1"), ("$$", "$"), ("$${A}", "${A}"), ("$A", "$A"), ("^a$", "^a$"),
        ("${NOPE:-}", ""), ("$$$$", "$$"), ("${NOPE:-a:b-c}", "a:b-c"),
    ],
)  # fmt: skip
def test_substitution(text: str, result: str) -> None:
    assert substitute(text, {"A": "1", "EMPTY": ""}, Path()) == result


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: ${NOPE}\n", "4:7 environment variable NOPE is not set (set it, or give a default: ${NOPE:-default})"),
        ("name: ${NOPE:?set it to the site}\n", "4:7 environment variable NOPE: set it to the site"),
        ("name: ${NOPE:?}\n", "4:7 environment variable NOPE: must be set"),
        ("name: ${a b}\n", "4:7 cannot read ${a b} (write ${NAME}"),
        ('name: "${A"\n', "4:7 `${` without its `}` (write $$ for a dollar sign)"),
        ("name: ${file:/nowhere/x}\n", "4:7 cannot read the secret file /nowhere/x: No such file or directory"),
    ],
)
def test_what_cannot_be_substituted_is_said_once(folder: Folder, text: str, complaint: str) -> None:
    lines = folder.lines(VALID + text)
    assert len(lines) == 1
    assert lines[0].startswith(complaint), lines


def test_a_plain_scalar_has_its_type_after_substitution_and_a_quoted_one_is_text(folder: Folder) -> None:
    folder.environ = {"N": "3", "W": "5s"}
    config = folder.load(VALID + 'workers: ${N}\ndrain: {timeout: "${W}"}\n').config
    assert config.workers == 3
    assert config.drain.timeout == 5_000
    assert folder.lines(VALID + 'workers: "${N}"\n') == [
        '4:10 expected auto or a whole number, got "3" (write it without quotes)'
    ]


def test_a_value_from_outside_cannot_break_out_of_its_place(folder: Folder) -> None:
    folder.environ = {"EVIL": "x\nworkers: 7\n"}
    assert folder.lines(VALID + 'name: "${EVIL}"\n')[0].startswith("4:7 ")
    config = folder.load(START + 'routes: [{name: r, rules: [{respond: {body: "${EVIL}"}}]}]\n').config
    assert config.workers == "auto"


def test_a_secret_is_used_and_never_shown(folder: Folder) -> None:
    folder.write("token", "hunter2\n")
    headers = 'headers: {request: {set: {authorization: "Bearer ${file:token}"}}}'
    text = START + f"upstreams: {{u: {{endpoints: []}}}}\nroutes: [{{name: r, rules: [{{to: u, {headers}}}]}}]\n"
    rule = folder.load(text).config.routes[0].rules[0]
    assert rule.headers is not None
    assert rule.headers.request is not None
    value = rule.headers.request.set["authorization"]
    assert value == "Bearer hunter2"
    assert isinstance(value, Secret)
    assert "hunter2" not in repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{name: ${file:token}, rules: [{respond: {}}]}]",
        "routes: [{name: r, rules: [{to: '${file:token}'}]}]",
        "routes: [{name: r, rules: [{match: '${file:token}', respond: {}}]}]",
        "routes: [{name: r, rules: [{match: {path: {regex: '${file:token}'}}, respond: {}}]}]",
        "routes: [{name: r, rules: [{redirect: {to: '${file:token}'}}]}]",
        "routes: [{name: r, rules: [{respond: {headers: {a: '${file:token}\\u0001'}}}]}]",
        "routes: [{name: r, hosts: ['${file:token}'], rules: [{respond: {}}]}]",
        "drain: {timeout: '${file:token}'}",
        "workers: '${file:token}'",
        "upstreams: {u: {endpoints: ['${file:token}']}}",
    ],
)
def test_no_error_shows_a_secret(folder: Folder, text: str) -> None:
    folder.write("token", "hunter2 ( \x01:99999")
    found = folder.refused(START + text.replace("'", '"') + "\n")
    assert "hunter2" not in report(found)
    assert any(finding.severity == "error" for finding in found)


def test_a_secret_file_is_bounded(folder: Folder) -> None:
    assert folder.lines(VALID + "name: ${file:/dev/zero}\n") == ["4:7 the secret file /dev/zero is larger than 64KiB"]


@pytest.mark.parametrize("text", ["a", "$", "$$", "${", "${A}", "a$b$$c", "$$${x}", "^/a$"])
def test_escape_undoes_substitution(text: str) -> None:
    assert substitute(escape(text), {}, Path()) == text


# ── include ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PART = "routes: [{name: %s, rules: [{name: x, respond: {}}]}]\n"


def test_included_files_are_merged_in_sorted_order(folder: Folder) -> None:
    folder.write("routes.d/20-b.yaml", PART % "b")
    folder.write("routes.d/10-a.yaml", PART % "a" + "upstreams: {u: {endpoints: []}}\n")
    folder.write("routes.d/notes.txt", "not yaml: [")
    loaded = folder.load(VALID + "include: [routes.d/*.yaml]\n")
    assert [route.name for route in loaded.config.routes] == ["r", "a", "b"]
    assert loaded.cursor()["routes"][1].spot.where == f"{folder.path}/routes.d/10-a.yaml:1"


def test_an_included_file_includes_relative_to_itself(folder: Folder) -> None:
    folder.write("d/one.yaml", "include: [two.yaml]\n")
    folder.write("d/two.yaml", PART % "two")
    assert len(folder.load(VALID + "include: [d/one.yaml]\n").config.routes) == 2


def test_an_absolute_include_is_allowed(folder: Folder) -> None:
    part = folder.write("elsewhere/p.yaml", PART % "p")
    assert len(folder.load(VALID + f"include: [{part}]\n").config.routes) == 2


def test_errors_in_included_files_name_that_file(folder: Folder) -> None:
    folder.write("p.yaml", "routes:\n  - nam: p\n    rules: []\n")
    (finding,) = folder.refused(VALID + "include: [p.yaml]\n")
    assert finding.headline() == f'{folder.path}/p.yaml:2:5: error: unknown field "nam" in this route'


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ("workers: 3\n", '1:1 "workers" cannot be in an included file'),
        ("route: []\n", '1:1 "route" cannot be in an included file (did you mean "routes"?)'),
        ("upstreams: {u: {endpoints: []}}\n", '1:13 upstream "u" is written twice (first at '),
        ("upstreams: []\n", '1:12 "upstreams" must be a mapping in every file'),
        ("include: [p.yaml]\n", "1:11 "),
        ("include: [gateway.yaml]\n", "1:11 "),
        ("a: [\n", "1:5 "),
        (PART % "r", '1:17 two routes are called "r" (the first: '),
    ],
)
def test_what_an_included_file_may_not_do(folder: Folder, part: str, complaint: str) -> None:
    folder.write("p.yaml", part)
    rule = "routes: [{name: r, rules: [{to: u}]}]\nupstreams: {u: {endpoints: []}}\n"
    lines = folder.lines(START + rule + "include: [p.yaml]\n")
    assert len(lines) == 1
    assert lines[0].startswith(complaint), lines


def test_a_cycle_of_includes_is_named(folder: Folder) -> None:
    folder.write("p.yaml", "include: [q.yaml]\n")
    folder.write("q.yaml", "include: [p.yaml]\n")
    assert "includes itself" in folder.lines(VALID + "include: [p.yaml]\n")[0]


def test_a_named_file_must_exist_and_a_pattern_may_find_nothing(folder: Folder) -> None:
    assert "cannot read" in folder.lines(VALID + "include: [nowhere.yaml]\n")[0]
    folder.load(VALID + "include: [nowhere/*.yaml]\n")


def test_a_file_that_is_included_twice_names_both_places(folder: Folder) -> None:
    folder.write("p.yaml", PART % "p")
    assert folder.lines(VALID + "include: [p.yaml, ./p.yaml]\n") == [
        f"4:19 {folder.path}/p.yaml is included twice (first at {folder.path}/gateway.yaml:4)"
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [" + "a," * 600_000 + "]", "more than 500,000 values"),
        ("".join(f"k{n}: 1\n" for n in range(20_000)), 'unknown field "k0" in this file'),
        ('name: "' + "${" * 100_000 + '"', "`${` without its `}`"),
        ("a: " + "!" * 100_000, "tags are not supported"),
        ("a: 1\n" * 50_000, '"a" is written twice'),
    ],
    ids=["values", "keys", "dollars", "tags", "twice"],
)
def test_a_hostile_file_costs_little_and_is_refused(folder: Folder, text: str, complaint: str) -> None:
    found = folder.refused(text)
    assert any(finding.message.startswith(complaint) for finding in found)
    assert len(found) <= limits.CONFIG_ERRORS + 1
