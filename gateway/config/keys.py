"""Numbers for listening addresses that stay the same over reloads.

The workers find a listener's sockets and connections again by its key, so the same address must get the same number
in every snapshot of a process. One `ListenerKeys` lives as long as the process and is handed to every compilation.
"""

from __future__ import annotations


class ListenerKeys:
    """Address → key. A key is never given to another address, even when the first is gone."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}

    def key(self, address: str, name: str) -> int:
        """The key of an address in normal form. Where the kernel chooses the port, the listener's name tells apart."""
        identity = f"{address} {name}" if address.endswith(":0") else address
        return self._keys.setdefault(identity, len(self._keys) + 1)
