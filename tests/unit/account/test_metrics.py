"""Counters as metrics."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gateway.account.counters import Connections, EndpointCount, Series, Totals, WorkerCount, decode, decode_levels
from gateway.account.http2 import GroupCount, Http2Counts
from gateway.account.metrics import Facts, cumulative, scrape

BOUNDS = tuple(1 << (14 + number) for number in range(9))


HTTP2 = Http2Counts(
    groups=(GroupCount("client", "app", 2), GroupCount("server", "web", 5)),
    settings={"server": 9},
    keepalive_failures={"server": 1},
    closed={("server", "client_gone"): 3, ("server", "reset_flood"): 1},
)


def series(code: int, requests: int, upstream: str = "app", grpc: tuple[int, ...] = ()) -> Series:
    buckets = (requests, *[0] * (len(BOUNDS) - 1), 1)
    return Series("web", "shop", "all", upstream, "GET", code, requests + 1, buckets, 5_000_000_000, 10, 20, grpc)


def totals(*rows: Series) -> Totals:
    return Totals(
        series=rows,
        reasons=(("ok", 7), ("no_rule", 2)),
        connections=(Connections(1, 4, 9, 1), Connections(8, 0, 3, 0), Connections(9, 0, 4, 0)),
        endpoints=(EndpointCount("app", "127.0.0.1:3000", 2, 3, 5, 8, 1, 13, 11, 1),),
        workers=(WorkerCount(100, 0, 1, 0, 50, 2, 7, 3, 4, 0, 0),),
        bounds_ns=BOUNDS,
        log_failed=0,
        handshakes=(("downstream", "full", 2), ("upstream", "expired", 1)),
    )


def facts() -> Facts:
    return Facts(
        version="0.1.0", generation=3, reloads=(2, 1), last_ok=False, asked=1, http2=HTTP2, listeners={1: "web"}
    )


def test_the_certificate_that_ends_first_counts_where_two_have_one_name() -> None:
    known = facts()
    known.certificates = [
        ("listener", "web", "a.example", 30.0),
        ("listener", "web", "a.example", 20.0),
        ("listener", "other", "a.example", 40.0),
        ("upstream", "web", "spiffe://a.example/gw", 10.0),
    ]
    found = samples(scrape(totals(), known, "")[0])
    name = "gateway_certificate_expiry_timestamp_seconds"
    assert found[name, (("listener", "web"), ("name", "a.example"))] == 20.0
    assert found[name, (("listener", "other"), ("name", "a.example"))] == 40.0
    name = "gateway_upstream_certificate_expiry_timestamp_seconds"
    assert found[name, (("name", "spiffe://a.example/gw"), ("upstream", "web"))] == 10.0


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_what_the_engine_counts_is_read_back() -> None:
    assert decode(msgspec.msgpack.encode(totals(series(200, 3)))) == totals(series(200, 3))


def test_the_small_part_can_be_read_alone() -> None:
    whole = totals(series(200, 3))
    levels = decode_levels(msgspec.msgpack.encode(whole))
    assert (levels.connections, levels.endpoints) == (whole.connections, whole.endpoints)


def test_outcomes_of_grpc_are_counted_over_methods_and_codes() -> None:
    outcomes = (3, *[0] * 13, 2, 0, 0)
    text, _ = scrape(totals(series(200, 5, grpc=outcomes), series(503, 1, grpc=outcomes), series(404, 1)), facts(), "")
    found = {names: value for (name, names), value in samples(text).items() if name == "gateway_grpc_responses_total"}
    place = (("listener", "web"), ("route", "shop"), ("rule", "all"), ("upstream", "app"))
    assert found == {(("grpc_status", "0"), *place): 6, (("grpc_status", "14"), *place): 4}


def test_requests_carry_the_labels_of_the_contract() -> None:
    text, content_type = scrape(totals(series(200, 3), series(404, 1)), facts(), "")
    found = samples(text)
    labels = (
        ("code", "200"), ("listener", "web"), ("method", "GET"),
        ("route", "shop"), ("rule", "all"), ("upstream", "app"),
    )  # fmt: skip
    assert found["gateway_requests_total", labels] == 4
    assert found["gateway_exchanges_total", (("reason", "no_rule"),)] == 2
    assert found["gateway_config_generation", ()] == 3
    assert found["gateway_config_last_reload_successful", ()] == 0
    assert found["gateway_build_info", (("version", "0.1.0"),)] == 1
    assert found["gateway_config_reloads_total", (("result", "refused"),)] == 1
    assert found["gateway_upstream_requests_total", (("endpoint", "127.0.0.1:3000"), ("upstream", "app"))] == 13
    assert content_type.startswith("text/plain")


def test_http2_connections_name_their_listener_or_their_upstream() -> None:
    found = samples(scrape(totals(), facts(), "")[0])
    labels = ("listener", "role", "upstream")
    name = "gateway_http2_connections"
    assert found[name, tuple(zip(labels, ("web", "server", ""), strict=True))] == 5
    assert found[name, tuple(zip(labels, ("", "client", "app"), strict=True))] == 2
    assert found["gateway_http2_settings_total", (("role", "server"),)] == 9
    assert found["gateway_http2_keepalive_failures_total", (("role", "server"),)] == 1
    assert found["gateway_http2_closed_total", (("reason", "reset_flood"), ("role", "server"))] == 1


def test_connections_of_listeners_that_are_gone_are_one_series() -> None:
    found = samples(scrape(totals(), facts(), "")[0])
    assert found["gateway_connections_accepted_total", (("listener", "web"),)] == 9
    assert found["gateway_connections_accepted_total", (("listener", "(removed)"),)] == 7


def test_durations_add_up_over_codes_and_methods() -> None:
    found = samples(scrape(totals(series(200, 3), series(404, 1)), facts(), "")[0])
    place = (("listener", "web"), ("route", "shop"), ("rule", "all"), ("upstream", "app"))
    assert found["gateway_request_duration_seconds_count", place] == 6
    assert found["gateway_request_duration_seconds_sum", place] == 10
    first = tuple(sorted((*place, ("le", repr(BOUNDS[0] * 1e-9)))))
    assert found["gateway_request_duration_seconds_bucket", first] == 4


def test_metrics_of_the_process_are_there() -> None:
    found = samples(scrape(totals(), facts(), "")[0])
    assert found["process_resident_memory_bytes", ()] > 0
    assert found["process_open_fds", ()] > 0


def test_openmetrics_for_who_accepts_it() -> None:
    text, content_type = scrape(totals(), facts(), "application/openmetrics-text; version=1.0.0")
    assert "openmetrics" in content_type
    assert text.endswith(b"# EOF\n")


@given(st.lists(st.integers(0, 1 << 40), min_size=10, max_size=10))
def test_buckets_never_fall_and_end_with_all(counts: list[int]) -> None:
    found = cumulative(counts, BOUNDS)
    values = [value for _, value in found]
    assert values == sorted(values)
    assert found[-1] == ("+Inf", sum(counts))
