"""Who is compared, in the order of the first round."""

from pathlib import Path

from bench.peer import MissingError, Peer
from bench.peers import caddy, envoy, gateway, h2o, haproxy, nghttpx, nginx, relay

NAMES = ("relay", "nginx", "haproxy", "envoy", "nghttpx", "h2o", "caddy", "gateway")
FLOOR = "relay"
RIVALS = ("nginx", "haproxy")  # the best of these is the bar for CPU over HTTP/1.1
RIVALS_HTTP2 = ("haproxy", "nghttpx", "h2o")  # and of these over HTTP/2
PEERS = ("nginx", "haproxy", "envoy", "nghttpx", "h2o", "caddy")


def every(gateway_command: Path | None) -> dict[str, Peer]:
    """All candidates by name."""
    known = (
        relay.PEER,
        nginx.PEER,
        haproxy.PEER,
        envoy.PEER,
        nghttpx.PEER,
        h2o.PEER,
        caddy.PEER,
        gateway.peer(gateway_command),
    )
    return {peer.name: peer for peer in known}


def choose(names: list[str] | None, gateway_command: Path | None) -> dict[str, Peer]:
    """The wanted candidates and the controls, which are always there."""
    known = every(gateway_command)
    for name in names or ():
        if name not in known:
            raise MissingError(f"no candidate {name!r}; there are {', '.join(NAMES)}")
    return {name: peer for name, peer in known.items() if names is None or name in names or peer.control}
