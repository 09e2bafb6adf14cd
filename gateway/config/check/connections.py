"""What connections are offered: HTTP versions, HTTP/2 settings and its keep-alive."""

from __future__ import annotations

from typing import Final

from gateway.config.findings import Findings
from gateway.config.nodes import Cursor
from gateway.config.schema import Config, Http2, Keepalive, ListenerTls, UpstreamHttp2
from gateway.config.units import Duration, Size
from gateway.limits import (
    HANDSHAKE_TIMEOUT_MIN_MS,
    HTTP2_CONNECTION_WINDOW_MIN,
    HTTP2_WINDOW_MAX,
    HTTP2_WINDOW_MIN,
    KEEPALIVE_MIN_MS,
    KEEPALIVE_TIMEOUT_MIN_MS,
    MAX_AGE_MIN_MS,
)

_WINDOWS: Final = (("stream_window", HTTP2_WINDOW_MIN), ("connection_window", HTTP2_CONNECTION_WINDOW_MIN))


def check_connections(config: Config, at: Cursor, findings: Findings) -> None:
    """Every listener and upstream by itself. What TLS needs is looked at where it is read (`gateway.config.tls`)."""
    for index, listener in enumerate(config.listeners):
        place = at["listeners"][index]
        _protocols(list(listener.protocols), place["protocols"], findings)
        _http2(listener.http2, place["http2"], findings)
        tls = listener.tls
        if isinstance(tls, ListenerTls) and tls.handshake_timeout < HANDSHAKE_TIMEOUT_MIN_MS:
            spot = place["tls"]["handshake_timeout"].spot
            findings.error(spot, f"must be at least {Duration(HANDSHAKE_TIMEOUT_MIN_MS)}")
    for name, upstream in config.upstreams.items():
        _http2(upstream.http2, at["upstreams"][name]["http2"], findings)


def _protocols(protocols: list[str], at: Cursor, findings: Findings) -> None:
    if not protocols:
        findings.error(at.spot, "an empty list of protocols: nothing could be spoken", "leave it out for both")
    for index, protocol in enumerate(protocols):
        if protocol in protocols[:index]:
            findings.error(at[index].spot, f"{protocol} is written twice", "remove one; the first is preferred")


def _http2(http2: Http2 | UpstreamHttp2, at: Cursor, findings: Findings) -> None:
    for name, least in _WINDOWS:
        if not least <= getattr(http2, name) <= HTTP2_WINDOW_MAX:
            findings.error(at[name].spot, f"must be between {Size(least)} and {Size(HTTP2_WINDOW_MAX)}")
    if http2.stream_window > http2.connection_window:
        spot = at["stream_window" if "stream_window" in at else "connection_window"].spot
        findings.warning(spot, "stream_window is larger than connection_window, which ends it")
    _keepalive(http2.keepalive, at["keepalive"], findings)
    if 0 < http2.max_age < MAX_AGE_MIN_MS:
        findings.error(at["max_age"].spot, f"must be at least {Duration(MAX_AGE_MIN_MS)}", "0s: any age")


def _keepalive(keepalive: Keepalive, at: Cursor, findings: Findings) -> None:
    if 0 < keepalive.interval < KEEPALIVE_MIN_MS:
        findings.error(at["interval"].spot, f"must be at least {Duration(KEEPALIVE_MIN_MS)}", "0s: no PINGs")
    if keepalive.timeout < KEEPALIVE_TIMEOUT_MIN_MS:
        findings.error(at["timeout"].spot, f"must be at least {Duration(KEEPALIVE_TIMEOUT_MIN_MS)}")
