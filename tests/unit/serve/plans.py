"""Plans for tests: the parts of a configuration that serving looks at."""

from __future__ import annotations

from pathlib import Path

from gateway.config.addresses import parse_listen
from gateway.config.document import FORMAT, Document
from gateway.config.schema import Config
from gateway.config.tls import Credentials
from gateway.policy import Handler
from gateway.serve.plan import Http2Plan, ListenerPlan, Plan

HTTP2 = Http2Plan(keepalive_interval=30.0, keepalive_timeout=10.0, max_age=3600.0)


def make_plan(
    generation: int,
    *names: str,
    workers: int = 2,
    handlers: dict[str, Handler] | None = None,
    access_log: str | None = None,
    directory: Path = Path(),
    addresses: dict[str, str] | None = None,
    keys: dict[str, int] | None = None,
    credentials: Credentials | None = None,
    upstreams: tuple[str, ...] = (),
) -> Plan:
    """Listeners with these names, keys in their order unless told otherwise, on ports that the kernel chooses."""
    keys = keys or {name: number for number, name in enumerate(names, 1)}
    document = Document(
        format=FORMAT, generation=generation, name="gateway", access_log=access_log is not None,
        listeners=(), routes=(), upstreams=(), system_roots=(), handlers=tuple(handlers or ()),
    )  # fmt: skip
    targets = {name: parse_listen((addresses or {}).get(name, "127.0.0.1:0")) for name in names}
    return Plan(
        document=document,
        snapshot=str(generation).encode(),
        listeners=tuple(ListenerPlan(keys[name], name, targets[name], "http", HTTP2) for name in names),
        admin=None,
        upstreams=dict.fromkeys(upstreams, HTTP2),
        handlers=handlers or {},
        workers=workers,
        access_log=access_log,
        drain_delay=0,
        drain_timeout=30,
        directory=directory,
        warnings=(),
        config=Config(version=1),
        credentials=credentials or Credentials(),
    )
