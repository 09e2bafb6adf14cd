"""The load generator's binary: found in the target directory, built when it is older than its sources."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.peer import MissingError

ROOT = Path(__file__).resolve().parent.parent


def find() -> Path:
    """The path of `gateway-load`, built in release mode."""
    binary = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "gateway-load"
    if not fresh(binary):
        build(binary)
    return binary


def fresh(binary: Path) -> bool:
    if not binary.exists():
        return False
    rooms = [ROOT / "rust" / name for name in ("load", "core")]  # it speaks HTTP/2 with the core's connection
    sources = [path for room in rooms for path in (*room.glob("src/**/*.rs"), room / "Cargo.toml")]
    return all(source.stat().st_mtime <= binary.stat().st_mtime for source in sources)


def build(binary: Path) -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise MissingError("gateway-load is not built and cargo is missing; install Rust (https://rustup.rs)")
    done = subprocess.run(
        [cargo, "build", "--release", "--package", "gateway-load"],
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise MissingError("gateway-load could not be built; the messages above say why")
    os.utime(binary)  # cargo leaves a binary alone whose sources changed in name only


def run(binary: Path, url: str, *options: str) -> dict[str, Any]:
    """Runs the load, on this process's cores, and gives its report."""
    line = [str(binary), url, "--json", *options]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"{' '.join(line)}: {done.stderr.strip()}")
    return parsed(done.stdout)


def yardstick(binary: Path) -> float:
    """Milliseconds of CPU time that always the same work takes, on this process's cores."""
    done = subprocess.run([str(binary), "yardstick"], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1e3


@contextmanager
def holding(binary: Path, url: str, *options: str) -> Iterator[dict[str, Any]]:
    """Runs the load, gives its report, and keeps its connections until the block ends."""
    line = [str(binary), url, "--json", "--hold", *options]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        try:
            assert load.stdout is not None
            yield parsed(load.stdout.readline())
        finally:
            load.terminate()


def parsed(text: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(text)
    return report
