"""One rule: its conditions, its action, its edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.config.check.handlers import handler_problem
from gateway.config.check.identity import PARTS, check_client_cert
from gateway.config.check.paths import path_problem
from gateway.config.check.text import (
    RegexProblem,
    edited_header_problem,
    header_value_problem,
    host_problem,
    location_problem,
    method_problem,
    regex_size_problem,
    token_problem,
)
from gateway.config.findings import did_you_mean
from gateway.config.load import Loaded
from gateway.config.nodes import Cursor
from gateway.config.schema import (
    ClientCertCondition,
    HeaderEdits,
    Headers,
    Match,
    PathCondition,
    PathPolicy,
    Respond,
    Rewrite,
    Rule,
    Share,
    ValueCondition,
)
from gateway.limits import RESPOND_BODY_BYTES

_ACTIONS: Final = ("to", "respond", "redirect", "handler")
_NO_BODY: Final = (204, 205, 304)
"""RFC 9110 §15.3.5, §15.3.6, §15.4.5."""

_CONDITIONS: Final = 64
"""Conditions of one match, as in `route/build.rs`; the Gateway API allows 16 headers and 16 query parameters."""


class RuleCheck:
    """Checks rules of one route."""

    def __init__(
        self,
        loaded: Loaded,
        policies: list[PathPolicy],
        regex_problem: RegexProblem,
        used_upstreams: set[str],
        *,
        asks_clients: bool,
    ) -> None:
        """`asks_clients`: whether some listener of the route asks clients for certificates."""
        self._upstreams = loaded.config.upstreams
        self._directory = loaded.directory
        self._findings = loaded.findings
        self._policies = policies
        self._regex_problem = regex_problem
        self._used = used_upstreams
        self._asks_clients = asks_clients

    def rule(self, rule: Rule, at: Cursor) -> None:
        """Everything about one rule."""
        self._matches(rule.match, at["match"])
        self._action(rule, at)
        if rule.rewrite is not None:
            self._rewrite(rule.rewrite, at["rewrite"], rule.to is not None)
        if rule.grpc_web and rule.to is None:
            self._findings.error(
                at.key("grpc_web"), "grpc_web changes what is forwarded, and this rule forwards nothing", "remove it"
            )
        self.headers(rule.headers, at["headers"])

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _matches(self, written: str | Match | list[str | Match], at: Cursor) -> None:
        matches = written if isinstance(written, list) else [written]
        if not matches:
            self._findings.error(
                at.spot, "an empty list of matches fits nothing", "leave `match` out to fit everything"
            )
        for index, match in enumerate(matches):
            place = at.item(index)
            if isinstance(match, str):
                self._path(match, place)
            else:
                self._match(match, place)

    def _match(self, match: Match, at: Cursor) -> None:
        if isinstance(match.path, str):
            self._path(match.path, at["path"])
        else:
            self._path_condition(match.path, at["path"])
        methods = [match.method] if isinstance(match.method, str) else match.method
        for index, method in enumerate(methods):
            self._findings.problem(at["method"].item(index).spot, method, method_problem(method))
        self._values(match.headers, at["headers"], "a header name")
        self._values(match.query, at["query"], "")
        self._values(match.cookies, at["cookies"], "a cookie name")
        if match.client_cert is not None:
            self._client_cert(match.client_cert, at["client_cert"])
        if len(match.headers) + len(match.query) + len(match.cookies) > _CONDITIONS:
            self._findings.error(at.spot, f"more than {_CONDITIONS} conditions in one match")

    def _path(self, path: str, at: Cursor) -> None:
        self._findings.problem(at.spot, path, path_problem(path, self._policies))

    def _path_condition(self, path: PathCondition, at: Cursor) -> None:
        if self._one_of(path, ("exact", "prefix", "regex"), at):
            written = path.exact if path.exact is not None else path.prefix
            if written is not None:
                self._path(written, at["exact" if path.exact is not None else "prefix"])
            elif path.regex is not None:
                self._regex(path.regex, at["regex"])

    def _values(self, values: Mapping[str, str | ValueCondition], at: Cursor, what: str) -> None:
        """`what` a name has to be; empty: anything (query parameters)."""
        for name, value in values.items():
            if what:
                self._findings.problem(at.key(name), name, token_problem(name, what))
            if isinstance(value, ValueCondition):
                sound = self._one_of(value, ("exact", "regex", "present"), at[name])
                if sound and value.regex is not None:
                    self._regex(value.regex, at[name]["regex"])

    def _client_cert(self, condition: ClientCertCondition, at: Cursor) -> None:
        check_client_cert(condition, at, self._findings, asked=self._asks_clients)
        self._values({part: value for part in PARTS if (value := getattr(condition, part)) is not None}, at, "")

    def _one_of(self, condition: PathCondition | ValueCondition, names: tuple[str, ...], at: Cursor) -> bool:
        written = [name for name in names if getattr(condition, name) is not None]
        if len(written) == 1:
            return True
        got = f"not {' and '.join(written)}" if written else "none is here"
        self._findings.error(at.spot, f"exactly one of {', '.join(names)}: {got}")
        return False

    def _regex(self, pattern: str, at: Cursor) -> None:
        problem = regex_size_problem(pattern) or self._regex_problem(pattern)
        if problem is not None:
            hint = "no look-around and no back-references: expressions must run in linear time"
            self._findings.problem(
                at.spot,
                pattern,
                (f"not a regular expression: {problem}", hint if "look" in problem or "backref" in problem else ""),
            )

    # ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _action(self, rule: Rule, at: Cursor) -> None:
        written = [name for name in _ACTIONS if getattr(rule, name) is not None]
        if not written:
            self._findings.error(at.spot, "this rule does nothing", f"add one of {', '.join(_ACTIONS)}")
        if len(written) > 1:
            self._findings.error(
                at.key(written[1]), f"a rule does one thing: {' and '.join(written)} exclude each other", "remove one"
            )
        if rule.to is not None:
            self._targets(rule.to, at["to"])
        if rule.respond is not None:
            self._respond(rule.respond, at["respond"])
        if rule.redirect is not None:
            self._findings.problem(at["redirect"]["to"].spot, rule.redirect.to, location_problem(rule.redirect.to))
        if rule.handler is not None:
            self._findings.problem(at["handler"].spot, rule.handler, handler_problem(rule.handler, self._directory))

    def _targets(self, to: str | list[str | Share], at: Cursor) -> None:
        shares = to if isinstance(to, list) else [to]
        for index, share in enumerate(shares):
            place = at.item(index)
            if isinstance(share, str):
                self._upstream(share, place)
            else:
                self._upstream(share.upstream, place["upstream"])
        if not shares:
            self._findings.error(at.spot, "an empty list of upstreams", "name one, or use `respond: {status: 503}`")
        elif all(isinstance(share, Share) and share.weight == 0 for share in shares):
            self._findings.error(at.spot, "all weights are 0: nothing would be forwarded", "give one a weight above 0")

    def _upstream(self, name: str, at: Cursor) -> None:
        self._used.add(name)
        if name not in self._upstreams:
            hint = did_you_mean(name, self._upstreams) or f"known: {', '.join(list(self._upstreams)[:10]) or 'none'}"
            self._findings.problem(at.spot, name, (f'there is no upstream "{name}"', hint))

    def _respond(self, respond: Respond, at: Cursor) -> None:
        if respond.body and respond.status in _NO_BODY:
            self._findings.error(at["body"].spot, f"an answer with status {respond.status} has no body")
        if len(respond.body.encode()) > RESPOND_BODY_BYTES:
            self._findings.error(
                at["body"].spot, f"longer than {RESPOND_BODY_BYTES >> 20}MiB", "serve it from an upstream"
            )
        self._fields(respond.headers, at["headers"])

    # ── edits ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rewrite(self, rewrite: Rewrite, at: Cursor, forwards: bool) -> None:
        if not forwards:
            self._findings.error(
                at.spot, "rewrite changes what is forwarded, and this rule forwards nothing", "remove it"
            )
        if rewrite.path is not None and rewrite.path_prefix is not None:
            self._findings.error(at.key("path"), "path and path_prefix exclude each other", "remove one")
        for name, path in (("path", rewrite.path), ("path_prefix", rewrite.path_prefix)):
            if path is not None:
                self._findings.problem(at[name].spot, path, path_problem(path, [_ANYTHING_KEPT]))
        if rewrite.host is not None:
            name, _, port = rewrite.host.rpartition(":")
            has_port = bool(name) and port.isdigit() and not name.endswith(":")
            self._findings.problem(
                at["host"].spot, rewrite.host, _exact_host_problem(name if has_port else rewrite.host)
            )

    def headers(self, headers: Headers | None, at: Cursor) -> None:
        """Header edits of a rule, a route or the defaults."""
        if headers is None:
            return
        for direction, edits in (("request", headers.request), ("response", headers.response)):
            if edits is not None:
                self._edits(edits, at[direction])

    def _edits(self, edits: HeaderEdits, at: Cursor) -> None:
        self._fields(edits.set, at["set"])
        self._fields(edits.add, at["add"])
        for index, name in enumerate(edits.remove):
            self._findings.problem(at["remove"][index].spot, name, edited_header_problem(name))

    def _fields(self, fields: Mapping[str, str], at: Cursor) -> None:
        for name, value in fields.items():
            self._findings.problem(at.key(name), name, edited_header_problem(name))
            self._findings.problem(at[name].spot, value, header_value_problem(value))


_ANYTHING_KEPT: Final = PathPolicy(double_slash="keep", encoded_slash="keep")
"""What a rewrite writes is the upstream's affair as far as slashes go."""


def _exact_host_problem(host: str) -> tuple[str, str] | None:
    if host.startswith("*"):
        return "a wildcard cannot be sent as Host", "write one host"
    return host_problem(host)
