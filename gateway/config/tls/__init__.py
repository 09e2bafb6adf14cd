"""Certificates and keys: from the files that a configuration names to what the engine takes.

    files         a file's content, read once, with a stamp for the watch
    pem           PEM → certificates, keys, or what is wrong in words
    names         which name fits which host
    certificate   what a certificate says
    reader        the files of one configuration, with a finding for everything that is wrong
    credentials   its listeners and upstreams
    authority     a CA of one's own, and store, where `tls: internal` keeps it
    roots         the CAs of the system

Only a configuration that speaks TLS pays for `cryptography`: the door, `read_credentials`, imports the rest when there
is something to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config import document as wire

if TYPE_CHECKING:
    from gateway.config.load import Loaded
    from gateway.config.tls.certificate import Shown
    from gateway.config.tls.files import Stamp


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was read for one configuration. Listeners and upstreams without TLS are not in it."""

    listeners: Mapping[str, wire.ListenerTls] = field(default_factory=dict)
    """By name."""
    upstreams: Mapping[str, wire.UpstreamTls] = field(default_factory=dict)
    """By name."""
    system_roots: tuple[bytes, ...] = ()
    """The CAs of the system, DER, if an upstream is verified with them."""
    shown: tuple[Shown, ...] = ()
    """Every certificate that a listener shows, the default first, and those that we show upstreams."""
    stamps: Mapping[Path, Stamp | None] = field(default_factory=dict)
    """Of every file that was read."""
    ca_file: Path | None = None
    """Of the CA of `tls: internal`, if somebody uses it and it is kept."""
    renew_at: float | None = None
    """When the first certificate of `tls: internal` wants to be made again, Unix time."""


def read_credentials(loaded: Loaded, now: float, state: Path | None = None) -> Credentials:
    """Read everything that `loaded` names; what is wrong goes to its findings.

    `now`: Unix time. `state`: the directory where certificates of `tls: internal` are kept; None: nobody keeps them.
    """
    config = loaded.config
    if all(listener.tls is None for listener in config.listeners) and all(
        upstream.tls is None for upstream in config.upstreams.values()
    ):
        return Credentials()
    from gateway.config.tls.credentials import read

    return read(loaded, now, state)
