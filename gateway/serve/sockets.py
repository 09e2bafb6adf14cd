"""Listening sockets: one per worker and address, so that the kernel spreads connections and workers share nothing.

SO_REUSEPORT lets any process of the same user join in, so two gateways started by mistake on one address would each
get half of the connections without a word. Therefore every TCP address is first bound once *without* it: that fails
if anybody listens there. A unix socket cannot be shared that way; its one socket is duplicated for every worker.

What accepted sockets inherit is set here once (TCP_NODELAY), which saves the workers a system call per connection.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.config.addresses import Address
from gateway.errors import GatewayError

BACKLOG: Final = 4096
"""Connections that wait for a worker, per socket. The kernel's own cap (net.core.somaxconn) is 4096 since Linux 5.4;
nginx asks for 511, HAProxy for its connection limit, Envoy for 128."""

UNIX_MODE: Final = 0o660
"""Who may connect to a unix socket: owner and group. nginx: everybody; PHP-FPM and PostgreSQL's advice: owner and
group."""

UNIX_PROBE_SECONDS: Final = 1.0
"""How long a unix socket that is in the way gets to answer. connect() on a local socket answers at once unless its
backlog is full, and then somebody lives there."""


class ListenError(GatewayError):
    """An address that cannot be listened on, and why, in words."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """The sockets of one address. `take` hands them over; `close` is for when it did not come to that."""

    address: Address
    """As it is now: a port that the kernel chose is filled in."""
    sockets: tuple[socket.socket, ...]
    file: tuple[int, int] | None
    """Device and inode of a unix socket's file."""

    def take(self) -> list[int]:
        """The descriptors; whoever takes them owns them."""
        return [each.detach() for each in self.sockets]

    def close(self) -> None:
        """Close all that were not taken."""
        for each in self.sockets:
            each.close()

    def remove_file(self) -> None:
        """Remove a unix socket's file if it still is the one that was made here."""
        if self.file is None:
            return
        path = self.address.host
        try:
            if _identity(path) == self.file:
                Path(path).unlink()
        except FileNotFoundError:
            pass


def listen(address: Address, count: int) -> Sockets:
    """Open `count` listening sockets on one address. Raises ListenError."""
    try:
        return _listen_unix(address, count) if address.kind == "unix" else _listen_tcp(address, count)
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {_reason(error, address)}") from error


def listen_all(addresses: Mapping[int, Address], count: int) -> dict[int, Sockets]:
    """All of them, by key, or none. Raises ListenError."""
    opened: dict[int, Sockets] = {}
    try:
        for key, address in addresses.items():
            opened[key] = listen(address, count)
    except BaseException:
        close_all(opened)
        raise
    return opened


def close_all(opened: Mapping[int, Sockets]) -> None:
    """It did not come to listening."""
    for each in opened.values():
        each.close()
        each.remove_file()


def _reason(error: OSError, address: Address) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "somebody else listens there"
        case errno.EACCES | errno.EPERM if address.kind == "unix":
            return "its directory may not be written to"
        case errno.EACCES | errno.EPERM:
            return "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE"
        case errno.EADDRNOTAVAIL:
            return "no interface of this machine has that address"
        case errno.EAFNOSUPPORT:
            return "this machine has no such address family"
        case errno.ENOENT if address.kind == "unix":
            return "its directory does not exist"
    return (error.strerror or str(error)).lower()


def _listen_tcp(address: Address, count: int) -> Sockets:
    if address.host == "::" and not _has_ipv6():
        address = dataclasses.replace(address, kind="ip4", host="0.0.0.0")  # noqa: S104  (`:port` asks for every address)
    opened: list[socket.socket] = []
    try:
        with _bound(address, shared=False) as probe:
            address = dataclasses.replace(address, port=probe.getsockname()[1])
        for _ in range(count):
            one = _bound(address, shared=True)
            opened.append(one)
            one.listen(BACKLOG)
    except BaseException:
        for each in opened:
            each.close()
        raise
    return Sockets(address, tuple(opened), None)


def _has_ipv6() -> bool:
    """Whether ":port" can be one socket for both families; without IPv6 in the kernel it is IPv4 only."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bound(address: Address, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if address.kind == "ip6" else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address.host == "::" else 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.bind((address.host, address.port))
    except BaseException:
        one.close()
        raise
    return one


def _listen_unix(address: Address, count: int) -> Sockets:
    path = address.host
    _clear_stale(path)
    opened = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)]
    try:
        first = opened[0]
        os.fchmod(first.fileno(), UNIX_MODE)  # the file is made with this mode, less the umask
        first.bind(path)
        Path(path).chmod(UNIX_MODE)
        first.listen(BACKLOG)
        opened.extend(first.dup() for _ in range(count - 1))
    except BaseException:
        for each in opened:
            each.close()
        raise
    return Sockets(address, tuple(opened), _identity(path))


def _clear_stale(path: str) -> None:
    """Remove a socket file that nobody answers on; leave everything else alone, so that bind fails on it."""
    try:
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(UNIX_PROBE_SECONDS)
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
        except OSError:
            return


def _identity(path: str) -> tuple[int, int]:
    found = Path(path).lstat()
    return found.st_dev, found.st_ino
