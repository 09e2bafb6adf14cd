"""The dispatcher and the commands that need no running gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import COMMANDS, main
from gateway.errors import ExitCode

VALID = """\
version: 1
listeners: [{name: web, listen: "127.0.0.1:8080"}]
routes: [{name: all, rules: [{name: all, to: app}]}]
upstreams: {app: {endpoints: ["127.0.0.1:3000"]}}
"""
WARNING = VALID.replace("upstreams: {", "upstreams: {idle: {endpoints: []}, ")

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run where there is no configuration, with none in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], []])
def test_the_overview_names_every_command(capsys: Output, words: list[str]) -> None:
    assert main(words) == (ExitCode.OK if words else ExitCode.USAGE)
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example(capsys: Output, name: str) -> None:
    assert main([name, "--help"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert f"usage: gateway {name}" in shown
    assert f"example:\n  gateway {name}" in shown


def test_an_unknown_command_is_a_usage_error_with_the_nearest(capsys: Output) -> None:
    assert main(["validat"]) == ExitCode.USAGE
    assert capsys.readouterr().err == "gateway: there is no command `validat`; did you mean `gateway validate`?\n"
    assert main(["xyzzy"]) == ExitCode.USAGE
    assert "`gateway --help` lists the commands" in capsys.readouterr().err


def test_a_wrong_option_is_a_usage_error(capsys: Output) -> None:
    assert main(["validate", "--nope"]) == ExitCode.USAGE
    assert "unrecognized arguments: --nope" in capsys.readouterr().err


def test_a_valid_file_says_so(capsys: Output) -> None:
    Path("gateway.yaml").write_text(VALID)
    assert main(["validate", "gateway.yaml"]) == ExitCode.OK
    assert capsys.readouterr().out == "gateway.yaml: valid: 1 listener, 1 route, 1 rule, 1 upstream\n"


def test_a_file_that_is_not_valid_ends_with_78_and_every_error(capsys: Output) -> None:
    Path("gateway.yaml").write_text(VALID + "nam: x\ndrain: {timeout: 5}\n")
    assert main(["validate", "gateway.yaml"]) == ExitCode.CONFIG
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "gateway.yaml:5:1: error: unknown field" in shown.err
    assert "gateway.yaml:6:18: error: a duration needs a unit" in shown.err
    assert "\x1b" not in shown.err, "colour only on a terminal"


def test_warnings_fail_only_when_strict(capsys: Output) -> None:
    Path("gateway.yaml").write_text(WARNING)
    assert main(["validate", "gateway.yaml"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "warning: no rule forwards to" in shown.err
    assert shown.out.endswith("2 upstreams, 1 warning\n")
    assert main(["validate", "--strict", "gateway.yaml"]) == ExitCode.FINDINGS


@pytest.mark.parametrize(
    ("text", "valid", "severities", "code"),
    [
        (VALID, True, [], ExitCode.OK),
        (WARNING, True, ["warning"], ExitCode.OK),
        (VALID + "nam: x\n", False, ["error"], ExitCode.CONFIG),
    ],
)
def test_json_for_programs(capsys: Output, text: str, valid: bool, severities: list[str], code: ExitCode) -> None:
    Path("gateway.yaml").write_text(text)
    assert main(["validate", "-o", "json"]) == code
    shown = json.loads(capsys.readouterr().out)
    assert (shown["file"], shown["valid"]) == ("gateway.yaml", valid)
    assert [finding["severity"] for finding in shown["findings"]] == severities


def test_the_configuration_is_looked_for_where_people_put_it(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["validate"]) == ExitCode.USAGE
    assert "have one of ./gateway.yaml, /etc/gateway/gateway.yaml, $GATEWAY_CONFIG" in capsys.readouterr().err
    Path("other.yaml").write_text(VALID)
    monkeypatch.setenv("GATEWAY_CONFIG", "other.yaml")
    assert main(["validate"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("other.yaml: valid")
    Path("gateway.yaml").write_text(VALID)
    assert main(["validate"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("gateway.yaml: valid")
    assert main(["validate", "-c", "nowhere.yaml"]) == ExitCode.CONFIG
    assert capsys.readouterr().err == "nowhere.yaml: error: cannot read nowhere.yaml: No such file or directory\n"


def test_render_shows_a_valid_configuration(capsys: Output) -> None:
    Path("gateway.yaml").write_text(VALID)
    assert main(["render"]) == ExitCode.OK
    shown = capsys.readouterr().out
    Path("gateway.yaml").write_text(shown)
    assert main(["render"]) == ExitCode.OK
    assert capsys.readouterr().out == shown
    assert main(["render", "-o", "json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["defaults"]["timeout"]["connect"] == "5s"


def test_schema_prints_a_json_schema(capsys: Output) -> None:
    assert main(["schema"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["$ref"] == "#/$defs/Config"


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-V"]])
def test_version(capsys: Output, words: list[str]) -> None:
    assert main(words) == ExitCode.OK
    assert capsys.readouterr().out.startswith("gateway 0.1.0 (snapshot format 1, Python 3.")
    assert main(["version", "-o", "json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["version"] == "0.1.0"


def test_python_dash_m_is_the_same_command() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "version"], cwd=root, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gateway ")


def test_a_reader_that_has_seen_enough_is_no_traceback() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        f"{sys.executable} -m gateway schema | head -c 1",
        shell=True, cwd=root, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.stderr == ""


def test_a_command_imports_only_what_it_uses() -> None:
    """Start-up time counts: neither Trio nor YAML nor the schema is imported to print the overview."""
    root = Path(__file__).parents[3]
    code = "import sys; from gateway.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"trio", "yaml", "msgspec", "gateway.config.schema", "gateway._engine", "difflib"}


def test_validating_does_not_import_what_only_serving_needs(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    file = tmp_path / "gateway.yaml"
    file.write_text(VALID)
    code = (
        "import sys; from gateway.config.compile import compile_file; from gateway.config.keys import ListenerKeys\n"
        f"compile_file({str(file)!r}, ListenerKeys(), now=1.8e9); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(done.stdout.split())
    assert not loaded & {
        "trio",
        "argparse",
        "gateway.config.load.walk",
        "cryptography",
        "difflib",
        "prometheus_client",
        "asyncio",
        "socketserver",
    }
