"""Talks to the admin API of a running gateway, for the commands that ask one.

Plain HTTP with the standard library, over TCP or a unix socket. Where the API listens is said by `--admin ADDRESS`, or
found in the configuration file.
"""

from __future__ import annotations

import argparse
import http.client
import socket
from typing import Any, Final

from gateway.errors import ExitCode, GatewayError, UsageError

PATIENCE: Final = 30.0
"""Seconds that an answer may take. A reload of a large configuration takes one or two; curl has no limit."""


class NoGatewayError(GatewayError):
    """Nobody answers there."""

    exit_code = ExitCode.UNAVAILABLE


def admin_arguments(parser: argparse.ArgumentParser) -> None:
    """`-c FILE` or `--admin ADDRESS`."""
    from gateway.cli.arguments import config_argument

    config_argument(parser)
    parser.add_argument(
        "--admin", metavar="ADDRESS", help="the admin API: host:port or unix:/path (default: FILE says)"
    )


def ask(options: argparse.Namespace, method: str, path: str) -> tuple[int, Any]:
    """Status and parsed JSON. Raises NoGatewayError if nobody answers."""
    import msgspec

    address = options.admin or _configured(options)
    connection = _connection(address)
    try:
        connection.request(method, path, headers={"accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read())
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoGatewayError(f"no gateway answers on {address}: {why.lower()}") from error
    except msgspec.DecodeError as error:
        raise NoGatewayError(f"what answers on {address} is no admin API of a gateway") from error
    finally:
        connection.close()


def read(options: argparse.Namespace, path: str) -> Any:
    """What a GET gives. Raises NoGatewayError if nobody answers, or nobody who knows this path."""
    status, value = ask(options, "GET", path)
    if status != 200:
        raise NoGatewayError(f"the admin API answers {path} with {status}")
    return value


def _configured(options: argparse.Namespace) -> str:
    from gateway.cli.arguments import configuration
    from gateway.config.load import load

    file = configuration(options)
    admin = load(file).config.admin
    if admin is None:
        raise UsageError(f"{file} has no `admin: {{listen: …}}`; name the address with --admin")
    return admin.listen


def _connection(written: str) -> http.client.HTTPConnection:
    from gateway.config.addresses import AddressError, parse_listen

    try:
        address = parse_listen(written)
    except AddressError as error:
        raise UsageError(f"--admin {written}: {error}") from error
    if address.kind == "unix":
        return _UnixConnection(address.host)
    if address.port == 0:
        raise UsageError("port 0 is chosen by the kernel at start: name the address with --admin")
    local = {"0.0.0.0": "127.0.0.1", "::": "localhost"}  # noqa: S104  (recognised, not bound)
    return http.client.HTTPConnection(local.get(address.host, address.host), address.port, timeout=PATIENCE)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
