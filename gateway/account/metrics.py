"""Counters as metrics: a prometheus-client collector that is given numbers and reads nothing itself.

prometheus-client is imported by the first scrape only: it costs 60 ms and 3 MiB, and a gateway that is never scraped
should not pay. A scrape is work for Python alone; the workers do not notice it.

Labels are bounded by the configuration and by the workers (`account::ledger::MAX_SERIES`): never a raw path, host,
header or client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gateway.account.counters import Totals
from gateway.account.http2 import Http2Counts

if TYPE_CHECKING:
    from prometheus_client.core import HistogramMetricFamily
    from prometheus_client.metrics_core import Metric

BUCKET_STEP: Final = 4
"""The workers count four buckets per power of two; one per power of two is shown. 23 buckets per rule and upstream are
within a factor of two everywhere; Prometheus's own defaults are 14, Envoy's 20."""

NS: Final = 1e-9


class Facts:
    """What is not counted by the workers: the process and its configuration."""

    def __init__(
        self,
        *,
        version: str,
        generation: int,
        reloads: tuple[int, int],
        last_ok: bool,
        asked: int,
        http2: Http2Counts,
        listeners: Mapping[int, str],
        certificates: Iterable[tuple[str, str, str, float]] = (),
    ) -> None:
        self.version = version
        self.generation = generation
        self.reloads = reloads
        """(succeeded, failed)"""
        self.last_ok = last_ok
        self.asked = asked
        self.http2 = http2
        self.listeners = listeners
        """Names by key."""
        self.certificates = certificates
        """(`listener` or `upstream`, which one, name, end as Unix time) of each; as many as the configuration has."""


class Collector:
    """One scrape."""

    def __init__(self, totals: Totals, facts: Facts) -> None:
        self._totals = totals
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """All families, in the order in which people look for them."""
        yield from self._requests()
        yield self._durations()
        yield from self._connections()
        yield self._proxy_headers()
        yield self._handshakes()
        yield from self._http2()
        yield from self._upstreams()
        yield from self._config()
        yield from self._workers()

    def _requests(self) -> Iterator[Metric]:
        labels = ("listener", "route", "rule", "upstream", "method", "code")
        series = self._totals.series
        named = [((s.listener, s.route, s.rule, s.upstream, s.method, str(s.code)), s) for s in series]
        yield _counter("gateway_requests", "Requests answered.", labels, ((names, s.requests) for names, s in named))
        place = labels[:4]
        yield _counter(
            "gateway_request_body_bytes", "Body bytes received from clients.", place,
            _summed((names[:4], s.bytes_in) for names, s in named),
        )  # fmt: skip
        yield _counter(
            "gateway_response_body_bytes", "Body bytes sent to clients.", place,
            _summed((names[:4], s.bytes_out) for names, s in named),
        )  # fmt: skip
        outcomes = (
            ((*names[:4], str(number)), count) for names, s in named for number, count in enumerate(s.grpc) if count
        )
        yield _counter(
            "gateway_grpc_responses", "Answers to gRPC requests by their outcome.", (*place, "grpc_status"),
            _summed(outcomes),
        )  # fmt: skip
        reasons = (((word,), count) for word, count in self._totals.reasons)
        yield _counter("gateway_exchanges", "Exchanges by the reason they ended for.", ("reason",), reasons)

    def _durations(self) -> HistogramMetricFamily:
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(
            "gateway_request_duration_seconds",
            "From the complete request head to the end of the answer.",
            labels=("listener", "route", "rule", "upstream"),
        )
        sums: dict[tuple[str, ...], tuple[list[int], int]] = {}
        for s in self._totals.series:
            names: tuple[str, ...] = (s.listener, s.route, s.rule, s.upstream)
            buckets, total = sums.get(names, ([0] * len(s.buckets), 0))
            added = [a + b for a, b in zip(buckets, s.buckets, strict=True)]
            sums[names] = (added, total + s.sum_ns)
        for names, (buckets, total) in sums.items():
            family.add_metric(names, cumulative(buckets, self._totals.bounds_ns), total * NS)
        return family

    def _connections(self) -> Iterator[Metric]:
        per = ("listener",)
        rows = [((self._facts.listeners.get(c.listener, "(removed)"),), c) for c in self._totals.connections]
        yield _gauge("gateway_connections_open", "Client connections.", per, _summed((n, c.open) for n, c in rows))
        yield _counter(
            "gateway_connections_accepted", "Client connections accepted.", per,
            _summed((n, c.accepted) for n, c in rows),
        )  # fmt: skip
        yield _counter(
            "gateway_connections_refused", "Client connections closed at once: the listener was full.", per,
            _summed((n, c.refused) for n, c in rows),
        )  # fmt: skip

    def _proxy_headers(self) -> Metric:
        rows = (((result,), count) for result, count in self._totals.proxy_headers)
        text = "Connections that had to begin with a PROXY header, by what came."
        return _counter("gateway_proxy_headers", text, ("result",), rows)

    def _handshakes(self) -> Metric:
        rows = (((side, result), count) for side, result, count in self._totals.handshakes)
        return _counter("gateway_tls_handshakes", "TLS handshakes by how they ended.", ("side", "result"), rows)

    def _http2(self) -> Iterator[Metric]:
        counts = self._facts.http2
        rows: Rows = [
            ((each.role, *((each.owner, "") if each.role == "server" else ("", each.owner))), each.open)
            for each in counts.groups
        ]
        yield _gauge("gateway_http2_connections", "HTTP/2 connections.", ("role", "listener", "upstream"), rows)
        yield _counter("gateway_http2_settings", "SETTINGS of peers.", ("role",), _by_role(counts.settings))
        yield _counter(
            "gateway_http2_keepalive_failures", "Connections ended because a PING was not answered in time.",
            ("role",), _by_role(counts.keepalive_failures),
        )  # fmt: skip
        yield _counter(
            "gateway_http2_closed", "HTTP/2 connections that have ended.", ("role", "reason"), counts.closed.items()
        )

    def _upstreams(self) -> Iterator[Metric]:
        per = ("upstream", "endpoint")
        rows = [((u.upstream, u.endpoint), u) for u in self._totals.endpoints]
        yield _gauge(
            "gateway_upstream_requests_in_flight", "Requests under way.", per, ((n, u.in_flight) for n, u in rows)
        )
        yield _gauge("gateway_upstream_connections_idle", "Pooled connections.", per, ((n, u.idle) for n, u in rows))
        yield _gauge("gateway_upstream_connections_open", "Connections.", per, ((n, u.open) for n, u in rows))
        counted = (
            ("gateway_upstream_connects", "Connections begun.", [u.connects for _, u in rows]),
            ("gateway_upstream_connect_failures", "Connections that failed.", [u.connect_failures for _, u in rows]),
            ("gateway_upstream_requests", "Requests sent.", [u.requests for _, u in rows]),
            ("gateway_upstream_requests_reused", "Of them, on a used connection.", [u.reused for _, u in rows]),
            (
                "gateway_upstream_requests_replayed",
                "Of them, sent again: dead connection.",
                [u.replayed for _, u in rows],
            ),
        )
        for name, text, values in counted:
            yield _counter(name, text, per, zip((n for n, _ in rows), values, strict=True))

    def _config(self) -> Iterator[Metric]:
        facts = self._facts
        ok, failed = facts.reloads
        yield _gauge("gateway_config_generation", "Configuration in force.", (), [((), facts.generation)])
        yield _gauge(
            "gateway_config_last_reload_successful", "1 unless the last reload was refused.", (),
            [((), int(facts.last_ok))],
        )  # fmt: skip
        yield _counter(
            "gateway_config_reloads", "Reloads by result.", ("result",), [(("applied",), ok), (("refused",), failed)]
        )
        yield _gauge(
            "gateway_certificate_expiry_timestamp_seconds", "When a certificate ends, Unix time.", ("listener", "name"),
            _ends(facts, "listener"),
        )  # fmt: skip
        yield _gauge(
            "gateway_upstream_certificate_expiry_timestamp_seconds",
            "When a certificate that we show an upstream ends, Unix time.", ("upstream", "name"),
            _ends(facts, "upstream"),
        )  # fmt: skip
        yield _gauge("gateway_build_info", "Always 1.", ("version",), [((facts.version,), 1)])

    def _workers(self) -> Iterator[Metric]:
        yield _gauge("gateway_asked_requests", "Requests that wait for Python.", (), [((), self._facts.asked)])
        rows = [((str(number),), w) for number, w in enumerate(self._totals.workers)]
        per = ("worker",)
        yield _gauge("gateway_worker_timers", "Timers.", per, ((n, w.timers) for n, w in rows))
        counted = (
            ("gateway_worker_turns", "Turns of the event loop.", [w.turns for _, w in rows]),
            ("gateway_worker_panics", "Panics contained.", [w.panics for _, w in rows]),
            ("gateway_worker_events_lost", "Events for Trio that did not fit.", [w.events_lost for _, w in rows]),
            ("gateway_worker_accept_pauses", "Pauses for want of descriptors.", [w.accept_pauses for _, w in rows]),
            (
                "gateway_worker_untold_connections",
                "HTTP/2 connections without a task: Python was too far behind.",
                [w.untold_connections for _, w in rows],
            ),
            ("gateway_access_log_lines", "Access log lines handed to the writer.", [w.log_lines for _, w in rows]),
            ("gateway_access_log_dropped", "Access log lines dropped.", [w.log_dropped for _, w in rows]),
        )
        for name, text, values in counted:
            yield _counter(name, text, per, zip((n for n, _ in rows), values, strict=True))
        failed = self._totals.log_failed
        yield _counter("gateway_access_log_failed", "Access log lines that could not be written.", (), [((), failed)])


def cumulative(buckets: Sequence[int], ends_ns: Sequence[int]) -> list[tuple[str, float]]:
    """Prometheus buckets (each with everything below it) from counts per bucket, BUCKET_STEP of them as one."""
    found: list[tuple[str, float]] = []
    below = 0
    for number, count in enumerate(buckets):
        below += count
        if number < len(ends_ns) and number % BUCKET_STEP == 0:
            found.append((repr(ends_ns[number] * NS), below))
    found.append(("+Inf", below))
    return found


def _summed(rows: Iterable[tuple[tuple[str, ...], int]]) -> Iterable[tuple[tuple[str, ...], int]]:
    sums: dict[tuple[str, ...], int] = {}
    for names, value in rows:
        sums[names] = sums.get(names, 0) + value
    return sums.items()


Rows = Iterable[tuple[tuple[str, ...], float]]


def _by_role(counts: Mapping[str, int]) -> Rows:
    return (((role,), count) for role, count in counts.items())


def _counter(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name, text, labels=labels)
    for names, value in rows:
        family.add_metric(names, value)
    return family


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for names, value in rows:
        family.add_metric(names, value)
    return family


def _ends(facts: Facts, side: str) -> Rows:
    """By who is shown it, and name: one name may have a certificate for each kind of key."""
    ends: dict[tuple[str, str], float] = {}
    for kind, to, name, end in facts.certificates:
        if kind == side:
            ends[to, name] = min(end, ends.get((to, name), end))
    return ends.items()


def scrape(totals: Totals, facts: Facts, accept: str) -> tuple[bytes, str]:
    """The exposition and its content type: OpenMetrics for who accepts it, Prometheus text for everybody else.

    Takes tens of milliseconds for thousands of series; call it in a thread.
    """
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry()
    registry.register(Collector(totals, facts))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
