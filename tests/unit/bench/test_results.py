"""Samples, controls, bars and tables."""

import json

import pytest

from bench import bars, report, scenarios
from bench.results import Table, doubts


def table(scenario: str = "h1-64", metric: str = "cpu_us", **values: list[float]) -> Table:
    found = Table(scenario)
    for name, rounds in values.items():
        for value in rounds:
            found.add(
                name,
                {
                    metric: value,
                    "user_us": 1.0,
                    "system_us": value,
                    "errors": 0,
                    "busy": 0.99,
                },
            )
    return found


def test_a_figure_is_the_median_with_its_spread() -> None:
    figure = table(nginx=[9, 30, 10]).figure("nginx", "cpu_us")
    assert figure is not None
    assert (figure.median, figure.lowest, figure.highest) == (10, 9, 30)


def test_the_best_is_among_those_that_ran() -> None:
    found = table(nginx=[9], haproxy=[8])
    assert found.best(("nginx", "haproxy"), "cpu_us") == 8
    assert found.best(("nginx", "envoy"), "cpu_us") == 9
    assert found.best(("envoy",), "cpu_us") is None


@pytest.mark.parametrize(
    ("rounds", "moved"),
    [
        ([10, 10], False),
        ([10, 10.9], False),
        ([10, 11.1], True),
        ([10, 8.9], True),
        ([10, 99, 10], False),
        ([10], False),
    ],
)
def test_a_control_that_moved_more_than_a_tenth_makes_the_session_invalid(rounds: list[float], moved: bool) -> None:
    assert bool(doubts(table(nginx=rounds), ("nginx", "relay"), 1)) is moved


def test_a_candidate_that_drifted_does_not_judge_the_session() -> None:
    assert not doubts(table(gateway=[10, 20], nginx=[10, 10]), ("nginx",), 1)


def held(*rounds: tuple[float, float]) -> Table:
    """A table of nginx with rounds of (CPU, yardstick), beside a relay that was never disturbed."""
    found = Table("h1-64")
    for cpu, yardstick in rounds:
        found.add("nginx", {"cpu_us": cpu, "yardstick_ms": yardstick, "errors": 0})
    found.add("relay", {"cpu_us": 5.0, "yardstick_ms": 90.0, "errors": 0})
    return found


def test_a_round_beside_a_slow_yardstick_is_kept_and_not_counted() -> None:
    found = held((10, 90), (14, 120), (11, 97), (15, 98))
    figure = found.figure("nginx", "cpu_us")
    assert figure is not None
    assert (figure.median, figure.highest) == (10.5, 11)
    assert len(found.document()["rounds"]["nginx"]) == 4
    assert found.document()["medians"]["nginx"]["cpu_us"] == 10.5
    assert "2 of 4 rounds disturbed" in report.remark(found, "nginx", busy=False)


def test_the_yardstick_alone_says_which_round_counts() -> None:
    found = held((10, 90), (99, 90))
    assert found.median("nginx", "cpu_us") == 54.5


def test_a_candidate_without_an_undisturbed_round_has_figures_and_doubts() -> None:
    found = held((14, 120), (16, 130))
    assert found.median("nginx", "cpu_us") == 15
    assert doubts(found, (), 1) == ["nginx had its core to itself in 0 rounds"]
    assert found.disturbed(1) == ["nginx"]
    found.faults["nginx"] = "died"
    assert found.disturbed(1) == []


def test_where_no_yardstick_was_held_every_round_counts() -> None:
    assert table("start", "start_ms", nginx=[1, 2, 3]).disturbed(3) == []


def test_bars_compare_with_the_better_rival_and_with_the_floor() -> None:
    verdicts = {v.words: v for v in bars.judge({"h1-64": table(gateway=[8.4], nginx=[10], haproxy=[12], relay=[7.0])})}
    rival = verdicts["CPU, 64 connections, × better of nginx and HAProxy"]
    floor = verdicts["CPU, 64 connections, × relay floor"]
    assert (round(rival.reached, 2), rival.passed) == (0.84, True)
    assert (round(floor.reached, 2), floor.passed) == (1.2, False)
    assert verdicts["user CPU, 64 connections, µs"].passed


def test_bars_without_the_gateway_are_not_judged() -> None:
    assert bars.judge({"h1-64": table(nginx=[10])}) == []
    assert report.bars([]) == ""


def test_every_bar_names_a_scenario() -> None:
    assert {bar.scenario for bar in bars.ALL} <= set(scenarios.ALL)


def test_a_table_tells_ratios_limits_and_faults() -> None:
    found = table(relay=[5], nginx=[10], gateway=[8])
    found.samples["relay"][0]["busy"] = 0.5
    found.samples["nginx"][0]["errors"] = 7
    found.faults["envoy"] = "did not start"
    lines = report.table(found).splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.strip()}
    assert rows["gateway"][1] == "8.00"
    assert rows["gateway"][5:7] == ["0.80", "1.60"]
    assert "the other core was the limit" in " ".join(rows["relay"])
    assert rows["nginx"][-2:] == ["7", "errors"]
    assert "envoy: did not start" in lines


@pytest.mark.parametrize("name", scenarios.ALL)
def test_every_scenario_has_a_table_even_an_empty_one(name: str) -> None:
    assert scenarios.ALL[name].title in report.table(Table(name))


def test_the_document_is_json_with_every_round() -> None:
    document = json.loads(json.dumps(table(nginx=[9, 11]).document()))
    assert document["medians"]["nginx"]["cpu_us"] == 10
    assert [sample["cpu_us"] for sample in document["rounds"]["nginx"]] == [9, 11]
