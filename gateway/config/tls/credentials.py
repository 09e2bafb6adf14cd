"""Everything of one configuration that TLS needs: its listeners and upstreams, walked with the files that they name.

What stands in a file is for `reader` to say; here are the questions of the whole: a listener without a certificate,
clients that nobody could verify, an upstream that is not verified by accident.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.config import document as wire
from gateway.config import schema
from gateway.config.addresses import AddressError, parse_endpoint, parse_listen
from gateway.config.check.text import host_problem
from gateway.config.load import Loaded
from gateway.config.nodes import Cursor, Spot
from gateway.config.tls import Credentials, pem
from gateway.config.tls.certificate import Shown, facts_of
from gateway.config.tls.names import fits, is_address
from gateway.config.tls.reader import Pair, Reader
from gateway.config.tls.roots import system_roots
from gateway.config.tls.store import Internal, Passing, Store, renew_at
from gateway.limits import HANDSHAKE_TIMEOUT_MS, INTERNAL_NAMES

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""What `tls: internal` is good for besides the hosts of routes."""


def read(loaded: Loaded, now: float, state: Path | None) -> Credentials:
    """The credentials of `loaded`; its findings have what is wrong."""
    return _Reading(loaded, now, Passing() if state is None else Store(state)).all()


class _Reading:
    def __init__(self, loaded: Loaded, now: float, internal: Internal) -> None:
        self._config = loaded.config
        self._at = loaded.cursor()
        self._findings = loaded.findings
        self._now = now
        self._internal = internal
        self._reader = Reader(loaded.findings, now)
        self._shown: list[Shown] = []
        self._renew_at: float | None = None
        self._system_roots: tuple[bytes, ...] | None = None

    def all(self) -> Credentials:
        listeners: dict[str, wire.ListenerTls] = {}
        for index, listener in enumerate(self._config.listeners):
            at = self._at["listeners"][index]["tls"]
            if listener.tls == "internal":
                listeners[listener.name] = self._internal_tls(listener, at.spot)
            elif isinstance(listener.tls, schema.ListenerTls):
                listeners[listener.name] = self._listener(listener.name, listener.tls, at)
        upstreams = {
            name: self._upstream(name, upstream, upstream.tls, self._at["upstreams"][name])
            for name, upstream in self._config.upstreams.items()
            if upstream.tls is not None
        }
        kept = self._internal.ca_file if any(each.tls == "internal" for each in self._config.listeners) else None
        return Credentials(
            listeners=listeners,
            upstreams=upstreams,
            system_roots=self._system_roots or (),
            shown=tuple(self._shown),
            stamps=self._reader.files.stamps,
            ca_file=kept,
            renew_at=self._renew_at,
        )

    # ── listeners ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _listener(self, name: str, tls: schema.ListenerTls, at: Cursor) -> wire.ListenerTls:
        if not tls.certificates and not tls.passthrough:
            hint = "add certificates: [{cert: shop.pem, key: shop.key}], or write `tls: internal` for a first try"
            self._findings.error(at.spot, "TLS without a certificate", hint)
        found: list[wire.Certificate] = []
        seen: dict[tuple[str, str], Spot] = {}
        for index, certificate in enumerate(tls.certificates):
            place = at["certificates"][index]
            made = self._certificate(name, certificate, place, seen, default=index == 0)
            if made is not None:
                found.append(made)
                self._never_shown(made, tls, at, index)
        return wire.ListenerTls(
            certificates=tuple(found),
            client_auth=self._client_auth(tls.client_auth, at["client_auth"]),
            min_version="1.3" if tls.min_version == "1.3" else "1.2",
            handshake_timeout=int(tls.handshake_timeout),
            passthrough=(),
        )

    def _never_shown(self, made: wire.Certificate, tls: schema.ListenerTls, at: Cursor, index: int) -> None:
        """Names of a certificate whose connections are passed through."""
        passed = [sni.lower() for each in tls.passthrough for sni in each.sni]
        hidden = [name for name in made.names if any(fits(pattern, name) for pattern in passed)]
        spot = at["certificates"][index]["cert"].spot
        if index and hidden and len(hidden) == len(made.names):
            hint = "remove it, or make the names in `passthrough` more exact"
            self._findings.error(spot, "this certificate is never shown: all its names are passed through", hint)
        elif hidden:
            self._findings.warning(spot, f"connections for {hidden[0]} are passed through: it is not shown to them")

    def _certificate(
        self,
        listener: str,
        written: schema.Certificate,
        at: Cursor,
        seen: dict[tuple[str, str], Spot],
        *,
        default: bool,
    ) -> wire.Certificate | None:
        pair = self._reader.pair(written.cert, written.key, at, "server")
        ocsp = None if written.ocsp is None else self._reader.staple(written.ocsp, at["ocsp"].spot, pair)
        if pair is None:
            return None
        facts = facts_of(pair.leaf)
        self._shown.append(Shown("listener", listener, facts))
        spot = at["cert"].spot
        if not facts.names:
            what = "it is the default only" if default else "it is never chosen"
            self._findings.warning(spot, f"this certificate has no name that a client could ask for: {what}")
        for name in facts.names:
            first = seen.setdefault((name, facts.key.split()[0]), spot)
            if first is not spot:
                self._findings.warning(
                    spot, f"{name} has a certificate with such a key already", f"the first: {first.where}; it is taken"
                )
                break
        return wire.Certificate(names=facts.names, chain=pair.ders(), key=pem.pkcs8(pair.key), ocsp=ocsp)

    def _client_auth(self, written: schema.ClientAuth | None, at: Cursor) -> wire.ClientAuth:
        if written is None:
            return wire.ClientAuth(mode="off", roots=())
        roots: tuple[bytes, ...] = ()
        if written.ca is not None:
            roots = self._reader.authorities(written.ca, at["ca"].spot)
        elif written.mode != "off":
            hint = "name the file with the CAs that clients' certificates come from"
            self._findings.error(at.spot, '"ca" missing: no client could be verified', hint)
        return wire.ClientAuth(mode=written.mode, roots=roots)

    def _internal_tls(self, listener: schema.Listener, at: Spot) -> wire.ListenerTls:
        found: list[wire.Certificate] = []
        for names in _batches(self._internal_names(listener)):
            try:
                made = self._internal.leaf(names, self._now)
            except (OSError, pem.PemError) as error:
                why = getattr(error, "strerror", None) or str(error)
                self._findings.error(
                    at, f"no internal certificate: {why}", "`gateway run --state DIR` says where they are kept"
                )
                break
            chain, key = pem.certificates(made.certificate), pem.private_key(made.key)
            facts = facts_of(chain[0])
            self._shown.append(Shown("listener", listener.name, facts))
            self._renew_at = min(renew_at(facts), self._renew_at or renew_at(facts))
            ders = tuple(pem.der(each) for each in chain)
            found.append(wire.Certificate(names=facts.names, chain=ders, key=pem.pkcs8(key), ocsp=None))
        return wire.ListenerTls(
            certificates=tuple(found),
            client_auth=wire.ClientAuth(mode="off", roots=()),
            min_version="1.2",
            handshake_timeout=HANDSHAKE_TIMEOUT_MS,
            passthrough=(),
        )

    def _internal_names(self, listener: schema.Listener) -> list[str]:
        """The hosts of the routes on this listener, and the names of this machine."""
        hosts = [
            host.lower().strip("[]")
            for route in self._config.routes
            if not route.listeners or listener.name in route.listeners
            for host in route.hosts
            if host_problem(host) is None
        ]
        try:
            address = parse_listen(listener.listen)
        except AddressError:  # said elsewhere
            return [*LOCAL_NAMES, *hosts]
        own = [] if address.kind == "unix" or address.any_host else [address.host]
        return list(dict.fromkeys((*LOCAL_NAMES, *own, *hosts)))

    # ── upstreams ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _upstream(self, name: str, upstream: schema.Upstream, tls: schema.UpstreamTls, at: Cursor) -> wire.UpstreamTls:
        place = at["tls"]
        pair = self._own_pair(tls, place)
        if pair is not None:
            self._shown.append(Shown("upstream", name, facts_of(pair.leaf)))
        return wire.UpstreamTls(
            roots=self._upstream_roots(tls, place),
            server_name=self._server_name(upstream, tls, place),
            verify=not tls.insecure_skip_verify,
            chain=() if pair is None else pair.ders(),
            key=None if pair is None else pem.pkcs8(pair.key),
            min_version="1.3" if tls.min_version == "1.3" else "1.2",
        )

    def _own_pair(self, tls: schema.UpstreamTls, at: Cursor) -> Pair | None:
        if tls.cert is not None:
            return self._reader.pair(tls.cert, tls.key, at, "client")
        if tls.key is not None:
            self._findings.error(at.key("key"), "a key without its certificate", "add cert: FILE, or remove the key")
        return None

    def _upstream_roots(self, tls: schema.UpstreamTls, at: Cursor) -> tuple[bytes, ...] | None:
        """None: those of the system."""
        if tls.insecure_skip_verify:
            if tls.ca is not None:
                self._findings.error(
                    at.key("insecure_skip_verify"), "ca and insecure_skip_verify exclude each other", "remove one"
                )
            self._findings.warning(
                at.key("insecure_skip_verify"),
                "this upstream is not verified: anybody on the way can read and change what is sent",
                "name its CA instead; a certificate that it signed itself may stand there too",
            )
            return ()
        if tls.ca is not None:
            return self._reader.authorities(tls.ca, at["ca"].spot)
        if self._system_roots is None:
            self._system_roots = system_roots(self._reader.files)
        if not self._system_roots:
            self._findings.error(at.spot, "this system has no CA certificates", "install them, or write ca: FILE")
        return None

    def _server_name(self, upstream: schema.Upstream, tls: schema.UpstreamTls, at: Cursor) -> str | None:
        name = tls.server_name
        if name is not None:
            problem = host_problem(name) if not is_address(name) else None
            if name.startswith("*"):
                problem = ("a server name has no wildcard", "write the one name that is asked for")
            self._findings.problem(at["server_name"].spot, name, problem)
            return name.lower().strip("[]")
        if not tls.insecure_skip_verify and any(_is_unix(each) for each in upstream.endpoints):
            hint = "a Unix socket has no name that a certificate could have"
            self._findings.error(at.spot, '"server_name" missing', hint)
        return None


def _batches(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + INTERNAL_NAMES] for start in range(0, len(names), INTERNAL_NAMES))


def _is_unix(endpoint: str | schema.Endpoint) -> bool:
    try:
        return parse_endpoint(endpoint if isinstance(endpoint, str) else endpoint.address).kind == "unix"
    except AddressError:  # said elsewhere
        return False
