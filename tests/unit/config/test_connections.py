"""HTTP versions and HTTP/2 settings: what may be written, and what becomes of it."""

from __future__ import annotations

import pytest

from gateway.config.first_flight import Windows, offer_to_clients, offer_to_upstream
from tests.unit.config.reading import Folder

SMALLEST = """\
version: 1
listeners: [{name: web, listen: ":8080", LISTENER}]
routes: [{name: all, rules: [{to: app}]}]
upstreams: {app: {endpoints: ["127.0.0.1:3000"], UPSTREAM}}
"""


def text(listener: str = "x-a: 1", upstream: str = "x-a: 1") -> str:
    return SMALLEST.replace("LISTENER", listener).replace("UPSTREAM", upstream)


def test_what_is_offered_is_what_is_written(folder: Folder) -> None:
    http2 = "http2: {max_concurrent_streams: 7, stream_window: 32KiB, connection_window: 128KiB}"
    document = folder.lower(text(f"protocols: [http/1.1, h2], {http2}", f"protocol: h2, {http2}")).document
    (listener,), (upstream,) = document.listeners, document.upstreams
    windows = Windows(32 * 1024, 128 * 1024)
    assert (listener.protocols, listener.scheme, listener.tls) == (("http/1.1", "h2"), "http", None)
    assert listener.http2 == offer_to_clients(7, 64 * 1024, windows)
    assert (upstream.protocol, upstream.http2) == ("h2", offer_to_upstream(7, windows))


def test_nobody_has_to_write_any_of_it(folder: Folder) -> None:
    document = folder.lower(text()).document
    assert document.listeners[0].protocols == ("h2", "http/1.1")
    assert document.upstreams[0].protocol == "http/1.1"
    assert folder.warnings(text("protocols: [h2]", "protocol: auto")) == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("protocols: ▸[]", "an empty list of protocols"),
        ("protocols: [h2, ▸h2]", "h2 is written twice"),
        ("protocols: [▸h2c]", 'expected one of h2, http/1.1, got "h2c" (did you mean "h2"?)'),
        ("protocols: ▸h2", 'expected a list, got "h2"'),
        ("▸protocol: h2", "`protocol` goes into an upstream; a listener has `protocols`"),
        ("http2: {max_concurrent_streams: ▸0}", "must be between 1 and 10,000"),
        ("http2: {stream_window: ▸1KiB}", "must be between 16KiB and 64MiB"),
        ("http2: {stream_window: ▸65535}", "a size needs a unit"),
        ("http2: {connection_window: ▸32KiB, stream_window: 16KiB}", "must be between 64KiB and 64MiB"),
        ("http2: {connection_window: ▸1GiB}", "must be between 64KiB and 64MiB"),
        ("http2: {keepalive: {interval: ▸10ms}}", "must be at least 1s (0s: no PINGs)"),
        ("http2: {keepalive: {interval: 10s, timeout: ▸0s}}", "must be at least 100ms"),
        ("http2: {max_age: ▸1ms}", "must be at least 1s (0s: any age)"),
        ("http2: {▸max_streams: 5}", 'did you mean "max_concurrent_streams"?'),
    ],
)
def test_what_cannot_be_offered(folder: Folder, written: str, words: str) -> None:
    (told,) = folder.complaints(text(written))
    assert words in told
    if written.startswith("http2"):
        (told,) = folder.complaints(text("x-a: 1", written))
        assert words in told


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("protocol: ▸h3", "expected one of"),
        ("▸protocols: [h2]", "`protocols` goes into a listener; an upstream has `protocol`"),
    ],
)
def test_what_an_upstream_cannot_speak(folder: Folder, written: str, words: str) -> None:
    (told,) = folder.complaints(text("x-a: 1", written))
    assert words in told


def test_a_window_that_another_one_ends_is_a_warning(folder: Folder) -> None:
    (told,) = folder.warnings(text("http2: {stream_window: 2MiB}"))
    assert "stream_window is larger than connection_window" in told
