"""What the comparison needs to know of a candidate: how to find it, name it and start it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.certificate import Certificate


class MissingError(Exception):
    """A program is not here; the message says how to get it."""


@dataclass(frozen=True)
class Place:
    """Where a candidate is to run, and what it is to speak on both sides."""

    directory: Path  # its own, for configuration and scratch files
    port: int  # of 127.0.0.1, where it listens
    upstream: str  # host:port of the one upstream
    routes: int = 1  # routes in its table; the last one takes the request
    rules: int = 1  # rules of that route; again the last one takes the request
    admin_port: int | None = None  # where metrics are scraped; none: metrics off
    http2: bool = False  # downstream: by prior knowledge, or by ALPN with a certificate
    certificate: "Certificate | None" = None  # downstream TLS 1.3; none: plain
    tickets: bool = False  # sessions can be resumed; else no tickets, where a candidate can do without
    upstream_http2: bool = False  # by prior knowledge, never TLS

    @property
    def upstream_host(self) -> str:
        return self.upstream.rpartition(":")[0]

    @property
    def upstream_port(self) -> str:
        return self.upstream.rpartition(":")[2]

    def write(self, name: str, text: str) -> str:
        """Writes a configuration file and gives its path."""
        path = self.directory / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True)
class Peer:
    """A candidate: a proxy, this gateway, or the floor."""

    name: str
    find: Callable[[], Path]  # raises MissingError
    version: Callable[[Path], str]
    command: Callable[[Path, Place], list[str]]  # writes its configuration, gives its command line
    control: bool = False  # runs in every session, so that a session that drifted can be seen
    scrapes: bool = False  # answers GET /metrics at `admin_port`
