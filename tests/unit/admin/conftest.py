"""A gateway to ask about, without one running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.account.counters import Connections, EndpointCount, Levels, Totals
from gateway.account.http2 import Http2Counts
from gateway.admin.gateway import Reloaded, running
from gateway.config import document as doc
from gateway.config.first_flight import offer_to_clients, offer_to_upstream
from gateway.config.tls.certificate import Shown
from gateway.policy import Handler, Request, Response
from gateway.serve.reload import Outcome


@dataclass
class View:
    """A listener as the admin API sees it."""

    name: str = "web"
    key: int = 1
    address: str = "127.0.0.1:8080"
    scheme: str = "http"
    state: str = "open"


def empty_totals() -> Totals:
    endpoint = EndpointCount("app", "127.0.0.1:3000", 2, 3, 5, 8, 1, 13, 11, 0)
    return Totals((), (), (Connections(1, 4, 9, 0),), (endpoint,), (), (), 0, ())


@dataclass
class GatewayDouble:
    """A running gateway (`gateway.admin.gateway.Running`) whose state the test sets."""

    document: doc.Document
    version: str = "0.1.0"
    state: str = "ready"
    started_at: float = 1_700_000_000.0
    uptime: float = 12.3456
    config_file: str = "gw.yaml"
    generation: int = 3
    workers: int = 2
    applied: list[int] = field(default_factory=lambda: [3, 3])
    asked: int = 1
    http2: Http2Counts = field(default_factory=Http2Counts)
    panics: int = 0
    last_reload: Reloaded | None = None
    reloads: tuple[int, int] = (2, 1)
    warnings: tuple[str, ...] = ()
    next_outcome: Outcome | None = None
    certificates: Sequence[Shown] = ()
    questions: list[bytes] = field(default_factory=list)
    answer: bytes | ValueError = b""

    def listeners(self) -> Sequence[View]:
        return [View()]

    def counters(self) -> Totals:
        return empty_totals()

    def levels(self) -> Levels:
        totals = empty_totals()
        return Levels(totals.connections, totals.endpoints)

    def rendered_config(self) -> str:
        return "version: 1\n"

    def task_tree(self) -> tuple[object, str]:
        return {"name": "root"}, "root\n"

    def explain(self, question: bytes) -> bytes:
        self.questions.append(question)
        if isinstance(self.answer, ValueError):
            raise self.answer
        return self.answer

    async def reload(self) -> Reloaded:
        assert self.next_outcome is not None
        return self.next_outcome


def a_document() -> doc.Document:
    match = doc.Match(
        path=doc.PathPrefix(value="/cart"),
        methods=("GET",),
        headers=(doc.ValueMatch(name="x-beta", test=doc.ValueExact(value="1")),),
        query=(doc.ValueMatch(name="dry", test=doc.ValuePresent(value=False)),),
        cookies=(),
        client_cert=(),
    )

    def rule(name: str, action: doc.Action) -> doc.Rule:
        return doc.Rule(
            name=name,
            source="gw.yaml:7",
            priority=0,
            matches=(match,),
            action=action,
            timeouts=doc.Timeouts(request=0, per_try=0, connect=0, idle=0),
            request_headers=doc.HeaderEdits(),
            response_headers=doc.HeaderEdits(),
            rewrite=doc.Rewrite(),
            grpc_web=False,
        )

    rules = (
        rule("one", doc.Forward(targets=(doc.Target(upstream=0, weight=1),))),
        rule("split", doc.Forward(targets=(doc.Target(upstream=0, weight=95), doc.Target(upstream=1, weight=5)))),
        rule("pong", doc.Respond(status=200, headers=(), body=b"pong")),
        rule("old", doc.Redirect(status=301, to="/new", keep_query=True)),
        rule("python", doc.Ask(handler=0)),
    )
    listener = doc.Listener(
        name="web", key=1, address=":8080", scheme="http", max_connections=1, header_bytes=1, headers=1,
        header_timeout=0, idle_timeout=0, trust_forwarded=False,
        path=doc.PathPolicy(dot_segments="resolve", double_slash="merge", encoded_slash="refuse"),
        protocols=("http/1.1",), tls=None, http2=offer_to_clients(1, 1), proxy_protocol=(),
    )  # fmt: skip

    def upstream(name: str) -> doc.Upstream:
        endpoints = (doc.Endpoint(address="127.0.0.1:3000", weight=1),)
        return doc.Upstream(
            name=name, source="gw.yaml:20", balance="round_robin", endpoints=endpoints, max_idle=1, idle_timeout=1,
            protocol="http/1.1", tls=None, http2=offer_to_upstream(1),
        )  # fmt: skip

    return doc.Document(
        format=doc.FORMAT, generation=3, name="gateway", access_log=False, listeners=(listener,),
        routes=(doc.Route(name="shop", source="gw.yaml:4", hosts=("a.example",), listeners=(0,), rules=rules),),
        upstreams=(upstream("app"), upstream("next")), system_roots=(), handlers=("rules:hello",),
    )  # fmt: skip


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayDouble]:
    double = GatewayDouble(a_document())
    token = running.set(double)
    yield double
    running.reset(token)


async def call(handler: Handler, method: str = "GET", body: bytes = b"", **headers: str) -> Response:
    """Ask an admin handler as the worker would."""

    async def parts() -> AsyncIterator[bytes]:
        if body:
            yield body

    request: dict[str, Any] = {
        "scheme": "http", "authority": "localhost", "peer": "127.0.0.1", "listener": "admin", "route": "admin",
        "rule": "x", "request_id": "1", "deadline": None, "content_length": len(body), "query_string": None,
    }  # fmt: skip
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    return await handler(Request(method=method, path="/", fields=fields, body=parts(), **request))
