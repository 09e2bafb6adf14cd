"""Whatever is in the file, the loader gives a configuration or a ConfigError with places inside the files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.config.report import report
from gateway.errors import ConfigError
from tests.unit.config.reading import EXAMPLES, checked, lowered

TEXTS = [file.read_text() for file in sorted(EXAMPLES.glob("*.yaml"))]
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ":", " ", "\n", "\t", "- ", "&a ", "*a", "!x ", "|\n", ">\n", "'", '"', "${", "}", "$", "#",
     "? ", "---\n", "...\n", "%YAML", "null", "1", "-1", "1e400", "0x", "true", "x-", "é", "😀", "\x00", "\x85",
     "\ufeff", "\r", "\u2028", "<<: ", ",", "~", "\\", "%", "@", "`", "..", "//", "name", "regex: '('"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """An example with a few pieces cut out, put in or doubled."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 30)))
        replacement = draw(st.one_of(st.just(""), PIECES, st.just(text[at:until] * 2), st.text(max_size=5)))
        text = text[:at] + replacement + text[until:]
    return text


def try_to_load(content: bytes) -> None:
    """Load and check; on an error look at its places and at the report."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "gateway.yaml"
        file.write_bytes(content)
        lines = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        try:
            loaded = load(str(file), {})
            checked(loaded)
            loaded.findings.raise_if_failed()
            lowered(loaded)
        except ConfigError as error:
            assert report(error.findings)
            for finding in error.findings:
                assert finding.message
                assert finding.file == str(file)
                if finding.line:
                    assert 1 <= finding.line <= len(lines) + 1
                    assert finding.column >= 1
                    assert finding.column <= len(lines[min(finding.line, len(lines)) - 1]) + 1


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_a_mutated_example_never_crashes_the_loader(text: str) -> None:
    try_to_load(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_loader(content: bytes) -> None:
    try_to_load(content)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("{}[]:,-?&*!|>'\"%@`#~$ \n\tax1"), max_size=80))
def test_no_punctuation_crashes_the_loader(text: str) -> None:
    try_to_load(text.encode())
