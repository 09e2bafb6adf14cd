"""The files of one configuration as certificates, keys and CAs, with a finding for everything that is wrong.

Theory: a finding stands where a person would mend it: at the path of the file that is wrong. Errors are what the engine
could not use, or what would serve the wrong thing; warnings are what clients will trip over: a certificate that has
ended, a key that everybody may read, a chain that does not lead to a CA.

Rules: a file is read once, however often it is named. No text of a key is in any message. Time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509

from gateway.config.findings import Findings
from gateway.config.nodes import Cursor, Secret, Spot
from gateway.config.tls import pem
from gateway.config.tls.certificate import is_ca, issued, may_be, names_of
from gateway.config.tls.dates import day
from gateway.config.tls.files import Content, FileError, Files
from gateway.config.tls.staple import staple_problem, staple_warning


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its key."""

    chain: tuple[x509.Certificate, ...]
    key: pem.PrivateKey

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate itself."""
        return self.chain[0]

    def ders(self) -> tuple[bytes, ...]:
        """The chain as the engine takes it."""
        return tuple(pem.der(each) for each in self.chain)


class Reader:
    """Reads for one configuration."""

    def __init__(self, findings: Findings, now: float) -> None:
        self.files = Files()
        self._findings = findings
        self._now = now

    def pair(self, cert: str, key: str | None, at: Cursor, purpose: str) -> Pair | None:
        """A certificate and its key, with everything that speaks against them as a `server`'s or a `client`'s."""
        cert_at, key_at = at["cert"].spot, at["key" if key is not None else "cert"].spot
        chain = self._chain(cert, cert_at)
        signer = self._key(cert if key is None else key, key_at, alone=key is not None)
        if chain is None or signer is None:
            return None
        if chain[0].version == x509.Version.v1:  # what `openssl x509 -req` makes; browsers want a SAN anyway
            self._findings.error(
                cert_at, "an X.509 v1 certificate cannot be used", "make one with extensions: gateway cert make NAME"
            )
            return None
        if not pem.belongs(signer, chain[0]):
            self._misfit(signer, chain, cert_at, key_at)
            return None
        self._look(chain, cert_at, purpose)
        return Pair(tuple(chain), signer)

    def _misfit(self, key: pem.PrivateKey, chain: list[x509.Certificate], cert_at: Spot, key_at: Spot) -> None:
        where = next((number for number, each in enumerate(chain, 1) if pem.belongs(key, each)), None)
        if where is not None:
            self._findings.error(
                cert_at,
                f"the certificate of this key is number {where} in the file",
                "put it first, and after it those that lead to the CA",
            )
            return
        subject = ", ".join(names_of(chain[0])[:3]) or chain[0].subject.rfc4514_string()
        self._findings.error(
            key_at, f"this key does not belong to the certificate of {subject}", "take the two that were made together"
        )

    def _chain(self, written: str, at: Spot) -> list[x509.Certificate] | None:
        content = self._content(written, at)
        if content is None:
            return None
        try:
            return pem.certificates(content.data)
        except pem.PemError as error:
            self._findings.error(at, f"{written}: {error}", error.hint)
        return None

    def _key(self, written: str, at: Spot, *, alone: bool) -> pem.PrivateKey | None:
        """`alone`: it has a path of its own, rather than standing in the certificate's file."""
        content = self._content(written, at)
        if content is None:
            return None
        if not alone and not pem.has_private_key(content.data):
            self._findings.error(at, f'"key" missing: {written} has none', "add key: FILE")
            return None
        if content.world_readable:
            self._findings.warning(at, f"everybody on this machine may read the key in {written}", "chmod 600 it")
        try:
            return pem.private_key(content.data)
        except pem.PemError as error:
            self._findings.error(at, f"{written}: {error}", error.hint)
        return None

    def authorities(self, written: str, at: Spot) -> tuple[bytes, ...]:
        """The CAs of a file, DER."""
        found = self._chain(written, at) or []
        for each in found:
            if not self._in_force(each, at, f"the CA {each.subject.rfc4514_string()}"):
                break
            if not is_ca(each):
                name = each.subject.rfc4514_string() or ", ".join(names_of(each))
                self._findings.warning(at, f"{name} is no CA: it verifies itself at most")
                break
        return tuple(pem.der(each) for each in found)

    def _look(self, chain: list[x509.Certificate], at: Spot, purpose: str) -> None:
        """What a client will trip over; the first of it."""
        for number, each in enumerate(chain):
            what = "this certificate" if number == 0 else f"certificate {number + 1} of the chain"
            if not self._in_force(each, at, what):
                return
        if not may_be(chain[0], purpose):
            self._findings.warning(at, f"this certificate may not be a {purpose}'s (extended key usage)")
            return
        for number, (below, above) in enumerate(pairwise(chain), 1):
            if not issued(above, below):
                self._findings.warning(
                    at,
                    f"certificate {number + 1} of the file did not sign certificate {number}",
                    "after the certificate come those that lead to the CA, each signing the one before",
                )
                return

    def _in_force(self, certificate: x509.Certificate, at: Spot, what: str) -> bool:
        first = certificate.not_valid_before_utc.timestamp()
        last = certificate.not_valid_after_utc.timestamp()
        if last <= self._now:
            self._findings.warning(at, f"{what} has ended on {day(last)}")
        elif first > self._now:
            self._findings.warning(at, f"{what} begins on {day(first)} only")
        return first <= self._now < last

    def staple(self, written: str, at: Spot, pair: Pair | None) -> bytes | None:
        """An OCSP response for a pair, DER."""
        content = self._content(written, at)
        if content is None or pair is None:
            return None
        problem = staple_problem(content.data, pair.leaf)
        if problem is not None:
            self._findings.error(at, f"{written}: {problem[0]}", problem[1])
            return None
        late = staple_warning(content.data, self._now)
        if late is not None:
            self._findings.warning(at, late)
        return content.data

    def _content(self, written: str, at: Spot) -> Content | None:
        if isinstance(written, Secret):
            hint = f"write the path itself: {written.written.removeprefix('${file:').removesuffix('}')}"
            self._findings.error(at, f"a path is needed here, and {written.written} is the content of a file", hint)
            return None
        try:
            return self.files.read(written, at.source.path.parent)
        except FileError as error:
            self._findings.error(at, str(error), error.hint)
        return None
