"""Durations and sizes: how they are read, refused and shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.nodes import Secret
from gateway.config.units import Duration, Size, convert_scalar
from gateway.limits import DURATION_MAX_MS, SIZE_MAX


@pytest.mark.parametrize(
    ("written", "milliseconds", "shown"),
    [
        ("250ms", 250, "250ms"),
        ("1.5s", 1_500, "1.5s"),
        ("0.1s", 100, "100ms"),
        ("90s", 90_000, "1m30s"),
        ("1h30m", 5_400_000, "1h30m"),
        ("0s", 0, "0s"),
        ("1m0.001s", 60_001, "1m0.001s"),
        ("576h", DURATION_MAX_MS, "576h"),
    ],
)
def test_durations_are_whole_milliseconds(written: str, milliseconds: int, shown: str) -> None:
    assert Duration.parse(written) == milliseconds
    assert str(Duration.parse(written)) == shown


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (15, "a duration needs a unit: write 15s or 15ms"),
        ("1.5", "a duration needs a unit: write 1.5s or 1.5ms"),
        (1.5, "a duration needs a unit: write 1.5s or 1.5ms"),
        ("5d", 'cannot read "5d" as a duration: write 250ms, 1.5s or 1h30m (units: ms, s, m, h)'),
        ("1s1h", "parts of a duration go from large to small, each unit once: 1h30m"),
        ("1s2s", "parts of a duration go from large to small, each unit once: 1h30m"),
        ("0.5ms", "the smallest step of a duration is 1ms"),
        ("577h", "the longest duration is 576h; 0s means no limit"),
        ("", "expected a duration such as 250ms, 1.5s or 1h30m"),
        (None, "expected a duration such as 250ms, 1.5s or 1h30m"),
        (True, "expected a duration such as 250ms, 1.5s or 1h30m"),
    ],
)
def test_a_wrong_duration_says_how_to_write_it(written: object, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        Duration.parse(written)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("written", "size", "shown"),
    [
        ("64KiB", 65_536, "64KiB"),
        ("10MB", 10_000_000, "10MB"),
        ("10 MB", 10_000_000, "10MB"),
        ("1KB", 1_000, "1kB"),
        ("0.5KiB", 512, "512B"),
        ("0B", 0, "0B"),
        ("1024GiB", SIZE_MAX, "1024GiB"),
    ],
)
def test_sizes_are_whole_bytes(written: str, size: int, shown: str) -> None:
    assert Size.parse(written) == size
    assert str(Size.parse(written)) == shown


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (64, "a size needs a unit: write 64B or 64KiB"),
        ("64", "a size needs a unit: write 64B or 64KiB"),
        ("64K", 'cannot read "64K" as a size: write 64KiB or 10MB (units: B, kB, MB, GB, KiB, MiB, GiB)'),
        ("0.5B", "a size is a whole number of bytes"),
        ("2000GiB", "the largest size is 1024GiB"),
        ([], "expected a size such as 64KiB or 10MB"),
    ],
)
def test_a_wrong_size_says_how_to_write_it(written: object, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        Size.parse(written)
    assert str(refused.value) == complaint


@given(st.integers(0, DURATION_MAX_MS))
def test_a_duration_that_is_shown_reads_as_itself(milliseconds: int) -> None:
    assert Duration.parse(str(Duration(milliseconds))) == milliseconds


@given(st.integers(0, SIZE_MAX))
def test_a_size_that_is_shown_reads_as_itself(size: int) -> None:
    assert Size.parse(str(Size(size))) == size


@given(st.text(alphabet="0123456789.smh ", max_size=30) | st.text(max_size=20))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for kind in (Duration, Size):
        try:
            assert kind.parse(text) >= 0
        except ValueError as error:
            assert str(error)


def test_a_secret_cannot_stand_for_a_scalar_of_ours_and_its_text_is_not_said() -> None:
    with pytest.raises(ValueError, match="a secret file cannot stand for a duration") as refused:
        convert_scalar(Duration, Secret("hunter2", "${file:/x}"))
    assert "hunter2" not in str(refused.value)
