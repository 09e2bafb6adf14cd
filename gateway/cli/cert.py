"""`gateway cert`: certificates to look at, and certificates for a first try."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.arguments import config_argument, configuration, output_argument
from gateway.cli.table import paint, show, table
from gateway.errors import ExitCode, GatewayError, UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from gateway.config.tls.authority import Authority
    from gateway.config.tls.certificate import CertificateFacts

EXAMPLE: Final = """\
  gateway cert make localhost 127.0.0.1          # ca.pem, localhost.pem and their keys, in this directory
  gateway cert make --out clients spiffe://example.org/billing --ca ca.pem
  gateway cert show -c gateway.yaml              # what listeners show and upstreams are shown, and for how long
  gateway cert show shop.pem other.pem -o json
"""

_MAKE_EXAMPLE: Final = """\
example:
  gateway cert make localhost 127.0.0.1
  gateway cert make shop.example.com '*.shop.example.com' --out certificates
  gateway cert make spiffe://example.org/billing --ca ca.pem     # for a client: signed by the same CA

A CA for a first try and for tests: whoever has ca.key can sign for every name that you trust ca.pem for.
"""

_SHOW_EXAMPLE: Final = """\
example:
  gateway cert show -c gateway.yaml
  gateway cert show shop.pem
  gateway cert show *.pem -o json | jq '.[].not_after'

exit codes: 0 all in force, 10 one has ended or has not begun
"""

SOON_DAYS: Final = 14
"""Days left from which on a certificate is shown in yellow: an automatic renewal would have happened long before."""

NAMES_SHOWN: Final = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    commands = parser.add_subparsers(dest="what", metavar="show|make", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    shown = commands.add_parser(
        "show", help="what certificates say", epilog=_SHOW_EXAMPLE, formatter_class=raw, allow_abbrev=False
    )
    shown.add_argument(
        "files", metavar="FILE.pem", nargs="*", help="files with certificates (default: those of the configuration)"
    )
    config_argument(shown)
    output_argument(shown)
    made = commands.add_parser(
        "make", help="a local CA and certificates", epilog=_MAKE_EXAMPLE, formatter_class=raw, allow_abbrev=False
    )
    made.add_argument(
        "names", metavar="NAME", nargs="*", help="host, *.host, IP address, e-mail address or URI; none: only the CA"
    )
    made.add_argument("--out", metavar="DIR", type=Path, default=Path(), help="where to write (default: here)")
    made.add_argument(
        "--ca", metavar="FILE", type=Path, help="the CA to sign with, its key beside it as .key (default: DIR/ca.pem)"
    )
    made.add_argument("--days", metavar="N", type=int, help="how long it is good for (default: 90)")
    made.add_argument("--key", choices=("ecdsa", "rsa"), default="ecdsa", help="kind of key: P-256, or RSA 2048")
    made.add_argument("--force", action="store_true", help="replace files that are there (never the CA's)")


def run(options: argparse.Namespace) -> ExitCode:
    """Look, or make."""
    return _make(options) if options.what == "make" else _show(options)


# ── show ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _show(options: argparse.Namespace) -> ExitCode:
    import msgspec

    if options.files:
        found = [(name, facts) for name in options.files for facts in _facts_in(name)]
    else:
        found = _facts_of_configuration(options)
    now: float = options.now
    if options.output == "json":
        show([{"from": where, **msgspec.to_builtins(facts)} for where, facts in found], "json", (), ())
    else:
        print("\n".join(_lines(found, now)) if found else "no certificates in files")
    in_force = all(facts.not_before <= now < facts.not_after for _, facts in found)
    return ExitCode.OK if in_force else ExitCode.FINDINGS


def _facts_of_configuration(options: argparse.Namespace) -> list[tuple[str, CertificateFacts]]:
    """What listeners show and upstreams are shown. Those of `tls: internal` are made by the gateway that runs, and its
    status has them."""
    from gateway.config.load import load
    from gateway.config.report import report, wants_colour
    from gateway.config.tls import read_credentials

    loaded = load(configuration(options))
    credentials = read_credentials(loaded, options.now)
    loaded.findings.raise_if_failed()
    sys.stderr.write(report(loaded.findings.all, colour=wants_colour(sys.stderr)))
    internal = {each.name for each in loaded.config.listeners if each.tls == "internal"}
    for name in sorted(internal):
        print(f"listener {name}: internal, see `gateway status`", file=sys.stderr)
    return [
        (f"{each.side} {each.to}", each.facts)
        for each in credentials.shown
        if not (each.side == "listener" and each.to in internal)
    ]


def _facts_in(name: str) -> list[CertificateFacts]:
    from gateway.config.tls.certificate import facts_of

    return [facts_of(each) for each in read_file(name)]


def read_file(name: str) -> list[Certificate]:
    """The certificates of a file, at least one. GatewayError says why not."""
    from gateway.config.tls.files import FileError, Files
    from gateway.config.tls.pem import PemError, certificates

    try:
        return certificates(Files().read(name, Path()).data)
    except FileError as error:
        raise GatewayError(f"{error}; {error.hint}".rstrip("; ")) from error
    except PemError as error:
        raise GatewayError(f"{name}: {error}; {error.hint}".rstrip("; ")) from error


def _lines(found: Iterable[tuple[str, CertificateFacts]], now: float) -> list[str]:
    from gateway.config.tls.dates import day, days_left

    rows, colours = [], [""]
    for where, facts in found:
        left = days_left(facts.not_after, now)
        note = f"{left} days" if left >= 0 else "ENDED"
        if facts.not_before > now:
            note = f"BEGINS {day(facts.not_before)}"
        rows.append(
            [where, _names(facts), facts.issuer, facts.key, day(facts.not_after), note, facts.sha256[:_FINGERPRINT]]
        )
        colours.append("31" if note.isupper() or left < 0 else "33" if left < SOON_DAYS else "")
    head = ("from", "names", "issuer", "key", "until", "left", "sha256")
    lines = table(rows, head).splitlines()
    return [paint(line, colour) for line, colour in zip(lines, colours, strict=True)]


_FINGERPRINT: Final = 16
"""Hex digits of a fingerprint that a table shows: enough to tell two apart. `-o json` has all."""


def _names(facts: CertificateFacts) -> str:
    if facts.ca and not facts.names:
        return f"(CA) {facts.subject}"
    names = (*facts.names, *facts.identities)
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "") or facts.subject


# ── make ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _make(options: argparse.Namespace) -> ExitCode:
    from gateway.config.tls.authority import general_name
    from gateway.config.tls.pem import PemError

    for name in options.names:
        try:
            general_name(name)
        except ValueError as error:
            raise UsageError(f"no certificate can be made for {name!r}: {error}") from error
    ca: Path = options.ca or options.out / "ca.pem"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        authority = _authority(ca, options)
        if options.names:
            _leaf(authority, ca, options)
    except PemError as error:
        raise GatewayError(f"{ca}: {error}") from error
    except OSError as error:
        raise GatewayError(f"{error.filename or options.out}: {(error.strerror or str(error)).lower()}") from error
    return ExitCode.OK


def _authority(file: Path, options: argparse.Namespace) -> Authority:
    """The CA that lies there, or a new one where none was named."""
    from gateway.config.tls.authority import Authority
    from gateway.config.tls.certificate import facts_of
    from gateway.config.tls.dates import day
    from gateway.config.tls.store import write_private

    key = file.with_suffix(".key")
    if file.exists() or options.ca is not None:
        found = Authority.from_pem(file.read_bytes(), key.read_bytes())
        if found.certificate.not_valid_after_utc.timestamp() <= options.now:
            raise GatewayError(f"{file}: the CA has ended; move it and its key away to have a new one made")
        return found
    made = Authority.create(options.now)
    parts = made.as_pem()
    write_private(key, parts.key)
    write_private(file, parts.certificate)
    file.chmod(0o644)
    print(f"{file}  {facts_of(made.certificate).subject}, until {day(facts_of(made.certificate).not_after)}")
    print(f"{key}  keep it to yourself")
    return made


def _leaf(authority: Authority, ca: Path, options: argparse.Namespace) -> None:
    from gateway.config.tls.certificate import facts_of
    from gateway.config.tls.dates import day
    from gateway.config.tls.pem import certificates
    from gateway.config.tls.store import write_private
    from gateway.limits import LEAF_LIFETIME_DAYS

    stem = _file_name(options.names[0])
    cert, key = options.out / f"{stem}.pem", options.out / f"{stem}.key"
    there = [str(file) for file in (cert, key) if file.exists()]
    if there and not options.force:
        raise GatewayError(f"{' and '.join(there)} there already; --force replaces them")
    days = LEAF_LIFETIME_DAYS if options.days is None else options.days
    made = authority.issue(options.names, options.now, days=days, kind=options.key)
    write_private(key, made.key)
    write_private(cert, made.certificate)
    cert.chmod(0o644)
    facts = facts_of(certificates(made.certificate)[0])
    print(f"{cert}  {', '.join(options.names)}, until {day(facts.not_after)}")
    print(f"{key}  its key")
    if facts.names:
        host = facts.names[0].replace("*", "www")
        print(f"\nin gateway.yaml:\n  tls: {{certificates: [{{cert: {cert}, key: {key}}}]}}")
        print(f"then:\n  curl --cacert {ca} https://{host}:8443/")
    else:
        print(f"\nfor a client:\n  curl --cert {cert} --key {key} …")


def _file_name(name: str) -> str:
    """`*.example.com` lies in `_.example.com.pem`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("*", "_").replace("://", "-")).strip("-.") or "certificate"
