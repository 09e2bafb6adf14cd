"""Where the figures come from: the machine and the commit."""

import os
import platform
import subprocess
from pathlib import Path

from bench.peer import MissingError
from bench.tool import ROOT


def cores() -> tuple[int, int]:
    """The core of the candidate and the core of everything else."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise MissingError("the comparison needs two cores: one for the candidate alone, one for load and upstream")
    return available[0], available[1]


def describe() -> dict[str, str | int]:
    """CPU, memory, kernel."""
    return {
        "cpu": field(Path("/proc/cpuinfo"), "model name"),
        "cores": os.cpu_count() or 0,
        "memory": field(Path("/proc/meminfo"), "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


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
