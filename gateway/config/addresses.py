"""Addresses as people write them, and their one normal form.

    listen     host:port   :port   [::1]:port   unix:/path     (host: an IP address or `localhost`)
    endpoint   host:port           [::1]:port   unix:/path     (port 0 makes no sense here)
    network    10.0.0.0/8   2001:db8::/32   an address alone

Names other than `localhost` are not looked up: an address in a configuration says where it leads.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final, Literal

UNIX_PATH_BYTES: Final = 107
"""sun_path has 108 bytes with its end (unix(7))."""

_WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104  (recognised, not bound)


class AddressError(ValueError):
    """What is wrong, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or connect. `str()` is the normal form."""

    kind: Literal["ip4", "ip6", "unix"]
    host: str
    """An IP address in its shortest form; for `unix` the path."""
    port: int = 0

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if self.kind == "ip6" else f"{self.host}:{self.port}"

    @property
    def any_host(self) -> bool:
        """Whether it stands for every address of the machine."""
        return self.host in _WILDCARDS


def parse_listen(written: str) -> Address:
    """Read a listener's address. `:port` is every address, IPv6 and IPv4. Port 0 lets the kernel choose."""
    if written.startswith(":") and written.count(":") == 1:
        return Address("ip6", "::", _port(written[1:], 0))
    return _parse(written, lowest_port=0)


def parse_endpoint(written: str) -> Address:
    """Read an endpoint's address."""
    if written.startswith(":") and written.count(":") == 1:
        raise AddressError("the host is missing", f"write 127.0.0.1{written} for this machine")
    return _parse(written, lowest_port=1)


def _parse(written: str, lowest_port: int) -> Address:
    if written.startswith("unix:"):
        return _unix(written.removeprefix("unix:"))
    if "://" in written:
        raise AddressError("an address has no scheme", f"write {written.split('://', 1)[1].split('/')[0]}")
    host, colon, port = written.rpartition(":")
    if not colon or host.startswith("[") != host.endswith("]"):
        raise AddressError("the port is missing", _port_hint(written))
    if host.startswith("["):
        return Address("ip6", _ip(socket.AF_INET6, host[1:-1]), _port(port, lowest_port))
    if ":" in host:
        raise AddressError("an IPv6 address needs brackets", f"write [{host}]:{port}")
    if host == "localhost":
        host = "127.0.0.1"
    return Address("ip4", _ip(socket.AF_INET, host), _port(port, lowest_port))


def _unix(path: str) -> Address:
    if not path.startswith("/"):
        raise AddressError("the path of a Unix socket must be absolute", "write unix:/run/name.sock")
    if len(path.encode()) > UNIX_PATH_BYTES or "\0" in path:
        raise AddressError(f"the path of a Unix socket has at most {UNIX_PATH_BYTES} bytes")
    return Address("unix", path)


def _ip(family: socket.AddressFamily, host: str) -> str:
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host))
    except (OSError, ValueError):
        pass
    if family == socket.AF_INET6 or host.replace(".", "").isdigit():
        raise AddressError(f'"{host}" is not an IP address')
    raise AddressError(
        f'"{host}" is a name; an IP address (or localhost) is needed here',
        "this version of the gateway does not look up names",
    )


def _port(port: str, lowest: int) -> int:
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and lowest <= int(port) <= 65_535):
        raise AddressError(f'"{port}" is not a port', f"a port is a number from {lowest} to 65535")
    return int(port)


def _port_hint(written: str) -> str:
    if written.isdigit():
        return f'write ":{written}" for every address, "127.0.0.1:{written}" for this machine only'
    return f"write {written}:8080" if written and "/" not in written else "write 127.0.0.1:8080"


_NETWORK = re.compile(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?", re.ASCII)
"""Masks (`/255.0.0.0`) and zones (`%eth0`) are other ways of writing; there is one here."""


def parse_network(written: str) -> str:
    """Read a network in CIDR notation (RFC 4632), or one address; its normal form."""
    try:
        if not _NETWORK.fullmatch(written):
            raise ValueError
        network = ipaddress.ip_network(written, strict=False)
    except ValueError as error:
        hint = "write 10.0.0.0/8, 2001:db8::/32 or one IP address"
        raise AddressError(f'"{written[:60]}" is not a network', hint) from error
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        four = ipaddress.ip_network((network.network_address.ipv4_mapped, max(network.prefixlen - 96, 0)), strict=False)
        raise AddressError("IPv4 clients of an IPv6 socket have IPv4 addresses", f"write {four}")
    address, _, length = written.partition("/")
    if length and ipaddress.ip_address(address) != network.network_address:
        raise AddressError(f"{address} is inside the network {network}", f"write {network}, or {address} alone")
    return str(network)
