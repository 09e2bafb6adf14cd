"""Who may do what in rust/core: pure rooms stay pure, `unsafe` stays in `sys`, Python stays outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.house.repository import files, is_rust_test, line_of, rust, rust_that_runs, text

CORE: Final = Path("rust/core/src")

PURE_ROOMS: Final = (
    "preamble", "http1", "http2", "hpack", "grpc", "route", "balance", "explain", "reason", "document", "limits",
)  # fmt: skip
"""Bytes and arguments in, values out."""

WORLD: Final = re.compile(
    r"""\bstd::(?:
          time::(?:Instant|SystemTime) | time::\{[^}]*(?:Instant|SystemTime)
        | net::(?:\{[^}]*)?(?:Tcp|Udp)\w+ | io\b | fs\b | thread\b | process\b | env\b | os\b
        | sync::(?:Mutex|RwLock|Condvar|mpsc)
        ) | \blibc:: | \bcrate::(?:sys|worker|exchange|upstream|net|sim)\b | \bthread_local! | \bstatic\s+mut\b""",
    re.VERBOSE,
)
"""Sockets, files, clocks, threads, locks, and the rooms that have them."""

UNSAFE_PLACES: Final = {
    Path("rust/core/tests/allocations.rs"): "an allocator that counts is an unsafe trait; it only passes calls on",
}
"""File outside the rooms named sys → why it cannot do without `unsafe`. Nothing that runs in a gateway stands here."""

KERNEL: Final = re.compile(r"\blibc::(?!E[A-Z]+\b)|\bextern\s+\"C\"|\basm!")
"""Calls; the names of errors may be compared anywhere."""


def room_of(path: Path) -> str:
    return path.relative_to(CORE).with_suffix("").parts[0]


def core() -> list[Path]:
    """Files of the core that run outside tests."""
    return [path for path in files(".rs", str(CORE)) if not is_rust_test(path)]


def test_codec_and_decisions_touch_no_socket_clock_thread_or_lock() -> None:
    found = [
        f"{path}:{line_of(code, match.start())} {match.group()}"
        for path in core()
        if room_of(path) in PURE_ROOMS
        for code in [rust_that_runs(path)]
        for match in WORLD.finditer(code)
    ]
    assert not found, (
        f"{', '.join(PURE_ROOMS)} are pure: take time, draw and bytes as arguments and return what should happen; "
        "the worker does it:\n" + "\n".join(found)
    )


def test_only_sys_talks_to_the_kernel() -> None:
    found = [
        f"{path}:{line_of(code, match.start())} {match.group()}"
        for path in core()
        if room_of(path) != "sys"
        for code in [rust_that_runs(path)]
        for match in KERNEL.finditer(code)
    ]
    assert not found, "call a function of rust/core/src/sys, or give it one:\n" + "\n".join(found)


def test_unsafe_is_written_in_sys_only() -> None:
    outside = [
        f"{path}:{line_of(rust(path), match.start())}"
        for path in files(".rs", "rust")
        if path.parts[-2:-1] != ("sys",) and path.name != "sys.rs" and path not in UNSAFE_PLACES
        for match in re.finditer(r"\bunsafe\s*[{(]|\bunsafe\s+(?:fn|impl|extern)\b", rust(path))
    ]
    assert not outside, "unsafe is for the rooms named sys, where each block says why it is sound:\n" + "\n".join(
        outside
    )


def test_every_unsafe_block_says_why_it_is_sound() -> None:
    silent = []
    for path in files(".rs", "rust"):
        lines = text(path).splitlines()
        for match in re.finditer(r"\bunsafe\s*\{|\bunsafe\s+impl\b", rust(path)):
            line = line_of(rust(path), match.start())
            before = "\n".join(lines[max(0, line - 4) : line])
            if "SAFETY:" not in before:
                silent.append(f"{path}:{line}")
    assert not silent, "write `// SAFETY: …` above it:\n" + "\n".join(silent)


def test_the_core_does_not_know_that_python_exists() -> None:
    found = [str(path) for path in files(".rs", "rust/core", "rust/load") if re.search(r"\bpyo3\b", rust(path))]
    found += [str(path) for path in files(".toml", "rust/core", "rust/load") if re.search(r"(?m)^pyo3\b", text(path))]
    assert not found, f"pyo3 belongs into rust/engine alone: {found}"


def test_the_clock_is_read_in_one_place_of_the_worker() -> None:
    readers = {
        str(path)
        for path in core()
        if re.search(r"\b(?:Instant|SystemTime)::now\b|\bclock_gettime\b", rust_that_runs(path))
    }
    allowed = {str(path) for path in core() if room_of(path) in ("sys", "worker")}
    assert readers <= allowed, f"take `now` as an argument in {sorted(readers - allowed)}"
