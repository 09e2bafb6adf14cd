"""`gateway explain` says what really happens: for hundreds of generated requests, the same rule and upstream.

What it says is compared with what the origin that answered is called and with what the access log noted.
"""

from __future__ import annotations

import json
import random
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.certificates import Certificates
from tests.e2e.client import PART, PATIENCE, Client, head
from tests.e2e.configuration import LISTEN
from tests.e2e.gateway_process import GATEWAY, Gateway, until
from tests.e2e.origin import TellingOrigin
from tests.e2e.test_passthrough import secure_origin
from tests.e2e.test_routing import ROUTES

SEED = 20_260_101
REQUESTS = 400


@dataclass(frozen=True)
class Question:
    """One request."""

    method: str
    host: str
    target: str
    fields: tuple[tuple[str, str], ...]

    @property
    def json(self) -> bytes:
        """As the admin API is asked."""
        question = {"method": self.method, "url": f"http://{self.host}{self.target}", "headers": self.fields}
        return json.dumps({**question, "listener": "web"}).encode()

    def send(self, client: Client, number: int) -> tuple[int, str | None]:
        """Status and the origin that answered. The log finds it again by `number`: workers write in no order."""
        fields = [f"User-Agent: {number}", *(f"{name}: {value}" for name, value in self.fields)]
        client.send(head(self.method, self.target, *fields, host=self.host))
        found = client.read(self.method)
        return found.status, found.header("x-origin")


def questions(count: int) -> list[Question]:
    """Requests near the borders of the rules in `ROUTES`, the same every time."""
    draw = random.Random(SEED)
    hosts = ["shop.test", "www.shop.test", "a.shop.test", "a.b.shop.test", "SHOP.test", "shop.test:80", "other.test"]
    segments = ["cart", "items", "itemsx", "v1", "v12", "vx", "m", "h", "q", "k", "one", "two", "loud", "louder"]
    segments += ["%63art", "..", ".", ""]
    queries = ["", "?", "?dry=1", "?dry=2", "?x=y&dry=1", "?dry=%31", "?dry", "?dry=1&dry=2"]
    fields = [("x-beta", "1"), ("X-Beta", "2"), ("x-user", "me"), ("x-user", "")]
    fields += [("cookie", "group=canary-1"), ("cookie", "a=b; group=stable")]
    made = []
    for _ in range(count):
        path = "/" + "/".join(draw.choices(segments, k=draw.randint(0, 3)))
        chosen = tuple(draw.sample(fields, k=draw.randint(0, 3)))
        method = draw.choice(["GET", "GET", "POST", "PUT", "DELETE", "OPTIONS"])
        made.append(Question(method, draw.choice(hosts), path + draw.choice(queries), chosen))
    return made


class House:
    """The rules of the routing tests, with a log."""

    def __init__(self, gateway: Gateway, log: Path) -> None:
        self.gateway = gateway
        self.log = log

    def lines(self) -> list[dict[str, Any]]:
        """What the access log says of the listener `web`."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["listener"] == "web"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("explain")
    with ExitStack() as stack:
        origins = {name: stack.enter_context(TellingOrigin(name)) for name in "abcde"}
        config = {
            "access_log": {"path": str(directory / "log")},
            "listeners": [{"name": "web", "listen": LISTEN}, {"name": "other", "listen": LISTEN}],
            "routes": ROUTES,
            "upstreams": {name: {"endpoints": [origin.address]} for name, origin in origins.items()},
        }
        yield House(stack.enter_context(Gateway(config, directory)), directory / "log")


def test_explain_is_what_happens(house: House) -> None:
    asked = questions(REQUESTS)
    before = len(house.lines()) if house.log.exists() else 0
    happened = []
    for number, question in enumerate(asked):
        with Client(house.gateway.port()) as client:  # a refused request ends its connection
            happened.append(question.send(client, number))
    until(lambda: len(house.lines()) == before + REQUESTS, "all lines are written")
    lines = sorted(house.lines()[before:], key=lambda line: int(line["user_agent"]))
    verdicts = set()
    for question, (status, origin), line in zip(asked, happened, lines, strict=True):
        code, body = house.gateway.request("POST", "/api/v1/explain", question.json)
        assert code == 200, (question, body)
        said = json.loads(body)
        verdicts.add(said["verdict"])
        taken = next((each["rule"] for each in said["candidates"] if each["state"] == "taken"), "")
        assert (line["rule"], line["status"]) == (taken, status), (question, said)
        if said["verdict"] == "forward":
            assert (said["upstream"]["name"], status) == (origin, 200), (question, said)
            assert line["upstream"] == origin
        else:
            assert said["status"] == status, (question, said)
            assert said["reason"] == line["reason"], (question, said)
    assert verdicts >= {"forward", "no_host", "no_rule", "refused"}


def test_command_and_api_give_the_same_answer(house: House) -> None:
    for question in questions(12):
        fields = [part for name, value in question.fields for part in ("-H", f"{name}: {value}")]
        url = f"http://{question.host}{question.target}"
        command: list[str | Path] = [
            GATEWAY,
            "explain",
            "-c",
            house.gateway.file,
            "--listener",
            "web",
            "-o",
            "json",
            question.method,
            url,
        ]
        done = subprocess.run([*command, *fields], capture_output=True, text=True, timeout=30)
        assert done.returncode in (0, 10), done.stderr
        said = json.loads(house.gateway.request("POST", "/api/v1/explain", question.json)[1])
        assert json.loads(done.stdout)["verdict"] == said["verdict"]
        assert json.loads(done.stdout)["candidates"] == said["candidates"]
        assert (done.returncode == 0) == (said["verdict"] == "forward")


class Passing:
    """Two listeners that pass TLS on by name; `opening` opens the other names, `passing` does not."""

    def __init__(self, gateway: Gateway, context: ssl.SSLContext) -> None:
        self.gateway = gateway
        self.context = context
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def lines(self) -> list[dict[str, Any]]:
        log = self.gateway.directory / "access.log"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [line for line in lines if line["listener"] in ("opening", "passing")]

    def visit(self, listener: str, name: str) -> dict[str, Any]:
        """Ask for this name, and for a page if somebody answers: what was logged."""
        before = len(self.lines())
        with suppress(ssl.SSLError):
            sock = socket.create_connection(("127.0.0.1", self.gateway.port(listener)), PATIENCE)
            with sock, self.context.wrap_socket(sock, server_hostname=name) as secure:
                secure.sendall(head("GET", "/", "Connection: close", host=name))
                while secure.recv(PART):
                    pass
        until(lambda: len(self.lines()) == before + 1, "the line is written")
        return self.lines()[-1]

    def explain(self, listener: str, name: str) -> dict[str, Any]:
        question = {"method": "GET", "url": f"https://{name}/", "listener": listener}
        status, body = self.gateway.request("POST", "/api/v1/explain", json.dumps(question).encode())
        assert status == 200, body
        said: dict[str, Any] = json.loads(body)
        return said


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Passing]:
    entries = [{"sni": ["db.test"], "to": "one"}, {"sni": ["*.test", "x.db.test"], "to": "two"}]
    own = certificates.tls(certificates.leaf("shop.example"))
    with secure_origin(certificates, "db.test") as one, secure_origin(certificates, "*.test") as two:
        config = {
            "access_log": {"path": "access.log"},
            "listeners": [
                {"name": "opening", "listen": LISTEN, "tls": {**own, "passthrough": entries}},
                {"name": "passing", "listen": LISTEN, "tls": {"passthrough": entries}},
            ],
            "routes": [{"name": "own", "rules": [{"name": "own", "respond": {"body": "opened here"}}]}],
            "upstreams": {"one": {"endpoints": [one.address]}, "two": {"endpoints": [two.address]}},
        }
        with Gateway(config, tmp_path_factory.mktemp("passing")) as gateway:
            yield Passing(gateway, certificates.client_context())


@pytest.mark.parametrize("listener", ["opening", "passing"])
@pytest.mark.parametrize("name", ["db.test", "DB.Test", "a.db.test", "x.db.test", "a.test", "test", "shop.example"])
def test_explain_knows_which_connections_are_passed_on(passing: Passing, listener: str, name: str) -> None:
    said, line = passing.explain(listener, name), passing.visit(listener, name)
    assert (said["verdict"] == "pass_through") == (line["protocol"] == "tls" and line["status"] == 200)
    if said["verdict"] == "pass_through":
        assert said["upstream"]["name"] == line["upstream"]
        assert said["request"] is None and said["taken"] is None, "nothing of the request is looked at"
    elif listener == "passing":
        assert (said["verdict"], said["reason"], said["status"]) == ("no_host", line["reason"], line["status"])
    else:
        assert (said["verdict"], said["taken"]["rule"]) == ("respond", line["rule"])


def test_explain_changes_nothing(house: House) -> None:
    before = house.gateway.metrics().sum("gateway_upstream_requests_total")
    for question in questions(20):
        house.gateway.request("POST", "/api/v1/explain", question.json)
    assert house.gateway.metrics().sum("gateway_upstream_requests_total") == before
