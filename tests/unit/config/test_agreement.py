"""What `check` lets through, the engine takes: two readings of one rule may not differ.

The engine's refusals are a net below the checks that speak to people. Text of every kind is put into every field that
has rules of its own; if the engine alone refuses one, the check is missing something.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.compile import compile_file
from gateway.config.emit import emit
from gateway.config.keys import ListenerKeys
from gateway.config.load.substitute import escape
from gateway.config.nodes import Plain
from gateway.errors import ConfigError, Finding
from tests.unit.config.reading import NOW

texts = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
    | st.text(st.sampled_from("ab/.%2fF*-_:[]?#\\ ~@0"), max_size=12)
    | st.sampled_from(
        ["/", "/a", "/a/b", "GET", "x-a", "a.example", "*.example", "https://a.example/b", "/a%2Fb", "[::1]"]
    )
).map(escape)
paths = texts.map(lambda text: "/" + text) | texts
conditions = texts | st.fixed_dictionaries({"regex": texts}) | st.fixed_dictionaries({"present": st.booleans()})
names = st.dictionaries(texts, texts, max_size=2)
matches = st.fixed_dictionaries(
    {},
    optional={
        "path": paths | st.fixed_dictionaries({"exact": paths}) | st.fixed_dictionaries({"regex": texts}),
        "method": texts | st.lists(texts, max_size=2),
        "headers": st.dictionaries(texts, conditions, max_size=2),
        "query": st.dictionaries(texts, conditions, max_size=2),
        "cookies": st.dictionaries(texts, conditions, max_size=2),
    },
)
edits = st.fixed_dictionaries({}, optional={"set": names, "add": names, "remove": st.lists(texts, max_size=2)})
actions = st.one_of(
    st.fixed_dictionaries({"respond": st.fixed_dictionaries({"status": st.integers(200, 599), "headers": names})}),
    st.fixed_dictionaries({"respond": st.fixed_dictionaries({"status": st.integers(200, 599), "body": texts})}),
    st.fixed_dictionaries({"redirect": st.fixed_dictionaries({"to": texts})}),
    st.fixed_dictionaries(
        {
            "to": st.just("app"),
            "rewrite": st.fixed_dictionaries({}, optional={"path": paths, "path_prefix": paths, "host": texts}),
            "headers": st.fixed_dictionaries({}, optional={"request": edits, "response": edits}),
        }
    ),
    st.fixed_dictionaries(
        {
            "to": st.lists(
                st.fixed_dictionaries({"upstream": st.just("app"), "weight": st.integers(0, 10**6)}), max_size=3
            )
        }
    ),
)
rules = st.tuples(actions, matches).map(lambda both: {**both[0], "match": both[1]})
policies = st.fixed_dictionaries(
    {},
    optional={
        "dot_segments": st.sampled_from(["resolve", "refuse"]),
        "double_slash": st.sampled_from(["merge", "keep", "refuse"]),
        "encoded_slash": st.sampled_from(["refuse", "keep", "decode"]),
    },
)


sizes = st.integers(0, 1 << 27).map(lambda size: f"{size}B")
durations = st.integers(0, 10**6).map(lambda each: f"{each}ms")
http2 = st.fixed_dictionaries(
    {},
    optional={
        "max_concurrent_streams": st.integers(1, 10_000),
        "stream_window": sizes,
        "connection_window": sizes,
        "keepalive": st.fixed_dictionaries({}, optional={"interval": durations, "timeout": durations}),
        "max_age": durations,
    },
)
listeners = st.fixed_dictionaries(
    {}, optional={"protocols": st.lists(st.sampled_from(["h2", "http/1.1"]), max_size=3), "http2": http2}
)
upstreams = st.fixed_dictionaries(
    {}, optional={"protocol": st.sampled_from(["http/1.1", "h2", "auto"]), "http2": http2}
)


@settings(max_examples=200, deadline=None)
@given(listener=listeners, upstream=upstreams)
def test_connections_that_the_check_lets_through_the_engine_takes(
    listener: dict[str, Plain], upstream: dict[str, Plain]
) -> None:
    config: dict[str, Plain] = {
        "version": 1,
        "listeners": [{"name": "web", "listen": "127.0.0.1:0", **listener}],
        "routes": [{"name": "r", "rules": [{"to": "app"}]}],
        "upstreams": {"app": {"endpoints": [], **upstream}},
    }
    assert refused_by_the_engine_alone(config) == []


@settings(max_examples=400, deadline=None)
@given(hosts=st.lists(texts, max_size=2), written=st.lists(rules, min_size=1, max_size=2), policy=policies)
def test_what_the_check_lets_through_the_engine_takes(
    hosts: list[Plain], written: list[Plain], policy: dict[str, Plain]
) -> None:
    config: dict[str, Plain] = {
        "version": 1,
        "listeners": [{"name": "web", "listen": "127.0.0.1:0", "path": policy}],
        "routes": [{"name": "r", "hosts": hosts, "rules": written}],
        "upstreams": {"app": {"endpoints": []}},
    }
    assert refused_by_the_engine_alone(config) == []


def refused_by_the_engine_alone(config: dict[str, Plain]) -> list[Finding]:
    """What our own checks have missed."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "gateway.yaml"
        file.write_text(emit(config))
        try:
            compile_file(str(file), ListenerKeys(), environ={}, now=NOW)
        except ConfigError as error:
            return [finding for finding in error.findings if "the engine refuses" in finding.message]
    return []
