"""What a configuration means together: names that lead somewhere, addresses, paths, headers, actions.

The shape is right already (`load` has seen to that), so everything here works on structs and asks a cursor for the
place. One mistake is reported once, where a person would mend it.

    listeners    addresses, names, limits          text      header fields, hosts, names, regular expressions
    routes       hosts, rules, actions             paths     the normal form of paths
    upstreams    endpoints                         handlers  whether a handler's module exists
    connections  HTTP versions, HTTP/2             identity  clients' certificates, names of ours
    preamble     what comes before HTTP
"""

from __future__ import annotations

from gateway.config.check.connections import check_connections
from gateway.config.check.listeners import check_process
from gateway.config.check.preamble import check_preamble
from gateway.config.check.routes import RouteCheck
from gateway.config.check.text import RegexProblem
from gateway.config.check.upstreams import check_upstreams
from gateway.config.load import Loaded
from gateway.config.tls import Credentials


def check(loaded: Loaded, regex_problem: RegexProblem, credentials: Credentials) -> None:
    """Add everything wrong in `loaded` to its findings. `regex_problem` judges expressions."""
    config, findings = loaded.config, loaded.findings
    check_process(config, loaded.cursor(), findings)
    check_connections(config, loaded.cursor(), findings)
    check_preamble(config, loaded.cursor(), findings)
    check_upstreams(config, loaded.cursor(), findings)
    RouteCheck(loaded, regex_problem, credentials).all()
