"""Tracebacks of handlers are bounded in rate."""

from __future__ import annotations

from gateway.serve.notice import TRACEBACKS_PER_MINUTE, Tracebacks


def test_past_the_rate_tracebacks_are_counted_not_shown() -> None:
    said: list[str] = []
    now = [0.0]
    shown = Tracebacks(said.append, lambda: now[0])
    for _ in range(TRACEBACKS_PER_MINUTE + 5):
        shown.show("handler a:b failed", ValueError("no"))
    assert len(said) == TRACEBACKS_PER_MINUTE
    now[0] = 61.0
    shown.show("handler a:b failed", ValueError("again"))
    assert said[-2] == "5 failures of handlers were not shown"
    assert "ValueError: again" in said[-1]
