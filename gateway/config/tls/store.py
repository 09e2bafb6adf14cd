"""Where `tls: internal` keeps its CA and certificates: a directory of its own, readable by its owner alone.

    DIRECTORY/ca/ca.pem, ca.key      the CA; who trusts ca.pem trusts these certificates
    DIRECTORY/leaves/….pem           certificate and key of one set of names, in one file

Theory: every file and the CA's directory appear whole, by a rename, so that two gateways that start at once on one
directory end up with one CA, and none ever reads a half-written key. A certificate is made again when it is close to
its end or was signed by another CA. Time is an argument.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from gateway.config.tls import pem
from gateway.config.tls.authority import Authority, Issued
from gateway.config.tls.certificate import CertificateFacts, facts_of, issued
from gateway.config.tls.dates import DAY_S
from gateway.limits import CA_RENEW_DAYS, LEAF_RENEW_DAYS


class Internal(Protocol):
    """Gives certificates for `tls: internal`."""

    @property
    def ca_file(self) -> Path | None:
        """What to trust; None if it is nowhere kept."""
        ...

    def leaf(self, names: Iterable[str], now: float) -> Issued:
        """A certificate for these names. OSError or PemError if there can be none."""
        ...


class Passing:
    """Certificates that nobody keeps: for commands that only look at a configuration."""

    ca_file = None

    def leaf(self, names: Iterable[str], now: float) -> Issued:
        """Signed by a CA that is forgotten at once."""
        return Authority.create(now).issue(names, now)


class Store:
    """Certificates kept in a directory, which is made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ca_file = directory / "ca" / "ca.pem"

    def leaf(self, names: Iterable[str], now: float) -> Issued:
        """The kept certificate for these names, or a new one."""
        names = sorted(set(names))
        authority = self.authority(now)
        file = self._directory / "leaves" / f"{hashlib.sha256(chr(0).join(names).encode()).hexdigest()[:32]}.pem"
        kept = _kept(file, authority, names, now)
        if kept is not None:
            return kept
        private_directory(file.parent)
        made = authority.issue(names, now)
        write_private(file, made.certificate + made.key)
        _remove_expired(file.parent, now)
        return made

    def authority(self, now: float) -> Authority:
        """The kept CA; a new one if there is none, or if it is close to its end."""
        private_directory(self._directory)
        found = self._read()
        if found is not None and _days_left(found, now) > CA_RENEW_DAYS:
            return found
        if found is not None:
            aside = self._directory / f"ca-until-{found.certificate.not_valid_after_utc:%Y-%m-%d}"
            self.ca_file.parent.rename(aside)
        self._make(now)
        again = self._read()
        if again is None:
            raise FileNotFoundError(f"the CA in {self.ca_file.parent} went away again")
        return again

    def _read(self) -> Authority | None:
        if not self.ca_file.parent.exists():
            return None
        return Authority.from_pem(self.ca_file.read_bytes(), self.ca_file.with_suffix(".key").read_bytes())

    def _make(self, now: float) -> None:
        new = Path(tempfile.mkdtemp(prefix="ca.", dir=self._directory))  # mode 0700
        parts = Authority.create(now).as_pem()
        write_private(new / "ca.pem", parts.certificate)
        write_private(new / "ca.key", parts.key)
        try:
            new.rename(self.ca_file.parent)
        except OSError:
            for part in new.iterdir():
                part.unlink()
            new.rmdir()
            if not self.ca_file.exists():  # nobody was faster: it failed for another reason
                raise


def _days_left(authority: Authority, now: float) -> float:
    return (authority.certificate.not_valid_after_utc.timestamp() - now) / DAY_S


def _kept(file: Path, authority: Authority, names: list[str], now: float) -> Issued | None:
    """What lies there, if it is still good."""
    try:
        content = file.read_bytes()
        found, key = pem.certificates(content)[0], pem.private_key(content)
    except (OSError, pem.PemError):
        return None
    facts = facts_of(found)
    good = (
        set(facts.names) == set(names)
        and pem.belongs(key, found)
        and issued(authority.certificate, found)
        and facts.not_before <= now < renew_at(facts)
    )
    return Issued(content, content) if good else None


def renew_at(facts: CertificateFacts) -> float:
    """When a certificate of ours is to be made again, Unix time."""
    return facts.not_after - LEAF_RENEW_DAYS * DAY_S


def _remove_expired(directory: Path, now: float) -> None:
    """Names change with routes; what was for former ones goes when its time is over."""
    for file in directory.glob("*.pem"):
        try:
            if facts_of(pem.certificates(file.read_bytes())[0]).not_after < now:
                file.unlink(missing_ok=True)
        except (OSError, pem.PemError):
            continue


def private_directory(directory: Path) -> None:
    """Make it, for its owner alone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(file: Path, content: bytes) -> None:
    """A file that only its owner reads, whole from the first moment on."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
