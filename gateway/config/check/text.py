"""Pieces of text that have rules of their own: names, header fields, hosts, methods, regular expressions.

Each function gives what is wrong as `(message, hint)`, or None.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Final

from gateway.limits import REGEX_BYTES

Problem = tuple[str, str] | None
RegexProblem = Callable[[str], str | None]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""RFC 9110 §5.6.2."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/#@-]{0,99}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

HEADER_NAME_BYTES: Final = 255
"""Longer names are refused in requests (a name past 255 bytes once hid a Content-Length, CVE-2021-40346)."""

HOST_BYTES: Final = 253
"""RFC 1035 §2.3.4, without the root's dot."""

METHOD_BYTES: Final = 32
"""The longest registered method has 17 (IANA: UPDATEREDIRECTREF)."""

_KNOWN_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")

_FRAMING: Final = frozenset(
    {
        "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Names whose meaning is the codec's (RFC 9110 §7.6.1, RFC 9112 §6)."""


def name_problem(name: str) -> Problem:
    """A name of a listener, route, rule or upstream: it becomes a metric label and a word in `explain`."""
    if _NAME.fullmatch(name):
        return None
    if not name:
        return "a name cannot be empty", ""
    return (
        f'"{_clip(name)}" is not a name',
        "up to 100 letters, digits and _ . : / # @ -, and it starts with a letter, a digit or _",
    )


def token_problem(text: str, what: str) -> Problem:
    """A token (RFC 9110 §5.6.2)."""
    if _TOKEN.fullmatch(text) and len(text) <= HEADER_NAME_BYTES:
        return None
    return f'"{_clip(text)}" is not {what}', "letters, digits and ! # $ % & ' * + - . ^ _ ` | ~"


def edited_header_problem(name: str) -> Problem:
    """The name of a field that the configuration writes."""
    if name.lower() in _FRAMING:
        hint = (
            "use `rewrite: {host: …}`" if name.lower() == "host" else "the gateway writes it itself, where it belongs"
        )
        return f'"{name}" cannot be edited', hint
    return token_problem(name, "a header name")


def header_value_problem(value: str) -> Problem:
    """The value of a field (RFC 9110 §5.5)."""
    if _CONTROL.search(value):
        return "a header value cannot have control characters or line ends", ""
    if value != value.strip(" \t"):
        return "a header value cannot start or end with a space", ""
    return None


def method_problem(method: str) -> Problem:
    """A method as a rule names it."""
    if method.upper() in _KNOWN_METHODS and method != method.upper():
        return f'methods are written in capitals: "{_clip(method)}"', f'did you mean "{method.upper()}"?'
    if _TOKEN.fullmatch(method) and len(method) <= METHOD_BYTES:
        return None
    return f'"{_clip(method)}" is not a method', "GET, POST, … or any other token"


def host_problem(host: str) -> Problem:
    """A host pattern of a route: a name, `*.name` or an IP address, without port."""
    if "://" in host or "/" in host:
        return "a host has no scheme and no path", f"write {host.split('://')[-1].split('/')[0]}"
    if host == "*":
        return "`*` is not a host", "leave `hosts` out for every host"
    if host.startswith("["):
        return None if _is_ip6(host) else (f'"{_clip(host)}" is not an IPv6 address in brackets', "write [::1]")
    name, colon, port = host.partition(":")
    if colon:
        hint = f"write {name}" if port.isdigit() else "write an IPv6 address in brackets"
        return "a host is written without a port", hint
    return _host_name_problem(name)


def _host_name_problem(host: str) -> Problem:
    if not host.isascii():
        return f'"{_clip(host)}" is not ASCII', _idna_hint(host)
    if host.endswith(".") and len(host) > 1:
        return "a host is written without the last dot", f"write {host.rstrip('.')}"
    labels = host.lower().removeprefix("*.").split(".")
    if len(host) > HOST_BYTES or not all(_LABEL.fullmatch(label) for label in labels):
        hint = "`*` stands only for the first labels: *.example.com" if "*" in host else "write shop.example.com"
        return f'"{_clip(host)}" is not a host', hint
    return None


def _is_ip6(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, host.removeprefix("[").removesuffix("]"))
    except OSError:
        return False
    return host.endswith("]")


def _idna_hint(host: str) -> str:
    try:
        return f"write {host.encode('idna').decode()}"
    except UnicodeError:
        return "write its ASCII form (xn--…)"


def location_problem(location: str) -> Problem:
    """Where a redirect leads: an absolute URI or an absolute path, in ASCII."""
    if not location or not all("!" <= character <= "~" for character in location):
        return "a location is printable ASCII without spaces", "percent-encode other characters"
    if location.startswith("/") and not location.startswith(("//", "/\\")):
        return None
    scheme, colon, rest = location.partition("://")
    if colon and scheme.lower() in ("http", "https") and rest and not rest.startswith("/"):
        return None
    return f'"{_clip(location)}" is not a location', "write https://example.com/new or /new"


def regex_size_problem(pattern: str) -> str | None:
    """Whether an expression is too long to be looked at."""
    if len(pattern.encode()) > REGEX_BYTES:
        return f"longer than {REGEX_BYTES} bytes"
    return None


def _clip(text: str) -> str:
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= 60 else text[:59] + "…"
