"""`gateway explain`: where a request would go and why, by the code that routes. No gateway need run."""

from __future__ import annotations

import argparse
from typing import Final

import msgspec

from gateway.cli.arguments import config_argument, configuration
from gateway.cli.explanation import in_words
from gateway.errors import ExitCode, UsageError

EXAMPLE: Final = """\
  gateway explain -c shop.yaml GET https://shop.example.com/cart -H 'x-beta: 1'
  gateway explain -c mesh.yaml GET https://mesh.example.com/ --client-cert billing.pem
  gateway explain -c mesh.yaml GET https://mesh.example.com/ --client-san spiffe://example.org/billing
  gateway explain -c shop.yaml POST http://api.example.com/v1/orders -o json | jq .taken

exit codes: 0 it goes somewhere, 10 it is refused or no rule fits
"""

NOWHERE: Final = frozenset({"no_host", "no_rule", "no_target", "refused"})
"""Verdicts that a person should look at."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    config_argument(parser)
    parser.add_argument("method", metavar="METHOD", help="as it would be sent, such as GET")
    parser.add_argument("url", metavar="URL", help="scheme://host[:port]/path?query")
    parser.add_argument(
        "-H", "--header", metavar="'NAME: VALUE'", action="append", default=[], help="a header field; may be repeated"
    )
    parser.add_argument("--client-cert", metavar="FILE.pem", help="the certificate that the client would show")
    parser.add_argument("--client-subject", metavar="NAME", help="its subject instead: CN=billing,O=Example")
    parser.add_argument(
        "--client-san", metavar="NAME", action="append", default=[], help="one of its names, or its SPIFFE ID"
    )
    parser.add_argument("--listener", metavar="NAME", help="where it would arrive (default: the URL says)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="for people or for programs")
    parser.add_argument("--json", dest="output", action="store_const", const="json", help="the same as -o json")


def run(options: argparse.Namespace) -> ExitCode:
    """Compile, ask the engine, print."""
    from gateway.config.compile import compile_file
    from gateway.config.keys import ListenerKeys

    question: dict[str, object] = {
        "listener": options.listener,
        "method": options.method,
        "url": options.url,
        "headers": [_field(each) for each in options.header],
    }
    client = _client(options)
    if client is not None:
        question["client_cert"] = client
    compiled = compile_file(configuration(options), ListenerKeys(), now=options.now)
    answer = msgspec.msgpack.decode(_explain(compiled.snapshot, msgspec.msgpack.encode(question)))
    if options.output == "json":
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    else:
        print("\n".join(in_words(answer)))
    return ExitCode.FINDINGS if answer["verdict"] in NOWHERE else ExitCode.OK


def _client(options: argparse.Namespace) -> dict[str, object] | None:
    """Who asks; None: nobody in particular."""
    if options.client_cert is not None:
        from gateway.cli.cert import read_file
        from gateway.config.tls.certificate import alternative_names, facts_of

        certificate = read_file(options.client_cert)[0]
        facts = facts_of(certificate)
        return {"subject": facts.subject, "san": alternative_names(certificate), "fingerprint": facts.sha256}
    if options.client_subject is None and not options.client_san:
        return None
    return {"subject": options.client_subject or "", "san": options.client_san, "fingerprint": ""}


def _explain(snapshot: bytes, question: bytes) -> bytes:
    from gateway.serve.engine import explain

    try:
        return explain(snapshot, question)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _field(written: str) -> tuple[str, str]:
    name, colon, value = written.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"-H {written!r}: write it as 'name: value'")
    return name.strip(), value.strip()
