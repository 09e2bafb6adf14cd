"""Asked requests: one task each, one outcome each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.policy import Handler, Request, Response
from gateway.serve.notice import Tracebacks
from gateway.serve.request import MAX_ASKED, MAX_ASKED_OWN, PIECES, AskedRequests
from tests.unit.serve.double import WINDOW, EngineDouble, head, workers_of

pytestmark = pytest.mark.trio


class House:
    """An engine double with asked requests on top."""

    def __init__(self, native: EngineDouble, nursery: trio.Nursery) -> None:
        self.native = native
        self.said: list[str] = []
        self.workers = workers_of(native, self.said)
        self.asked = AskedRequests(self.workers, nursery, Tracebacks(self.said.append, trio.current_time))
        nursery.start_soon(self.workers.run)

    async def ask(self, handler: Handler, **head_fields: Any) -> None:
        """One request, number 1, until nothing moves any more."""
        self.asked.handlers = {"rules:hello": handler}
        self.native.say(("ask", 1, head(**head_fields)))
        await wait_all_tasks_blocked()

    async def say(self, *events: Any) -> None:
        self.native.say(*events)
        await wait_all_tasks_blocked()

    def sent(self) -> bytes:
        """The body as the worker got it."""
        first = b"".join(call[3] for call in self.native.calls("answer"))
        return first + b"".join(call[1] for call in self.native.calls("send"))

    def at_rest(self) -> bool:
        """Nothing of any request is left."""
        return self.workers.asks == {} and self.asked.count == 0 and self.asked.count_own == 0


@pytest.fixture
def house(native: EngineDouble, nursery: trio.Nursery) -> House:
    return House(native, nursery)


async def test_a_small_answer_is_one_message(house: House) -> None:
    async def hello(request: Request) -> Response:
        assert (request.method, request.path, request.authority) == ("GET", "/hello", "example.com:80")
        assert request.headers["X-A"] == "1, 2"
        assert request.query["b"] == " "
        assert (request.peer, request.listener, request.route, request.rule) == ("192.0.2.1", "web", "all", "hello")
        assert request.deadline is None
        assert await request.read() == b""
        return Response(200, {"X-B": "c"}, "hi\n")

    await house.ask(hello)
    fields = [(b"x-b", b"c"), (b"content-type", b"text/plain; charset=utf-8")]
    assert house.native.told == [("answer", 1, 200, fields, b"hi\n", True, 3)]
    assert house.at_rest()


async def test_a_head_request_gets_the_length_and_no_body(house: House) -> None:
    async def hello(_request: Request) -> Response:
        return Response(200, (), b"12345")

    await house.ask(hello, method=b"HEAD")
    assert house.native.calls("answer") == [(1, 200, [], b"", True, 5)]


async def test_an_answer_without_content_has_no_length(house: House) -> None:
    async def nothing(_request: Request) -> Response:
        return Response(204)

    await house.ask(nothing)
    assert house.native.calls("answer") == [(1, 204, [], b"", True, None)]


async def test_a_large_body_never_has_more_than_the_window_under_way(house: House) -> None:
    whole = bytes(range(250)) + bytes(50)

    async def large(_request: Request) -> Response:
        return Response(200, (), whole)

    await house.ask(large)
    assert len(house.sent()) == WINDOW
    await house.say(("sent", 1, 30))
    assert len(house.sent()) == WINDOW + 30
    await house.say(("sent", 1, 100))
    await house.say(("sent", 1, 100))
    assert house.sent() == whole
    assert [call[2] for call in house.native.calls("send")] == [False, False, True]
    assert house.at_rest()


async def test_a_streamed_body_waits_for_room_and_is_chunked(house: House) -> None:
    made = []

    async def parts() -> AsyncIterator[bytes]:
        for number in range(5):
            made.append(number)
            yield b"x" * 60

    async def stream(_request: Request) -> Response:
        return Response(200, (), parts())

    await house.ask(stream)
    assert house.native.calls("answer") == [(1, 200, [], b"", False, None)]
    assert made == [0, 1]
    for _ in range(5):
        await house.say(("sent", 1, 60))
    assert house.sent() == b"x" * 300
    assert house.native.told[-1] == ("send", 1, b"", True)
    assert house.at_rest()


async def test_many_small_pieces_do_not_fill_the_queue_of_a_worker(house: House) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x"

    async def stream(_request: Request) -> Response:
        return Response(200, (), parts())

    await house.ask(stream)
    assert len(house.sent()) == PIECES
    await house.say(("sent", 1, 3))
    assert len(house.sent()) == PIECES + 3
    for _ in range(50):
        await house.say(("sent", 1, 1))
    assert len(house.sent()) == 50
    assert house.at_rest()


async def test_a_head_request_for_a_stream_makes_no_body_and_claims_no_length(house: House) -> None:
    made: list[bool] = []

    async def parts() -> AsyncIterator[bytes]:
        made.append(True)
        yield b""

    async def stream(_request: Request) -> Response:
        return Response(200, (), parts())

    await house.ask(stream, method=b"HEAD")
    assert house.native.told == [("answer", 1, 200, [], b"", False, None), ("send", 1, b"", True)]
    assert made == []


async def test_a_truncated_answer_never_looks_complete(house: House) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"only this"

    async def short(_request: Request) -> Response:
        return Response(200, (), parts(), length=10)

    await house.ask(short)
    assert house.native.told[-1] == ("fail", 1, "handler_failed")
    assert not any(call[2] for call in house.native.calls("send"))


async def test_a_body_longer_than_its_length_is_cut(house: House) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"12345678901"

    async def long(_request: Request) -> Response:
        return Response(200, (), parts(), length=10)

    await house.ask(long)
    assert house.sent() == b""
    assert house.native.told[-1] == ("fail", 1, "handler_failed")


async def test_the_request_body_is_taken_part_by_part_and_credited(house: House) -> None:
    async def echo(request: Request) -> Response:
        return Response(200, (), await request.read())

    await house.ask(echo, body=True, method=b"POST")
    await house.say(("body", 1, b"abc"))
    await house.say(("body", 1, b"de"), ("body", 1, b"f"), ("body_end", 1))
    assert house.native.calls("credit") == [(1, 3), (1, 2), (1, 1)]
    assert house.sent() == b"abcdef"


async def test_a_body_that_nobody_reads_gets_no_credit(house: House) -> None:
    async def wait(_request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    await house.ask(wait, body=True)
    await house.say(("body", 1, b"x" * WINDOW))
    assert house.native.calls("credit") == []


async def test_a_body_past_the_limit_is_answered_with_413(house: House) -> None:
    async def read(request: Request) -> Response:
        return Response(200, (), await request.read(4))

    await house.ask(read, body=True)
    await house.say(("body", 1, b"12345"))
    assert house.native.calls("answer")[0][1] == 413


async def test_an_announced_body_past_the_limit_is_refused_before_it_comes(house: House) -> None:
    async def read(request: Request) -> Response:
        return Response(200, (), await request.read(4))

    await house.ask(read, body=True, length=5)
    assert house.native.calls("answer")[0][1] == 413


async def test_the_deadline_ends_the_handler(
    native: EngineDouble, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    house = House(native, nursery)
    ended = trio.Event()

    async def slow(_request: Request) -> Response:
        try:
            await trio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    await house.ask(slow, deadline_ms=1500)
    began = trio.current_time()
    await ended.wait()
    assert trio.current_time() - began == pytest.approx(1.5)
    await wait_all_tasks_blocked()
    assert native.told == [("fail", 1, "request_timeout")]
    assert house.at_rest()


async def test_a_client_that_goes_away_ends_the_handler_and_nothing_more_is_said(house: House) -> None:
    ended = []

    async def slow(_request: Request) -> Response:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)
        raise AssertionError

    await house.ask(slow)
    await house.say(("over", 1, "client_gone"))
    assert ended == [True]
    assert house.native.told == []
    assert house.said == []
    assert house.at_rest()


async def test_a_client_that_goes_away_ends_a_stream_and_its_generator(house: House) -> None:
    closed = []

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 60
        finally:
            closed.append(True)

    async def stream(_request: Request) -> Response:
        return Response(200, (), parts())

    await house.ask(stream)
    await house.say(("over", 1, "client_gone"))
    assert closed == [True]
    assert house.native.calls("fail") == []
    assert house.at_rest()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), GeneratorExit()])
async def test_whatever_a_handler_raises_costs_this_request_only(house: House, error: BaseException) -> None:
    async def bad(_request: Request) -> Response:
        raise error

    await house.ask(bad)
    assert house.native.told == [("fail", 1, "handler_failed")]
    assert "rules:hello, request id-1 failed" in house.said[0]
    assert type(error).__name__ in house.said[0]
    assert house.at_rest()


async def test_a_group_of_failure_and_cancellation_is_told_apart(house: House) -> None:
    async def fail() -> None:
        raise ValueError("inner")

    async def bad(_request: Request) -> Response:
        async with trio.open_nursery() as own:
            own.start_soon(trio.sleep_forever)
            own.start_soon(fail)
        raise AssertionError

    await house.ask(bad)
    assert house.native.told == [("fail", 1, "handler_failed")]
    assert "inner" in house.said[0]


async def test_what_is_no_response_is_a_failure(house: House) -> None:
    async def wrong(_request: Request) -> Response:
        return {"status": 200}  # type: ignore[return-value]

    await house.ask(wrong)
    assert house.native.told == [("fail", 1, "handler_failed")]
    assert "gives back a Response, not dict" in house.said[0]


async def test_a_head_that_the_border_refuses_is_a_failure(house: House) -> None:
    async def wrong(_request: Request) -> Response:
        return Response(200, {"connection": "close"})

    await house.ask(wrong)
    assert house.native.told == [("fail", 1, "handler_failed")]


async def test_a_handler_that_does_not_exist_any_more_is_a_failure(house: House) -> None:
    house.native.say(("ask", 1, head("gone:gone")))
    await wait_all_tasks_blocked()
    assert house.native.told == [("fail", 1, "handler_failed")]


async def test_the_number_is_bounded_and_our_own_handlers_have_a_bound_of_their_own(house: House) -> None:
    async def wait(_request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    house.asked.handlers = {"rules:hello": wait, "gateway.admin.x:y": wait}
    house.native.say(*[("ask", number, head()) for number in range(MAX_ASKED + 1)])
    own = range(1000, 1000 + MAX_ASKED_OWN + 1)
    house.native.say(*[("ask", number, head("gateway.admin.x:y")) for number in own])
    await wait_all_tasks_blocked()
    assert (house.asked.count, house.asked.count_own) == (MAX_ASKED, MAX_ASKED_OWN)
    assert house.native.told == [("fail", MAX_ASKED, "handlers_busy"), ("fail", own[-1], "handlers_busy")]
    house.native.say(("over", 0, "client_gone"))
    await wait_all_tasks_blocked()
    assert house.asked.count == MAX_ASKED - 1


async def test_when_the_gateway_goes_away_what_is_open_is_told_so(native: EngineDouble) -> None:
    async def wait(_request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    async with trio.open_nursery() as nursery:
        house = House(native, nursery)
        await house.ask(wait)
        nursery.cancel_scope.cancel()
    assert native.told == [("fail", 1, "drained")]
    assert house.at_rest()
