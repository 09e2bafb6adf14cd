"""Where the figures come from: the machine and the commit."""

import os
import platform
import subprocess
from pathlib import Path

from bench.peer import MissingError
from bench.tool import ROOT

CONGESTION_CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")
PACES = "bbr"  # sends by a model of the path, which loopback does not fit


def cores() -> tuple[int, int]:
    """The core of the candidate and the core of everything else."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise MissingError("the comparison needs two cores: one for the candidate alone, one for load and upstream")
    return available[0], available[1]


def describe() -> dict[str, str | int]:
    """CPU, memory, kernel, TCP."""
    return {
        "cpu": field(Path("/proc/cpuinfo"), "model name"),
        "cores": os.cpu_count() or 0,
        "memory": field(Path("/proc/meminfo"), "MemTotal"),
        "kernel": platform.release(),
        "congestion_control": congestion_control(),
        "python": platform.python_version(),
    }


def congestion_control() -> str:
    """How TCP sends here by default."""
    return CONGESTION_CONTROL.read_text().strip() if CONGESTION_CONTROL.exists() else "unknown"


def caution() -> str | None:
    """What makes latencies on this machine say little, in words; None: nothing is known."""
    if congestion_control() != PACES:
        return None
    return (
        f"TCP is {PACES} here. It takes what a busy core delays for the speed of a wire and paces by it: 1 MiB may "
        "stand still for 100 ms. For latencies: sysctl -w net.ipv4.tcp_congestion_control=cubic"
    )


def field(path: Path, name: str) -> str:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def commit() -> str:
    """The checkout's commit, with a mark when files differ from it."""
    try:
        head = git("rev-parse", "HEAD")
        return f"{head} with changes" if git("status", "--porcelain") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
