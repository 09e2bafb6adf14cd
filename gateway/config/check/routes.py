"""Routes: their names, hosts and listeners; what is used by nobody."""

from __future__ import annotations

from gateway.config.check.identity import asks_clients, check_hosts_covered, names_of_listeners
from gateway.config.check.listeners import ADMIN
from gateway.config.check.preamble import passed_to
from gateway.config.check.rules import RuleCheck
from gateway.config.check.text import RegexProblem, host_problem, name_problem
from gateway.config.findings import did_you_mean
from gateway.config.load import Loaded
from gateway.config.nodes import Cursor, Spot
from gateway.config.schema import ListenerTls, PathPolicy, Route
from gateway.config.tls import Credentials


class RouteCheck:
    """Walks all routes of one configuration."""

    def __init__(self, loaded: Loaded, regex_problem: RegexProblem, credentials: Credentials) -> None:
        self._loaded = loaded
        self._config = loaded.config
        self._findings = loaded.findings
        self._regex_problem = regex_problem
        self._names: dict[str, Spot] = {}
        self._names_shown = names_of_listeners(self._config.listeners, credentials)
        self._listeners = {listener.name: listener for listener in self._config.listeners}
        self._used_listeners: set[str] = set()
        self._used_upstreams = passed_to(self._config)

    def all(self) -> None:
        """Every route, then what none of them uses."""
        at = self._loaded.cursor()
        self._rule_check([PathPolicy()], asks=False).headers(self._config.defaults.headers, at["defaults"]["headers"])
        for index, route in enumerate(self._config.routes):
            self._route(route, at["routes"][index])
        if not self._findings.failed:
            self._unused(at)

    def _route(self, route: Route, at: Cursor) -> None:
        self._name(route.name, at["name"].spot)
        for index, host in enumerate(route.hosts):
            self._findings.problem(at["hosts"][index].spot, host, host_problem(host))
        for index, listener in enumerate(route.listeners):
            self._listener(listener, at["listeners"][index].spot)
        if not route.rules:
            self._findings.error(at["rules"].spot, f'the route "{route.name}" has no rules')
        self._used_listeners.update(route.listeners or self._listeners)
        check_hosts_covered(route, at, self._names_shown, self._findings)
        self._rules(route, at)

    def _rules(self, route: Route, at: Cursor) -> None:
        names: dict[str, Spot] = {}
        mine = [self._listeners[name] for name in route.listeners or self._listeners if name in self._listeners]
        policies = [listener.path for listener in mine] or [PathPolicy()]
        unknown = len(mine) < len(route.listeners)  # said already: not once more for each rule
        check = self._rule_check(policies, asks=unknown or any(map(asks_clients, mine)))
        check.headers(route.headers, at["headers"])
        for index, rule in enumerate(route.rules):
            place = at["rules"][index]
            if rule.name is not None:
                spot = place["name"].spot
                self._findings.problem(spot, rule.name, name_problem(rule.name))
                if rule.name in names:
                    first = names[rule.name].where
                    self._findings.error(
                        spot, f'two rules of this route are called "{rule.name}"', f"the first: {first}"
                    )
                names.setdefault(rule.name, spot)
            check.rule(rule, place)

    def _rule_check(self, policies: list[PathPolicy], *, asks: bool) -> RuleCheck:
        return RuleCheck(self._loaded, policies, self._regex_problem, self._used_upstreams, asks_clients=asks)

    def _name(self, name: str, spot: Spot) -> None:
        problem = name_problem(name)
        if problem:
            self._findings.problem(spot, name, problem)
        elif name == ADMIN:
            self._findings.error(spot, '"admin" is the name of the admin API\'s own route', "choose another name")
        elif name in self._names:
            self._findings.error(spot, f'two routes are called "{name}"', f"the first: {self._names[name].where}")
        self._names.setdefault(name, spot)

    def _listener(self, name: str, spot: Spot) -> None:
        if name == ADMIN:
            self._findings.error(spot, "the admin API's listener takes no other routes", "add a listener of your own")
        elif name not in self._listeners:
            known = list(self._listeners)
            hint = did_you_mean(name, known) or f"known: {', '.join(known) or 'none'}"
            self._findings.problem(spot, name, (f'there is no listener "{name}"', hint))

    def _unused(self, at: Cursor) -> None:
        for index, listener in enumerate(self._config.listeners):
            opens = not isinstance(listener.tls, ListenerTls) or listener.tls.certificates
            if opens and listener.name not in self._used_listeners:
                spot = at["listeners"][index].spot
                self._findings.warning(spot, f'no route is on the listener "{listener.name}": it answers 404 to all')
        for name in self._config.upstreams:
            if name not in self._used_upstreams:
                self._findings.warning(at["upstreams"].key(name), f'no rule forwards to the upstream "{name}"')
