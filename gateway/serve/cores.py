"""How many workers `workers: auto` means: as many as this process may use cores.

That is the smaller of the CPUs it may run on (affinity) and the time it may use (the cgroup's quota, which is what
`docker --cpus` and a Kubernetes limit set). More threads than that would only take turns.
"""

from __future__ import annotations

import math
import os
from pathlib import Path


def usable(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Cores that this process may use, at least 1."""
    quota = _quota(cgroups, own)
    cores = len(os.sched_getaffinity(0))
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _quota(cgroups: Path, own: Path) -> float | None:
    """Cores' worth of time, the least of our cgroup and those above it (cgroup v2); None without a limit."""
    group = _group(own)
    if group is None:
        return None
    quotas: list[float] = []
    place = cgroups / group
    while True:
        quota = _of(place / "cpu.max")
        if quota is not None:
            quotas.append(quota)
        if place == cgroups or place == place.parent:
            return min(quotas, default=None)
        place = place.parent


def _group(own: Path) -> str | None:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("0::"):
            return line.removeprefix("0::").lstrip("/")
    return None


def _of(file: Path) -> float | None:
    try:
        quota, _, period = file.read_text().strip().partition(" ")
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
