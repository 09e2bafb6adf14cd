"""A program under measurement: started on chosen cores, known with all its descendants, always ended.

Figures come from /proc (proc(5)): CPU time in ticks of 10 ms, memory as the proportional set size.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
READY_SECONDS = 20.0  # Envoy needs about one
STOP_SECONDS = 3.0  # then SIGKILL
POLL_SECONDS = 0.001  # resolution of the start time
REQUEST = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


class FailedError(Exception):
    """A candidate did not start or did not answer; the message has the end of its log."""


@dataclass(frozen=True)
class Cpu:
    """CPU time in seconds."""

    user: float
    system: float

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.user - earlier.user, self.system - earlier.system)


@dataclass(frozen=True)
class Running:
    """A started program."""

    pid: int
    port: int
    began: float  # time.monotonic just before exec

    def tree(self) -> list[int]:
        """The process and its descendants."""
        parents = dict(stat_parents())
        found = [self.pid]
        for pid in found:  # grows while it is walked
            found.extend(child for child, parent in parents.items() if parent == pid)
        return found

    def cpu(self) -> Cpu:
        """Time of all threads of the tree, and of its children that have ended."""
        fields = [stat(pid) for pid in self.tree()]
        user = sum(int(field[11]) + int(field[13]) for field in fields if field)
        system = sum(int(field[12]) + int(field[14]) for field in fields if field)
        return Cpu(user * TICK, system * TICK)

    def memory(self) -> int:
        """Bytes (PSS) of the tree."""
        return sum(pss(pid) for pid in self.tree())


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; empty when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def stat_parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat(int(entry.name))):
            yield int(entry.name), int(fields[1])


def pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def free_port() -> int:
    """A port of 127.0.0.1 that the kernel says is free."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started in the block runs on `core`: inherited over exec, quicker than a function run in the child."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


@contextmanager
def running(command: list[str], port: int, core: int, directory: Path) -> Iterator[Running]:
    """Runs `command` on `core` until the block ends; its output goes to a file in `directory`."""
    log = directory / "output.log"
    with log.open("wb") as output, on_core(core):
        began = time.monotonic()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            start_new_session=True,
        )
    try:
        yield Running(child.pid, port, began)
        if child.poll() is not None:
            raise FailedError(f"{command[0]} ended by itself ({child.returncode}): {end_of(log)}")
    finally:
        stop(child)


def stop(child: "subprocess.Popen[bytes]") -> None:
    """Ends the child's whole session (its process group); a second ^C does not interrupt that."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        end(child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def end(child: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
    deadline = time.monotonic() + STOP_SECONDS
    while alive(child.pid) and time.monotonic() < deadline:  # the leader's children are not ours to wait for
        time.sleep(POLL_SECONDS)


def alive(group: int) -> bool:
    """Whether a process group has a member that is not a zombie."""
    stats = (stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return any(fields[2] == str(group) and fields[0] != "Z" for fields in stats if fields)


def end_of(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-600:] or "it said nothing"


def await_answer(candidate: Running, directory: Path, good: Callable[[], bool]) -> float:
    """Seconds from exec to the first good answer, for which `good` asks."""
    while True:
        if good():
            return time.monotonic() - candidate.began
        gone = stat(candidate.pid)[:1] in ([], ["Z"])
        if gone or time.monotonic() - candidate.began > READY_SECONDS:
            raise FailedError(f"no answer from {directory.name}: {end_of(directory / 'output.log')}")
        time.sleep(POLL_SECONDS)


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200, on a connection of its own."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(REQUEST % path.encode())
            return connection.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
