"""gRPC through the gateway with grpcio on both sides: every kind of call, every way to end."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway, until
from tests.e2e.grpc_peers import PATIENCE, EchoClient, EchoServer, message, path, raw_call
from tests.e2e.http2 import Kind, RawServer, reset
from tests.e2e.http2_client import Http2Client
from tests.e2e.origin import Connection, ScriptedOrigin

LISTENERS = [{"name": "web", "listen": "127.0.0.1:0"}]


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def config(server: EchoServer) -> dict[str, Any]:
    """Every service goes to the server but those whose name says otherwise."""
    rules = [
        {"name": "echo", "match": "/house.Echo", "to": "echo"},
        {"name": "hasty", "match": "/house.Echo/Wait", "to": "echo", "timeout": {"per_try": "300ms"}},
        {
            "name": "short", "match": "/house.Short", "to": "echo", "timeout": {"request": "300ms"},
            "rewrite": {"path_prefix": "/house.Echo"},
        },
        {"name": "nobody", "match": "/house.Nobody", "to": "nobody"},
        {"name": "empty", "match": "/house.Empty", "to": "empty"},
        {"name": "own", "match": "/house.Own", "respond": {"status": 403}},
    ]  # fmt: skip
    return {
        "listeners": LISTENERS,
        "routes": [{"name": "all", "rules": rules}],
        "upstreams": {
            "echo": {"endpoints": [server.address], "protocol": "h2"},
            "nobody": {"endpoints": [f"127.0.0.1:{closed_port()}"], "protocol": "h2"},
            "empty": {"endpoints": []},
        },
    }


class Pair:
    """A gateway in front of the server, and a channel to it."""

    def __init__(self, gateway: Gateway, server: EchoServer, client: EchoClient) -> None:
        self.gateway = gateway
        self.server = server
        self.client = client


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with (
        EchoServer() as server,
        Gateway(config(server), tmp_path_factory.mktemp("grpc")) as gateway,
        EchoClient(gateway.port()) as client,
    ):
        yield Pair(gateway, server, client)


def code_of(call: Any) -> tuple[grpc.StatusCode, str]:
    """How a call ends that must not end well."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    return error.code(), error.details()


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_unary_call_brings_its_message_and_its_trailers(pair: Pair, size: int) -> None:
    answer, call = pair.client.unary().with_call(bytes(size), metadata=[("x-one", "1")], timeout=PATIENCE)
    assert answer == bytes(size)
    trailers = dict(call.trailing_metadata())
    assert (trailers["saw-x-one"], trailers["x-raw-bin"]) == ("1", b"\x00\xff")


def test_streams_in_every_direction(pair: Pair) -> None:
    assert list(pair.client.down()(b"500", timeout=PATIENCE)) == [b"%d" % number for number in range(500)]
    assert pair.client.up()((b"%d" % number for number in range(100)), timeout=PATIENCE) == b"".join(
        b"%d" % number for number in range(100)
    )


def test_a_conversation_goes_on_message_by_message(pair: Pair) -> None:
    said: list[bytes] = []
    heard: queue.Queue[bytes | None] = queue.Queue()
    answers = pair.client.both()(iter(heard.get, None), timeout=PATIENCE)
    for number in range(20):
        heard.put(b"%d" % number)
        said.append(next(answers))
    heard.put(None)
    assert said == [b"%d" % number for number in range(20)]
    assert list(answers) == []


def test_an_answer_that_is_only_trailers_comes_as_it_is(pair: Pair) -> None:
    words = "nicht da: 100 % später\n"
    assert code_of(lambda: pair.client.unary("Fail")(f"5 {words}".encode(), timeout=PATIENCE)) == (
        grpc.StatusCode.NOT_FOUND, words,
    )  # fmt: skip
    assert code_of(lambda: pair.client.unary("Missing")(b"", timeout=PATIENCE))[0] == grpc.StatusCode.UNIMPLEMENTED


def test_the_server_is_told_what_is_left_of_the_deadline(pair: Pair) -> None:
    _, call = pair.client.unary().with_call(b"", timeout=PATIENCE)
    left = float(dict(call.trailing_metadata())["time-left"])
    assert PATIENCE - 5 < left <= PATIENCE * 1.05, "grpcio itself rounds up"
    _, call = pair.client.unary().with_call(b"")
    assert float(dict(call.trailing_metadata())["time-left"]) > 1e9, "without a deadline none is made up"


@pytest.mark.parametrize("value", ["5S", "1500m", "0S", "00000005S", "99999999n", "99999999M", "99999999H", "1H"])
def test_a_deadline_means_to_the_server_what_it_means_without_a_gateway(pair: Pair, value: str) -> None:
    through, without = (raw_call(port, ("grpc-timeout", value)) for port in (pair.gateway.port(), pair.server.port))
    assert through["grpc-status"] == without["grpc-status"]
    if "time-left" in without:
        assert float(through["time-left"]) == pytest.approx(float(without["time-left"]), abs=0.1, rel=1e-3) or (
            float(without["time-left"]) > 1e11
        ), "what 64 bits of nanoseconds cannot say is no deadline"


@pytest.mark.parametrize("value", ["5", "S", "1s", "5SS", "-5S", "+5S", "1.5S"])
def test_a_deadline_that_is_none_is_refused_as_the_server_would(pair: Pair, value: str) -> None:
    through, without = (raw_call(port, ("grpc-timeout", value)) for port in (pair.gateway.port(), pair.server.port))
    assert (through["grpc-status"], without["grpc-status"]) == ("13", "13")


def test_a_deadline_that_could_be_read_in_two_ways_is_refused_though_the_server_reads_one(pair: Pair) -> None:
    port = pair.gateway.port()
    for value in ("123456789S", "5 S"):
        assert raw_call(port, ("grpc-timeout", value))["grpc-status"] == "13"
    assert raw_call(port, ("grpc-timeout", "5S"), ("grpc-timeout", "9S"))["grpc-status"] == "13"


def short(pair: Pair, method: str) -> Any:
    """A call under a rule that gives it 300 ms."""
    return pair.client.channel.unary_stream(f"/house.Short/{method}")


def test_the_rule_s_deadline_holds_if_it_is_shorter_and_the_server_knows_it(pair: Pair) -> None:
    unary = pair.client.channel.unary_unary("/house.Short/Unary")
    _, call = unary.with_call(b"", timeout=PATIENCE)
    assert 0 < float(dict(call.trailing_metadata())["time-left"]) <= 0.35
    assert code_of(lambda: list(short(pair, "Wait")(b"", timeout=PATIENCE)))[0] == grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_client_s_deadline_ends_the_call_at_the_server_too(pair: Pair) -> None:
    pair.server.cancelled.clear()
    found = code_of(lambda: list(pair.client.down("Wait")(b"x", timeout=0.4)))
    assert found[0] == grpc.StatusCode.DEADLINE_EXCEEDED
    assert pair.server.cancelled.wait(PATIENCE)


UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0}


def obey(connection: Connection) -> None:
    """A server that resets each call as soon as the deadline that it was told has passed, as Go's does."""
    server = RawServer(connection.sock)
    for found in server.frames():
        if found.kind == Kind.HEADERS:
            told = server.messages[found.stream].heads[0]["grpc-timeout"]
            threading.Event().wait(int(told[:-1]) * UNITS[told[-1]])
            server.send(reset(found.stream))


def test_a_server_that_sees_the_deadline_pass_before_we_do_has_not_failed(tmp_path: Path) -> None:
    call = (("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "9m"))
    with ScriptedOrigin(obey) as origin:
        upstream = {"endpoints": [origin.address], "protocol": "h2"}
        config = {**forward_to(), "upstreams": {"app": upstream}}
        with Gateway(config, tmp_path) as gateway, Http2Client(gateway.port()) as client:
            answers = [client.ask("POST", "/a.B/C", *call, body=message(b"")) for _ in range(40)]
            assert {answer.header("grpc-message") for answer in answers} == {
                "request_timeout: the deadline of the request has passed"
            }
            assert {answer.header("grpc-status") for answer in answers} == {"4"}
            assert gateway.metrics().reasons().get("upstream_closed", 0) == 0


def test_a_call_that_its_client_gives_up_is_given_up_at_the_server(pair: Pair) -> None:
    pair.server.cancelled.clear()
    pair.server.waiting.clear()
    answers = pair.client.down("Wait")(b"x", timeout=PATIENCE)
    assert next(answers) == b"x"
    assert pair.server.waiting.wait(PATIENCE)
    answers.cancel()
    assert pair.server.cancelled.wait(PATIENCE)


def test_no_first_byte_in_time_is_a_deadline_that_has_passed(pair: Pair) -> None:
    code, details = code_of(lambda: list(pair.client.down("Wait")(b"", timeout=PATIENCE)))
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert details == "per_try_timeout: the upstream did not answer in time"


@pytest.mark.parametrize(
    ("service", "code", "details"),
    [
        ("house.Nobody", grpc.StatusCode.UNAVAILABLE, "connect_refused: the upstream refused the connection"),
        ("house.Empty", grpc.StatusCode.UNAVAILABLE, "no_endpoint: the upstream has no endpoint"),
        ("house.Other", grpc.StatusCode.UNIMPLEMENTED, "no_rule: no rule fits this request"),
    ],
)
def test_our_own_faults_are_said_in_grpc_s_words(pair: Pair, service: str, code: grpc.StatusCode, details: str) -> None:
    call = pair.client.channel.unary_unary(f"/{service}/Unary")
    assert code_of(lambda: call(b"", timeout=PATIENCE)) == (code, details)


def test_a_head_past_a_limit_is_said_in_grpc_s_words(pair: Pair) -> None:
    metadata = [(f"x-{number}", "1") for number in range(150)]
    code, details = code_of(lambda: pair.client.unary()(b"", metadata=metadata, timeout=PATIENCE))
    assert (code, details.partition(":")[0]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "request_head_too_large")


def test_an_answer_that_a_rule_gives_is_what_the_rule_says(pair: Pair) -> None:
    call = pair.client.channel.unary_unary("/house.Own/Unary")
    assert code_of(lambda: call(b"", timeout=PATIENCE))[0] == grpc.StatusCode.PERMISSION_DENIED


def test_outcomes_are_counted(pair: Pair) -> None:
    def counted(number: int, rule: str) -> float:
        return pair.gateway.metrics().sum("gateway_grpc_responses_total", grpc_status=str(number), rule=rule)

    before = counted(0, "echo"), counted(5, "echo"), counted(14, "nobody")
    pair.client.unary()(b"", timeout=PATIENCE)
    code_of(lambda: pair.client.unary("Fail")(b"5 x", timeout=PATIENCE))
    code_of(lambda: pair.client.channel.unary_unary("/house.Nobody/Unary")(b"", timeout=PATIENCE))
    wanted = tuple(number + 1 for number in before)
    until(lambda: (counted(0, "echo"), counted(5, "echo"), counted(14, "nobody")) == wanted, "all three are counted")


def test_two_hundred_calls_at_once_share_few_connections(pair: Pair) -> None:
    calls = [pair.client.unary().future(b"%d" % number, timeout=PATIENCE) for number in range(200)]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(200)]


def test_a_call_is_logged_with_its_outcome(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with EchoServer() as server:
        logged = {**config(server), "access_log": {"path": str(log)}}
        with Gateway(logged, tmp_path) as gateway, EchoClient(gateway.port()) as client:
            code_of(lambda: client.unary("Fail")(b"7 no", timeout=PATIENCE))
            until(lambda: '"grpc_status":7' in log.read_text(), "the line is written")
    assert path("Fail") in log.read_text()
