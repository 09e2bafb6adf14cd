"""A CA and certificates for tests that speak TLS, made by the gateway's own authority in a few milliseconds.

    def test_…(certificates: Certificates) -> None:          # session scoped: one CA for all tests of a process
        pair = certificates.leaf("localhost", "127.0.0.1")
        listener = {"name": "web", "listen": LISTEN, "tls": certificates.tls(pair)}
        context = certificates.client_context()              # for `ssl`, http.client, …
        subprocess.run(["curl", "--cacert", certificates.ca, …])

The same names give the same pair; `renew` makes another one, `now` and `days` certificates that have ended.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config.tls.authority import Authority, KeyKind


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    cert: Path
    key: Path

    def as_config(self) -> dict[str, str]:
        """An item of `certificates:`."""
        return {"cert": str(self.cert), "key": str(self.key)}


class Certificates:
    """One CA and what it has signed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority.create(time.time(), "CA of the tests")
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(self.authority.as_pem().certificate)
        self._pairs: dict[tuple[object, ...], Pair] = {}

    def leaf(self, *names: str, kind: KeyKind = "ecdsa") -> Pair:
        """A pair for these names, made at the first call."""
        wanted = (names, kind)
        if wanted not in self._pairs:
            self._pairs[wanted] = self.renew(*names, kind=kind)
        return self._pairs[wanted]

    def renew(
        self,
        *names: str,
        kind: KeyKind = "ecdsa",
        now: float | None = None,
        days: int = 90,
        into: Path | None = None,
    ) -> Pair:
        """A new pair, in a directory of its own or `into` one, where files called `tls.*` are replaced as `mv` does."""
        made = self.authority.issue(names, time.time() if now is None else now, days=days, kind=kind)
        if into is None:
            into = self.directory / f"{len(list(self.directory.iterdir()))}"
            into.mkdir()
        pair = Pair(into / "tls.pem", into / "tls.key")
        for file, content in ((pair.key, made.key), (pair.cert, made.certificate)):
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_bytes(content)
            new.replace(file)
        return pair

    def tls(self, *pairs: Pair, **more: Any) -> dict[str, Any]:
        """`tls:` of a listener; without pairs, one for localhost."""
        pairs = pairs or (self.leaf("localhost", "127.0.0.1", "::1"),)
        return {"certificates": [pair.as_config() for pair in pairs], **more}

    def client_context(self, identity: Pair | None = None, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """What a client needs that trusts this CA alone. `identity`: the certificate that it shows."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if identity is not None:
            context.load_cert_chain(identity.cert, identity.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def server_context(
        self, *names: str, alpn: tuple[str, ...] = (), wants_clients: bool = False, kind: KeyKind = "ecdsa"
    ) -> ssl.SSLContext:
        """What an origin of the tests needs. `wants_clients`: only those whom this CA has signed."""
        pair = self.leaf(*(names or ("localhost", "127.0.0.1", "::1")), kind=kind)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca))
        context.load_cert_chain(pair.cert, pair.key)
        if wants_clients:
            context.verify_mode = ssl.CERT_REQUIRED
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context
