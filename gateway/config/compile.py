"""A configuration file → what a process runs on: the door of this room.

    compiled = compile_file("gateway.yaml", keys, now=now)      # or ConfigError with everything that is wrong
    engine.apply(compiled.snapshot)

Theory: load (shape), read certificates and keys, check (meaning), lower (document), and then the engine's own verdict.
The engine refuses what it cannot use even when `check` has found nothing wrong; that would be a fault of ours, and it
is still an error with a file name and no crash. Which rules can never be taken is asked of the engine too: it is the
code that routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from gateway import _engine
from gateway.config import document as wire
from gateway.config.check import check
from gateway.config.first_flight import offer_to_clients
from gateway.config.keys import ListenerKeys
from gateway.config.load import Loaded, load
from gateway.config.lower import Listening, Lowered, lower
from gateway.config.nodes import Spot
from gateway.config.schema import AccessLog, Config, Drain
from gateway.config.tls import Credentials, read_credentials
from gateway.errors import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = _engine.VERSION
"""Of the package and its engine; they are released as one."""


class Verdict(Protocol):
    """What the engine says about a snapshot."""

    def check(self, snapshot: bytes, /) -> int:
        """Raises ValueError with a text if it cannot be used. How many of the system's CAs could not be read."""

    def shadowed(self, snapshot: bytes, /) -> list[tuple[int, int]]:
        """Rules that can never be taken: (rule, the rule that always wins), flat numbers in document order."""


ENGINE: Final[Verdict] = _engine


@dataclass(frozen=True, slots=True)
class Compiled:
    """One configuration, ready to run."""

    config: Config
    """As written."""
    document: wire.Document
    snapshot: bytes
    """The document as the engine takes it."""
    warnings: tuple[Finding, ...]
    listening: tuple[Listening, ...]
    """Every listener with its address, the admin API's last if there is one."""
    directory: Path
    """Where the main file lies; modules of handlers are looked for here too."""

    credentials: Credentials
    """What was read for TLS."""

    @property
    def access_log(self) -> AccessLog | None:
        """Where log lines go; None: nowhere."""
        return self.config.access_log

    @property
    def drain(self) -> Drain:
        """How the process ends."""
        return self.config.drain

    @property
    def workers(self) -> int | None:
        """Threads that forward; None: as many as this process may use cores."""
        return self.config.workers if isinstance(self.config.workers, int) else None

    @property
    def handlers(self) -> tuple[str, ...]:
        """`module:function` of every handler that a rule asks, by the document's index."""
        return self.document.handlers


def compile_file(
    name: str,
    keys: ListenerKeys,
    generation: int = 1,
    environ: Mapping[str, str] | None = None,
    verdict: Verdict = ENGINE,
    *,
    now: float,
    state: Path | None = None,
) -> Compiled:
    """Everything from the file to the snapshot. Raises ConfigError with all that is wrong.

    `now`: Unix time, for certificates. `state`: where those of `tls: internal` are kept; None: nowhere.
    """
    return compile_loaded(load(name, environ), keys, generation, verdict, now=now, state=state)


def compile_loaded(
    loaded: Loaded,
    keys: ListenerKeys,
    generation: int = 1,
    verdict: Verdict = ENGINE,
    *,
    now: float,
    state: Path | None = None,
) -> Compiled:
    """The second half of `compile_file`."""
    credentials = read_credentials(loaded, now, state)
    check(loaded, lambda pattern: regex_problem(pattern, verdict), credentials)
    loaded.findings.raise_if_failed()
    lowered = lower(loaded, keys, generation, credentials)
    snapshot = wire.encode(lowered.document)
    _ask(verdict, snapshot, loaded, lowered)
    return Compiled(
        config=loaded.config,
        document=lowered.document,
        snapshot=snapshot,
        warnings=loaded.findings.all,
        listening=lowered.listening,
        directory=loaded.directory,
        credentials=credentials,
    )


def _ask(verdict: Verdict, snapshot: bytes, loaded: Loaded, lowered: Lowered) -> None:
    findings = loaded.findings
    try:
        unread = verdict.check(snapshot)
        pairs = verdict.shadowed(snapshot)
    except ValueError as error:
        findings.error(Spot(loaded.root.source, 0, 0), f"the engine refuses this configuration: {error}")
        findings.raise_if_failed()
        return
    for loser, winner in pairs:
        if max(loser, winner) < len(lowered.rules):
            (name, spot), (by, there) = lowered.rules[loser], lowered.rules[winner]
            findings.warning(
                spot,
                f'the rule "{name}" is never taken: "{by}" at {there.where} always wins',
                "make its match more exact, or remove it",
            )
    if unread:
        _tell_unread(unread, lowered.document, loaded)


def _tell_unread(unread: int, document: wire.Document, loaded: Loaded) -> None:
    """Once, where the first upstream wants the system's CAs: whoever shows a certificate of one of these is refused."""
    wants = next(each.name for each in document.upstreams if each.tls is not None and each.tls.roots is None)
    loaded.findings.warning(
        loaded.cursor()["upstreams"][wants]["tls"].spot,
        f"{unread} of the system's {len(document.system_roots)} CAs cannot be read, and are passed over",
        "an upstream whose certificate comes from one of them needs ca: FILE",
    )


def regex_problem(pattern: str, verdict: Verdict) -> str | None:
    """What the engine's own compiler says about an expression; None when it is sound."""
    try:
        verdict.check(wire.encode(_only_regex(pattern)))
    except ValueError as error:
        text = str(error)
        return text.rpartition("error: ")[2].strip() if "error: " in text else text
    return None


def _only_regex(pattern: str) -> wire.Document:
    """The smallest document with this expression in it."""
    rule = wire.Rule(
        name="regex",
        source="",
        priority=0,
        matches=(
            wire.Match(
                path=wire.PathRegex(value=pattern), methods=(), headers=(), query=(), cookies=(), client_cert=()
            ),
        ),
        action=wire.Respond(status=200, headers=(), body=b""),
        timeouts=wire.Timeouts(request=0, per_try=0, connect=0, idle=0),
        request_headers=wire.HeaderEdits(),
        response_headers=wire.HeaderEdits(),
        rewrite=wire.Rewrite(),
        grpc_web=False,
    )
    route = wire.Route(name="regex", source="", hosts=(), listeners=(0,), rules=(rule,))
    listener = wire.Listener(
        name="regex",
        key=0,
        address="",
        scheme="http",
        max_connections=1,
        header_bytes=1,
        headers=1,
        header_timeout=0,
        idle_timeout=0,
        trust_forwarded=False,
        path=wire.PathPolicy(dot_segments="resolve", double_slash="merge", encoded_slash="refuse"),
        protocols=("http/1.1",),
        tls=None,
        http2=offer_to_clients(1, 1),
        proxy_protocol=(),
    )
    return wire.Document(
        format=wire.FORMAT,
        generation=0,
        name="regex",
        access_log=False,
        listeners=(listener,),
        routes=(route,),
        upstreams=(),
        system_roots=(),
        handlers=(),
    )
