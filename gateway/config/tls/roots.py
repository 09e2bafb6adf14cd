"""The CAs that the system trusts, for upstreams that name none.

A distribution keeps them as one PEM file; where, differs. OpenSSL's own place comes first, since $SSL_CERT_FILE moves
it. The certificates are handed on as they are: the distribution has looked at them, and there are 150. What the engine
cannot read of them it passes over, since nobody here could mend it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from gateway.config.tls.files import FileError, Files
from gateway.config.tls.pem import blocks

_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine
)


def system_roots(files: Files) -> tuple[bytes, ...]:
    """DER of each, empty of one that is damaged; nothing where the system has none."""
    default = ssl.get_default_verify_paths().cafile
    for name in (*((default,) if default else ()), *_BUNDLES):
        if not Path(name).is_file():
            continue
        try:
            content = files.read(name, Path()).data
        except FileError:
            continue
        found = tuple(block.der for block in blocks(content, lenient=True) if block.label == "CERTIFICATE")
        if found:
            return found
    return ()
