"""Names in certificates and hosts of routes: which fits which."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def covers(names: Collection[str], host: str) -> bool:
    """Whether some request for `host` (a name, `*.name` or an address) can be answered with these names.

    A wildcard stands for one label (RFC 6125 §6.4.3), and a route's `*.example.com` for any number of them: such a
    route is covered as soon as one of its hosts is.
    """
    host = host.lower().removeprefix("[").removesuffix("]")
    if host.startswith("*."):
        return any(name == host or name.removeprefix("*").endswith(host[1:]) for name in names)
    parent = f"*.{host.partition('.')[2]}"
    return host in names or parent in names


def fits(pattern: str, name: str) -> bool:
    """Whether a name, or all that a wildcard stands for, fits a pattern whose `*.` stands for any number of labels."""
    return name == pattern or (pattern.startswith("*.") and name.removeprefix("*").endswith(pattern[1:]))
