"""What serving needs of one configuration: the snapshot, the addresses, the handlers as functions.

`load` does everything of a reload that takes time and may fail: reading, compiling, importing handlers. It runs in a
thread and touches nothing that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.addresses import Address
from gateway.config.keys import ListenerKeys
from gateway.errors import ConfigError, Finding
from gateway.policy.handler import Handler, HandlerError, resolve
from gateway.serve import cores

if TYPE_CHECKING:
    from gateway.config import schema
    from gateway.config.compile import Compiled
    from gateway.config.document import Document
    from gateway.config.schema import Config
    from gateway.config.tls import Credentials


@dataclass(frozen=True, slots=True)
class Http2Plan:
    """What the task of an HTTP/2 connection goes by. Seconds; infinity is never."""

    keepalive_interval: float
    """Between PINGs."""
    keepalive_timeout: float
    """What the answer to one may take."""
    max_age: float
    """When the peer is asked to go."""


NEVER: Final = Http2Plan(inf, inf, inf)
"""For a connection whose owner is not known any more."""


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """A listener as the configuration has it."""

    key: int
    name: str
    target: Address
    scheme: str
    http2: Http2Plan

    @property
    def identity(self) -> str:
        """What makes it the same listener after a reload: the address; the name too where the kernel chose the port."""
        return identity(str(self.target), self.name)


@dataclass(frozen=True, slots=True)
class Plan:
    """One configuration, ready to be served."""

    document: Document
    snapshot: bytes
    listeners: tuple[ListenerPlan, ...]
    admin: int | None
    """Key of the admin API's listener."""
    upstreams: Mapping[str, Http2Plan]
    """HTTP/2 connections to each upstream, by its name."""
    handlers: Mapping[str, Handler]
    workers: int
    access_log: str | None
    """Path of the access log, `-` for standard output; None: no log."""
    drain_delay: float
    """Seconds."""
    drain_timeout: float
    """Seconds."""
    directory: Path
    """What relative paths are meant from: where the configuration file lies."""
    warnings: tuple[str, ...]
    config: Config
    """As written."""
    credentials: Credentials
    """What was read for TLS."""

    @property
    def generation(self) -> int:
        """Counts the configurations that were in force."""
        return self.document.generation

    def rendered(self) -> str:
        """The configuration as YAML, defaults filled in, secrets masked."""
        from gateway.config.render import render  # only who asks for it pays for it

        return render(self.config)


class KeysOfLoad(ListenerKeys):
    """Keys for one load: an open listener keeps its number, every other gets one that was never used before.

    So an address that comes back while its former listener still drains is a listener of its own, and the end of the
    drain does not touch it.
    """

    def __init__(self, open_keys: Mapping[str, int], numbers: Iterator[int]) -> None:
        super().__init__()
        self._found = dict(open_keys)
        self._numbers = numbers

    def key(self, address: str, name: str) -> int:
        """The key of an address in normal form."""
        wanted = identity(address, name)
        if wanted not in self._found:
            self._found[wanted] = next(self._numbers)
        return self._found[wanted]


def identity(address: str, name: str) -> str:
    """What a listener is found again by."""
    return f"{address} {name}" if address.endswith(":0") else address


class PlanLoader:
    """Loads one file again and again, in one process."""

    def __init__(self, file: str, *, clock: Callable[[], float], state: Path | None = None) -> None:
        """`clock`: Unix time. `state`: the directory for what has to outlive the process."""
        self.file = file
        self._clock = clock
        self._state = state
        self._numbers = iter(range(1, 1 << 32))  # a key has 32 bits

    def __call__(self, generation: int, open_keys: Mapping[str, int]) -> Plan:
        """Read the file. Raises ConfigError with everything that is wrong."""
        from gateway.config.compile import compile_file

        keys = KeysOfLoad(open_keys, self._numbers)
        compiled = compile_file(self.file, keys, generation, now=self._clock(), state=self._state)
        return _plan(compiled, _handlers(compiled))


def _plan(compiled: Compiled, handlers: Mapping[str, Handler]) -> Plan:
    from gateway.config import schema
    from gateway.config.report import report

    wire = {each.key: each for each in compiled.document.listeners}
    written = {each.name: each.http2 for each in compiled.config.listeners}
    log = compiled.access_log
    return Plan(
        document=compiled.document,
        snapshot=compiled.snapshot,
        listeners=tuple(
            ListenerPlan(
                each.key,
                each.name,
                each.address,
                wire[each.key].scheme,
                _http2_plan(written.get(each.name) or schema.Http2()),
            )
            for each in compiled.listening
        ),
        admin=compiled.listening[-1].key if compiled.config.admin else None,
        upstreams={
            each.name: _http2_plan(compiled.config.upstreams[each.name].http2) for each in compiled.document.upstreams
        },
        handlers=handlers,
        workers=compiled.workers or cores.usable(),
        access_log=log.path if log else None,
        drain_delay=compiled.drain.delay / 1000,
        drain_timeout=compiled.drain.timeout / 1000,
        directory=compiled.directory,
        warnings=tuple(report((each,)).rstrip() for each in compiled.warnings),
        config=compiled.config,
        credentials=compiled.credentials,
    )


def _http2_plan(written: schema.Http2 | schema.UpstreamHttp2) -> Http2Plan:
    return Http2Plan(
        keepalive_interval=written.keepalive.interval / 1000 or inf,
        keepalive_timeout=written.keepalive.timeout / 1000,
        max_age=written.max_age / 1000 or inf,
    )


def _handlers(compiled: Compiled) -> dict[str, Handler]:
    found: dict[str, Handler] = {}
    wrong: list[Finding] = []
    for index, name in enumerate(compiled.handlers):
        try:
            found[name] = resolve(name, compiled.directory)
        except HandlerError as error:
            file, line = _place(compiled.document, index)
            wrong.append(Finding("error", file, line, 1, str(error)))
    if wrong:
        raise ConfigError(tuple(wrong))
    return found


def _place(document: Document, handler: int) -> tuple[str, int]:
    """Where the first rule stands that asks this handler."""
    from gateway.config.document import Ask

    for route in document.routes:
        for rule in route.rules:
            if isinstance(rule.action, Ask) and rule.action.handler == handler:
                file, _, line = rule.source.rpartition(":")
                return file, int(line)
    return "", 0
