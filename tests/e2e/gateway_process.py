"""The real gateway as a subprocess: `.venv/bin/gateway run -c FILE`, watched from outside.

Theory: nothing here knows the inside of the process. Ports are chosen by the kernel (`listen: 127.0.0.1:0`) and read
from what the gateway announces on stderr, so two tests can never want the same one. What a test wants to know it asks
as an operator would: the admin API, `/metrics`, `/proc/PID`. Nothing sleeps for luck: every wait is for a condition and
has a deadline. A process that is left by an error is killed; one that ends normally must not have complained.

    with Gateway(config, directory) as gateway:
        gateway.port("web")
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]
GATEWAY: Final = Path(sys.executable).parent / "gateway"
"""The command of the environment that runs the tests."""

PATIENCE: Final = 20.0
"""Seconds that anything may take before a test fails. Everything here takes milliseconds on a quiet machine."""

POLL: Final = 0.01
"""Seconds between two looks at a condition that nobody announces."""

_ANNOUNCED: Final = re.compile(r"gateway: (?:listener (?P<name>\S+)|(?P<admin>admin API)) on (?P<url>\S+)")

Config = Mapping[str, Any]


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until `condition` holds. Fails with `what` if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL)


def free_port() -> int:
    """A port that was free a moment ago, for what cannot be told by announcement (a file that other commands read)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gateway:
    """One running gateway."""

    def __init__(
        self,
        config: Config | str,
        directory: Path,
        *,
        descriptors: int | None = None,
        stdout: int | None = None,
        may_say: str = r"(?!)",
    ) -> None:
        """`config`: a mapping, or the text of a file. An `admin` listener is added to a mapping that has none.

        `descriptors`: RLIMIT_NOFILE. `stdout`: a descriptor for it (default: captured). `may_say`: complaints on
        stderr that are part of the test.
        """
        self.directory = directory
        self.file = directory / "gateway.yaml"
        self.write(config)
        self.ports: dict[str, int] = {}
        """Port of every announced listener; the admin API is `admin`."""
        self.addresses: dict[str, str] = {}
        """The same as announced: `http://…` or `unix:…`."""
        self._descriptors = descriptors
        self._stdout = stdout
        self._may_say = re.compile(may_say)
        self._lines: list[str] = []
        self._said = threading.Condition()
        self._awaited = False

    def write(self, config: Config | str) -> None:
        """Replace the configuration file at once, as `mv` does. JSON is YAML."""
        if not isinstance(config, str):
            config = json.dumps({"version": 1, "admin": {"listen": "127.0.0.1:0"}, **config}, indent=1)
        new = self.file.with_suffix(".new")
        new.write_text(config)
        new.replace(self.file)

    # ── its life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self.spawn()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _at: TracebackType | None) -> None:
        if error is not None:
            self.kill()
            error.add_note("the gateway said:\n" + "\n".join(self.stderr()[-60:]))
            return
        if not self._awaited:
            self.end_now()
        self.assert_no_complaint()

    def spawn(self) -> None:
        """Start the process and read its stderr."""
        command = [str(GATEWAY), "run", "-c", str(self.file), "--state", str(self.directory / "state")]
        if self._descriptors is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {self._descriptors} && exec "$@"', "sh", *command]
        self.process = subprocess.Popen(
            command,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self._stdout is None else self._stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self._take(line.rstrip("\n"))
        self._take("(end of stderr)")

    def _take(self, line: str) -> None:
        with self._said:
            self._lines.append(line)
            if found := _ANNOUNCED.match(line):
                name, url = found["name"] or "admin", found["url"]
                self.addresses[name] = url
                if not url.startswith("unix:"):
                    self.ports[name] = int(url.rpartition(":")[2])
            self._said.notify_all()

    def wait_ready(self) -> None:
        """Wait for the announcement, then for `/readyz`."""
        self.wait_said(r"ready: \d+ workers")
        if "admin" in self.ports:
            until(lambda: self.get("/readyz")[0] == 200, "/readyz answers 200")

    def wait_said(self, pattern: str, since: int = 0, seconds: float = PATIENCE) -> str:
        """The first line on stderr, from line `since` on, that has this in it."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self._said:
            seen = since
            while True:
                for line in self._lines[seen:]:
                    if wanted.search(line):
                        return line
                    if line == "(end of stderr)":
                        raise AssertionError("the gateway ended; it said:\n" + "\n".join(self._lines))
                seen = len(self._lines)
                if not self._said.wait(deadline - time.monotonic()):
                    raise AssertionError(f"not said within {seconds:g} s: {pattern}\n" + "\n".join(self._lines))

    def stderr(self) -> list[str]:
        """All lines so far."""
        with self._said:
            return list(self._lines)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end, which the test has asked for: the exit code."""
        self._awaited = True
        code = self.process.wait(seconds)
        self._reader.join(PATIENCE)
        return code

    def end_now(self) -> None:
        """End it without waiting for connections, as two signals do. Fails if it has ended by itself."""
        code = self.process.poll()
        assert code is None, f"the gateway ended by itself: {code}\n" + "\n".join(self.stderr()[-60:])
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:  # two signals at the same instant may arrive as one
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    self.kill()
                    raise AssertionError("the gateway does not end after two signals") from None
        self._reader.join(PATIENCE)

    def kill(self) -> None:
        """End it without asking."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)

    def assert_no_complaint(self) -> None:
        """Nothing on stderr that nobody expects: no traceback, no panic."""
        bad = re.compile(r"Traceback|panic|Warning|Error\b")
        complaints = [line for line in self.stderr() if bad.search(line) and not self._may_say.search(line)]
        assert not complaints, "\n".join(self.stderr()[-60:])

    # ── what an operator sees ────────────────────────────────────────────────────────────────────────────────────────

    def port(self, name: str = "web") -> int:
        """Where a listener listens. A listener that came with a reload is asked for in the admin API."""
        if name not in self.ports:
            listed = json.loads(self.get("/api/v1/listeners")[1])
            for each in listed:
                self.ports[each["name"]] = int(each["address"].rpartition(":")[2])
        return self.ports[name]

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask the admin API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["admin"], timeout=PATIENCE)
        try:
            connection.request(method, path, body or None)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """GET from the admin API."""
        return self.request("GET", path)

    def status(self) -> dict[str, Any]:
        """`/api/v1/status`."""
        found: dict[str, Any] = json.loads(self.get("/api/v1/status")[1])
        return found

    def reload(self, config: Config | str | None = None) -> tuple[int, dict[str, Any]]:
        """Write this configuration and have it read: status and body of `POST /api/v1/reload`."""
        if config is not None:
            self.write(config)
        status, body = self.request("POST", "/api/v1/reload")
        outcome: dict[str, Any] = json.loads(body)
        return status, outcome

    def metrics(self) -> Metrics:
        """One scrape."""
        status, body = self.get("/metrics")
        assert status == 200, body
        return Metrics(body.decode())

    # ── what the kernel says of it ───────────────────────────────────────────────────────────────────────────────────

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def descriptors(self) -> int:
        """Open ones."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def threads(self) -> dict[int, str]:
        """Id → name."""
        tasks = Path(f"/proc/{self.pid}/task")
        return {int(task.name): (task / "comm").read_text().strip() for task in tasks.iterdir()}

    def pss(self) -> int:
        """Proportional set size, bytes."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
        assert found is not None, text
        return int(found[1]) * 1024

    def cpu(self) -> float:
        """Seconds of processor time used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Metrics:
    """One scrape, read by prometheus-client's own parser."""

    def __init__(self, text: str) -> None:
        from prometheus_client.parser import text_string_to_metric_families

        self._samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def sum(self, name: str, /, **labels: str) -> float:
        """All samples of this name whose labels include these, added up; 0 if there is none."""
        return sum(
            value
            for found, has, value in self._samples
            if found == name and all(has.get(key) == wanted for key, wanted in labels.items())
        )

    def reasons(self) -> dict[str, int]:
        """Exchanges so far by reason."""
        return {has["reason"]: int(value) for found, has, value in self._samples if found == "gateway_exchanges_total"}
